//! The encrypted modes, and who is refused at the door.

use huixin_sandbox::{Mode, Push, SandboxAccount, SandboxConfig, TryOutcome};
use huixin_wechat::envelope::{seal, to_xml};
use huixin_wechat::{AesKey, http_client, sign};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{ANY_CLOCK, Setup, Stack};

const KEY: &str = "b7Qm2VxT9cLwZ0hRkEoUyJ4sNfPd6gAiWq1XtMv3BzE";
const OTHER_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const REPLY: &str = "[[route]]\nreply = \"re: {{ content }}\"\n";
const TEXT: &str = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oUser]]></FromUserName>\
    <CreateTime>1718000010</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content>\
    <MsgId>24801004976846051</MsgId></xml>";

fn key(text: &str) -> AesKey {
    AesKey::decode(text).expect("a test's key is one")
}

fn account(mode: Mode, key: &str) -> SandboxConfig {
    let account = SandboxAccount { mode, aes_key: Some(self::key(key)), ..SandboxAccount::named("main") };
    SandboxConfig { accounts: vec![account], ..SandboxConfig::default() }
}

/// A receiver with these keys in `[account.main]`, and nothing else running.
async fn stack(account_keys: &str, routes: &str, sandbox: SandboxConfig) -> Stack {
    let receiver = ANY_CLOCK.to_owned();
    Stack::on_redis(Setup {
        routes: format!("{account_keys}\n{routes}"),
        receiver,
        sandbox,
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn safe_and_compatible_mode_go_the_whole_way() {
    for mode in [Mode::Safe, Mode::Compatible] {
        let mut stack = stack(&format!("aes_key = \"{KEY}\""), REPLY, account(mode, KEY)).await;
        let _receiver = stack.role("receiver").await;
        let _worker = stack.role("worker").await;
        for text in ["你好，世界 😀 <a & b>", "]]></Content><MsgId>1</MsgId>", "hi"] {
            stack.say("oUser", text).await;
        }
        stack.wait_for_sends("oUser", 3).await;
        assert_eq!(
            stack.texts_to("oUser"),
            ["re: 你好，世界 😀 ＜a & b>", "re: ]]></Content><MsgId>1</MsgId>", "re: hi"],
            "{mode:?}"
        );
        stack.end().await;
    }
}

#[tokio::test]
async fn the_key_before_is_accepted_while_it_is_changed() {
    let keys = format!("aes_key = \"{KEY}\"\nprevious_aes_key = \"{OTHER_KEY}\"");
    let mut stack = stack(&keys, "", account(Mode::Safe, OTHER_KEY)).await;
    let receiver = stack.role("receiver").await;
    stack.say("oUser", "sealed with the key before").await;
    assert_eq!(receiver.metric("huixin_receiver_previous_key_total").await, 1.0);
    assert_eq!(stack.counts().await.open_total(), 1);
    stack.end_with_dead().await;
}

#[tokio::test]
async fn plain_pushes_are_taken_beside_a_key_only_when_the_configuration_says_so() {
    for (accept_plain, expected) in
        [("", TryOutcome::Status(403)), ("\naccept_plain = true", TryOutcome::Acked)]
    {
        let keys = format!("aes_key = \"{KEY}\"{accept_plain}");
        let mut stack = stack(&keys, "", SandboxConfig::default()).await;
        let _receiver = stack.role("receiver").await;
        let outcome = stack.sandbox.sandbox.push_once(&Push::text("main", "oUser", "plain")).await.outcome;
        assert_eq!(outcome, expected, "accept_plain: {accept_plain:?}");
        stack.end_with_dead().await;
    }
}

/// A forger, who knows no key, but has seen genuine requests.
struct Forger {
    client: reqwest::Client,
    url: String,
    token: String,
    app_id: String,
}

impl Forger {
    fn at(stack: &Stack) -> Self {
        let account = &stack.sandbox.sandbox.config().accounts[0];
        Self {
            client: http_client().expect("a client can be made"),
            url: stack.push_url().to_string(),
            token: account.token.clone(),
            app_id: account.app_id.clone(),
        }
    }

    /// The query of a sealed push with this `Encrypt`.
    fn query(&self, nonce: &str, encrypt: &str) -> String {
        let plain = sign(&[&self.token, "1718000010", nonce]);
        let sealed = sign(&[&self.token, "1718000010", nonce, encrypt]);
        format!(
            "signature={plain}&timestamp=1718000010&nonce={nonce}&openid=oUser&encrypt_type=aes&msg_signature={sealed}"
        )
    }

    async fn post(&self, query: &str, body: impl Into<reqwest::Body>) -> (StatusCode, String) {
        let answer =
            self.client.post(format!("{}?{query}", self.url)).body(body).send().await.expect("it answers");
        (answer.status(), answer.text().await.expect("it ends"))
    }
}

#[tokio::test]
async fn every_forgery_is_refused_alike_and_leaves_nothing_behind() {
    let mut stack = stack(&format!("aes_key = \"{KEY}\""), "", account(Mode::Safe, KEY)).await;
    let _receiver = stack.role("receiver").await;
    let forger = Forger::at(&stack);
    let real_key = key(KEY);
    let seal_as = |app_id: &str| seal(&real_key, app_id, TEXT.as_bytes());
    let encrypt = seal_as(&forger.app_id);
    let envelope = |encrypt: &str| to_xml("gh_1", encrypt);
    let plain_signature = sign(&[&forger.token, "1718000010", "1"]);
    let plain_query = format!("signature={plain_signature}&timestamp=1718000010&nonce=1&openid=oUser");
    let sealed = forger.query("1", &encrypt);
    let msg_signature = sign(&[&forger.token, "1718000010", "1", &encrypt]);
    let with_msg_signature = |other: &str| sealed.replace(&msg_signature, other);

    let mut rows: Vec<(String, String, String)> = vec![
        ("a plain body".into(), plain_query.clone(), TEXT.into()),
        ("a plain body that says aes".into(), format!("{plain_query}&encrypt_type=aes"), TEXT.into()),
        ("a plain body under a sealed push's query".into(), sealed.clone(), TEXT.into()),
        ("an envelope under a plain query".into(), plain_query.clone(), envelope(&encrypt)),
        (
            "the plain signature as msg_signature".into(),
            with_msg_signature(&plain_signature),
            envelope(&encrypt),
        ),
        (
            "no msg_signature".into(),
            sealed.replace(&format!("&msg_signature={msg_signature}"), ""),
            envelope(&encrypt),
        ),
        (
            "a doubled msg_signature".into(),
            format!("{sealed}&msg_signature={msg_signature}"),
            envelope(&encrypt),
        ),
        ("a short msg_signature".into(), with_msg_signature(&msg_signature[..39]), envelope(&encrypt)),
        ("a long msg_signature".into(), with_msg_signature(&format!("{msg_signature}0")), envelope(&encrypt)),
        ("a msg_signature that is not hex".into(), with_msg_signature(&"g".repeat(40)), envelope(&encrypt)),
        ("another push's body under this query".into(), sealed.clone(), envelope(&seal_as(&forger.app_id))),
        (
            "two Encrypt elements".into(),
            sealed.clone(),
            envelope(&encrypt).replace("</xml>", "<Encrypt>x</Encrypt></xml>"),
        ),
    ];
    // Signed as they should be, and yet not this account's, or not whole. Only somebody with the token can sign them.
    let signed = |name: &str, encrypt: &str| (name.to_owned(), forger.query("1", encrypt), envelope(encrypt));
    rows.push(signed("the AppID of another account", &seal_as("wx_of_somebody_else")));
    rows.push(signed("the key of another account", &seal(&key(OTHER_KEY), &forger.app_id, TEXT.as_bytes())));
    rows.push(signed("a cut ciphertext", &encrypt[..encrypt.len() - 4]));
    rows.push(signed("a ciphertext cut by a block", &encrypt[..encrypt.len() / 2]));
    rows.push(signed("an extended ciphertext", &format!("{encrypt}AAAA")));
    rows.push(signed("nothing", ""));
    rows.push(signed("no base64", "%%%%"));
    for at in 0..24 {
        // Each character of the last block in base64, changed to another: padding, AppID and length must all hold.
        let at = encrypt.trim_end_matches('=').len() - 24 + at;
        let other = if encrypt.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut flipped = encrypt.clone();
        flipped.replace_range(at..=at, other);
        rows.push(signed(&format!("a bit flipped at {at}"), &flipped));
    }
    for (name, query, body) in rows {
        let answer = forger.post(&query, body).await;
        assert_eq!(answer, (StatusCode::FORBIDDEN, String::new()), "{name}");
        let counts = stack.counts().await;
        assert_eq!((counts.open_total(), counts.dead), (0, 0), "{name} leaves nothing behind");
    }
    assert_eq!(
        forger.post(&sealed, envelope(&encrypt)).await,
        (StatusCode::OK, String::new()),
        "the genuine one is taken"
    );
    assert_eq!(
        forger.post(&sealed, envelope(&encrypt)).await,
        (StatusCode::OK, String::new()),
        "a replay is acked"
    );
    let again = seal_as(&forger.app_id);
    assert_eq!(forger.post(&forger.query("2", &again), envelope(&again)).await.0, StatusCode::OK);
    assert_eq!(stack.counts().await.open_total(), 1, "sealed anew it is still the same message");
    stack.end_with_dead().await;
}

#[tokio::test]
async fn the_first_bytes_may_be_flipped_and_harm_nothing() {
    // CBC: a bit flipped in the first block changes random bytes that nobody reads, and the same bit of the next block.
    let mut stack = stack(&format!("aes_key = \"{KEY}\""), "", account(Mode::Safe, KEY)).await;
    let _receiver = stack.role("receiver").await;
    let forger = Forger::at(&stack);
    let encrypt = seal(&key(KEY), &forger.app_id, TEXT.as_bytes());
    for at in 0..22 {
        let other = if encrypt.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut flipped = encrypt.clone();
        flipped.replace_range(at..=at, other);
        let (status, body) = forger.post(&forger.query("1", &flipped), to_xml("gh_1", &flipped)).await;
        assert!(matches!(status.as_u16(), 200 | 403) && body.is_empty(), "{at}: {status}");
        let unsigned = forger.post(&forger.query("1", &encrypt), to_xml("gh_1", &flipped)).await;
        assert_eq!(unsigned.0, StatusCode::FORBIDDEN, "{at}: without the token nobody gets so far");
    }
    let counts = stack.counts().await;
    assert!(counts.open_total() + counts.dead <= 22, "{counts:?}");
    stack.end_with_dead().await;
}

#[tokio::test]
async fn another_accounts_genuine_push_is_refused() {
    let second = format!(
        "aes_key = \"{KEY}\"\n[account.second]\napp_id = \"wx_second\"\napp_secret = \"s\"\ntoken = \"secondToken\"\naes_key = \"{OTHER_KEY}\""
    );
    let mut stack = stack(&second, "", account(Mode::Safe, KEY)).await;
    let _receiver = stack.role("receiver").await;
    let forger = Forger::at(&stack);
    let encrypt = seal(&key(KEY), &forger.app_id, TEXT.as_bytes());
    let url = stack.push_url().to_string().replace("/main", "/second");
    let elsewhere = Forger { url, ..Forger::at(&stack) };
    let (query, body) = (forger.query("1", &encrypt), to_xml("gh_1", &encrypt));
    assert_eq!(elsewhere.post(&query, body.clone()).await, (StatusCode::FORBIDDEN, String::new()));
    assert_eq!(forger.post(&query, body).await.0, StatusCode::OK);
    stack.end_with_dead().await;
}

#[tokio::test]
async fn a_window_for_the_clock_refuses_old_pushes_and_an_allow_list_other_addresses() {
    for (setting, expected) in [
        ("", StatusCode::FORBIDDEN),
        ("max_skew = false", StatusCode::OK),
        ("max_skew = \"10m\"", StatusCode::FORBIDDEN),
        ("max_skew = \"24h\"", StatusCode::FORBIDDEN),
        ("allow_from = [\"192.0.2.0/24\"]", StatusCode::FORBIDDEN),
        ("max_skew = false\nallow_from = [\"127.0.0.0/8\"]", StatusCode::OK),
    ] {
        let mut stack = Stack::on_redis(Setup { receiver: format!("{setting}\n"), ..Setup::default() }).await;
        let _receiver = stack.role("receiver").await;
        let forger = Forger::at(&stack);
        let signature = sign(&[&forger.token, "1718000010", "1"]);
        // A timestamp of 2024, genuine and signed.
        let (status, _) =
            forger.post(&format!("signature={signature}&timestamp=1718000010&nonce=1"), TEXT).await;
        assert_eq!(status, expected, "{setting}");
        let now = stack.sandbox.sandbox.push_once(&Push::text("main", "oUser", "now")).await.outcome;
        let taken = if setting.contains("192.0.2") { TryOutcome::Status(403) } else { TryOutcome::Acked };
        assert_eq!(now, taken, "{setting}");
        stack.end_with_dead().await;
    }
}

#[tokio::test]
async fn broken_text_is_mended_and_a_platforms_push_is_answered_with_the_word_it_wants() {
    let mut stack = stack("", "", SandboxConfig::default()).await;
    let receiver = stack.role("receiver").await;
    let forger = Forger::at(&stack);
    let signature = sign(&[&forger.token, "1718000010", "1"]);
    let query = format!("signature={signature}&timestamp=1718000010&nonce=1");
    let mut broken = TEXT.replace("hi", "h\u{1}i").into_bytes();
    let at = broken.windows(3).position(|window| window == b"h\x01i").expect("it is there");
    broken[at] = 0xff;
    assert_eq!(forger.post(&query, broken).await, (StatusCode::OK, String::new()));
    assert_eq!(receiver.metric("huixin_receiver_mended_total").await, 1.0);
    let json = r#"{"ToUserName":"gh_1","FromUserName":"oJson","CreateTime":"1718000010","MsgType":"text","Content":"hi","MsgId":24801004976846052}"#;
    assert_eq!(forger.post(&query, json).await, (StatusCode::OK, String::new()));
    assert_eq!(stack.counts().await.open_total(), 2, "both are messages");
    let platform = "<xml><AppId>wx1</AppId><CreateTime>1413192605</CreateTime><InfoType>component_verify_ticket</InfoType>\
        <ComponentVerifyTicket>t</ComponentVerifyTicket></xml>";
    for _ in 0..2 {
        assert_eq!(forger.post(&query, platform).await, (StatusCode::OK, "success".to_owned()));
    }
    assert_eq!(stack.counts().await.dead, 0);
    stack.end_with_dead().await;
}

#[tokio::test]
async fn in_safe_mode_a_wrong_signature_is_refused_before_the_body_is_read() {
    let mut stack = stack(&format!("aes_key = \"{KEY}\""), "", account(Mode::Safe, KEY)).await;
    let receiver = stack.role("receiver").await;
    let forger = Forger::at(&stack);
    let encrypt = seal(&key(KEY), &forger.app_id, TEXT.as_bytes());
    let right = forger.query("1", &encrypt);
    let host = format!("127.0.0.1:{}", stack.receiver_port);
    let signature = sign(&[&forger.token, "1718000010", "1"]);
    for other in ["0".repeat(40), String::new()] {
        let query = right.replacen(&signature, &other, 1);
        let mut connection = TcpStream::connect(&host).await.expect("it takes connections");
        let head =
            format!("POST /wechat/main?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 200000\r\n\r\n");
        connection.write_all(head.as_bytes()).await.expect("it reads");
        let mut answer = [0; 12];
        // No byte of the body is ever sent: a receiver that waits for it answers 408.
        connection.read_exact(&mut answer).await.expect("it answers");
        assert_eq!(&answer, b"HTTP/1.1 403", "{query}");
    }
    assert_eq!(receiver.metric_with("huixin_receiver_refused_total", "reason=\"signature\"").await, 2.0);
    assert_eq!(
        forger.post(&right, to_xml("gh_1", &encrypt)).await.0,
        StatusCode::OK,
        "an old timestamp is no fault here"
    );
    stack.end_with_dead().await;
}

#[tokio::test]
async fn a_path_with_other_slashes_and_capitals_is_ours_and_what_is_refused_is_seen() {
    let mut stack = stack("", "", SandboxConfig::default()).await;
    let receiver = stack.role("receiver").await;
    let forger = Forger::at(&stack);
    let base = forger.url.replace("/wechat/main", "");
    let signature = sign(&[&forger.token, "1718000010", "1"]);
    let right = format!("signature={signature}&timestamp=1718000010&nonce=1");
    let rows = [
        ("/wechat/main/", right.clone(), 200, ""),
        ("/WeChat/main", right.clone(), 200, ""),
        ("/wechat/Main", right.clone(), 200, ""),
        ("//wechat//MAIN//", right.clone(), 200, ""),
        ("/", right.clone(), 404, "path"),
        ("/wechat", right.clone(), 404, "path"),
        ("/wechat/main/more", right.clone(), 404, "path"),
        ("/other/main", right.clone(), 404, "path"),
        ("/wechat/nobody/", right.clone(), 404, "account"),
        ("/wechat/main", String::new(), 403, "no_signature"),
        ("/wechat/main", format!("{right}&nonce=1"), 403, "doubled"),
        ("/wechat/main", right.replace(&signature, &"0".repeat(40)), 403, "signature"),
    ];
    for (path, query, status, reason) in rows {
        let at = Forger { url: format!("{base}{path}"), ..Forger::at(&stack) };
        let label = format!("reason=\"{reason}\"");
        let before = receiver.metric_with("huixin_receiver_refused_total", &label).await;
        assert_eq!(at.post(&query, TEXT).await.0.as_u16(), status, "{path}");
        let counted = receiver.metric_with("huixin_receiver_refused_total", &label).await - before;
        assert_eq!(counted, if reason.is_empty() { 0.0 } else { 1.0 }, "{path} {reason}");
    }
    let client = http_client().expect("a client can be made");
    let check =
        client.get(format!("{base}/WECHAT/main/?{right}&echostr=e1")).send().await.expect("it answers");
    assert_eq!(check.text().await.expect("it ends"), "e1", "so is the check of the URL");
    let put = client.put(format!("{base}/wechat/main?{right}")).send().await.expect("it answers");
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    for line in ["the path is unknown", "the account is not configured", "neither GET nor POST"] {
        receiver.wait_for_log(line).await;
    }
    assert_eq!(stack.counts().await.open_total(), 1);
    stack.end_with_dead().await;
}

#[tokio::test]
async fn behind_a_proxy_an_address_with_a_port_is_one_and_none_is_told() {
    let settings = "max_skew = false\nallow_from = [\"192.0.2.0/24\", \"2001:db8::/32\"]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let mut stack = Stack::on_redis(Setup { receiver: settings.to_owned(), ..Setup::default() }).await;
    let receiver = stack.role("receiver").await;
    let forger = Forger::at(&stack);
    let signature = sign(&[&forger.token, "1718000010", "1"]);
    let url = format!("{}?signature={signature}&timestamp=1718000010&nonce=1", forger.url);
    for (from, status) in [
        ("192.0.2.7:4711", 200),
        ("[2001:db8::7]:80", 200),
        ("8.8.8.8:80", 403),
        ("somewhere", 403),
        ("", 403),
    ] {
        let request = forger.client.post(&url).header("x-forwarded-for", from).body(TEXT);
        assert_eq!(request.send().await.expect("it answers").status().as_u16(), status, "{from}");
    }
    for (reason, count) in [("address", 1.0), ("no_address", 2.0)] {
        let label = format!("reason=\"{reason}\"");
        assert_eq!(receiver.metric_with("huixin_receiver_refused_total", &label).await, count, "{reason}");
    }
    stack.end_with_dead().await;
}
