//! Against a listener that says what a script has, byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;

/// A service that answers the requests of each connection with these, and counts the connections. Behind the last answer
/// it closes if `closes`.
async fn service(answers: &'static [&'static str], closes: bool) -> (PlainService, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ask?key=1", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                for answer in answers {
                    read_request(&mut stream).await;
                    // In pieces, so that more must be read everywhere.
                    for piece in answer.as_bytes().chunks(7.max(answer.len() / 100)) {
                        stream.write_all(piece).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                }
                if !closes {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (PlainService::to(&url.parse().unwrap()).unwrap(), connections)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    while !request.ends_with("the body") {
        let mut piece = [0; 512];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "closed within {request:?}");
        request.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    request
}

async fn post(plain: &PlainService) -> Result<HttpResponse, TransportError> {
    let posted = plain.post(HeaderMap::new(), "the body".to_owned());
    tokio::time::timeout(Duration::from_secs(20), posted).await.expect("an answer or an error")
}

#[test]
fn what_the_caller_accepts_is_asked_for() {
    let plain = PlainService::to(&"http://127.0.0.1:1/ask".parse().unwrap()).unwrap();
    let json = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    for (headers, expected) in [(HeaderMap::new(), "*/*"), (json, "application/json")] {
        let (bytes, _) = plain.request(headers, "the body").unwrap();
        let request = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
        let accepts: Vec<_> = request.lines().filter_map(|line| line.strip_prefix("accept: ")).collect();
        assert_eq!(accepts, [expected]);
    }
}

#[tokio::test]
async fn answers_of_every_framing_are_read_whole() {
    let rows: [(&[&str], bool, u16, &str, bool); 9] = [
        // The answer, whether it closes; status, body, whether the connection is kept.
        (&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"], false, 200, "hello", true),
        (&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], false, 200, "", true),
        (&["HTTP/1.1 204 No Content\r\n\r\n"], false, 204, "", true),
        (
            &[
                "HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nt: 1\r\n\r\n",
            ],
            false,
            201,
            "hello",
            true,
        ),
        (&["HTTP/1.1 200 OK\r\n\r\nuntil the end"], true, 200, "until the end", false),
        (&["HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello"], false, 200, "hello", false),
        (&["HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nhi"], false, 200, "hi", false),
        (
            &[
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nlink: <x>\r\n\r\nHTTP/1.1 302 F\r\nlocation: /\r\ncontent-length: 2\r\n\r\nhi",
            ],
            false,
            302,
            "hi",
            true,
        ),
        (&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi and more than it said"], false, 200, "hi", false),
    ];
    for (answers, closes, status, body, kept) in rows {
        let (plain, _) = service(answers, closes).await;
        let answer = post(&plain).await.unwrap_or_else(|error| panic!("{answers:?}: {error}"));
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, body.as_bytes()), "{answers:?}");
        assert_eq!(plain.idle.take().is_some(), kept, "{answers:?}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_that_says_why() {
    let rows: [(&[&str], &str); 6] = [
        (&[""], "the connection was closed before there was an answer"),
        (&["HTTP/1.1 200 OK\r\ncontent-le"], "the connection was closed before there was an answer"),
        (
            &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"],
            "the connection was closed before the answer was complete",
        ),
        (
            &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"],
            "the connection was closed before the answer was complete",
        ),
        (&["SSH-2.0-OpenSSH_9.9\r\n"], "http parse fail"),
        (&["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhello\r\n"], "chunk"),
    ];
    for (answers, reason) in rows {
        let (plain, _) = service(answers, true).await;
        let error = post(&plain).await.expect_err("no answer").to_string();
        assert!(error.contains(reason), "{answers:?}: {error}");
        assert!(plain.idle.take().is_none());
    }
}

#[tokio::test]
async fn a_head_without_end_and_a_body_without_end_are_given_up() {
    let long: &'static str = Box::leak("x".repeat(2 * HEAD_MAX_BYTES).into_boxed_str());
    let head: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\nx: {long}").into_boxed_str());
    let (plain, _) = service(Vec::leak(vec![head]), false).await;
    assert_eq!(post(&plain).await.expect_err("too long").to_string(), "the answer's head is too long");

    let body = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(BODY_MAX_BYTES + 1));
    let (plain, _) = service(Vec::leak(vec![&*body.leak()]), false).await;
    assert!(matches!(post(&plain).await, Err(TransportError::TooLong)));
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_the_service_closed_is_not() {
    const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let (plain, connections) = service(&[HELLO, HELLO], true).await;
    for (n, expected) in [1, 1, 2, 2, 3].into_iter().enumerate() {
        assert_eq!(post(&plain).await.unwrap().body, b"hello");
        assert_eq!(connections.load(Ordering::Relaxed), expected);
        if n % 2 == 1 {
            // The service closes behind its second answer; that must have come here.
            if let Some(waiting) = plain.idle.take() {
                waiting.readable().await.unwrap();
                plain.idle.put(waiting);
            }
        }
    }
}

#[tokio::test]
async fn the_request_is_one_of_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plain = PlainService::to(&format!("http://{address}/ask?key=1#part").parse().unwrap()).unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        request
    });
    post(&plain).await.unwrap();
    let request = asked.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /ask?key=1 HTTP/1.1");
    lines.sort_unstable();
    let (host, agent) = (format!("host: {address}"), format!("user-agent: {AGENT}"));
    assert_eq!(lines, ["accept: */*", "content-length: 8", &*host, &*agent]);
    assert_eq!(body, "the body");
}

#[tokio::test]
async fn an_answer_before_the_whole_request_is_read_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain =
        PlainService::to(&format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap()).unwrap();
    let held = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 10]).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        stream
    });
    // More than the buffers of both sides hold.
    let posted = plain.post(HeaderMap::new(), "x".repeat(64 * 1024 * 1024));
    let answer = tokio::time::timeout(Duration::from_secs(20), posted).await.expect("an answer").unwrap();
    assert_eq!(answer.status, 413);
    assert!(plain.idle.take().is_none());
    drop(held.await);
}

#[test]
fn what_needs_more_than_this_is_not_for_it() {
    for url in ["https://bot/ask", "http://me@bot/ask", "http://me:pass@bot/ask", "http://:pass@bot/ask"] {
        assert!(PlainService::to(&url.parse().unwrap()).is_none(), "{url}");
    }
    assert!(PlainService::to(&"http://[::1]:80/ask".parse().unwrap()).is_some());
}

#[tokio::test]
async fn a_kept_connection_that_breaks_before_the_answer_is_replaced_once_and_a_new_one_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain =
        PlainService::to(&format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap()).unwrap();
    let service = tokio::spawn(async move {
        // How many requests each connection answers before it reads one more and closes.
        for answers in [1, 1, 0] {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..answers {
                read_request(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
            read_request(&mut stream).await;
        }
    });
    for _ in 0..2 {
        assert_eq!(post(&plain).await.unwrap().body, b"ok");
    }
    // The second connection was kept, too; the third is new.
    let error = post(&plain).await.unwrap_err();
    assert!(error.to_string().contains(CLOSED), "{error}");
    service.await.unwrap();
}
