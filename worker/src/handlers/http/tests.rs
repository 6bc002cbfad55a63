//! What the handler sends, on its own and beside what the documents say.

mod manual;
mod schema;

use super::*;

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    huixin_wechat::http_client().unwrap()
}

#[test]
fn a_signed_request_verifies_with_the_public_library_and_only_with_its_own_body() {
    let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let url = Url::parse("http://127.0.0.1:1/").unwrap();
    let handler = HttpHandler::new(url, Duration::from_secs(1), Some(&secret), client()).unwrap();
    let headers = handler.headers("id-1", "{}").unwrap();
    let verifier = Webhook::new(secret.expose()).unwrap();
    assert!(verifier.verify(b"{}", &headers).is_ok());
    assert!(verifier.verify(b"{ }", &headers).is_err());
    assert_eq!(headers["idempotency-key"], "id-1");
}

#[test]
fn a_secret_that_is_none_is_refused() {
    let url = Url::parse("http://127.0.0.1:1/").unwrap();
    let secret = Secret::from("whsec_not base64!");
    assert!(HttpHandler::new(url, Duration::from_secs(1), Some(&secret), client()).is_err());
}

#[test]
fn the_request_has_every_name_of_the_manual() {
    let body = "<xml><ToUserName>gh_1</ToUserName><FromUserName>oUser</FromUserName><CreateTime>1718000010</CreateTime>\
        <MsgType>text</MsgType><Content>hello</Content><MsgId>24801004976846051</MsgId></xml>";
    let message = Message::parse(body.as_bytes()).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_718_000_011);
    let context = Context {
        id: "abc".into(),
        account: "main".into(),
        route: "lookup".into(),
        attempt: 1,
        accepted_at: at,
        reply_until: Some(at + Duration::from_secs(48 * 3600)),
        sends_left: 5,
        captures: [("code".to_owned(), "18-546".to_owned())].into(),
        memory: Some(json!({"seen": 1})),
        callback_url: Url::parse("https://bot.example.com/v1/answers/t").ok(),
    };
    assert_eq!(
        request_body(&message, &context),
        json!({
            "version": 1, "id": "abc", "route": "lookup", "account": "main", "user": "oUser", "type": "text",
            "event": null, "key": null, "content": "hello", "created_at": 1_718_000_010,
            "accepted_at": "2024-06-10T06:13:31Z", "reply_until": "2024-06-12T06:13:31Z", "sends_left": 5, "attempt": 1,
            "captures": {"code": "18-546"}, "memory": {"seen": 1},
            "callback_url": "https://bot.example.com/v1/answers/t",
            "typed": message.typed_json(),
            "fields": {
                "ToUserName": "gh_1", "FromUserName": "oUser", "CreateTime": "1718000010", "MsgType": "text",
                "Content": "hello", "MsgId": "24801004976846051"
            }
        })
    );
}
