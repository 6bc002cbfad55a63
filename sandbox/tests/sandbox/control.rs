use futures::StreamExt;
use huixin_sandbox::{ExamplePush, RunningSandbox, SandboxConfig, What};
use reqwest::header;
use serde_json::{Value, json};

use crate::support::{Receiver, SOON, USER, http, start, start_with_user};

async fn post(running: &RunningSandbox, path: &str, body: &Value) -> reqwest::Response {
    let url = running.base_url.join(path).unwrap();
    http().post(url).json(body).send().await.unwrap()
}

#[tokio::test]
async fn say_pushes_a_text_in_the_background() {
    let receiver = Receiver::default();
    let running = start(SandboxConfig::default(), &receiver).await;
    let answer = post(&running, "sandbox/say", &json!({"user": USER, "text": "?18-546"})).await;
    assert_eq!(answer.status(), 202);
    let msg_id = answer.json::<Value>().await.unwrap()["msg_id"].as_str().unwrap().to_owned();
    let acked = |entry: &huixin_sandbox::TranscriptEntry| {
        matches!(entry.what, What::Acked { .. }) && entry.what.msg_id() == Some(&msg_id)
    };
    running.sandbox.transcript().wait_for_matches(acked, 1, SOON).await.unwrap();
    assert!(receiver.seen()[0].body.contains("<![CDATA[?18-546]]>"));
}

#[tokio::test]
async fn push_takes_every_kind() {
    let receiver = Receiver::default();
    let running = start(SandboxConfig::default(), &receiver).await;
    let kinds = [
        json!({"kind": "text", "content": "hi"}),
        json!({"kind": "text", "content": "yes", "menu_id": "101"}),
        json!({"kind": "image"}),
        json!({"kind": "voice", "recognition": "你好"}),
        json!({"kind": "video"}),
        json!({"kind": "shortvideo"}),
        json!({"kind": "location", "latitude": 23.13, "longitude": 113.26}),
        json!({"kind": "link", "title": "t", "url": "https://example.com/"}),
        json!({"kind": "subscribe"}),
        json!({"kind": "subscribe", "scene": "7"}),
        json!({"kind": "unsubscribe"}),
        json!({"kind": "scan", "scene": "7"}),
        json!({"kind": "location_event", "latitude": 23.13, "longitude": 113.26}),
        json!({"kind": "click", "key": "menu"}),
        json!({"kind": "view", "url": "https://example.com/"}),
        json!({"kind": "raw", "body": "<xml/>"}),
    ];
    for kind in &kinds {
        let mut body = kind.clone();
        body["user"] = json!(USER);
        body["account"] = json!("main");
        assert_eq!(post(&running, "sandbox/push", &body).await.status(), 202, "{kind}");
    }
    let is_ack = |entry: &huixin_sandbox::TranscriptEntry| matches!(entry.what, What::Acked { .. });
    running.sandbox.transcript().wait_for_matches(is_ack, kinds.len(), SOON).await.unwrap();
}

#[tokio::test]
async fn what_can_not_be_understood_is_refused_with_a_reason() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    let cases = [
        (400, json!({"user": "not an openid!", "text": "a"})),
        (400, json!({"user": USER})),
        (404, json!({"user": USER, "text": "a", "account": "other"})),
    ];
    for (status, body) in cases {
        let answer = post(&running, "sandbox/say", &body).await;
        assert_eq!(answer.status(), status, "{body}");
        assert!(answer.json::<Value>().await.unwrap()["error"].is_string());
    }
    assert_eq!(running.sandbox.transcript().newest(), 0);
}

#[tokio::test]
async fn too_many_pushes_under_way_are_refused() {
    let receiver = Receiver::answering([crate::support::Answer::Never]);
    let running = start(SandboxConfig { max_pushes: 1, ..SandboxConfig::default() }, &receiver).await;
    let body = json!({"user": USER, "text": "a"});
    assert_eq!(post(&running, "sandbox/say", &body).await.status(), 202);
    assert_eq!(post(&running, "sandbox/say", &body).await.status(), 429);
}

