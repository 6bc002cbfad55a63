use huixin_sandbox::{MediaKind, Sandbox, SandboxConfig, What};
use serde_json::{Value, json};

use crate::support::{USER, code, start_with_user, text_message};

fn plant(sandbox: &Sandbox) {
    for (id, kind) in [
        ("I", MediaKind::Image),
        ("V", MediaKind::Voice),
        ("F", MediaKind::Video),
        ("T", MediaKind::Thumb),
        ("N", MediaKind::News),
    ] {
        sandbox.plant_media("main", id, kind, "");
    }
}

fn message(kind: &str, content: &Value) -> String {
    json!({"touser": USER, "msgtype": kind, kind: content}).to_string()
}

#[tokio::test]
async fn a_right_message_of_every_type_is_accepted_and_shown() {
    let config = SandboxConfig { enforce_windows: false, ..SandboxConfig::default() };
    let (running, client) = start_with_user(config).await;
    plant(&running.sandbox);
    let types = [
        ("text", json!({"content": "第一行\n<a href=\"https://example.com/\">链接</a> 😀"})),
        ("image", json!({"media_id": "I"})),
        ("voice", json!({"media_id": "V"})),
        ("video", json!({"media_id": "F", "thumb_media_id": "T", "title": "t", "description": "d"})),
        ("video", json!({"media_id": "F", "thumb_media_id": "I"})),
        ("music", json!({"title": "t", "description": "d", "musicurl": "U", "thumb_media_id": "T"})),
        ("news", json!({"articles": [{"title": "t", "description": "d", "url": "U", "picurl": "P"}]})),
        ("mpnews", json!({"media_id": "N"})),
        ("mpnewsarticle", json!({"article_id": "A"})),
        ("msgmenu", json!({"head_content": "h", "list": [{"id": "1", "content": "yes"}]})),
        ("wxcard", json!({"card_id": "C"})),
        ("miniprogrampage", json!({"title": "t", "appid": "wx1", "pagepath": "p", "thumb_media_id": "T"})),
    ];
    for (kind, content) in &types {
        let answer = client.send(message(kind, content)).await;
        assert_eq!(answer, json!({"errcode": 0, "errmsg": "ok"}), "{kind}");
    }
    let sent = running.sandbox.transcript().sent_to(USER);
    let kinds: Vec<&str> = sent
        .iter()
        .map(|entry| if let What::Sent { kind, .. } = &entry.what { kind.as_str() } else { "" })
        .collect();
    assert_eq!(kinds, types.each_ref().map(|(kind, _)| *kind));
    assert_eq!(sent[0].what.text(), types[0].1["content"].as_str());
}

