//! What comes of a request to the listener, with a queue that does as the test says.

use std::collections::BTreeSet;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Instant;

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::{Clock, Lane, MessageId};
use huixin_worker::call_back::AddressSecret;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::post_result::PostResult;
use super::*;

/// A listener on an empty queue, and an address that it has given.
struct Open {
    address: SocketAddr,
    path: String,
    _folder: tempfile::TempDir,
}

async fn open(base: &str) -> Open {
    open_within(base, TimeLimits { body: Duration::from_millis(500), ..TimeLimits::default() }).await
}

async fn open_within(base: &str, limits: TimeLimits) -> Open {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let window = Duration::from_secs(3600);
    let queue = SqliteQueue::open(&folder.path().join("queue.db"), window, Clock::Store).unwrap();
    let accounts = [("main".to_owned(), AddressSecret::AppSecret("s3cret".into()))];
    let call_backs = CallBacks::new(&Url::parse(base).unwrap(), accounts).unwrap();
    let (lane, id) = (Lane::new("main/oUser").unwrap(), MessageId::new("m1").unwrap());
    let path = call_backs.url("main", &lane, &id).unwrap().path().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers = CallBackListener { queue: Arc::new(queue), call_backs, limits };
    tokio::spawn(run(Port::Ours(listener), answers, pending()));
    Open { address, path, _folder: folder }
}

impl Open {
    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request_of("application/json", method, path)
    }

    fn request_of(&self, kind: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let client = huixin_wechat::http_client().unwrap();
        let url = format!("http://{}{path}", self.address);
        client.request(method.parse().unwrap(), url).header("content-type", kind)
    }

    /// Status and error of an answer.
    async fn refusal(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert!(body["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{body}");
        (status, body["error"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn what_is_no_answer_is_refused_with_what_is_wrong_and_what_to_do() {
    let open = open("https://bot.example.com").await;
    let path = open.path.as_str();
    let post = |path: &str| open.request("POST", path);
    let large = vec![b' '; huixin_worker::handlers::ANSWER_MAX_BYTES + 1];
    let token = path.rsplit('/').next().unwrap();
    let other_secret = format!("/v1/answers/{}", token.chars().rev().collect::<String>());
    let rows = [
        (post("/"), 404, "there is nothing at this path"),
        (post("/v1/answers/nothing"), 404, "this installation did not issue this address"),
        (post(&other_secret).body("\"late\""), 404, "this installation did not issue this address"),
        (open.request("GET", path), 405, "by POST"),
        (post(path).body("\"late\""), 410, "the message has ended"),
        (post(path).body(large), 413, "more than 1048576 bytes"),
        (post(path).body("{oops"), 422, "is declared as JSON"),
        (post(path).body(r#"{"type":"image"}"#), 422, "reply: "),
        (post(path).body("<html><body>502</body></html>"), 422, "an HTML page"),
        (post(path).body(r#"{"replies":[],"memo":1}"#), 422, "\"memo\" is unknown"),
    ];
    for (request, status, error) in rows {
        let refusal = open.refusal(request).await;
        assert!(refusal.0 == status && refusal.1.contains(error), "{refusal:?}, expected {status} {error}");
    }
    for unread in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png"] {
        let (status, error) = open.refusal(open.request_of(unread, "POST", path).body("a=b")).await;
        assert!(status == 415 && error.contains(unread), "{status} {error}");
    }
    let response = open.request("GET", path).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
}

#[tokio::test]
async fn a_path_before_ours_may_be_there_or_taken_off_by_a_proxy() {
    let open = open("https://bot.example.com/huixin/").await;
    assert!(open.path.starts_with("/huixin/v1/answers/"), "{}", open.path);
    for path in [open.path.as_str(), open.path.strip_prefix("/huixin").unwrap()] {
        let (status, _) = open.refusal(open.request("POST", path).body("\"late\"")).await;
        assert_eq!(status, 410, "the token is read: {path}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_is_not_waited_for() {
    let open = open("https://bot.example.com").await;
    let mut stream = TcpStream::connect(open.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nhell",
        open.path
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
}

#[tokio::test]
async fn more_bodies_than_there_is_room_for_wait_and_are_refused_after_a_while() {
    let limits = TimeLimits { body: Duration::from_secs(30), queue: Duration::from_millis(200) };
    let open = open_within("https://bot.example.com", limits).await;
    let head = format!("POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhell", open.path);
    let mut slow = Vec::new();
    for _ in 0..BODIES_MAX {
        let mut stream = TcpStream::connect(open.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let post = || open.request("POST", &open.path).body("\"late\"");
    // Until all of them have come in, there is room.
    let refused = loop {
        let response = post().send().await.unwrap();
        if response.status() != StatusCode::GONE {
            break response;
        }
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    drop(slow);
    // The places are free as soon as the connections are gone.
    while post().send().await.unwrap().status() != StatusCode::GONE {}
}

#[tokio::test]
async fn a_port_that_another_process_has_is_taken_over_when_it_is_free() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = first.local_addr().unwrap();
    let port = Port::at(address).await.unwrap();
    assert!(matches!(port, Port::Taken(taken) if taken == address), "{port:?}");
    let waiting = tokio::spawn(port.listener());
    drop(first);
    let freed = Instant::now();
    let second = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert_eq!(second.local_addr().unwrap(), address, "after {:?}", freed.elapsed());
    // No process can have an address that isn't this machine's: that is a mistake, and not waited for.
    assert!(Port::at("192.0.2.1:9700".parse().unwrap()).await.is_err());
}

/// One of each, except those that concern no address that was given.
fn verdicts() -> Vec<PostResult> {
    let what = || "x".to_owned();
    vec![
        PostResult::Taken,
        PostResult::NoToken,
        PostResult::Method,
        PostResult::Slow,
        PostResult::Already,
        PostResult::TooLate,
        PostResult::TooLarge(what()),
        PostResult::ContentType(what()),
        PostResult::Wrong(what()),
        PostResult::Busy,
        PostResult::Away,
    ]
}

#[tokio::test]
async fn the_manual_has_every_status_and_the_words_of_a_refusal() {
    let manual = include_str!("../../docs/http-handler.md");
    let (_, part) = manual.split_once("\n## Answers by call back\n").unwrap();
    let part = part.split("\n## ").next().unwrap();
    let rows =
        part.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()?.parse::<u16>().ok());
    let documented: BTreeSet<u16> = rows.collect();
    let known: BTreeSet<u16> = verdicts().iter().map(|verdict| verdict.status().as_u16()).collect();
    assert_eq!(documented, known);
    let within = TimeLimits::default().body.as_secs();
    assert!(part.contains(&format!("within {within} seconds")), "the time for a body");
    for verdict in verdicts() {
        let waits = verdict.status() == StatusCode::SERVICE_UNAVAILABLE;
        let taken = verdict == PostResult::Taken;
        let response = verdict.into_response();
        assert_eq!(response.headers().contains_key("retry-after"), waits);
        let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        match taken {
            true => assert!(part.contains(&body.to_string().replace(':', ": ")), "{body}"),
            false => assert!(body["error"].is_string() && body["hint"].is_string(), "{body}"),
        }
    }
    let example = part.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example: Value = serde_json::from_str(example).unwrap();
    let refused = PostResult::Wrong(example["error"].as_str().unwrap().to_owned()).into_response();
    let bytes = axum::body::to_bytes(refused.into_body(), 4096).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), example);
}
