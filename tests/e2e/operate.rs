//! What a person does with dead letters and a queue, by the commands.

use std::process::Output;
use std::time::Instant;

use huixin_sandbox::Fault;
use serde_json::Value;

use crate::harness::{PATIENCE, Process, Setup, Stack};

/// Runs a command in the installation's folder.
async fn huixin(stack: &Stack, admin: &str, arguments: &[&str]) -> (Output, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"));
    command
        .args(arguments)
        .args(["--config", "huixin.toml", "--admin-listen", admin])
        .current_dir(stack.folder.path());
    let output = command.output().await.expect("the binary starts");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        text += &String::from_utf8_lossy(&output.stderr);
    }
    (output, text)
}

async fn json(stack: &Stack, admin: &str, arguments: &[&str]) -> Value {
    let (output, text) = huixin(stack, admin, &[arguments, &["--json"]].concat()).await;
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?} prints JSON: {error}: {text}"))
}

/// The same on Redis, where commands open the queue, and on a file, where its owner is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_shown_retried_and_dropped() {
    for on_redis in [true, false] {
        let setup =
            Setup { routes: "[[route]]\nreply = \"re: {{ content }}\"\n".to_owned(), ..Setup::default() };
        let mut stack = if on_redis { Stack::on_redis(setup).await } else { Stack::embedded(setup).await };
        stack.expect_errors("the message is dead");
        let mut processes = Vec::new();
        for role in if on_redis { &["receiver", "worker"][..] } else { &["run"] } {
            processes.push(stack.role(role).await);
        }
        let url = processes[0].url_after("health and metrics are served url=").await;
        let admin = url.trim_start_matches("http://").trim_end_matches('/').to_owned();

        stack.sandbox.sandbox.faults().on_send(Fault::Code(48002), 3);
        for (user, text) in [("oAnna", "first"), ("oBen", "second"), ("oCleo", "third")] {
            stack.say(user, text).await;
        }
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            let status = json(&stack, &admin, &["status"]).await;
            if status["dead"] == 3 {
                break status;
            }
            assert!(Instant::now() < deadline, "three are dead in the end: {status}");
        };
        assert_eq!(
            (&status["open"], &status["running"]),
            (&serde_json::json!({}), &Value::from(0)),
            "{status}"
        );

        let list = json(&stack, &admin, &["dead", "list", "--reason", "48002"]).await;
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), 3, "{list:?}");
        assert_eq!(
            json(&stack, &admin, &["dead", "list", "--reason", "other"]).await,
            Value::Array(Vec::new())
        );
        let of = |user: &str| {
            list.iter().find(|letter| letter["user"] == user).expect("it is there")["id"]
                .as_str()
                .expect("a text")
                .to_owned()
        };
        let (anna, ben) = (of("oAnna"), of("oBen"));
        let shown = json(&stack, &admin, &["dead", "show", &anna]).await;
        assert!(shown["body"].as_str().is_some_and(|body| body.contains("first")), "{shown}");

        let (refused, text) = huixin(&stack, &admin, &["dead", "retry", &anna]).await;
        assert_eq!(refused.status.code(), Some(1), "without --yes it only says what it would do");
        let expected = "1 dead letter would be put back into their users' lanes. Nothing is done yet: add --yes to do it";
        assert!(text.contains(&anna) && text.contains(expected) && !text.contains("error"), "{text}");
        let (refused, text) = huixin(&stack, &admin, &["dead", "drop", "--all"]).await;
        assert_eq!(refused.status.code(), Some(1), "{text}");
        assert!(text.contains("3 dead letters would be removed for good. Nothing is done yet"), "{text}");
        assert_eq!(json(&stack, &admin, &["status"]).await["dead"], 3);
        let (_, text) = huixin(&stack, &admin, &["dead", "retry", &anna, "--yes"]).await;
        assert_eq!(text, "1 put back\n");
        stack.wait_for_sends("oAnna", 1).await;
        assert_eq!(stack.texts_to("oAnna"), ["re: first"]);
        let (_, text) = huixin(&stack, &admin, &["dead", "drop", &ben, "--yes"]).await;
        assert_eq!(text, "1 removed\n");
        let (_, text) =
            huixin(&stack, &admin, &["dead", "retry", "--all", "--reason", "48002", "--yes"]).await;
        assert_eq!(text, "1 put back\n");
        stack.wait_for_sends("oCleo", 1).await;
        assert!(stack.texts_to("oBen").is_empty());

        let (missing, _) = huixin(&stack, &admin, &["dead", "show", &ben]).await;
        assert_eq!(missing.status.code(), Some(1));
        let hint = String::from_utf8_lossy(&missing.stderr).into_owned();
        assert!(hint.contains("there is no dead letter") && hint.contains("huixin dead list"), "{hint}");
        let (_, text) = huixin(&stack, &admin, &["status"]).await;
        assert!(text.contains("no message is open"), "{text}");
        for command in [
            &["lane", "mian", "oAnna"][..],
            &["pause", "mian"],
            &["pause", "mian", "oAnna"],
            &["resume", "mian"],
            &["dead", "list", "--account", "mian"],
            &["dead", "retry", "--all", "--account", "mian"],
            &["dead", "drop", "--all", "--account", "mian", "--yes"],
        ] {
            let (unknown, text) = huixin(&stack, &admin, command).await;
            assert_eq!(unknown.status.code(), Some(1), "{command:?}: {text}");
            let expected = "no account `mian` is configured here, and the queue has no message of it\n\nhint: known accounts: `main`;";
            assert!(text.contains(expected), "{command:?}: {text}");
        }
        let (_, text) = huixin(&stack, &admin, &["pause", "main", "oNobody"]).await;
        assert!(
            text.contains("if the OpenID is mistyped, `huixin resume main oNobody` undoes this"),
            "{text}"
        );
        let (unknown, text) = huixin(&stack, &admin, &["resume", "main", "oNobdoy"]).await;
        assert_eq!(unknown.status.code(), Some(1), "{text}");
        assert!(text.contains("is not paused\n\nhint: paused: `main/oNobody`"), "{text}");
        let (_, text) = huixin(&stack, &admin, &["resume", "main", "oNobody"]).await;
        assert!(text.contains("is resumed"), "{text}");
        let (audited, text) = huixin(&stack, &admin, &["audit"]).await;
        assert!(audited.status.success(), "{text}");
        assert_eq!(json(&stack, &admin, &["lane", "main", "oAnna"]).await, Value::Null, "nothing waits");

        for mut process in processes {
            assert_eq!(process.stop().await, Some(0));
        }
        stack.end().await;
    }
}