#[tokio::test]
async fn another_site_can_not_drive_it() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    let say = running.base_url.join("sandbox/say").unwrap();
    let body = json!({"user": USER, "text": "a"}).to_string();
    let form = http().post(say.clone()).header(header::CONTENT_TYPE, "text/plain").body(body.clone());
    assert_eq!(form.send().await.unwrap().status(), 415);
    let bare = http().post(say.clone()).body(body.clone());
    assert_eq!(bare.send().await.unwrap().status(), 415);
    let json = |name, value: &str| {
        let request =
            http().post(say.clone()).header(header::CONTENT_TYPE, "application/json").body(body.clone());
        request.header(name, value).send()
    };
    assert_eq!(json(header::HOST, "evil.example").await.unwrap().status(), 403);
    assert_eq!(json(header::ORIGIN, "https://evil.example").await.unwrap().status(), 403);
    assert_eq!(json(header::ORIGIN, "null").await.unwrap().status(), 403);
    assert_eq!(running.sandbox.transcript().newest(), 0);
    let own = running.base_url.origin().ascii_serialization();
    assert_eq!(json(header::ORIGIN, &own).await.unwrap().status(), 202);
    let reading =
        http().get(running.base_url.join("sandbox/transcript").unwrap()).header(header::HOST, "evil.example");
    assert_eq!(reading.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn accounts_are_shown_without_secrets() {
    let config = SandboxConfig { examples: vec![ExamplePush::text("?18-546")], ..SandboxConfig::default() };
    let running = start(config, &Receiver::default()).await;
    let url = running.base_url.join("sandbox/accounts").unwrap();
    let text = http().get(url).send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["accounts"][0]["name"], "main");
    let account = &answer["accounts"][0];
    assert_eq!(
        (&account["mode"], &account["answer_by"], &account["may_send"]),
        (&json!("plain"), &json!(null), &json!(true))
    );
    assert_eq!(account["menu"], json!([{ "name": "菜单", "type": "click", "key": "menu" }]));
    let push = json!({ "kind": "text", "content": "?18-546", "menu_id": null });
    assert_eq!(answer["examples"], json!([{ "account": null, "label": "?18-546", "push": push }]));
    assert_eq!(answer["users"][0]["name"], "小明");
    let account = &running.sandbox.config().accounts[0];
    assert!(!text.contains(&account.app_secret) && !text.contains(&account.token));
}

#[tokio::test]
async fn the_transcript_is_read_in_pages() {
    let (running, _client) = start_with_user(SandboxConfig::default()).await;
    let url = running.base_url.join("sandbox/transcript?after=1&limit=1").unwrap();
    let answer: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["newest"], 3);
    assert_eq!(answer["entries"].as_array().unwrap().len(), 1);
    let entry = &answer["entries"][0];
    assert_eq!((&entry["seq"], &entry["what"], &entry["user"]), (&json!(2), &json!("tried"), &json!(USER)));
    assert_eq!(entry["outcome"], json!({"result": "acked"}));
}

/// Reads a stream of events until there are as many as asked for.
async fn events(
    running: &RunningSandbox,
    path: &str,
    last_id: Option<&str>,
    n: usize,
) -> Vec<(String, Value)> {
    let mut request = http().get(running.base_url.join(path).unwrap());
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut chunks = response.bytes_stream();
    let mut bytes = Vec::new();
    while bytes
        .windows(2)
        .filter(|pair| {
            *pair
                == b"

"
        })
        .count()
        < n
    {
        bytes.extend_from_slice(&chunks.next().await.unwrap().unwrap());
    }
    let text = String::from_utf8(bytes).unwrap();
    let parse = |event: &str| {
        let field = |name| event.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        (field("id:"), serde_json::from_str(&field("data:")).unwrap())
    };
    text.split_terminator("\n\n").map(parse).collect()
}

#[tokio::test]
async fn events_resume_where_the_reader_was() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let ids = |events: Vec<(String, Value)>| events.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(events(&running, "sandbox/events", None, 3).await), ["1", "2", "3"]);
    assert_eq!(ids(events(&running, "sandbox/events?after=1", None, 2).await), ["2", "3"]);
    assert_eq!(ids(events(&running, "sandbox/events?after=0", Some("2"), 1).await), ["3"]);
    assert_eq!(ids(events(&running, "sandbox/events", Some("999"), 3).await), ["1", "2", "3"]);
    let (waiting, _) =
        tokio::join!(events(&running, "sandbox/events", Some("3"), 1), client.send_text("新的"));
    assert_eq!(waiting[0].0, "4");
    assert_eq!(waiting[0].1["text"], "新的");
}

#[tokio::test]
async fn open_streams_do_not_keep_the_server_from_stopping() {
    let (running, _client) = start_with_user(SandboxConfig::default()).await;
    let response = http().get(running.base_url.join("sandbox/events?after=3").unwrap()).send().await.unwrap();
    let reading = tokio::spawn(async move { response.bytes().await.is_ok() });
    running.stop().await.unwrap();
    assert!(reading.await.unwrap());
}
