//! What a test turns, over HTTP.

use huixin_sandbox::{Push, SandboxConfig};
use serde_json::{Value, json};

use crate::support::{Client, Receiver, USER, code, control, start, start_with_user};

#[tokio::test]
async fn faults_are_ordered_seen_and_forgotten() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let order = async |body: Value| control(&running, "POST", "sandbox/faults", &body).await;
    let (status, first) =
        order(json!({"on": "send", "account": "main", "fault": "code", "code": 45009, "times": 2})).await;
    assert_eq!(status, 200);
    assert_eq!(client.send_text("a").await, 45009);
    let (_, second) = order(json!({"on": "tokens", "fault": "delay", "ms": 1, "every": 2})).await;
    let (_, third) = order(json!({"on": "all", "fault": "html", "share": 0.5, "seed": 7})).await;
    assert_eq!(third["seed"], 7);
    let (_, chosen) = order(json!({"on": "typing", "fault": "hang", "share": 0.5})).await;
    assert!(chosen["seed"].is_u64());
    let (_, report) = control(&running, "GET", "sandbox/report", &Value::Null).await;
    let faults = report["faults"].as_array().unwrap();
    assert_eq!(
        faults[0],
        json!({
            "id": first["id"], "on": ["send"], "account": "main", "user": null, "fault": {"fault": "code", "code": 45009},
            "which": {"times": 1}, "seen": 1, "met": 1,
        })
    );
    assert_eq!(faults[1]["on"], json!(["stable_token", "token"]));
    assert_eq!(faults.len(), 4);
    let path = format!("sandbox/faults/{}", second["id"]);
    assert_eq!(control(&running, "DELETE", &path, &Value::Null).await.0, 204);
    assert_eq!(control(&running, "DELETE", &path, &Value::Null).await.0, 404);
    assert_eq!(control(&running, "DELETE", "sandbox/faults", &Value::Null).await.0, 204);
    assert!(running.sandbox.faults().active().is_empty());
    assert_eq!(client.send_text("a").await, 0);
}

#[tokio::test]
async fn acks_are_lost_on_request() {
    let receiver = Receiver::default();
    let running = start(SandboxConfig::default(), &receiver).await;
    let body = json!({"on": "push", "fault": "lost_ack", "times": 1});
    assert_eq!(control(&running, "POST", "sandbox/faults", &body).await.0, 200);
    let report = running.sandbox.push(Push::text("main", USER, "hi")).await;
    assert_eq!(report.tries.len(), 2);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    for body in [
        json!({"on": "send", "fault": "code", "code": 1}),
        json!({"on": "send", "fault": "code", "times": 1}),
        json!({"on": "send", "fault": "code", "code": 1, "times": 0}),
        json!({"on": "send", "fault": "code", "code": 1, "times": 1, "every": 1}),
        json!({"on": "send", "fault": "code", "code": 1, "share": 1.5}),
        json!({"on": "send", "fault": "lost_ack", "times": 1}),
        json!({"on": "push", "fault": "hang", "times": 1}),
        json!({"on": "push", "fault": "lost_ack", "every": 2}),
        json!({"on": "nothing", "fault": "hang", "times": 1}),
        json!({"on": "send", "fault": "bad", "times": 1}),
    ] {
        let (status, answer) = control(&running, "POST", "sandbox/faults", &body).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"].is_string());
    }
    let elsewhere = json!({"on": "send", "account": "other", "fault": "hang", "times": 1});
    assert_eq!(control(&running, "POST", "sandbox/faults", &elsewhere).await.0, 404);
    assert!(running.sandbox.faults().active().is_empty());
}

#[tokio::test]
async fn the_clock_is_moved_on_and_never_back() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let (_, answer) = control(&running, "POST", "sandbox/clock", &json!({"seconds": 172_801})).await;
    assert_eq!(answer, json!({"ahead_s": 172_801.0}));
    assert_eq!(control(&running, "POST", "sandbox/clock", &json!({"seconds": -1})).await.0, 400);
    let client = Client { token: crate::support::token_of(&client.stable(false).await), ..client };
    assert_eq!(client.send_text("a").await, 45015);
    let (_, answer) = control(&running, "POST", "sandbox/clock", &json!({"seconds": 1e15})).await;
    assert_eq!(answer["ahead_s"], json!(316_224_000.0), "ten years, and no more");
}

