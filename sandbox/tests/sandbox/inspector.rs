//! One message with all that is known of it, and what the page asks besides.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use huixin_sandbox::{
    Backstage, Exchange, Fault, MessageStage, PausedInterface, Push, PushKind, RunningSandbox, SandboxConfig,
    UserCounts,
};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Receiver, USER, control, http, start, start_with_user};

#[derive(Debug, Default)]
struct Known(AtomicUsize);

#[async_trait]
impl Backstage for Known {
    async fn counts(&self, _: &str, _: &str) -> Option<UserCounts> {
        Some(UserCounts { open: 2, held: 1, dead: 1 })
    }

    async fn pauses(&self) -> Vec<PausedInterface> {
        let (account, interface) = ("main".to_owned(), "send".to_owned());
        let (reason, remedy) = ("api unauthorized".to_owned(), "certify the account".to_owned());
        vec![PausedInterface { account, interface, code: 48001, reason, remedy, until_ms: 5 }]
    }

    fn kill_worker(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn get(running: &RunningSandbox, path: &str) -> (u16, Value) {
    control(running, "GET", path, &Value::Null).await
}

async fn message(running: &RunningSandbox, push: &Push) -> Value {
    let (status, message) = get(running, &format!("sandbox/message/main/{}", push.msg_id)).await;
    assert_eq!(status, 200, "{message}");
    message
}

#[tokio::test]
async fn a_message_shows_its_push_its_tries_with_their_responses_and_the_calls_it_led_to() {
    let receiver = Receiver::answering([Answer::Body(500, "broken".to_owned()), Answer::ok("")]);
    let running = start(SandboxConfig::default(), &receiver).await;
    let push = Push::text("main", USER, "hi");
    running.sandbox.push(push.clone()).await;
    let client = Client::with_token(&running).await;
    running.sandbox.faults().on_send(Fault::Status(502), 1);
    client.try_send(crate::support::text_message("a")).await.unwrap();
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(client.send(r#"{"touser":"oHuixinXiaoming0000000000001"}"#).await["errcode"], 40008);

    let message = message(&running, &push).await;
    assert_eq!(
        (&message["user"], &message["kind"], &message["content"]),
        (&json!(USER), &json!("text"), &json!("hi"))
    );
    assert_eq!(message["push"]["xml"], receiver.seen()[1].body);
    let tries: Vec<_> = message["tries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (&t["n"], &t["result"], &t["response"]))
        .collect();
    let (status, acked) = (json!("status"), json!("acked"));
    assert_eq!(tries, [(&json!(1), &status, &json!("broken")), (&json!(2), &acked, &json!(""))]);
    assert_eq!(message["tries"][0]["detail"], "the server answered with HTTP status 500");
    let calls: Vec<_> = message["calls"].as_array().unwrap().iter().map(|call| &call["errcode"]).collect();
    assert_eq!(calls, [&Value::Null, &json!(0), &json!(40008)]);
    assert_eq!(message["calls"][0]["fault"], json!({ "fault": "status", "status": 502 }));
    assert_eq!(message["calls"][1]["request"]["text"]["content"], "a");
    let stages: Vec<_> = message["stages"].as_array().unwrap().iter().map(|stage| &stage["stage"]).collect();
    assert_eq!(stages, ["pushed", "stored"]);
    assert_eq!(get(&running, "sandbox/message/main/1").await.0, 404);
    let of_other = format!("sandbox/message/other/{}", push.msg_id);
    assert_eq!(get(&running, &of_other).await.0, 404);
}

#[tokio::test]
async fn what_a_worker_says_of_an_event_finds_its_push_by_the_body() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    let pushes = ["a", "b"].map(|key| Push::click("main", USER, key));
    for push in &pushes {
        running.sandbox.push(push.clone()).await;
    }
    let body = pushes[0].body("gh_sandbox_main");
    let staged = |stage| running.sandbox.staged("main", body.as_bytes(), stage);
    staged(MessageStage::Taken);
    staged(MessageStage::Handling { route: "r".to_owned(), attempt: 1 });
    let exchange = Exchange {
        attempt: 1,
        at_ms: 1,
        took_ms: 2.0,
        method: "POST".to_owned(),
        url: "http://service/".to_owned(),
        request: "长".repeat(10_000),
        status: Some(200),
        response: None,
        error: None,
    };
    running.sandbox.exchanged("main", body.as_bytes(), exchange);
    running.sandbox.staged("main", b"<xml>unknown</xml>", MessageStage::Taken);
    let client = Client::with_token(&running).await;
    assert_eq!(
        client.send_text("for a").await,
        0,
        "two have no answer, and the worker has said which it handles"
    );
    staged(MessageStage::Ended { end: "answered".to_owned(), reason: None });

    let shown = message(&running, &pushes[0]).await;
    let handling =
        shown["stages"].as_array().unwrap().iter().find(|stage| stage["stage"] == "handling").unwrap();
    assert_eq!((&handling["route"], &handling["attempt"]), (&json!("r"), &json!(1)));
    let request = shown["exchanges"][0]["request"].as_str().unwrap();
    assert!(request.len() <= 16 * 1024 + 3 && request.ends_with('…'));
    assert_eq!(shown["calls"].as_array().unwrap().len(), 1);
    assert_eq!(message(&running, &pushes[1]).await["stages"].as_array().unwrap().len(), 2);
    let (_, transcript) = get(&running, "sandbox/transcript").await;
    let sent =
        transcript["entries"].as_array().unwrap().iter().find(|entry| entry["what"] == "sent").unwrap();
    assert_eq!(sent["for"], json!(pushes[0].msg_id));
}

#[tokio::test]
async fn a_push_is_made_once_more_with_the_same_body_and_nothing_is_said_again() {
    let receiver = Receiver::default();
    let running = start(SandboxConfig::default(), &receiver).await;
    let push = Push::text("main", USER, "hi");
    running.sandbox.push(push.clone()).await;
    let replay = json!({ "msg_id": push.msg_id });
    assert_eq!(control(&running, "POST", "sandbox/replay", &replay).await.0, 202);
    let acked =
        |entry: &huixin_sandbox::TranscriptEntry| matches!(entry.what, huixin_sandbox::What::Acked { .. });
    running.sandbox.transcript().wait_for_matches(acked, 2, crate::support::SOON).await.unwrap();
    let seen = receiver.seen();
    assert_eq!((seen.len(), &seen[0].body), (2, &seen[1].body));
    let (_, transcript) = get(&running, "sandbox/transcript").await;
    let what: Vec<_> = transcript["entries"].as_array().unwrap().iter().map(|entry| &entry["what"]).collect();
    assert_eq!(what, ["said", "tried", "acked", "replayed", "tried", "acked"]);
    assert_eq!(control(&running, "POST", "sandbox/replay", &json!({ "msg_id": "1" })).await.0, 404);
}

#[tokio::test]
async fn a_users_file_becomes_media_that_its_push_names_and_services_can_fetch() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let upload = async |kind: &str, file: &'static [u8]| {
        let url = running.base_url.join(&format!("sandbox/upload?account=main&kind={kind}")).unwrap();
        let answer = http().post(url).header("content-type", "image/png").body(file).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";
    let (status, file) = upload("image", PNG).await;
    assert_eq!(status, 200, "{file}");
    let (media_id, pic_url) = (file["media_id"].as_str().unwrap(), file["pic_url"].as_str().unwrap());
    let picture = json!({ "user": USER, "kind": "image", "media_id": media_id, "pic_url": pic_url });
    assert_eq!(control(&running, "POST", "sandbox/push", &picture).await.0, 202);
    assert_eq!(http().get(pic_url).send().await.unwrap().bytes().await.unwrap(), PNG);
    assert_eq!(client.send_media("image", media_id).await, 0, "the account may send it on");
    let (_, transcript) = get(&running, "sandbox/transcript").await;
    let said =
        transcript["entries"].as_array().unwrap().iter().rfind(|entry| entry["what"] == "said").unwrap();
    assert_eq!((&said["media_id"], &said["pic_url"]), (&json!(media_id), &json!(pic_url)));
    for (kind, file) in [("image", b"<svg>".as_slice()), ("voice", PNG), ("video", b""), ("news", PNG)] {
        let (status, refusal) = upload(kind, file).await;
        assert_eq!((status, refusal["error"].is_string()), (400, true), "{kind}");
    }
}

#[tokio::test]
async fn the_state_of_a_conversation_is_one_answer_and_says_what_the_worker_knows() {
    let (running, _client) = start_with_user(SandboxConfig::default()).await;
    let path = format!("sandbox/state?account=main&user={USER}");
    let (_, state) = get(&running, &path).await;
    assert_eq!((&state["open"], &state["dead"], &state["pauses"]), (&Value::Null, &Value::Null, &json!([])));
    assert_eq!((&state["right"]["by"], &state["right"]["sent"]), (&json!("message"), &json!(0)));
    assert_eq!(state["tokens"]["issued"], 1);
    assert!(state["tokens"]["expires_in_s"].as_f64().is_some_and(|left| left > 7000.0), "{state}");
    let kill = json!({ "do": "kill" });
    assert_eq!(control(&running, "POST", "sandbox/worker", &kill).await.0, 404);

    let known = Arc::new(Known::default());
    running.sandbox.set_backstage(known.clone());
    running.sandbox.faults().lose_acks(2);
    running
        .sandbox
        .push(Push::new("main", USER, PushKind::Text { content: "x".to_owned(), menu_id: None }))
        .await;
    let (_, state) = get(&running, &path).await;
    assert_eq!((&state["open"], &state["held"], &state["dead"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(state["pauses"][0]["remedy"], "certify the account");
    assert_eq!(state["mark_fail"], json!({ "unanswered": 2, "stopped_until_ms": null }));
    running.sandbox.faults().lose_acks(1);
    let (_, state) = get(&running, &path).await;
    assert_eq!(
        state["faults"],
        json!([{ "id": "lost_ack", "on": ["push"], "fault": { "fault": "lost_ack" }, "which": { "times": 1 } }])
    );
    assert_eq!(control(&running, "POST", "sandbox/worker", &kill).await.0, 204);
    assert_eq!(known.0.load(Ordering::SeqCst), 1);
    let (_, accounts) = get(&running, "sandbox/accounts").await;
    assert_eq!((&accounts["inside"], &accounts["may_kill_worker"]), (&json!(true), &json!(true)));
}
