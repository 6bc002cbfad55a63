use huixin_sandbox::{CallLimit, Endpoint, SandboxConfig};
use serde_json::json;

use crate::support::{Client, code, start_with_user};

const SEND: &str = "/cgi-bin/message/custom/send";

#[tokio::test]
async fn the_addresses_of_wechat_are_this_machines_and_cost_a_token() {
    let (_running, mut client) = start_with_user(SandboxConfig::default()).await;
    for path in ["getcallbackip", "get_api_domain_ip"] {
        assert_eq!(client.get(path).await, json!({ "ip_list": ["127.0.0.1", "::1"] }));
        assert_eq!(code(&client.post(path, &json!({})).await), 43001);
    }
    client.token = "wrong".to_owned();
    assert_eq!(code(&client.get("getcallbackip").await), 40001);
}

#[tokio::test]
async fn what_is_left_of_a_quota_is_told_and_can_be_had_back_ten_times_a_month() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.set_limit("main", Endpoint::Send, CallLimit { per_minute: Some(60), per_day: Some(2) });
    for expected in [0, 0, 45009] {
        assert_eq!(client.send_text("a").await, expected);
    }
    let left = client.post("openapi/quota/get", &json!({ "cgi_path": SEND })).await;
    let used_up = json!({
        "errcode": 0, "errmsg": "ok", "quota": { "daily_limit": 2, "used": 2, "remain": 0 },
        "rate_limit": { "call_count": 60, "refresh_second": 60 },
    });
    assert_eq!(left, used_up);
    let app = json!({ "appid": "wx0123456789abcdef" });
    assert_eq!(code(&client.post("clear_quota", &json!({ "appid": "wx1" })).await), 40013);
    assert_eq!(code(&client.post("clear_quota", &json!({})).await), 41002);
    assert_eq!(code(&client.post("clear_quota", &app).await), 0);
    assert_eq!(client.send_text("a").await, 0);
    for _ in 0..8 {
        assert_eq!(code(&client.post("clear_quota", &app).await), 0);
    }
    assert_eq!(code(&by_secret(&client, "sandbox-secret-of-main").await), 0, "the tenth");
    assert_eq!(code(&client.post("clear_quota", &app).await), 48006);
    assert_eq!(code(&by_secret(&client, "sandbox-secret-of-main").await), 48006);
    assert_eq!(code(&by_secret(&client, "wrong").await), 40125);
}

#[tokio::test]
async fn quotas_of_unknown_paths_are_refused_and_unlimited_ones_are_large() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    for path in ["message/custom/send", "/cgi-bin/nothing", ""] {
        assert_eq!(code(&client.post("openapi/quota/get", &json!({ "cgi_path": path })).await), 76021);
    }
    let typing = json!({ "cgi_path": "/cgi-bin/message/custom/typing" });
    let answer = client.post("openapi/quota/get", &typing).await;
    assert_eq!(answer["quota"]["remain"], i32::MAX);
}

/// Without a token, the two values in the query as in the example of WeChat's page.
async fn by_secret(client: &Client, secret: &str) -> serde_json::Value {
    let query = format!("appid=wx0123456789abcdef&appsecret={secret}");
    let request = client.http.post(format!("{}cgi-bin/clear_quota/v2?{query}", client.base));
    request.send().await.unwrap().json().await.unwrap()
}
