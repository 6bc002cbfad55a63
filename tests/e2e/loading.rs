//! A Redis that loads its files, as at each reboot of its host, is waited for: what it says of itself is not judged yet.

use std::time::Duration;

use huixin_sandbox::{Push, TryOutcome};

use crate::harness::{Setup, Stack, long};

/// Each takes a hundredth of a second to load.
const KEYS: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_start_while_redis_loads_wait_for_it_and_serve_when_it_does() {
    let routes = "[[route]]\nreply = \"here\"\n".to_owned();
    let mut stack = Stack::on_redis(Setup { routes, ..Setup::default() }).await;
    let redis = stack.redis.as_mut().expect("it is on Redis");
    // In the long form a file of 500 MB.
    let value_bytes = if long() { 500_000 } else { 100 };
    for first in (0..KEYS).step_by(50) {
        let fill = format!(
            "for i={first},{} do redis.call('SET', 'other'..i, string.rep('x', {value_bytes})) end",
            first + 49
        );
        redis.cli(&["EVAL", &fill, "0"]);
    }
    // Rewritten, the file is loaded in steps between which Redis answers.
    redis.cli(&["BGREWRITEAOF"]);
    while redis.cli(&["INFO", "persistence"]).contains("aof_rewrite_in_progress:1") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    redis.kill();
    tokio::task::block_in_place(|| redis.restart_slowly());
    assert!(redis.cli(&["INFO", "persistence"]).contains("aof_enabled:0"), "it tells what is not so");

    let receiver = stack.spawn("receiver", &[]);
    let worker = stack.spawn("worker", &[]);
    for process in [&receiver, &worker] {
        let line = process.wait_for_log("starting without the queue, and waiting for it").await;
        assert!(line.contains("WARN"), "{line}");
    }
    // A push of this time is spooled, and so it is acked.
    receiver.wait_for_log("pushes are received").await;
    let outcome = stack.sandbox.sandbox.push_once(&Push::text("main", "oUser", "hello")).await.outcome;
    assert_eq!(outcome, TryOutcome::Acked);

    let redis = stack.redis.as_ref().expect("it is on Redis");
    assert!(redis.cli(&["PING"]).contains("LOADING"), "all of this happened while it was loading");
    redis.cli(&["CONFIG", "SET", "key-load-delay", "0"]);
    for process in [&receiver, &worker] {
        process.ready().await;
    }
    stack.wait_for_all_sends(1, Duration::from_secs(60)).await;
    assert_eq!(stack.texts_to("oUser"), ["here"]);
    stack.end().await;
}
