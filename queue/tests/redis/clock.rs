//! A Redis whose clock is set: leases and limits stay within a lease and a period.

use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::RedisQueue;
use huixin_queue::testing::conformance::{START_US, message};
use huixin_queue::testing::{RedisServer, Settling as _};
use huixin_queue::{Clock, TakeRequest, TestClock, WorkerId};

use super::{open_at, request};

const HOUR: Duration = Duration::from_secs(3600);
const BEAT: Duration = Duration::from_millis(500);
const LEASE: Duration = Duration::from_secs(15);

fn open(clock: &TestClock) -> RedisQueue {
    open_at(RedisServer::shared().url(), Clock::Test(clock.clone()))
}

/// Polls as another worker until it is given something. Gives how long that took, by the store's clock.
async fn polled(queue: &RedisQueue, clock: &TestClock, at_most: Duration) -> Option<Duration> {
    let worker = WorkerId::new("second");
    let mut passed = Duration::ZERO;
    let mut call = 0;
    while passed <= at_most {
        call += 1;
        queue.beat().await.expect("beat");
        let taken = queue.take(&TakeRequest { worker: worker.clone(), ..request(call) }).await.expect("take");
        if !taken.messages.is_empty() {
            return Some(passed);
        }
        clock.advance(BEAT);
        passed += BEAT;
    }
    None
}

#[tokio::test]
async fn a_dead_workers_message_is_taken_over_within_a_lease_although_the_clock_was_set_back() {
    for step in [Duration::from_secs(5), HOUR, 24 * HOUR] {
        let clock = TestClock::at(START_US);
        let queue = open(&clock);
        for n in 0..300 {
            queue.accept(message(&format!("lane{n}"), &format!("m{n}"))).await.expect("accept");
        }
        let lived = queue.take(&TakeRequest { max: 300, ..request(1) }).await.expect("take").messages;
        assert_eq!(lived.len(), 300);
        clock.set_back(step);
        let passed = polled(&queue, &clock, HOUR).await.expect("it is taken over within an hour");
        assert!(passed <= LEASE, "{step:?} back: taken over after {passed:?}");
    }
}

#[tokio::test]
async fn a_living_worker_keeps_its_lease_wherever_the_clock_is_set() {
    let clock = TestClock::at(START_US);
    let queue = open(&clock);
    queue.accept(message("lane", "m")).await.expect("accept");
    let leased = queue.take(&request(1)).await.expect("take").messages.remove(0);
    let steps: [fn(&TestClock); 3] =
        [|clock| clock.set_back(HOUR), |clock| clock.advance(2 * HOUR), |clock| clock.set_back(3 * HOUR)];
    for step in steps {
        step(&clock);
        // It renews every fifth of a lease; the other one polls all the time.
        for _ in 0..20 {
            assert_eq!(polled(&queue, &clock, 3 * BEAT).await, None);
            let renewed = queue.renew(std::slice::from_ref(&leased.lease), LEASE).await.expect("renew");
            assert_eq!(renewed, [huixin_queue::Renewal::Kept]);
        }
    }
    queue.complete(&leased.lease).await.expect("it is still the worker's");
}

#[tokio::test]
async fn a_limit_makes_nobody_wait_for_longer_than_its_period_wherever_the_clock_is_set() {
    let period = Duration::from_secs(60);
    let clock = TestClock::at(START_US);
    let queue = open(&clock);
    let used_up = async || {
        let mut granted = 0;
        loop {
            let wait = queue.limit("sends/main", 10, period).await.expect("limit");
            if !wait.is_zero() {
                return (granted, wait);
            }
            granted += 1;
        }
    };
    assert_eq!(used_up().await.0, 10);
    clock.set_back(HOUR);
    let (granted, wait) = used_up().await;
    assert!(granted == 0 && wait <= period / 10, "{granted} more, then {wait:?}");
    clock.advance(wait);
    assert_eq!(used_up().await.0, 1);
    clock.advance(2 * HOUR);
    assert_eq!(used_up().await.0, 10, "no more than a period's worth");
}
