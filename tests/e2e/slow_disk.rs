//! A queue in a file on a disk that takes a second for every sync.

use std::time::Duration;

use huixin_queue::testing::slow_disk;
use huixin_sandbox::{Push, SandboxConfig, TryOutcome};

use crate::harness::{Setup, Stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_syncs_of_a_second_a_queue_in_a_file_refuses_no_push() {
    const PUSHES: usize = 120;
    let sandbox = SandboxConfig { enforce_windows: false, ..SandboxConfig::default() };
    let routes = "[[route]]\nreply = \"echo {{ content }}\"\n".to_owned();
    let mut stack = Stack::embedded(Setup { routes, sandbox, ..Setup::default() }).await;
    let disk = slow_disk(Duration::from_secs(1));
    let mut process = stack.spawn("run", &disk.each_ref().map(|(name, value)| (*name, value.as_str())));
    process.ready().await;
    let pushes = (0..PUSHES).map(|n| {
        let sandbox = &stack.sandbox.sandbox;
        async move {
            // Twenty a second.
            tokio::time::sleep(Duration::from_millis(50) * u32::try_from(n).expect("it fits")).await;
            sandbox.push_once(&Push::text("main", format!("oUser{n}"), format!("{n}"))).await
        }
    });
    let tries = futures::future::join_all(pushes).await;
    let refused: Vec<_> = tries.iter().filter(|one| one.outcome != TryOutcome::Acked).collect();
    assert!(refused.is_empty(), "{} of {PUSHES} refused: {refused:?}", refused.len());
    stack.wait_for_all_sends(PUSHES, Duration::from_secs(60)).await;
    assert_eq!(process.stop().await, Some(0));
    stack.end().await;
}