#[tokio::test]
async fn each_mistake_has_its_error_code() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    plant(&running.sandbox);
    let message = |kind: &str, content: Value| message(kind, &content);
    let with = |name: &str, value: Value| {
        let mut message = json!({"touser": USER, "msgtype": "text", "text": {"content": "a"}});
        message[name] = value;
        message.to_string()
    };
    let article = json!({"title": "t", "description": "d", "url": "U", "picurl": "P"});
    let items = |n: usize| json!({"list": vec![json!({"id": "1", "content": "c"}); n]});
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
        (40008, message("transfer_customer_service", json!({}))),
        (44004, message("text", json!({"content": ""}))),
        (44004, message("text", json!({}))),
        (44004, json!({"touser": USER, "msgtype": "text"}).to_string()),
        (40035, message("text", json!("a"))),
        (45002, message("text", json!({"content": "字".repeat(683)}))),
        (40213, message("text", json!({"content": "<a href='http://a/'>x</a>"}))),
        (40214, message("text", json!({"content": "<a href=\"http://a/\"></a>"}))),
        (
            45086,
            message("text", json!({"content": "<a href=\"http://a/\" data-miniprogram-appid=\"?\">x</a>"})),
        ),
        (41006, message("image", json!({}))),
        (41006, message("voice", json!({}))),
        (41006, message("mpnews", json!({}))),
        (40035, message("image", json!({"media_id": 7}))),
        (40007, message("image", json!({"media_id": ""}))),
        (40007, message("voice", json!({"media_id": "unknown"}))),
        (40121, message("voice", json!({"media_id": "I"}))),
        (40121, message("image", json!({"media_id": "T"}))),
        (41006, message("video", json!({"media_id": "F"}))),
        (40007, message("video", json!({"media_id": "F", "thumb_media_id": "unknown"}))),
        (40035, message("video", json!({"media_id": "F", "thumb_media_id": "T", "title": 1}))),
        (40035, message("music", json!({"title": "t", "musicurl": "U", "thumb_media_id": "T"}))),
        (41006, message("music", json!({"title": "t", "description": "d", "musicurl": "U"}))),
        (44003, message("news", json!({}))),
        (44003, message("news", json!({"articles": []}))),
        (45008, message("news", json!({"articles": [article, article]}))),
        (40035, message("news", json!({"articles": [{"title": "t"}]}))),
        (40035, message("mpnewsarticle", json!({}))),
        (40035, message("wxcard", json!({"card_id": ""}))),
        (40035, message("msgmenu", json!({"list": []}))),
        (40035, message("msgmenu", json!({"list": [{"id": 1, "content": "c"}]}))),
        (40035, message("msgmenu", json!({"list": [{"id": "1", "content": ""}]}))),
        (45098, message("msgmenu", items(11))),
        (45099, message("msgmenu", json!({"list": [{"id": "1", "content": "c".repeat(129)}]}))),
        (
            45002,
            message(
                "msgmenu",
                json!({"head_content": "h".repeat(2049), "list": [{"id": "1", "content": "c"}]}),
            ),
        ),
        (40165, message("miniprogrampage", json!({"title": "t", "appid": "wx1", "thumb_media_id": "T"}))),
        (40166, message("miniprogrampage", json!({"title": "t", "pagepath": "p", "thumb_media_id": "T"}))),
        (48008, message("link", json!({"title": "t", "description": "d", "url": "U", "thumb_url": "T"}))),
        (61452, with("customservice", json!({"kf_account": "nobody@here"}))),
        (61451, with("customservice", json!({}))),
        (40035, with("aimsgcontext", json!({"is_ai_msg": true}))),
        (40035, with("aimsgcontext", json!({"is_ai_msg": 2}))),
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
async fn a_known_customer_service_name_and_the_mark_of_an_ai_go_with_any_message() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.add_kf_account("main", "test1@kftest");
    let message = json!({
        "touser": USER, "msgtype": "text", "text": {"content": "a"},
        "customservice": {"kf_account": "test1@kftest"}, "aimsgcontext": {"is_ai_msg": 1},
    });
    assert_eq!(code(&client.send(message.to_string()).await), 0);
    let sent = running.sandbox.transcript().sent_to(USER).pop().unwrap();
    assert!(matches!(&sent.what, What::Sent { message: whole, .. } if *whole == message));
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
async fn a_send_says_which_it_is_since_the_trigger_and_which_try_of_the_same() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(huixin_sandbox::Fault::Code(-1), 1);
    running.sandbox.faults().on_send(huixin_sandbox::Fault::CutAfterAccept, 1);
    assert_eq!(client.send_text("a").await, -1);
    client.try_send(text_message("a")).await.unwrap_err();
    for text in ["a", "a", "b"] {
        assert_eq!(client.send_text(text).await, 0);
    }
    let entries = running.sandbox.transcript().entries();
    let seen: Vec<String> = entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Sent { text, nth, attempt, .. } => Some(format!("{} {nth} {attempt}", text.as_ref()?)),
            What::Refused { code, attempt, .. } => Some(format!("{code} {attempt}")),
            What::Faulted { fault, attempt, .. } => Some(format!("{fault:?} {attempt}")),
            _ => None,
        })
        .collect();
    let expected = ["Code { code: -1 } 1", "-1 1", "CutAfterAccept 2", "a 1 2", "a 2 3", "a 3 1", "b 4 1"];
    assert_eq!(seen, expected);
}
