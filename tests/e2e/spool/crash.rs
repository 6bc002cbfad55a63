//! Receivers and Redis that are killed: what was acked is answered.

use std::process::Command;
use std::time::Duration;

use super::outage::{setup, spooling};
use super::talk::{readyz, wait_until_empty};
use crate::crash::{Nemesis, impatient, killed_in_traffic};
use crate::harness::{Setup, Stack};

/// Stops Redis when a round begins. Every other time it goes on before the receiver is killed, which then drains.
struct Stalls;

impl Nemesis for Stalls {
    fn begins(&self, stack: &Stack, round: u64, kill_after: Duration) {
        let redis = stack.redis.as_ref().expect("it is on Redis");
        redis.signal("-STOP");
        if !round.is_multiple_of(2) {
            let pid = std::fs::read_to_string(redis.folder().join("pid")).expect("it has a pid file");
            std::thread::spawn(move || {
                std::thread::sleep(kill_after * 2 / 3);
                Command::new("kill").args(["-CONT", pid.trim()]).status().expect("kill can be started")
            });
        }
    }

    fn ends(&self, stack: &Stack) {
        stack.redis.as_ref().expect("it is on Redis").signal("-CONT");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_killed_while_spooling_and_draining_loses_nothing_that_it_acked() {
    // Little patience, so that the spool is used soon.
    let receiver = "ack_budget = \"10ms\"\n".to_owned();
    let mut stack = Stack::on_redis(Setup { sandbox: impatient(), receiver, ..setup() }).await;
    let _worker = stack.role("worker").await;
    let receiver = stack.role("receiver").await;
    let receiver = killed_in_traffic(&mut stack, receiver, "receiver", "re: ", &Stalls).await;
    wait_until_empty(&receiver).await;
    let (spooled, drained) =
        (count(&stack, "pushes go to the spool"), count(&stack, "spool is drained into it"));
    println!("{spooled} times spooling, {drained} times draining");
    assert!(spooled >= 2 && drained >= 1, "it was killed at other times");
    stack.end().await;
}

fn count(stack: &Stack, words: &str) -> usize {
    stack.all_logs().matches(words).count()
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
    receiver.wait_for_log("the spooled pushes are in the queue").await;
    let counts = stack.counts().await;
    assert_eq!(counts.open_total(), 30);
    stack.redis.as_ref().expect("it is on Redis").cli(&["FLUSHALL"]);
    receiver.wait_for_log("they are sent again").await;
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
