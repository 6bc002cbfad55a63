//! The JSON API: what the file says of it, what each token may do, who has changed what, and the end of a user's data.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use huixin_sandbox::Fault;
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Process, Setup, Stack, long, seed};

pub(crate) const FULL: &str = "a token that may change";
pub(crate) const READ: &str = "a token that may read";
const ROUTES: &str = "[[route]]\nreply = \"re: {{ content }}\"\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The roles of an installation, and where the last one answers operators.
pub(crate) struct Running {
    pub(crate) stack: Stack,
    pub(crate) processes: Vec<Process>,
    pub(crate) url: String,
}

/// Starts an installation that asks for tokens.
pub(crate) async fn start(on_redis: bool) -> Running {
    start_with(on_redis, ROUTES).await
}

/// The same with these routes.
pub(crate) async fn start_with(on_redis: bool, routes: &str) -> Running {
    let setup = Setup { routes: routes.to_owned(), ..Setup::default() };
    let mut stack = if on_redis { Stack::on_redis(setup).await } else { Stack::embedded(setup).await };
    stack.expect_errors("the message is dead");
    let mut processes = Vec::new();
    for role in if on_redis { &["receiver", "worker"][..] } else { &["run"] } {
        let variables = [("HUIXIN_ADMIN__TOKEN", FULL), ("HUIXIN_ADMIN__READ_TOKEN", READ)];
        processes.push(stack.spawn(role, &variables));
    }
    let mut url = String::new();
    for process in &processes {
        process.ready().await;
        url = process.url_after("health and metrics are served url=").await;
    }
    Running { stack, processes, url }
}

impl Running {
    /// Asks with a token: the status, and the JSON.
    pub(crate) async fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let method = method.parse().expect("it is a method");
        let client = huixin_wechat::http_client().expect("a client can be made");
        let request = client.request(method, format!("{}{path}", self.url)).bearer_auth(token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.expect("it answers");
        let (status, kind) = (answer.status().as_u16(), answer.headers()["content-type"].clone());
        assert_eq!(kind, "application/json", "{path}: {status}");
        (status, answer.json().await.expect("it is JSON"))
    }

