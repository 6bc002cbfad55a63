//! What a person does with a spool, by the commands.

use std::process::Output;

use serde_json::Value;

use super::outage::{setup, spooling};
use crate::harness::Stack;

/// Runs a command in the installation's folder.
async fn huixin(stack: &Stack, arguments: &[&str]) -> (Output, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"));
    command.args(arguments).args(["--config", "huixin.toml"]).current_dir(stack.folder.path());
    let output = command.output().await.expect("the binary starts");
    let text =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output, text)
}

async fn status(stack: &Stack) -> Value {
    let (output, text) = huixin(stack, &["spool", "status", "--json"]).await;
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_that_is_not_empty_is_told_at_the_stop_shown_and_drained_by_command() {
    let mut stack = Stack::on_redis(setup()).await;
    let mut receiver = stack.role("receiver").await;
    let empty = status(&stack).await;
    let folder = &empty["folders"][0];
    assert_eq!((&folder["entries"], &folder["oldest_age_ms"]), (&0.into(), &Value::Null), "{empty}");
    assert!(folder["holder"].as_str().is_some_and(|holder| holder.contains("process")), "{empty}");
    let (checked, text) = huixin(&stack, &["check"]).await;
    assert!(checked.status.success(), "{text}");
    assert!(text.contains("spool: `") && text.contains("duplicates: known for 6h"), "{text}");

    stack.redis.as_mut().expect("it is on Redis").kill();
    for n in 0..12 {
        stack.say(&format!("oUser{}", n % 3), &format!("said {n}")).await;
    }
    spooling(&receiver).await;
    let held = status(&stack).await;
    assert_eq!(held["folders"][0]["entries"], 12, "while a receiver has it: {held}");
    let (refused, text) = huixin(&stack, &["spool", "drain"]).await;
    assert!(refused.status.success() && text.contains("1 held by running receivers"), "{text}");
    assert_eq!(receiver.stop().await, Some(3));
    let log = receiver.log();
    assert!(log.contains("is not empty: 12 to be drained, 0 quarantined"), "{log}");
    assert!(log.contains("hint: start a receiver") && log.contains("huixin spool drain"), "{log}");

    let left = status(&stack).await;
    let folder = &left["folders"][0];
    assert_eq!(
        (&folder["entries"], &folder["holder"], &folder["problem"]),
        (&12.into(), &Value::Null, &Value::Null)
    );
    assert!(folder["bytes"].as_u64() > Some(12 * 400) && folder["oldest_age_ms"].is_u64(), "{left}");
    let (_, text) = huixin(&stack, &["spool", "status"]).await;
    assert!(text.contains("12 entries") && text.contains("no process has it open"), "{text}");
    stack.redis.as_mut().expect("it is on Redis").restart();
    let (drained, text) = huixin(&stack, &["spool", "drain"]).await;
    assert!(drained.status.success() && text.contains(": 12 drained into redis://"), "{text}");
    assert_eq!(status(&stack).await["folders"][0]["entries"], 0);
    let (again, text) = huixin(&stack, &["spool", "drain"]).await;
    assert!(again.status.success() && text.contains("nothing to drain"), "{text}");

    let mut receiver = stack.role("receiver").await;
    let _worker = stack.role("worker").await;
    stack.wait_for_all_sends(12, std::time::Duration::from_secs(60)).await;
    for user in 0..3 {
        let said = (0..12).filter(|n| n % 3 == user).map(|n| format!("re: said {n}"));
        assert_eq!(stack.texts_to(&format!("oUser{user}")), said.collect::<Vec<_>>());
    }
    assert_eq!(receiver.stop().await, Some(0), "an empty one needs no word");
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_drains_what_redis_takes_at_once() {
    let mut stack = Stack::on_redis(setup()).await;
    let mut receiver = stack.role("receiver").await;
    stack.redis.as_mut().expect("it is on Redis").kill();
    stack.say("oUser", "said").await;
    stack.redis.as_mut().expect("it is on Redis").restart();
    receiver.wait_for_log("the queue is back").await;
    assert_eq!(receiver.stop().await, Some(0));
    assert_eq!(stack.counts().await.open_total(), 1);
    let _worker = stack.role("worker").await;
    stack.wait_for_sends("oUser", 1).await;
    stack.end().await;
}

#[tokio::test]
async fn a_spool_where_nothing_can_be_written_ends_the_start_and_says_what_to_do() {
    let stack = Stack::on_redis(setup()).await;
    let file = stack.folder.path().join("file");
    std::fs::write(&file, "no folder").expect("the folder can be written to");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"));
    command.args(["receiver", "--config", "huixin.toml"]).current_dir(stack.folder.path());
    let output = command.env("HUIXIN_RECEIVER__SPOOL__DIR", &file).output().await.expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("hint: correct `receiver.spool.dir`"), "{text}");
    stack.end().await;
}
