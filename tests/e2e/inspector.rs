//! What the page of `dev` can show of one message: each stage, what its service was asked, the calls to WeChat, and how another
//! worker takes over from one that died.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Backend, PATIENCE, Process};

const USER: &str = "oHuixinXiaoming0000000000001";

/// `huixin dev` with a service, and a client of its page's API.
struct Dev {
    _process: Process,
    _folder: tempfile::TempDir,
    page: String,
    http: reqwest::Client,
}

impl Dev {
    async fn with(backend: &Backend) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let config = format!("[worker]\nlease = \"2s\"\n{}", backend.route());
        std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
        let process = Process::spawn(&["dev"], folder.path(), folder.path().join("dev.log"), &[]);
        let page = process.url_after("Open ").await;
        let http = huixin_wechat::http_client().expect("a client can be made");
        Self { _process: process, _folder: folder, page, http }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.page)).send().await.expect("it answers");
        answer.json().await.expect("JSON")
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.page));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("it answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("to the end");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn push(&self, push: Value) -> String {
        let (status, answer) = self.post("sandbox/push", &push).await;
        assert_eq!(status, 202, "{answer}");
        answer["msg_id"].as_str().expect("an id").to_owned()
    }

    /// The message, once it has ended in this way.
    async fn ended(&self, msg_id: &str, end: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.get(&format!("sandbox/message/main/{msg_id}")).await;
            // The worker may be done before WeChat has read the ack.
            let mut stages = message["stages"].as_array().into_iter().flatten();
            if stages.any(|stage| stage["stage"] == "ended" && stage["end"] == end) {
                return message;
            }
            assert!(Instant::now() < deadline, "it never ended as {end}: {message:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn stages(message: &Value) -> Vec<&str> {
    let stages = message["stages"].as_array().expect("a list");
    stages.iter().map(|stage| stage["stage"].as_str().expect("a name")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_shows_every_stage_what_its_service_said_and_the_calls_to_wechat() {
    let backend = Backend::start(Duration::from_millis(50)).await;
    let dev = Dev::with(&backend).await;
    let accounts = dev.get("sandbox/accounts").await;
    assert_eq!((&accounts["inside"], &accounts["may_kill_worker"]), (&json!(true), &json!(true)));
    assert_eq!(accounts["accounts"][0]["answer_by"], "api");

    let msg_id = dev.push(json!({ "user": USER, "kind": "text", "content": "hello" })).await;
    let message = dev.ended(&msg_id, "answered").await;
    let mut seen = stages(&message);
    // It comes when WeChat has read the ack, and the worker may be anywhere by then.
    seen.retain(|stage| *stage != "stored");
    assert_eq!(seen, ["pushed", "taken", "handling", "handled", "recorded", "sent", "ended"], "{message:#}");
    assert!(stages(&message).contains(&"stored"));
    let push = &message["push"];
    assert!(push["xml"].as_str().expect("XML").contains("<Content><![CDATA[hello]]></Content>"), "{push}");
    assert!(push["url"].as_str().expect("a URL").contains("/wechat/main?signature="), "{push}");
    assert_eq!(push["sealed"], Value::Null);
    assert_eq!((message["tries"][0]["result"].as_str(), &message["open"]), (Some("acked"), &Value::Null));

    let exchange = &message["exchanges"][0];
    let request: Value = serde_json::from_str(exchange["request"].as_str().expect("a text")).expect("JSON");
    assert_eq!((&request["content"], &request["attempt"]), (&json!("hello"), &json!(1)));
    assert_eq!((&exchange["status"], &exchange["error"]), (&json!(200), &Value::Null));
    assert!(exchange["response"].as_str().expect("an answer").contains("answer to hello"), "{exchange}");
    let sends: Vec<&Value> = message["calls"].as_array().expect("a list").iter().collect();
    let send = sends.iter().find(|call| call["path"] == "/cgi-bin/message/custom/send").expect("a send");
    assert_eq!(
        (&send["errcode"], &send["request"]["text"]["content"]),
        (&json!(0), &json!("answer to hello"))
    );

    // The same push again is known, and handled once.
    let replay = json!({ "account": "main", "msg_id": msg_id });
    assert_eq!(dev.post("sandbox/replay", &replay).await.0, 202);
    let again = dev.push(json!({ "user": USER, "kind": "click", "key": "k" })).await;
    dev.ended(&again, "unmatched").await;
    assert_eq!(backend.requests_for("hello").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_worker_takes_over_from_one_that_was_killed_and_the_answers_know_their_messages() {
    let backend = Backend::answering(|asked| {
        let takes = if asked.content == "slow" && asked.attempt == 1 { 600 } else { 0 };
        (Duration::from_secs(takes), format!("answer to {}", asked.content))
    });
    let backend = backend.await;
    let dev = Dev::with(&backend).await;
    let slow = dev.push(json!({ "user": USER, "kind": "text", "content": "slow" })).await;
    backend.wait_for_requests(1).await;
    let next = dev.push(json!({ "user": USER, "kind": "text", "content": "next" })).await;
    let state = dev.get(&format!("sandbox/state?user={USER}")).await;
    assert_eq!((&state["dead"], &state["right"]["of"]), (&json!(0), &json!(5)), "{state}");

    assert_eq!(dev.post("sandbox/worker", &json!({ "do": "kill" })).await.0, 204);
    let message = dev.ended(&slow, "answered").await;
    let seen = stages(&message);
    assert_eq!(seen.iter().filter(|stage| **stage == "taken").count(), 2, "{message:#}");
    assert_eq!(
        seen.iter().filter(|stage| **stage == "ended").count(),
        1,
        "the first worker said nothing more"
    );
    let attempts: Vec<_> =
        message["stages"].as_array().expect("a list").iter().filter_map(|s| s["attempt"].as_u64()).collect();
    assert_eq!(attempts, [1, 2], "{message:#}");
    dev.ended(&next, "answered").await;

    let transcript = dev.get("sandbox/transcript").await;
    let sent =
        transcript["entries"].as_array().expect("a list").iter().filter(|entry| entry["what"] == "sent");
    let sent: Vec<_> = sent.map(|entry| (entry["text"].clone(), entry["for"].clone())).collect();
    assert_eq!(sent, [(json!("answer to slow"), json!(slow)), (json!("answer to next"), json!(next))]);
}
