//! Receivers and Redis that are killed: what was acked is answered.

use std::time::Duration;

use super::outage::{setup, spooling};
use super::talk::{readyz, wait_until_empty};
use crate::crash::{impatient, killed_in_traffic};
use crate::harness::{Setup, Stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_killed_while_spooling_and_draining_loses_nothing_that_it_acked() {
    let mut stack = Stack::on_redis(Setup { sandbox: impatient(), ..setup() }).await;
    let _worker = stack.role("worker").await;
    let receiver = stack.role("receiver").await;
    // Killed while it spools, and a round later while it drains.
    let nemesis = |stack: &Stack, round: u64| {
        let signal = if round.is_multiple_of(2) { "-STOP" } else { "-CONT" };
        stack.redis.as_ref().expect("it is on Redis").signal(signal);
    };
    let receiver = killed_in_traffic(&mut stack, receiver, "receiver", "re: ", nemesis).await;
    wait_until_empty(&receiver).await;
    stack.end().await;
}

/// Its folder is taken over by a receiver that runs already, while nobody starts a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_gone_for_good_leaves_its_spool_to_the_next_on_its_disk() {
    let mut stack = Stack::on_redis(setup()).await;
    let mut gone = stack.role("receiver").await;
    let heir = stack.spawn("receiver", &[("HUIXIN_RECEIVER__LISTEN", "127.0.0.1:0")]);
    heir.ready().await;
    stack.redis.as_mut().expect("it is on Redis").kill();
    for n in 0..20 {
        stack.say(&format!("oUser{}", n % 3), &format!("said {n}")).await;
    }
    spooling(&gone).await;
    gone.kill();
    stack.redis.as_mut().expect("it is on Redis").restart();
    heir.wait_for_log("draining the spool of a receiver that is gone").await;
    let _worker = stack.role("worker").await;
    stack.wait_for_all_sends(20, Duration::from_secs(60)).await;
    wait_until_empty(&heir).await;
    for user in 0..3 {
        let said = (0..20).filter(|n| n % 3 == user).map(|n| format!("re: said {n}"));
        assert_eq!(stack.texts_to(&format!("oUser{user}")), said.collect::<Vec<_>>());
    }
    stack.end().await;
}

/// Redis took the entries, and a moment later lost the end of its log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_loses_right_after_it_was_drained_is_carried_again() {
    let mut stack = Stack::on_redis(setup()).await;
    let receiver = stack.role("receiver").await;
    stack.redis.as_mut().expect("it is on Redis").kill();
    for n in 0..30 {
        stack.say(&format!("oUser{}", n % 5), &format!("said {n}")).await;
    }
    stack.redis.as_mut().expect("it is on Redis").restart();
    receiver.wait_for_log("what was spooled is in the queue").await;
    let counts = stack.counts().await;
    assert_eq!(counts.open_total(), 30);
    stack.redis.as_ref().expect("it is on Redis").cli(&["FLUSHALL"]);
    receiver.wait_for_log("it is carried again").await;
    wait_until_empty(&receiver).await;
    assert_eq!(stack.counts().await.open_total(), 30);
    assert_eq!(readyz(&receiver).await.1["spool"]["quarantined"], 0);
    let _worker = stack.role("worker").await;
    stack.wait_for_all_sends(30, Duration::from_secs(60)).await;
    for user in 0..5 {
        let said = (0..30).filter(|n| n % 5 == user).map(|n| format!("re: said {n}"));
        assert_eq!(stack.texts_to(&format!("oUser{user}")), said.collect::<Vec<_>>());
    }
    stack.end().await;
}
