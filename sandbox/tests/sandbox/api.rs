use huixin_sandbox::{SandboxConfig, What};
use serde_json::{Value, json};

use crate::support::{Client, USER, code, start_with_user, text_message};

#[tokio::test]
async fn a_right_message_of_every_type_is_accepted_and_shown() {
    let config = SandboxConfig { enforce_windows: false, ..SandboxConfig::default() };
    let (running, client) = start_with_user(config).await;
    let types = [
        ("text", json!({"content": "第一行\n<a href=\"https://example.com/\">链接</a> 😀"})),
        ("image", json!({"media_id": "M"})),
        ("voice", json!({"media_id": "M"})),
        ("video", json!({"media_id": "M", "thumb_media_id": "T"})),
        ("music", json!({"title": "t", "description": "d", "musicurl": "U", "thumb_media_id": "T"})),
        ("news", json!({"articles": [{"title": "t", "description": "d", "url": "U", "picurl": "P"}]})),
        ("mpnews", json!({"media_id": "M"})),
        ("mpnewsarticle", json!({"article_id": "A"})),
        ("msgmenu", json!({"head_content": "h", "list": [{"id": "1", "content": "yes"}]})),
        ("wxcard", json!({"card_id": "C"})),
        ("miniprogrampage", json!({"title": "t", "appid": "wx1", "pagepath": "p", "thumb_media_id": "T"})),
    ];
    for (kind, content) in &types {
        let answer = client.send(json!({"touser": USER, "msgtype": kind, *kind: content}).to_string()).await;
        assert_eq!(answer, json!({"errcode": 0, "errmsg": "ok"}), "{kind}");
    }
    let sent = running.sandbox.transcript().sent_to(USER);
    assert_eq!(sent.len(), types.len());
    assert_eq!(sent[0].what.text(), types[0].1["content"].as_str());
}

#[tokio::test]
async fn each_mistake_has_its_error_code() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let message =
        |kind: &str, content: Value| json!({"touser": USER, "msgtype": kind, kind: content}).to_string();
    let article = json!({"title": "t", "description": "d", "url": "U", "picurl": "P"});
    let mistakes = [
        (44002, String::new()),
        (47001, "{".to_owned()),
        (47001, "[]".to_owned()),
        (47001, format!("\u{feff}{}", text_message("a"))),
        (47001, "{\"a\": \"raw\ncontrol character\"}".to_owned()),
        (40033, r#"{"touser": "o", "msgtype": "text", "text": {"content": "\u4f60"}}"#.to_owned()),
        (41009, json!({"msgtype": "text", "text": {"content": "a"}}).to_string()),
        (40035, json!({"touser": 7, "msgtype": "text", "text": {"content": "a"}}).to_string()),
        (40003, json!({"touser": "oStranger", "msgtype": "text", "text": {"content": "a"}}).to_string()),
        (40008, json!({"touser": USER, "text": {"content": "a"}}).to_string()),
        (40008, message("sticker", json!({}))),
        (44004, message("text", json!({"content": ""}))),
        (44004, message("text", json!({}))),
        (44004, json!({"touser": USER, "msgtype": "text"}).to_string()),
        (45002, message("text", json!({"content": "字".repeat(683)}))),
        (41006, message("image", json!({}))),
        (41006, message("voice", json!({}))),
        (40007, message("image", json!({"media_id": ""}))),
        (40007, message("voice", json!({"media_id": ""}))),
        (41006, message("video", json!({"media_id": "M"}))),
        (44003, message("news", json!({}))),
        (45008, message("news", json!({"articles": []}))),
        (45008, message("news", json!({"articles": [article, article]}))),
        (40035, message("news", json!({"articles": [{"title": "t"}]}))),
        (40035, message("msgmenu", json!({"list": []}))),
        (40035, message("msgmenu", json!({"list": [{"id": 1, "content": "c"}]}))),
        (40165, message("miniprogrampage", json!({"title": "t", "appid": "wx1", "thumb_media_id": "T"}))),
        (48008, message("link", json!({"title": "t", "description": "d", "url": "U", "thumb_url": "T"}))),
    ];
    let count = mistakes.len();
    for (expected, body) in mistakes {
        let answer = client.send(body.clone()).await;
        assert_eq!(code(&answer), expected, "{body}");
        let text = answer["errmsg"].as_str().unwrap();
        let (_, rid) = text.split_once(" rid: ").unwrap();
        assert!(rid.split('-').all(|part| part.len() == 8) && rid.split('-').count() == 3, "{text}");
    }
    let entries = running.sandbox.transcript().entries();
    assert_eq!(entries.iter().filter(|entry| matches!(entry.what, What::Refused { .. })).count(), count);
    assert!(running.sandbox.transcript().sent_to(USER).is_empty());
}

#[tokio::test]
async fn a_text_may_have_2048_bytes_and_an_escaped_backslash() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    assert_eq!(client.send_text(&"a".repeat(2048)).await, 0);
    assert_eq!(client.send_text(&"a".repeat(2049)).await, 45002);
    assert_eq!(client.send_text(r"C:\users").await, 0);
    assert_eq!(running.sandbox.transcript().texts_to(USER)[1], r"C:\users");
}

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
async fn typing_goes_on_once_and_a_message_ends_it() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    assert_eq!(client.typing(USER, "Type").await, 45072);
    assert_eq!(client.typing("oStranger", "Typing").await, 40003);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    assert_eq!(client.typing(USER, "Typing").await, 45081);
    assert_eq!(client.typing(USER, "CancelTyping").await, 0);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    let entries = running.sandbox.transcript().entries();
    let typing: Vec<bool> = entries
        .iter()
        .filter_map(|entry| if let What::Typing { on } = entry.what { Some(on) } else { None })
        .collect();
    assert_eq!(typing, [true, false, true, false, true]);
}

#[tokio::test]
async fn accounts_do_not_share_users() {
    let (running, client) = start_with_user(SandboxConfig {
        accounts: vec![huixin_sandbox::Account::named("main"), huixin_sandbox::Account::named("shop")],
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
