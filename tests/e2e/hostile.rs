//! Clients that mean harm: others are served in time, and memory stays bounded.

use std::time::{Duration, Instant};

use huixin_wechat::{http_client, sign};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{ANY_CLOCK, Setup, Stack, long};

/// How much the receiver may grow in all of this, in KiB.
const GROWTH_MAX_KIB: u64 = 96 * 1024;
/// What a push of anybody else may take at the same time: the ack budget and what a busy test machine adds.
const PATIENCE: Duration = Duration::from_millis(750);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_made_to_hurt_and_half_open_connections_slow_nobody_down() {
    let mut stack = Stack::on_redis(Setup { receiver: ANY_CLOCK.to_owned(), ..Setup::default() }).await;
    let receiver = stack.role("receiver").await;
    let token = stack.sandbox.sandbox.config().accounts[0].token.clone();
    let query = format!("signature={}&timestamp=1718000010&nonce=1", sign(&[&token, "1718000010", "1"]));
    let url = format!("{}?{query}", stack.push_url());
    let client = http_client().expect("a client can be made");
    stack.say("oWarm", "up").await;
    let before_kib = receiver.resident_kib();

    // Signed, so that they get as far as the parser.
    let nested = format!("<xml>{}", "<a>".repeat(80_000));
    let attributes = format!("<xml {}></xml>", "a=\"b\" ".repeat(40_000));
    let entities: String =
        (1..12).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let laughs =
        format!("<!DOCTYPE xml [<!ENTITY l0 \"lol\">{entities}]><xml><Content>&l11;</Content></xml>");
    let references = format!("<xml><Content>{}</Content></xml>", "&#65;".repeat(50_000));
    for (name, body) in [
        ("nested tags", nested),
        ("attributes", attributes),
        ("a billion laughs", laughs),
        ("references", references),
    ] {
        assert!(body.len() < 256 * 1024, "{name} is within the limit");
        let began = Instant::now();
        let status = client.post(&url).body(body).send().await.expect("it answers").status();
        assert!(status.is_success(), "{name} is acked and kept: {status}");
        assert!(began.elapsed() < Duration::from_secs(2), "{name} took {:?}", began.elapsed());
    }
    let million = format!("<xml {}></xml>", "a=\"b\" ".repeat(1_000_000));
    let status = client.post(&url).body(million).send().await.expect("it answers").status();
    assert_eq!(status.as_u16(), 413, "a million attributes are too much by their size");

    // 100 MB announced, and a few bytes of them sent; and the same without an announcement.
    let host = format!("127.0.0.1:{}", stack.receiver_port);
    let head = |more: &str| format!("POST /wechat/main?{query} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
    let mut announced = TcpStream::connect(&host).await.expect("it takes connections");
    announced.write_all(head("Content-Length: 100000000\r\n").as_bytes()).await.expect("it reads");
    assert!(answer_of(&mut announced).await.starts_with("HTTP/1.1 413"), "refused before it is sent");
    let mut chunked = TcpStream::connect(&host).await.expect("it takes connections");
    chunked.write_all(head("Transfer-Encoding: chunked\r\n").as_bytes()).await.expect("it reads");
    chunked.write_all(b"10\r\n<xml>0123456789a\r\n").await.expect("it reads");

    // Half-open: some silent, some with half a head.
    let mut half_open = Vec::new();
    for n in 0..1_000 {
        let mut connection = TcpStream::connect(&host).await.expect("it takes connections");
        if n % 2 == 0 {
            connection.write_all(b"POST /wechat/main?signature=").await.expect("it reads");
        }
        half_open.push(connection);
    }
    let mut worst = Duration::ZERO;
    for n in 0..if long() { 500 } else { 50 } {
        let began = Instant::now();
        stack.say("oHonest", &format!("during it {n}")).await;
        worst = worst.max(began.elapsed());
    }
    assert!(worst < PATIENCE, "an honest push took {worst:?}");
    let grown_kib = receiver.resident_kib().saturating_sub(before_kib);
    println!("worst honest push {worst:?}; the receiver grew from {before_kib} by {grown_kib} KiB");
    assert!(grown_kib < GROWTH_MAX_KIB, "the receiver grew by {grown_kib} KiB");
    assert!(answer_of(&mut chunked).await.starts_with("HTTP/1.1 408"), "a body that trickles is given up");

    // The silent ones are cut by the receiver, not only forgotten.
    let mut rest = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(30), half_open[0].read_to_end(&mut rest)).await;
    assert!(cut.is_ok(), "a half-open connection is cut");
    drop(half_open);
    stack.end_with_dead().await;
}

async fn answer_of(connection: &mut TcpStream) -> String {
    let mut answer = [0; 64];
    let read = tokio::time::timeout(Duration::from_secs(20), connection.read(&mut answer)).await;
    let length = read.expect("it answers in time").unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}
