//! `huixin handler test` against services that are broken: what is wrong is named, with the remedy.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::free_port;

const JSON: &str = "content-type: application/json\r\n";
const TEXT: &str = "content-type: text/plain\r\n";
/// 你好 in GBK.
const GBK: &[u8] = &[0xc4, 0xe3, 0xba, 0xc3];
const WARNING: &str =
    "<br />\n<b>Warning</b>:  Undefined array key \"x\" in <b>/a.php</b> on line <b>3</b><br />\n";

/// Runs it to its end: its exit code, and what it says.
pub(crate) async fn handler_test(arguments: &[&str]) -> (Option<i32>, String) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"))
        .args(["handler", "test"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the binary starts");
    let text = [&output.stdout[..], &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), text.concat().trim().to_owned())
}

/// A service that answers the same to everybody, a whole response; nothing at all if it is empty.
async fn service(response: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
    let url = format!("http://{}/ask", listener.local_addr().expect("it has an address"));
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = requests.clone();
    let response = Arc::new(response);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, response.clone(), kept.clone()));
        }
    });
    (url, requests)
}

async fn answer(mut stream: TcpStream, response: Arc<Vec<u8>>, kept: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        let length = text.to_ascii_lowercase();
        let length = length.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
        if let Some(head) = text.find("\r\n\r\n")
            && request.len() >= head + 4 + length
        {
            kept.lock().expect("no holder panics").push(text);
            break;
        }
        if stream.read_buf(&mut request).await.unwrap_or_default() == 0 {
            return;
        }
    }
    if response.is_empty() {
        // Until the asker has had enough.
        let _ = stream.read_buf(&mut request).await;
    }
    let _ = stream.write_all(&response).await;
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_broken_service_is_named_with_its_remedy() {
    let ok = |headers, body: &str| response("200 OK", headers, body.as_bytes());
    let long = "长".repeat(400_000);
    let reply = r#"{"type":"text","content":"hello"}"#;
    let page = "<!DOCTYPE html><html><body>Welcome</body></html>";
    let rows: [(&str, Vec<u8>, &str); 15] = [
        (
            "a failing program",
            response("500 Internal Server Error", "", b"oops"),
            "500 Internal Server Error: its own log",
        ),
        (
            "another path",
            response("404 Not Found", "", b""),
            "404 Not Found: correct `url`, which must accept POST",
        ),
        (
            "a redirect",
            response("302 Found", "location: /a/\r\n", b""),
            "redirects are not followed: set `url` to the final address",
        ),
        (
            "a page",
            ok("content-type: text/html\r\n", page),
            "is an HTML page; answer with a text, or with JSON",
        ),
        ("a warning", ok(TEXT, &format!("{WARNING}hello")), "is a PHP error; answer with"),
        (
            "a warning before JSON",
            ok(JSON, &format!("{WARNING}{reply}")),
            "the answer has a PHP error beside the reply",
        ),
        (
            "broken JSON",
            ok(JSON, "{\"type\": \"text\",\n oops"),
            "is declared as JSON but can't be read as such (key must be a string at line 2 column 2)",
        ),
        (
            "JSON cut off, as a text",
            ok(TEXT, r#"{"type":"text","content":"hel"#),
            "begins like JSON but can't be read as such (EOF while parsing a string",
        ),
        (
            "an unknown type",
            ok(JSON, r#"{"type":"txt","content":"a"}"#),
            r#"`type` is "txt"; known are text, image"#,
        ),
        ("a missing field", ok(JSON, r#"{"type":"image"}"#), "media_id"),
        ("an unknown field", ok(JSON, r#"{"type":"text","content":"a","txt":"b"}"#), "txt"),
        (
            "an address that is none",
            ok(JSON, r#"["a",{"type":"news","title":"t","url":"here"}]"#),
            "reply 2: `url` is not an http or https address",
        ),
        (
            "another character set",
            response("200 OK", TEXT, GBK),
            "is not UTF-8, and declares no other `charset`",
        ),
        (
            "a wrong character set",
            response("200 OK", "content-type: text/plain; charset=utf-8\r\n", GBK),
            "in the character set that it declares, `utf-8`",
        ),
        ("an endless answer", ok(TEXT, &long), "answered more than 1048576 bytes: make its answer shorter"),
    ];
    for (what, response, named) in rows {
        let (url, _) = service(response).await;
        let (code, output) = handler_test(&[&url]).await;
        assert_eq!(code, Some(1), "{what}: {output}");
        let bad = output.lines().filter(|line| line.starts_with("BAD ") && line.contains(named)).count();
        assert_eq!(bad, 16, "{what}: {output}");
        assert!(output.contains("error: 16 of 16 answers can't be sent as they are"), "{what}: {output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_never_answers_is_told_once_and_one_that_says_nothing_too() {
    let (silent, _) = service(Vec::new()).await;
    let (code, output) = handler_test(&[&silent, "--timeout", "300ms"]).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("did not answer within 300ms: make it faster"), "{output}");
    let nowhere = format!("http://127.0.0.1:{}/", free_port());
    let (code, output) = handler_test(&[&nowhere]).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("could not be reached") && output.contains("correct `url`"), "{output}");
    assert_eq!(output.matches("BAD ").count(), 1, "{output}");
    let (empty, _) = service(response("204 No Content", "", b"")).await;
    let (code, output) = handler_test(&[&empty]).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("error: no kind of message got a reply"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_answers_by_call_back_is_a_good_one_and_not_waited_for() {
    let (url, _) = service(response("202 Accepted", "", b"")).await;
    let (code, output) = handler_test(&[&url]).await;
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(
        output.matches("202: it answers by call back, which isn't waited for").count(),
        16,
        "{output}"
    );
    assert!(
        output.contains("note: a 202 promises an answer by call back, but `callback_url` is null here"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_is_not_fetched_and_an_address_that_a_worker_refuses_is_warned_of() {
    for (address, mark) in [("http://192.168.1.5/map.png", "WARN"), ("https://93.184.215.14/map.png", "ok  ")]
    {
        let reply = format!(r#"{{"type":"image","url":"{address}"}}"#);
        let (url, _) = service(response("200 OK", JSON, reply.as_bytes())).await;
        let (code, output) = handler_test(&[&url]).await;
        assert_eq!(code, Some(0), "{output}");
        assert_eq!(output.lines().filter(|line| line.starts_with(mark)).count(), 16, "{address}: {output}");
        assert_eq!(
            output.contains("192.168.1.5 is a private address; to allow it"),
            mark == "WARN",
            "{output}"
        );
        assert!(
            output.contains("note: pictures and other media that an answer names are not fetched"),
            "{output}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_quotes_what_is_not_there_is_warned_of() {
    let (url, _) = service(response("200 OK", TEXT, "您问的是：None".as_bytes())).await;
    let (code, output) = handler_test(&[&url]).await;
    assert_eq!(code, Some(0), "{output}");
    let warned = output.lines().filter(|line| line.starts_with("WARN ") && line.contains("is None meant?"));
    assert_eq!(warned.count(), 13, "all but text, tapped and voice: {output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_workers_own_and_signed_if_there_is_a_secret() {
    let (url, requests) =
        service(response("200 OK", JSON, br#"["a",{"type":"image","media_id":"m"}]"#)).await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (code, output) = handler_test(&[&url, "--secret", secret, "--text", "?18-546"]).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("2 replies: text \"a\"; image"), "{output}");
    let requests = requests.lock().expect("no holder panics").clone();
    assert_eq!(requests.len(), 16);
    for request in &requests {
        for part in ["POST /ask HTTP/1.1", "webhook-id: ", "idempotency-key: ", "webhook-signature: v1,"] {
            assert!(request.contains(part), "{part}: {request}");
        }
    }
    assert!(requests.iter().any(|request| request.contains(r#""content":"?18-546""#)), "{requests:?}");
    let (code, output) = handler_test(&[&url, "--secret", "whsec_short"]).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("the secret must be `whsec_` and then base64"), "{output}");
}
