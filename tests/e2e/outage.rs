//! Never an ack that isn't true: without a queue and without a spool the receiver says so, in time.

use std::time::{Duration, Instant};

use huixin_sandbox::{Push, TryOutcome};

use crate::harness::{PATIENCE, Setup, Stack};

/// Without a spool the queue may take nearly as long as WeChat waits.
const WECHAT_WAITS: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_queue_is_away_pushes_get_503_in_time_and_are_accepted_when_it_is_back() {
    let receiver = "spool = false\n".to_owned();
    let mut stack = Stack::on_redis(Setup { receiver, ..Setup::default() }).await;
    stack.expect_errors("pushes can't be stored");
    let receiver = stack.role("receiver").await;
    stack.say("oUser", "before").await;

    // Dead: connections are refused.
    stack.redis.as_mut().expect("it is on Redis").kill();
    refused(&stack, "while it is dead").await;
    stack.redis.as_mut().expect("it is on Redis").restart();
    accepted_again(&stack, "after it was dead").await;

    // Stalled: connections are taken, and nothing is answered.
    stack.redis.as_ref().expect("it is on Redis").signal("-STOP");
    refused(&stack, "while it is stalled").await;
    stack.redis.as_ref().expect("it is on Redis").signal("-CONT");
    accepted_again(&stack, "after it was stalled").await;

    let log = receiver.log();
    assert_eq!(log.matches("pushes are received").count(), 1, "it was not restarted");
    assert_eq!(log.matches("pushes can't be stored").count(), 2, "each outage is logged once: {log}");
    assert_eq!(log.matches("pushes are stored again").count(), 2, "{log}");
    let counts = stack.counts().await;
    // A push that was refused while Redis was stalled may have been applied afterwards: WeChat would have tried again.
    assert!((3..=13).contains(&counts.open_total()), "{counts:?}");
    stack.end_with_dead().await;
}

async fn refused(stack: &Stack, when: &str) {
    for n in 0..5 {
        let began = Instant::now();
        let outcome = stack
            .sandbox
            .sandbox
            .push_once(&Push::text("main", "oUser", format!("{when} {n}")))
            .await
            .outcome;
        assert_eq!(outcome, TryOutcome::Status(503), "{when}");
        assert!(began.elapsed() < WECHAT_WAITS, "{when}: {:?}", began.elapsed());
    }
}

async fn accepted_again(stack: &Stack, when: &str) {
    let push = Push::text("main", "oUser", when);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match stack.sandbox.sandbox.push_once(&push).await.outcome {
            TryOutcome::Acked => return,
            TryOutcome::Status(503) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => panic!("{when}: {other:?}"),
        }
    }
}
