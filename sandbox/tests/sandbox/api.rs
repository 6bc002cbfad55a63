use huixin_sandbox::SandboxConfig;
use serde_json::json;

use crate::support::{Client, USER, code, start_with_user, text_message};

#[tokio::test]
async fn a_call_needs_a_token_and_post() {
    let (_running, mut client) = start_with_user(SandboxConfig::default()).await;
    let get = client.http.get(client.url("message/custom/send")).send().await.unwrap();
    assert_eq!(code(&get.json().await.unwrap()), 43002);
    client.token = "wrong".to_owned();
    assert_eq!(client.send_text("a").await, 40001);
    assert_eq!(client.typing(USER, "Typing").await, 40001);
    client.token = String::new();
    assert_eq!(client.send_text("a").await, 41001);
    let without =
        client.http.post(format!("{}cgi-bin/message/custom/send", client.base)).body(text_message("a"));
    assert_eq!(code(&without.send().await.unwrap().json().await.unwrap()), 41001);
    let nowhere = client.http.post(client.url("message/custom/nothing")).send().await.unwrap();
    assert_eq!(code(&nowhere.json().await.unwrap()), 40066);
}

#[tokio::test]
async fn accounts_do_not_share_users() {
    let (running, client) = start_with_user(SandboxConfig {
        accounts: vec![
            huixin_sandbox::SandboxAccount::named("main"),
            huixin_sandbox::SandboxAccount::named("shop"),
        ],
        ..SandboxConfig::default()
    })
    .await;
    let shop = &running.sandbox.config().accounts[1];
    let answer = client
        .stable_with(
            &json!({"grant_type": "client_credential", "appid": shop.app_id, "secret": shop.app_secret}),
        )
        .await;
    let shop = Client { token: crate::support::token_of(&answer), ..client };
    assert_eq!(shop.send_text("a").await, 40003);
}