#[tokio::test]
async fn tokens_are_turned_and_another_system_is_played() {
    let (running, mut client) = start_with_user(SandboxConfig::default()).await;
    let turn = async |what: &str| control(&running, "POST", "sandbox/tokens", &json!({"do": what})).await;
    assert_eq!(turn("stable").await, (200, json!({"access_token": client.token})));
    assert_eq!(turn("expire").await.0, 204);
    assert_eq!(client.send_text("a").await, 42001);
    client.token = turn("forced").await.1["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(turn("revoke").await.0, 204);
    assert_eq!(client.send_text("a").await, 40001);
    client.token = turn("plain").await.1["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(turn("nothing").await.0, 400);
}

#[tokio::test]
async fn limits_windows_lists_and_names_are_set() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let set = async |path: &str, body: Value| control(&running, "POST", path, &body).await.0;
    assert_eq!(set("sandbox/limits", json!({"on": "send", "per_minute": 1})).await, 204);
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(client.send_text("a").await, 45011);
    assert_eq!(set("sandbox/limits", json!({"on": "send"})).await, 204);

    let window = json!({"account": "main", "after": "message", "sends": 1, "seconds": 60});
    assert_eq!(set("sandbox/windows", window).await, 204);
    // Of another user, who has no larger right from before.
    running.sandbox.push(Push::text("main", "oBen", "hi")).await;
    let to_ben = json!({"touser": "oBen", "msgtype": "text", "text": {"content": "a"}});
    assert_eq!(code(&client.send(to_ben.to_string()).await), 0);
    assert_eq!(code(&client.send(to_ben.to_string()).await), 45047);
    let (_, right) = control(&running, "GET", "sandbox/right?user=oBen", &Value::Null).await;
    assert_eq!((&right["by"], &right["sent"], &right["of"]), (&json!("message"), &json!(1), &json!(1)));

    assert_eq!(set("sandbox/ip_list", json!({"addresses": []})).await, 204);
    assert_eq!(code(&client.stable(false).await), 40164);
    assert_eq!(set("sandbox/ip_list", json!({"allow": "127.0.0.1"})).await, 204);
    assert!(client.stable(false).await["access_token"].is_string());

    assert_eq!(set("sandbox/kf_accounts", json!({"kf_account": "test1@kftest"})).await, 204);
    let (_, report) = control(&running, "GET", "sandbox/report", &Value::Null).await;
    let account = &report["accounts"][0];
    assert_eq!(account["calls"]["stable_token"], json!({"calls": 3, "refused": 1}));
    assert_eq!(account["ip_list"], json!(["127.0.0.1"]));
    assert_eq!(account["kf_accounts"], json!(["test1@kftest"]));
    assert_eq!(set("sandbox/limits", json!({"account": "other", "on": "send"})).await, 404);
}

#[tokio::test]
async fn media_is_planted_looked_at_and_forgotten() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let plant = json!({"media_id": "a/b", "kind": "image", "base64": "R0lGODlh"});
    assert_eq!(control(&running, "POST", "sandbox/media", &plant).await.0, 204);
    assert_eq!(client.send_media("image", "a/b").await, 0);
    let file = client.http.get(format!("{}sandbox/media/main/a%2Fb", client.base)).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "image/gif");
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
    assert_eq!(file.bytes().await.unwrap(), "GIF89a");
    let (_, report) = control(&running, "GET", "sandbox/report", &Value::Null).await;
    assert_eq!(report["accounts"][0]["media"], json!({"count": 1, "bytes": 6}));
    let all = control(&running, "DELETE", "sandbox/media/main", &Value::Null).await;
    assert_eq!(all, (200, json!({"forgotten": 0})), "it is permanent");
    assert_eq!(control(&running, "DELETE", "sandbox/media/main/a%2Fb", &Value::Null).await.0, 204);
    assert_eq!(control(&running, "GET", "sandbox/media/main/a%2Fb", &Value::Null).await.0, 404);
    let broken = json!({"media_id": "x", "kind": "image", "base64": "?"});
    assert_eq!(control(&running, "POST", "sandbox/media", &broken).await.0, 400);
}

#[tokio::test]
async fn no_report_shows_a_secret_or_a_token() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let (_, report) = control(&running, "GET", "sandbox/report", &Value::Null).await;
    let account = &running.sandbox.config().accounts[0];
    for secret in [&account.app_secret, &account.token, &client.token] {
        assert!(!report.to_string().contains(secret.as_str()));
    }
}
