//! An account whose address is not on WeChat's list: people see what is wrong and what helps, and it goes on by itself.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use huixin_worker::{Interface, InterfaceState};
use serde_json::Value;

use crate::harness::{Backend, PATIENCE, Process, Setup, Stack, long};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_not_on_the_list_stands_in_the_status_until_it_is_and_then_the_account_goes_on() {
    let backend = Backend::start(Duration::from_millis(5)).await;
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), ..Setup::default() }).await;
    stack.expect_errors("the account is paused: it can't send");
    let sandbox = stack.sandbox.sandbox.clone();
    sandbox.set_ip_list("main", Some(vec!["203.0.113.9".parse().expect("it is an address")]));
    let receiver = stack.role("receiver").await;
    let workers = [stack.role("worker").await, stack.role("worker").await];
    assert_eq!(status(&stack).await["cannot_send"], serde_json::json!([]));

    stack.say("oAnna", "hello").await;
    let met = Instant::now();
    let status =
        until(&stack, "the account is reported", |status| status["cannot_send"][0].is_object()).await;
    let status = &status["cannot_send"][0];
    assert_eq!(
        (&status["account"], &status["code"]),
        (&Value::from("main"), &Value::from(40164)),
        "{status}"
    );
    let reason = status["reason"].as_str().expect("a text");
    assert!(reason.contains("40164") && reason.contains("127.0.0.1"), "{reason}");
    let remedy = huixin_wechat::rule(40164).expect("it is in the table").remedy;
    assert!(!remedy.is_empty() && status["remedy"] == remedy, "{status}");
    let table = huixin(&stack, &["status"]).await;
    for words in ["can't send: account `main` until ", reason, &format!("hint: {remedy}")] {
        assert!(table.contains(words), "{words:?} is in {table}");
    }
    for worker in &workers {
        paused(worker, 1.0).await;
    }

    // No other send, and no token, is tried until then.
    let calls = sandbox.calls("main").stable_token.calls;
    stack.say("oBen", "hello").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((sandbox.calls("main").stable_token.calls, calls), (1, 1));
    assert_eq!(sandbox.calls("main").send.calls, 0);

    sandbox.allow_ip("main", "127.0.0.1".parse().expect("it is an address"));
    if !long() {
        end_the_pause(&stack).await;
    }
    stack
        .sandbox
        .sandbox
        .transcript()
        .wait_for_sends("oBen", 1, 2 * PATIENCE)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    for worker in &workers {
        paused(worker, 0.0).await;
    }
    until(&stack, "nothing is wrong any more", |status| status["cannot_send"] == serde_json::json!([])).await;
    assert_eq!(stack.texts_to("oBen"), ["answer to hello"]);
    assert_eq!(backend.requests().len(), 2, "what was answered before the pause is not asked again");
    // The message that met the error waits for the end of the pause as it was then: a minute.
    if long() {
        stack.wait_for_sends("oAnna", 1).await;
        stack.wait_until_empty().await;
        assert_eq!(backend.requests().len(), 2);
        drop((workers, receiver));
        stack.end().await;
    } else {
        assert!(
            stack.counts().await.delayed == 1 || met.elapsed() > Duration::from_secs(60),
            "it waits its minute"
        );
        drop((workers, receiver));
        stack.end_with_dead().await;
    }
}

/// As if the minute were over.
async fn end_the_pause(stack: &Stack) {
    let queue = stack.queue();
    let mut trouble =
        InterfaceState::read(&*queue, "main", Interface::Send).await.expect("the queue answers");
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let pause = trouble.pause.as_mut().expect("it is paused");
    pause.until_ms = u64::try_from(now_ms).unwrap_or_default();
    trouble.share(&*queue, "main", Interface::Send).await.expect("the queue answers");
}

/// Waits until a worker's metric says so.
async fn paused(worker: &Process, wanted: f64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = worker.metric_with("huixin_worker_account_paused", "code=\"40164\"").await;
        if shown == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "the metric shows {shown}, and not {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The status, once it is as the test wants it.
async fn until(stack: &Stack, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = status(stack).await;
        if holds(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "{what}: {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn status(stack: &Stack) -> Value {
    let text = huixin(stack, &["status", "--json"]).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("it prints JSON: {error}: {text}"))
}

/// What a command prints.
async fn huixin(stack: &Stack, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"));
    command.args(arguments).args(["--config", "huixin.toml"]).current_dir(stack.folder.path());
    let output = command.output().await.expect("the binary starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
