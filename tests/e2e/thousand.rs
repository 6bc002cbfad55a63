//! Once in, once out, in order.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use huixin_sandbox::{Push, SandboxConfig, TryOutcome};

use crate::harness::{Backend, Setup, Stack};

/// One receiver, three workers, Redis with an append-only file, a backend that takes 200 ms; 1,000 messages of 50
/// users, each pushed three times at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_pushed_three_times_at_once_are_answered_once_each_and_in_order() {
    const USERS: usize = 50;
    const EACH: usize = 20;
    let backend = Backend::start(Duration::from_millis(200)).await;
    // Twenty messages in a second have more answers than WeChat lets through after the last of them: not the subject here.
    let sandbox = SandboxConfig { enforce_windows: false, ..SandboxConfig::default() };
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), sandbox, ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let _workers = [stack.role("worker").await, stack.role("worker").await, stack.role("worker").await];

    let user_talks = |user: usize| {
        let sandbox = &stack.sandbox.sandbox;
        async move {
            for n in 0..EACH {
                let push = Push::text("main", format!("oUser{user}"), format!("{user}/{n}"));
                let tries = join_all((0..3).map(|_| sandbox.push_once(&push))).await;
                assert!(tries.iter().all(|one| one.outcome == TryOutcome::Acked), "{tries:?}");
            }
        }
    };
    join_all((0..USERS).map(user_talks)).await;
    stack.wait_for_all_sends(USERS * EACH, Duration::from_secs(120)).await;
    stack.wait_until_empty().await;

    for user in 0..USERS {
        let expected: Vec<_> = (0..EACH).map(|n| format!("answer to {user}/{n}")).collect();
        assert_eq!(stack.texts_to(&format!("oUser{user}")), expected, "user {user}: each once, in order");
    }
    let mut runs = HashMap::new();
    for asked in backend.requests() {
        *runs.entry(asked.content).or_insert(0) += 1;
    }
    assert_eq!(runs.len(), USERS * EACH);
    assert!(runs.values().all(|times| *times == 1), "without faults no handler runs twice");
    stack.end().await;
}
