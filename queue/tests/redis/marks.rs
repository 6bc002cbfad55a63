//! Dedup marks lie in two hashes that take turns.

use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::RedisServer;
use huixin_queue::testing::conformance::{DEDUP_WINDOW, START_US, message};
use huixin_queue::{Accepted, Clock, TestClock};

use super::{open_at, open_with_prefix};

const STEPS: usize = 8;
const HOUR: Duration = Duration::from_secs(3600);

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

/// A queue with a dedup window of its own.
fn open_for(server: &RedisServer, clock: &TestClock, dedup_window: Duration) -> RedisQueue {
    let clock = Clock::Test(clock.clone());
    RedisQueue::open(&RedisSettings { url: server.url(), prefix: "p".to_owned(), dedup_window, clock })
        .expect("the URL is right")
}

#[tokio::test]
async fn an_id_is_known_for_the_window_of_its_receiver_although_others_have_a_shorter_one() {
    let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
    let (short, long) = (open_for(&server, &clock, HOUR), open_for(&server, &clock, 6 * HOUR));
    for step in 0..30 {
        let id = format!("m{step}");
        assert_eq!(long.accept(message("lane", &id)).await.expect("accept"), Accepted::New);
        for known in (step.max(11) - 11..=step).map(|n| format!("m{n}")) {
            assert_eq!(
                short.accept(message("lane", &known)).await.expect("accept"),
                Accepted::Duplicate,
                "{known} at {id}"
            );
        }
        assert_eq!(short.accept(message("lane", &format!("s{step}"))).await.expect("accept"), Accepted::New);
        clock.advance(HOUR / 2);
    }
}

#[tokio::test]
async fn a_window_that_was_lengthened_keeps_the_hash_that_lasts_for_less() {
    let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
    open_for(&server, &clock, HOUR).accept(message("lane", "before")).await.expect("accept");
    let left = || server.cli(&["PTTL", "{p:0}:seen:a"]).trim().parse::<u128>().expect("a number");
    assert!(left() <= 3 * HOUR.as_millis());
    open_for(&server, &clock, 6 * HOUR).accept(message("lane", "after")).await.expect("accept");
    assert!(left() > 12 * HOUR.as_millis(), "{}", left());
}

#[tokio::test]
async fn a_hash_whose_beginning_can_not_be_read_keeps_its_marks_and_its_turn_ends() {
    let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
    let queue = open_for(&server, &clock, HOUR);
    for damage in ["x", "nan nan", "-1"] {
        queue.accept(message("lane", damage)).await.expect("accept");
        for name in ["{p:0}:seen:a", "{p:0}:seen:b"] {
            server.cli(&["HSET", name, "", damage]);
        }
        assert_eq!(queue.accept(message("lane", damage)).await.expect("accept"), Accepted::Duplicate);
        clock.advance(2 * HOUR);
    }
    for n in 0..4 * STEPS {
        queue.accept(message("lane", &format!("m{n}"))).await.expect("accept");
        clock.advance(HOUR / 8);
    }
    assert!(fields(&server) <= 2 * STEPS + 2, "the hashes take turns");
}

#[tokio::test]
async fn what_refuses_a_turn_refuses_it_before_anything_is_stored() {
    let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
    let queue = open_for(&server, &clock, HOUR);
    queue.accept(message("lane", "m0")).await.expect("accept");
    clock.advance(2 * HOUR);
    assert!(server.cli(&["ACL", "SETUSER", "default", "-unlink"]).contains("OK"));
    queue.accept(message("lane", "m1")).await.expect_err("the turn is refused");
    assert_eq!(server.cli(&["LLEN", "{p:0}:lane:lane"]).trim(), "1");
    assert!(server.cli(&["ACL", "SETUSER", "default", "+unlink"]).contains("OK"));
    assert_eq!(queue.accept(message("lane", "m1")).await.expect("accept"), Accepted::New);
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
