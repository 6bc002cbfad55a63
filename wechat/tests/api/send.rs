//! What is sent, and what is known afterwards.

use std::time::Duration;

use huixin_wechat::{ApiError, Article, CodeClass, Content, Media, Outgoing};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::pretend::{Pretend, client};

fn text(content: &str) -> Outgoing {
    Outgoing::text(content)
}

#[tokio::test]
async fn a_message_goes_out_as_raw_utf8_json() {
    let wechat = Pretend::start(|_| ()).await;
    let client = wechat.client();
    client.send("oUser", &text("你好😀\n\u{1}<a href=\"http://x/\">点</a>\u{b}")).await.unwrap();
    let article = Article { title: "标题".into(), url: "http://x/?a=1&b=2".into(), ..Article::default() };
    client.send("oUser", &Content::News { articles: vec![article] }.into()).await.unwrap();
    client.send("oUser", &Content::Image { media: Media::Id("m".into()) }.into()).await.unwrap();

    let sent = wechat.sent();
    for one in &sent {
        assert_eq!((one.path, one.content_type.as_str()), ("send", "application/json; charset=utf-8"));
        assert_eq!(one.user_agent, concat!("huixin/", env!("CARGO_PKG_VERSION")));
        assert!(!one.body.contains("\\u"), "{}", one.body);
    }
    assert!(sent[0].body.contains(r#""你好😀\n<a href=\"http://x/\">点</a>""#), "{}", sent[0].body);
    let parsed: Value = serde_json::from_str(&sent[1].body).unwrap();
    let article = json!({"title": "标题", "description": "", "url": "http://x/?a=1&b=2", "picurl": ""});
    assert_eq!(parsed, json!({"touser": "oUser", "msgtype": "news", "news": {"articles": [article]}}));
}

#[tokio::test]
async fn neither_media_that_is_not_uploaded_nor_a_hand_over_is_sent() {
    let wechat = Pretend::start(|_| ()).await;
    for content in [Content::Image { media: Media::Url("http://x/?key=secret".into()) }, Content::Transfer] {
        let error = wechat.client().send("oUser", &content.into()).await.unwrap_err();
        assert!(matches!(error, ApiError::NotSent(_)), "{error}");
        assert_eq!((error.class(), wechat.sent().len()), (CodeClass::OurBug, 0));
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn typing_is_shown_and_ended() {
    let wechat = Pretend::start(|_| ()).await;
    let client = wechat.client();
    client.typing("oUser", true).await.unwrap();
    client.typing("oUser", false).await.unwrap();
    let sent = wechat.sent();
    let body = |index: usize| serde_json::from_str::<Value>(&sent[index].body).unwrap();
    assert_eq!((sent[0].path, body(0)), ("typing", json!({"touser": "oUser", "command": "Typing"})));
    assert_eq!((sent[1].path, body(1)), ("typing", json!({"touser": "oUser", "command": "CancelTyping"})));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code_and_rid() {
    let wechat = Pretend::start(|_| ()).await;
    let client = wechat.client();
    for (status, answer, code) in [
        (200, r#"{"errcode":45015,"errmsg":"response out of time limit rid: 66f0a1b2-01ab-ef"}"#, 45015),
        (200, r#"{"errcode":"45047","errmsg":"out of response count limit rid: 66f0a1b2-01ab-ef"}"#, 45047),
        (200, "{\"errcode\":48001,\"errmsg\":\"api\u{1} unauthorized\nrid: 66f0a1b2-01ab-ef\"}", 48001),
        (500, r#"{"errcode":-1,"errmsg":"system error rid: 66f0a1b2-01ab-ef"}"#, -1),
    ] {
        wechat.set(|o| o.send_answer = (status, answer.to_owned()));
        match client.send("oUser", &text("x")).await.unwrap_err() {
            ApiError::Refused { code: got, message, rid } => {
                assert_eq!(got, code);
                assert_eq!(rid.as_deref(), Some("66f0a1b2-01ab-ef"));
                assert!(!message.contains(char::is_control));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(wechat.fetches(), 1);
}

#[tokio::test]
async fn an_answer_that_is_none_leaves_the_send_unsure() {
    let wechat = Pretend::start(|_| ()).await;
    let client = wechat.client();
    let long = format!(r#"{{"errcode":0,"errmsg":"{}"}}"#, "x".repeat(70_000));
    for (status, answer) in [
        (502, "<html>Bad Gateway</html>"),
        (500, r#"{"errcode":0}"#),
        (302, ""),
        (404, "{}"),
        (200, ""),
        (200, "ok"),
        (200, "{}"),
        (200, "[]"),
        (200, r#"{"errcode":"none"}"#),
        (200, long.as_str()),
    ] {
        wechat.set(|o| o.send_answer = (status, answer.to_owned()));
        let error = client.send("oUser", &text("x")).await.unwrap_err();
        assert!(matches!(error, ApiError::Unsure(_)), "{status} {answer:.20}: {error:?}");
        assert_eq!((error.code(), error.class()), (None, CodeClass::Retry));
    }
    assert_eq!(wechat.sent().len(), 10, "nothing is sent twice");
}

#[tokio::test]
async fn a_send_that_takes_too_long_is_unsure() {
    let wechat = Pretend::start(|o| o.send_delay = Duration::from_secs(5)).await;
    let client = client(wechat.base.clone(), Duration::from_millis(200));
    let error = client.send("oUser", &text("x")).await.unwrap_err();
    assert!(matches!(&error, ApiError::Unsure(cause) if cause.is_timeout()), "{error:?}");
    assert_eq!(wechat.sent().len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_cut_after_the_request_is_unsure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = socket.read(&mut request).await.unwrap();
            if String::from_utf8_lossy(&request[..read]).contains("stable_token") {
                let body = r#"{"access_token":"t","expires_in":7200}"#;
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        }
    });
    let error = client(base, Duration::from_secs(5)).send("oUser", &text("x")).await.unwrap_err();
    assert!(matches!(&error, ApiError::Unsure(cause) if !cause.is_timeout()), "{error:?}");
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = client(base, Duration::from_secs(5)).send("oUser", &text("x")).await.unwrap_err();
    assert!(matches!(&error, ApiError::Token(inner) if matches!(**inner, ApiError::NotSent(_))), "{error:?}");
    assert_eq!(error.class(), CodeClass::Retry);
}

#[tokio::test]
async fn a_server_that_goes_away_between_token_and_send_leaves_it_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let once = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        let body = r#"{"access_token":"t","expires_in":7200}"#;
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    });
    let client = client(base, Duration::from_secs(5));
    client.token().await.unwrap();
    once.await.unwrap();
    let error = client.send("oUser", &text("x")).await.unwrap_err();
    assert!(matches!(error, ApiError::NotSent(_)), "{error:?}");
}

#[tokio::test]
async fn a_path_in_the_base_address_is_kept() {
    let wechat = Pretend::start(|_| ()).await;
    for base in ["prefix", "prefix/"] {
        let client = client(wechat.base.join(base).unwrap(), Duration::from_secs(5));
        // The pretend WeChat has nothing below a prefix: a 404 shows that the prefix was asked for.
        let error = client.token().await.unwrap_err();
        let inner = std::error::Error::source(&error).unwrap();
        assert_eq!(std::error::Error::source(inner).unwrap().to_string(), "the answer was HTTP 404");
    }
    assert_eq!(wechat.fetches(), 0);
}