#[tokio::test]
async fn the_flags_that_dev_names_need_no_configuration() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let listen = |name| (name, "127.0.0.1:0");
    let listeners = ["ADMIN", "CALLBACK", "RECEIVER"].map(|part| format!("HUIXIN_{part}__LISTEN"));
    let variables: Vec<_> = listeners.iter().map(|name| listen(name.as_str())).collect();
    let log = folder.path().join("dev.log");
    let mut dev = Process::spawn(&["dev", "--listen", "127.0.0.1:0"], folder.path(), log, &variables);
    let line = dev.wait_for_log("Ask for them").await;
    let flags: Vec<_> = line.split(" with ").nth(1).expect("it names flags").split(' ').collect();
    let huixin = async |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"));
        let output = command.args(arguments).current_dir(folder.path()).output().await;
        let output = output.expect("the binary starts");
        let text = [&output.stdout[..], &output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    for (command, expected) in [
        (&["status"][..], "no message is open"),
        (&["dead", "list"], "0 shown"),
        (&["lane", "main", "oAnna"], "no message of this user waits"),
        (&["pause", "--all"], "everything is paused"),
        (&["resume", "--all"], "everything is resumed"),
        (&["audit"], "every lane is in exactly one state"),
    ] {
        let (code, text) = huixin(&[command, &flags].concat()).await;
        assert!(code == Some(0) && text.contains(expected), "{command:?}: {text}");
    }
    let (code, text) = huixin(&["status"]).await;
    assert_eq!(code, Some(64), "without them a file must be there: {text}");
    assert_eq!(dev.stop().await, Some(0));
}

