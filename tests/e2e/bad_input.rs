//! Pushes that don't belong here don't get in; a signed push that can't be understood isn't lost.

use huixin_wechat::{http_client, sign};
use reqwest::{Method, StatusCode};

use crate::harness::{ANY_CLOCK, Setup, Stack};

const TEXT: &str = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oUser]]></FromUserName>\
    <CreateTime>1718000010</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content>\
    <MsgId>24801004976846051</MsgId></xml>";

/// Requests as anybody could send them.
struct Door {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Door {
    fn of(stack: &Stack) -> Self {
        Self {
            client: http_client().expect("a client can be made"),
            base: format!("http://127.0.0.1:{}", stack.receiver_port),
            token: stack.sandbox.sandbox.config().accounts[0].token.clone(),
        }
    }

    /// A right query; its nonce makes each one different.
    fn query(&self, nonce: &str) -> String {
        let signature = sign(&[&self.token, "1718000010", nonce]);
        format!("signature={signature}&timestamp=1718000010&nonce={nonce}&openid=oUser")
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: impl Into<reqwest::Body>,
    ) -> (StatusCode, String) {
        let request = self.client.request(method, format!("{}{path}?{query}", self.base)).body(body);
        let answer = request.send().await.expect("the receiver answers");
        (answer.status(), answer.text().await.expect("the answer has an end"))
    }
}

#[tokio::test]
async fn refused_pushes_leave_nothing_behind() {
    let mut stack = Stack::on_redis(Setup { receiver: ANY_CLOCK.to_owned(), ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let door = Door::of(&stack);
    let right = door.query("1");
    let signature = sign(&[&door.token, "1718000010", "1"]);
    let without =
        |key: &str| right.split('&').filter(|pair| !pair.starts_with(key)).collect::<Vec<_>>().join("&");
    let flipped = right.replace(&signature[..1], if signature.starts_with('0') { "1" } else { "0" });
    let too_large = format!("<xml><Content>{}</Content></xml>", "x".repeat(300 * 1024));
    let (post, account) = (Method::POST, "/wechat/main");
    let rows = [
        ("a wrong signature", post.clone(), account, flipped, TEXT, 403),
        ("no signature", post.clone(), account, without("signature"), TEXT, 403),
        ("no timestamp", post.clone(), account, without("timestamp"), TEXT, 403),
        ("no nonce", post.clone(), account, without("nonce"), TEXT, 403),
        ("no query", post.clone(), account, String::new(), TEXT, 403),
        ("a doubled signature", post.clone(), account, format!("{right}&signature={signature}"), TEXT, 403),
        ("a doubled nonce", post.clone(), account, format!("{right}&nonce=1"), TEXT, 403),
        ("a short signature", post.clone(), account, right.replace(&signature, &signature[..39]), TEXT, 403),
        (
            "a signature that is not hex",
            post.clone(),
            account,
            right.replace(&signature, &"g".repeat(40)),
            TEXT,
            403,
        ),
        (
            "the signature of another token",
            post.clone(),
            account,
            right.replace(&signature, &sign(&["other", "1718000010", "1"])),
            TEXT,
            403,
        ),
        ("a body over the limit", post.clone(), account, right.clone(), &too_large, 413),
        ("an unknown account", post.clone(), "/wechat/nobody", right.clone(), TEXT, 404),
        ("another path", post, "/wechat", right.clone(), TEXT, 404),
        ("PUT", Method::PUT, account, right.clone(), TEXT, 405),
        ("DELETE", Method::DELETE, account, right.clone(), TEXT, 405),
        (
            "a GET with a wrong signature",
            Method::GET,
            account,
            right.replace(&signature, &"0".repeat(40)),
            "",
            403,
        ),
        ("a GET without a signature", Method::GET, account, "echostr=x".to_owned(), "", 403),
    ];
    for (name, method, path, query, body, status) in rows {
        let (answered, text) = door.send(method, path, &query, body.to_owned()).await;
        assert_eq!((answered.as_u16(), text.as_str()), (status, ""), "{name}");
        let counts = stack.counts().await;
        assert_eq!((counts.open_total(), counts.dead), (0, 0), "{name} leaves nothing behind");
    }

    let (status, echo) = door.send(Method::GET, account, &format!("{right}&echostr=583627%2Bx"), "").await;
    assert_eq!(
        (status, echo.as_str()),
        (StatusCode::OK, "583627+x"),
        "the check of the URL gets its echo back, exactly"
    );
    let upper = right.replace(&signature, &signature.to_uppercase());
    let (status, text) = door.send(Method::POST, account, &upper, TEXT).await;
    assert_eq!(
        (status, text.as_str()),
        (StatusCode::OK, ""),
        "upper-case hex of the right signature is accepted"
    );
    assert_eq!(stack.counts().await.open_total(), 1);
    stack.end_with_dead().await;
}

#[tokio::test]
async fn a_signed_push_that_can_not_be_understood_is_acked_and_buried() {
    let mut stack = Stack::on_redis(Setup { receiver: ANY_CLOCK.to_owned(), ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let door = Door::of(&stack);
    let long = format!("no XML: {}", "长".repeat(50_000));
    let rows = [
        ("plain text", "hello"),
        ("cut JSON", r#"{"ToUserName":"gh_1""#),
        ("nothing", ""),
        ("a DOCTYPE", "<!DOCTYPE xml [<!ENTITY x \"y\">]><xml><Content>&x;</Content></xml>"),
        ("an unknown entity", "<xml><Content>&boom;</Content></xml>"),
        ("another root", "<html><body/></html>"),
        ("a cut body", "<xml><Content>hel"),
        ("something behind the end", "<xml></xml><xml></xml>"),
        (
            "an encrypted push without a key",
            "<xml><ToUserName>gh_1</ToUserName><Encrypt>abcd</Encrypt></xml>",
        ),
        ("a long one", &long),
    ];
    for (n, (name, body)) in rows.iter().enumerate() {
        for _ in 0..2 {
            let (status, text) = door
                .send(Method::POST, "/wechat/main", &door.query(&n.to_string()), (*body).to_owned())
                .await;
            assert_eq!(
                (status, text.as_str()),
                (StatusCode::OK, ""),
                "{name} is acked, and again when it is pushed again"
            );
        }
        let counts = stack.counts().await;
        assert_eq!((counts.open_total(), counts.dead), (0, n as u64 + 1), "{name} is one dead letter");
        let letter = stack.dead().await.remove(0);
        let payload = huixin_worker::Payload::decode(&letter.payload).expect("the receiver wrote it");
        let kept = &body.as_bytes()[..body.len().min(64 * 1024)];
        assert_eq!(payload.body, kept, "{name} is kept byte for byte, up to 64 KiB");
        assert!(
            letter.reason.contains("can't be understood") || letter.reason.contains("encrypted"),
            "{name}: {}",
            letter.reason
        );
    }
    stack.end_with_dead().await;
}

/// Sixteen kinds of bytes that are not UTF-8, or not text at all.
#[tokio::test]
async fn broken_bytes_are_acked_and_nothing_panics() {
    let mut stack = Stack::on_redis(Setup { receiver: ANY_CLOCK.to_owned(), ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let door = Door::of(&stack);
    for n in 0..16_u8 {
        let body = vec![b'<', b'x', b'm', b'l', b'>', 0x80 | n, 0xff, n, b'<', b'/', b'x', b'm', b'l', b'>'];
        let (status, _) = door.send(Method::POST, "/wechat/main", &door.query(&n.to_string()), body).await;
        assert_eq!(status, StatusCode::OK);
    }
    let counts = stack.counts().await;
    assert_eq!(counts.open_total() + counts.dead, 16, "each is somewhere: {counts:?}");
    stack.end_with_dead().await;
}
