//! One provider of cryptography for every client: two in a process panic at the first TLS connection.

use std::time::Duration;

use huixin_queue::Queue as _;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_wechat::{Client, ClientConfig, Secret, http_client};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

/// The first byte of a TLS handshake record.
const HANDSHAKE: u8 = 22;

/// A server that reads the client's hello and hangs up: by then the client has used its provider.
async fn hello_on(listener: TcpListener) -> u8 {
    let (mut connection, _) = listener.accept().await.expect("a client comes");
    connection.read_u8().await.expect("it says something")
}

#[tokio::test]
async fn every_client_begins_a_tls_handshake_and_fails_cleanly_when_it_is_cut() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bind = || async { TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound") };

    let listener = bind().await;
    let address = listener.local_addr().expect("it has an address");
    let settings = RedisSettings {
        url: format!("rediss://user:password@{address}/0"),
        prefix: "huixin".to_owned(),
        dedup_window: Duration::from_secs(60),
        clock: huixin_queue::Clock::Store,
    };
    let queue = RedisQueue::open(&settings).expect("the URL is right");
    let (hello, answer) = tokio::join!(hello_on(listener), queue.ping());
    assert_eq!(hello, HANDSHAKE, "redis");
    assert!(answer.expect_err("it hung up").is_outage());

    let listener = bind().await;
    let address = listener.local_addr().expect("it has an address");
    let client = Client::new(ClientConfig {
        app_id: "wx0123456789abcdef".to_owned(),
        app_secret: Secret::from("secret"),
        api_base: format!("https://{address}/").parse().expect("it is a URL"),
        timeout: Duration::from_secs(5),
        http: http_client().expect("a client can be made"),
    });
    let (hello, token) = tokio::join!(hello_on(listener), client.token());
    assert_eq!(hello, HANDSHAKE, "WeChat's API and HTTP services");
    assert!(token.is_err());
}