#[tokio::test]
async fn the_admin_listener_does_nothing_for_a_web_page_or_without_its_token() {
    let mut stack = Stack::embedded(Setup::default()).await;
    let run = stack.role("run").await;
    let url = run.url_after("health and metrics are served url=").await;
    let client = huixin_wechat::http_client().expect("a client can be made");
    let status =
        async |request: reqwest::RequestBuilder| request.send().await.expect("it answers").status().as_u16();
    let drop_it = format!("{url}v1/dead/drop");
    assert_eq!(status(client.get(format!("{url}v1/status"))).await, 200);
    assert_eq!(status(client.post(&drop_it)).await, 415, "a form of another site");
    assert_eq!(status(client.post(&drop_it).json(&serde_json::json!({"ids": ["x"]}))).await, 200);
    assert_eq!(
        status(client.get(format!("{url}v1/status")).header("host", "evil.example")).await,
        404,
        "a rebound name"
    );
    assert_eq!(status(client.get(format!("{url}v1/dead?limit=x"))).await, 400);
    assert_eq!(status(client.get(format!("{url}healthz")).header("host", "evil.example")).await, 200);
    assert_eq!(status(client.get(format!("{url}v1/dead?user=oAnna"))).await, 400, "for what account?");
    assert_eq!(
        status(client.post(format!("{url}v1/pause")).json(&serde_json::json!({"what": "main"}))).await,
        400
    );
    drop(run);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paused_is_taken_in_and_waits_until_it_is_resumed() {
    for on_redis in [true, false] {
        let setup =
            Setup { routes: "[[route]]\nreply = \"re: {{ content }}\"\n".to_owned(), ..Setup::default() };
        let mut stack = if on_redis { Stack::on_redis(setup).await } else { Stack::embedded(setup).await };
        let mut processes = Vec::new();
        for role in if on_redis { &["receiver", "worker"][..] } else { &["run"] } {
            processes.push(stack.role(role).await);
        }
        let url = processes[0].url_after("health and metrics are served url=").await;
        let admin = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        for (scope, expected) in [
            (&["--all"][..], "everything"),
            (&["main"], "account `main`"),
            (&["main", "oAnna"], "user `oAnna` of account `main`"),
        ] {
            let pause = [&["pause", "--reason", "the backend moves"], scope].concat();
            let (_, text) = huixin(&stack, &admin, &pause).await;
            assert!(text.starts_with(&format!("{expected} is paused")), "{text}");
            let before = stack.texts_to("oAnna").len();
            stack.say("oAnna", expected).await;
            if scope.len() == 2 {
                // The other users go on; and so it is certain that a worker has looked since.
                stack.say("oBen", expected).await;
                stack.wait_for_sends("oBen", 1).await;
                assert_eq!(json(&stack, &admin, &["lane", "main", "oAnna"]).await["paused"], true);
            }
            let status = json(&stack, &admin, &["status"]).await;
            assert_eq!(status["open"]["main"], 1, "{status}");
            assert_eq!(status["paused"][0]["reason"], "the backend moves", "{status}");
            assert_eq!(stack.texts_to("oAnna").len(), before);
            let resume = [&["resume"], scope].concat();
            let (_, text) = huixin(&stack, &admin, &resume).await;
            assert_eq!(text, format!("{expected} is resumed\n"));
            stack.wait_for_sends("oAnna", before + 1).await;
            let (again, text) = huixin(&stack, &admin, &resume).await;
            assert_eq!(again.status.code(), Some(1), "{text}");
            assert_eq!(text, format!("error: {expected} is not paused\n\nhint: nothing is paused\n"));
        }
        for mut process in processes {
            assert_eq!(process.stop().await, Some(0));
        }
        stack.end().await;
    }
}
