//! Dedup marks lie in two hashes that take turns.

use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::testing::RedisServer;
use huixin_queue::testing::conformance::{DEDUP_WINDOW, START_US, message};
use huixin_queue::{Accepted, Clock, TestClock};

use super::{open_at, open_with_prefix};

const STEPS: usize = 8;

/// Fields of both hashes, with their own.
fn fields(server: &RedisServer) -> usize {
    let length = |name| server.cli(&["HLEN", name]).trim().parse::<usize>().expect("a number");
    length("{p:0}:seen:a") + length("{p:0}:seen:b")
}

/// Accepts an id in each of so many steps of an eighth of the window, and asks for those that came before.
async fn check(server: &RedisServer, clock: &TestClock, first: usize, steps: usize) {
    let queue = open_with_prefix(server.url(), "p".to_owned(), Clock::Test(clock.clone()));
    let accept = async |n: usize| queue.accept(message("lane", &format!("m{n}"))).await.expect("accept");
    for n in first..first + steps {
        assert_eq!(accept(n).await, Accepted::New, "m{n}");
        for known in n.saturating_sub(STEPS - 1).max(first)..=n {
            assert_eq!(accept(known).await, Accepted::Duplicate, "m{known} in the step of m{n}");
        }
        assert!(fields(server) <= 2 * STEPS + 2, "those of two windows are kept");
        clock.advance(DEDUP_WINDOW / 8);
    }
}

#[tokio::test]
async fn an_id_is_known_for_the_window_and_what_is_older_than_two_is_dropped() {
    let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
    check(&server, &clock, 0, 6 * STEPS).await;
    for name in ["{p:0}:seen:a", "{p:0}:seen:b"] {
        let left_ms: u128 = server.cli(&["PTTL", name]).trim().parse().expect("it goes when nobody writes");
        assert!(left_ms > 2 * DEDUP_WINDOW.as_millis(), "not before its last mark is over: {left_ms}");
    }
}

#[tokio::test]
async fn the_hashes_take_turns_wherever_the_clock_is_set() {
    let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
    check(&server, &clock, 0, 3 * STEPS).await;
    clock.set_back(Duration::from_secs(24 * 3600));
    // Each hash begins its turn anew, so for two windows more are kept.
    let queue = open_with_prefix(server.url(), "p".to_owned(), Clock::Test(clock.clone()));
    for n in 1_000..1_000 + 3 * STEPS {
        queue.accept(message("lane", &format!("m{n}"))).await.expect("accept");
        clock.advance(DEDUP_WINDOW / 8);
    }
    check(&server, &clock, 2_000, 3 * STEPS).await;
}

#[tokio::test]
async fn of_an_id_that_comes_several_times_in_one_call_one_is_new() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Test(TestClock::at(START_US)));
    // The first goes alone, and the others together.
    let accepts = (0..20).map(|n| queue.accept(message("lane", if n == 0 { "first" } else { "same" })));
    let outcomes = futures::future::join_all(accepts).await;
    let new = outcomes.into_iter().filter(|outcome| *outcome.as_ref().expect("accept") == Accepted::New);
    assert_eq!(new.count(), 2);
}