    /// Runs a command with the full token.
    async fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let admin = self.url.trim_start_matches("http://").trim_end_matches('/');
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"));
        command.args(arguments).args(["--config", "huixin.toml", "--admin-listen", admin]);
        command.env("HUIXIN_ADMIN__TOKEN", FULL).current_dir(self.stack.folder.path());
        let output = command.output().await.expect("the binary starts");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) async fn end(mut self) {
        for process in &mut self.processes {
            assert_eq!(process.stop().await, Some(0));
        }
        self.stack.end().await;
    }

    pub(crate) async fn wait_for(&self, name: &str, count: u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, status) = self.ask(READ, "GET", "v1/status", None).await;
            if status[name] == count {
                return;
            }
            assert!(Instant::now() < deadline, "{name} is {count} in the end: {status}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[test]
fn the_file_of_the_api_is_that_of_the_handlers() {
    let file = std::fs::read_to_string(root().join("docs/openapi.json")).expect("it is there");
    let same = file == huixin::operator::openapi_file();
    assert!(
        same,
        "start `cargo run -- dev`, and write what its admin listener answers to `GET /v1/openapi.json` there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_the_file_of_the_api_says() {
    let running = start(false).await;
    running.stack.sandbox.sandbox.faults().on_send(Fault::Code(48002), 1);
    running.stack.say("oAnna", "first").await;
    running.wait_for("dead", 1).await;
    running.stack.say("oAnna", "second").await;
    running.stack.wait_for_sends("oAnna", 1).await;
    let pause = json!({"what": {"account": "main", "user": "oBen"}, "reason": "because"});
    assert_eq!(running.ask(FULL, "POST", "v1/pause", Some(pause)).await, (200, Value::Null));
    running.stack.say("oBen", "waits").await;

    let (_, file) = running.ask(READ, "GET", "v1/openapi.json", None).await;
    for path in [
        "status",
        "dead",
        "dead?bodies=false",
        "dead/causes",
        "lane?account=main&user=oBen",
        "trace",
        "trace?account=main&user=oBen",
        "user?account=main&user=oBen",
        "audit",
        "changes",
        "session",
        "processes",
        "charts",
        "accounts",
        "config",
    ] {
        let (status, answer) = running.ask(READ, "GET", &format!("v1/{path}"), None).await;
        let name = path.split('?').next().expect("it has a beginning");
        let content =
            &file["paths"][format!("/v1/{name}")]["get"]["responses"][status.to_string()]["content"];
        assert_eq!(status, 200, "{path}: {answer}");
        let mut schema = content["application/json"]["schema"].clone();
        assert!(schema.is_object(), "{path}: {content}");
        schema["components"] = file["components"].clone();
        let schema = jsonschema::validator_for(&schema).expect("it is a schema");
        let wrong: Vec<_> = schema.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{path}: {answer}: {wrong:?}");
    }
    let resume = json!({"account": "main", "user": "oBen"});
    assert_eq!(running.ask(FULL, "POST", "v1/resume", Some(resume)).await, (200, json!(true)));
    running.stack.wait_for_sends("oBen", 1).await;
    let letters = running.ask(READ, "GET", "v1/dead", None).await.1;
    let ids = json!({"ids": [letters["letters"][0]["id"]]});
    assert_eq!(running.ask(FULL, "POST", "v1/dead/drop", Some(ids)).await, (200, json!(1)));

    let changes = running.ask(READ, "GET", "v1/changes", None).await.1;
    let whats: Vec<_> = changes["changes"].as_array().expect("a list").iter().map(|c| &c["what"]).collect();
    assert_eq!(whats, ["drop", "resume", "pause"]);
    assert_eq!(changes["changes"][2]["user"], "…oBen");
    assert_eq!(changes["changes"][2]["who"], "token");
    assert!(running.stack.all_logs().contains("an operator has changed the queue"));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_read_only_token_nothing_can_be_changed_and_every_error_is_json() {
    let running = start(false).await;
    let ids = || Some(json!({"ids": ["x"]}));
    for (token, method, path, body, status) in [
        ("another", "GET", "v1/status", None, 401),
        (READ, "GET", "v1/status", None, 200),
        (READ, "POST", "v1/dead/drop", ids(), 403),
        (READ, "POST", "v1/forget", Some(json!({"account": "main", "user": "o"})), 403),
        (FULL, "POST", "v1/dead/drop", ids(), 200),
        (FULL, "POST", "v1/dead/drop", None, 415),
        (FULL, "POST", "v1/dead/drop", Some(json!(["x"])), 400),
        (FULL, "POST", "v1/dead/drop", Some(json!({"ids": ["x"], "all": true})), 400),
        (READ, "POST", "v1/dead/retry-matching", Some(json!({})), 403),
        (READ, "POST", "v1/dead/drop-matching", Some(json!({})), 403),
        (FULL, "POST", "v1/dead/drop-matching", Some(json!({"user": "o"})), 400),
        (FULL, "POST", "v1/dead/drop-matching", Some(json!({"after": "nowhere"})), 400),
        (FULL, "POST", "v1/dead/drop-matching", None, 415),
        (FULL, "GET", "v1/dead?limit=1001", None, 400),
        (FULL, "GET", "v1/dead?bodies=2", None, 400),
        (FULL, "GET", "v1/dead/causes?account=a%20b", None, 400),
        (READ, "POST", "v1/login", None, 415),
        (FULL, "GET", "v1/dead/%00", None, 400),
        (FULL, "GET", "v1/lane?account=main", None, 400),
        (FULL, "GET", "v1/trace?since_ms=18446744073709551615", None, 400),
        (FULL, "PUT", "v1/pause", Some(json!({})), 405),
        (FULL, "GET", "v1/nothing", None, 404),
    ] {
        let (answered, json) = running.ask(token, method, path, body).await;
        assert_eq!(answered, status, "{method} {path}: {json}");
        assert!(status == 200 || json["error"].is_string() && json["hint"].is_string(), "{path}: {json}");
    }
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_a_user_is_shown_and_then_forgotten() {
    for on_redis in [true, false] {
        let running = start(on_redis).await;
        running.stack.sandbox.sandbox.faults().on_send(Fault::Code(48002), 1);
        running.stack.say("oAnna", "dies").await;
        running.wait_for("dead", 1).await;
        running.command(&["pause", "main", "oAnna"]).await;
        running.stack.say("oAnna", "waits").await;
        let (code, text) = running.command(&["forget", "main", "oAnna"]).await;
        assert_eq!(code, Some(1), "{text}");
        for line in
            ["open          1", "dead          1", "journal       1", "spool         0", "add --yes to do it"]
        {
            assert!(text.contains(line), "{line}: {text}");
        }
        let compact: &[_] = if on_redis { &[] } else { &["--compact"] };
        let (code, text) = running.command(&[&["forget", "main", "oAnna", "--yes"], compact].concat()).await;
        assert!(code == Some(0) && text.contains("removed"), "{text}");
        let (_, kept) = running.ask(READ, "GET", "v1/user?account=main&user=oAnna", None).await;
        let nothing = json!({"open": 0, "held": 0, "dead": 0, "journal": 0, "paused": false});
        assert_eq!(kept, nothing);
        let who = running.ask(READ, "GET", "v1/changes", None).await.1["changes"][0].clone();
        assert_eq!(
            (&who["what"], &who["user"], &who["count"]),
            (&json!("forget"), &json!("…Anna"), &json!(3))
        );
        let expected = if on_redis { "command line" } else { "token" };
        assert!(who["who"].as_str().is_some_and(|who| who.starts_with(expected)), "{who}");
        running.stack.say("oAnna", "anew").await;
        running.stack.wait_for_sends("oAnna", 1).await;
        assert_eq!(running.stack.texts_to("oAnna"), ["re: anew"]);
        running.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requests_of_the_manual_are_answered() {
    let running = start(false).await;
    let manual = std::fs::read_to_string(root().join("docs/api.md")).expect("there is a manual");
    let lines: Vec<_> = manual.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let line = line.replace("http://127.0.0.1:9600/", &running.url);
        let output = tokio::process::Command::new("sh").args(["-c", &line]).env("TOKEN", FULL).output().await;
        let output = output.expect("a shell starts");
        let answer: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(answer.get("error").is_none(), "{line}: {answer}");
    }
    running.end().await;
}

/// A program of others makes requests out of the file, right ones and wrong ones, and looks at the answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_made_from_the_file_of_the_api_find_nothing_wrong() {
    let program = root().join("target/python/bin/schemathesis");
    assert!(program.exists(), "the Python program `schemathesis` is missing: tests/run installs it");
    for on_redis in [true, false] {
        let running = start(on_redis).await;
        running.stack.say("oAnna", "first").await;
        running.stack.wait_for_sends("oAnna", 1).await;
        let mut command = Command::new(&program);
        command.arg("--config-file").arg(root().join("tests/e2e/schemathesis.toml"));
        command.arg("run").arg(root().join("docs/openapi.json")).args(["--url", &running.url]);
        command.args(["--header", &format!("Authorization: Bearer {FULL}"), "--no-color"]);
        command.args(["--max-examples", if long() { "500" } else { "15" }, "--seed", &seed().to_string()]);
        // It keeps what it has found in the folder where it is started.
        command.current_dir(running.stack.folder.path());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
        let output = output.expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        // Whatever it has paused.
        for what in [json!({}), json!({"account": "main"})] {
            running.ask(FULL, "POST", "v1/resume", Some(what)).await;
        }
        running.end().await;
    }
}
