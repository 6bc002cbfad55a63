//! The access token while many send: refreshed once by each worker, even if others fetch tokens, and no answer fails.
//!
//! A send that is refused for its token is made again at once with a newer one, so the transcript shows refusals here.
//! What must not be there is a failure that the worker's own count of sends would show.

use std::time::Duration;

use futures::future::join_all;
use huixin_sandbox::{CallCounts, Elsewhere, Endpoint, Fault, FaultOrder, What, When};

use crate::harness::{Backend, PATIENCE, Process, Setup, Stack, long};

/// Sends at once.
const SENDS: usize = 200;
/// How often the token expires.
const TIMES: usize = 2;
/// A worker doesn't fetch again sooner than this after a refusal.
const BETWEEN_REFUSALS: Duration = Duration::from_secs(1);
/// Messages that a worker of several handles at once: few, so that each gets some.
const PERMITS: &str = "8";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expires_amid_200_sends_is_fetched_once_and_no_answer_fails() {
    let backend = Backend::start(Duration::from_millis(5)).await;
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), ..Setup::default() }).await;
    let receiver = stack.role("receiver").await;
    let worker = stack.role("worker").await;
    let sandbox = stack.sandbox.sandbox.clone();
    stack.say("oFirst", "hello").await;
    stack.wait_for_sends("oFirst", 1).await;
    assert_eq!(sandbox.calls("main").stable_token.calls, 1);

    let times = if long() { 10 } else { TIMES };
    for time in 0..times {
        tokio::time::sleep(BETWEEN_REFUSALS).await;
        // Judged after a wait: sends on their way when the token expires bring the old one.
        let slow = Fault::Delay(Duration::from_millis(400));
        let order = FaultOrder::new([Endpoint::Send], slow, When::Next(u32::try_from(SENDS).unwrap_or(0)));
        sandbox.faults().order(order);
        let sent_before = 1 + time * SENDS;
        let expiry = async {
            stack.wait_for_all_sends(sent_before + SENDS / 2, PATIENCE).await;
            sandbox.expire_token("main");
        };
        let texts = (0..SENDS).map(|n| {
            let stack = &stack;
            async move { stack.say(&format!("oUser{n}"), &format!("{time}")).await }
        });
        tokio::join!(join_all(texts), expiry);
        stack.wait_for_all_sends(sent_before + SENDS, PATIENCE).await;
    }

    let refused = refusals(&stack, 42001);
    println!("{times} expiries amid {SENDS} sends: {refused} sends came with the old token");
    assert!(refused >= times, "each expiry fell amid sends");
    assert_eq!(sandbox.calls("main").stable_token.calls as usize, 1 + times, "one fetch for each expiry");
    let all: Vec<String> = (0..times).map(|time| format!("answer to {time}")).collect();
    for n in 0..SENDS {
        assert_eq!(stack.texts_to(&format!("oUser{n}")), all);
    }
    stack.wait_until_empty().await;
    assert_eq!(sends(&worker).await, (1 + times * SENDS, 0));
    drop((worker, receiver));
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_fetch_a_token_each_and_again_only_when_it_is_gone_whatever_another_system_does() {
    let backend = Backend::start(Duration::from_millis(50)).await;
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), ..Setup::default() }).await;
    let receiver = stack.role("receiver").await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        let worker = stack.spawn("worker", &[("HUIXIN_WORKER__CONCURRENCY", PERMITS)]);
        worker.ready().await;
        workers.push(worker);
    }
    let sandbox = stack.sandbox.sandbox.clone();
    let elsewhere = |how| sandbox.fetch_token_elsewhere("main", how).expect("it is within its limits");
    assert_eq!(fetches_of(&stack, &workers, 0).await, 4, "each its own, although it is the same");

    for (round, how) in [Elsewhere::Plain, Elsewhere::Stable, Elsewhere::Plain].into_iter().enumerate() {
        elsewhere(how);
        assert_eq!(fetches_of(&stack, &workers, 1 + round).await, 0, "{how:?} elsewhere changes nothing");
    }
    assert_eq!((refusals(&stack, 40001), refusals(&stack, 42001)), (0, 0));

    // The one way to break the others' token: it is dead at once.
    tokio::time::sleep(BETWEEN_REFUSALS).await;
    let (before, forced) = (elsewhere(Elsewhere::Stable), elsewhere(Elsewhere::Forced));
    assert_ne!(before, forced);
    assert_eq!(fetches_of(&stack, &workers, 4).await, 4, "one each after a forced refresh elsewhere");
    assert!(refusals(&stack, 40001) >= 4);
    assert_eq!(elsewhere(Elsewhere::Stable), forced, "theirs is left alone");

    tokio::time::sleep(BETWEEN_REFUSALS).await;
    sandbox.expire_token("main");
    assert_eq!(fetches_of(&stack, &workers, 5).await, 4, "one each after the token's end");
    assert!(refusals(&stack, 42001) >= 4);

    let CallCounts { stable_token, token, forced, .. } = sandbox.calls("main");
    println!("four workers: {} token calls, {} sends", stable_token.calls, sandbox.calls("main").send.calls);
    assert_eq!((stable_token.calls, stable_token.refused), (12, 0));
    assert_eq!((token.calls, forced), (0, 0), "never the plain endpoint, and never by force");
    drop((workers, receiver));
    stack.end().await;
}

/// A round of messages in which every worker sends, and none in vain. Gives how many tokens they fetched in it.
async fn fetches_of(stack: &Stack, workers: &[Process], round: usize) -> u64 {
    const USERS: usize = 80;
    let before = stack.sandbox.sandbox.calls("main").stable_token.calls;
    let sent_before = join_all(workers.iter().map(sends)).await;
    join_all((0..USERS).map(|n| async move { stack.say(&format!("oUser{n}"), &format!("{round}")).await }))
        .await;
    stack.wait_for_all_sends((1 + round) * USERS, PATIENCE).await;
    stack.wait_until_empty().await;
    let sent = join_all(workers.iter().map(sends)).await;
    for (worker, before) in sent.iter().zip(&sent_before) {
        assert!(
            worker.0 > before.0,
            "round {round}: a worker had nothing to send: {sent_before:?}, {sent:?}"
        );
        assert_eq!(worker.1, 0, "round {round}: a send failed");
    }
    stack.sandbox.sandbox.calls("main").stable_token.calls - before
}

/// How many sends a worker counts as done, and how many as failed.
async fn sends(worker: &Process) -> (usize, usize) {
    let name = "huixin_worker_sends_total";
    let (all, done) = (worker.metric(name).await, worker.metric_with(name, "result=\"ok\"").await);
    (done as usize, (all - done) as usize)
}

/// How many sends WeChat has refused with this code.
fn refusals(stack: &Stack, wanted: i64) -> usize {
    let entries = stack.sandbox.sandbox.transcript().entries();
    entries.iter().filter(|e| matches!(e.what, What::Refused { code, .. } if code == wanted)).count()
}
