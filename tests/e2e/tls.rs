//! One provider of cryptography for every client: two in a process panic at the first TLS connection. And a Redis behind
//! TLS, with a certificate of one's own.

use std::path::Path;
use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::RedisServer;
use huixin_wechat::{Client, ClientConfig, Secret, http_client};
use huixin_worker::handlers::sql::{Database, DatabaseLocation};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::harness::{Setup, Stack, free_port};

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

    let listener = bind().await;
    let address = listener.local_addr().expect("it has an address");
    let url = Secret::from(format!("postgres://user:password@{address}/shop?sslmode=require"));
    let database =
        Database::new("shop", &DatabaseLocation::Postgres(url), 1, false).expect("the URL is right");
    let hello_of_a_database = async {
        let (mut connection, _) = listener.accept().await.expect("a client comes");
        let mut request = [0; 8];
        connection.read_exact(&mut request).await.expect("it asks for TLS");
        connection.write_all(b"S").await.expect("it takes a yes");
        connection.read_u8().await.expect("it says something")
    };
    let (hello, checked) = tokio::join!(hello_of_a_database, database.check());
    assert_eq!(hello, HANDSHAKE, "databases");
    assert!(checked.is_err_and(|trouble| trouble.passes));
}

/// Writes `authority.pem`, and `redis.pem` and `redis.key` of a server on this machine.
fn certificates_in(folder: &Path) {
    let new_key = || KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::new(Vec::new()).expect("no names are right names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, new_key()).expect("it signs itself");
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let params = CertificateParams::new(names).expect("these are names");
    let key = new_key();
    let certificate = params.signed_by(&key, &authority).expect("it is signed");
    let write = |file: &str, text: &str| {
        std::fs::write(folder.join(file), text).expect("the folder can be written to");
    };
    write("authority.pem", &authority.pem());
    write("redis.pem", &certificate.pem());
    write("redis.key", &key.serialize_pem());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_behind_tls_is_used_once_its_authority_is_trusted() {
    let routes = "[[route]]\nname = \"echo\"\nreply = \"echo {{ content }}\"\n".to_owned();
    let mut stack = Stack::on_redis(Setup { routes, ..Setup::default() }).await;
    let certificates = tempfile::tempdir().expect("a temporary folder can be made");
    certificates_in(certificates.path());
    let path = |file: &str| certificates.path().join(file).to_str().expect("it is text").to_owned();
    let (port, password) = (free_port(), "s3cret");
    stack.redis = Some(RedisServer::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &path("redis.pem"),
        "--tls-key-file",
        &path("redis.key"),
        "--tls-ca-cert-file",
        &path("authority.pem"),
        "--tls-auth-clients",
        "no",
    ]));
    let redis = stack.redis.as_ref().expect("it was just started");
    redis.cli(&["ACL", "SETUSER", "anna", "on", &format!(">{password}"), "~*", "+@all"]);
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("rediss://anna:{password}@{host}:{port}/0");

        // By default only the public authorities are trusted.
        let mut stranger = stack.spawn("worker", &[("HUIXIN_QUEUE__URL", &url)]);
        assert_eq!(stranger.ended().await.code(), Some(64), "{}", stranger.log());
        let log = stranger.log();
        assert!(log.contains("can't be used: its certificate is not trusted"), "{log}");
        assert!(log.contains("hint: ") && log.contains("SSL_CERT_FILE"), "{log}");

        let authority = path("authority.pem");
        let variables = [("HUIXIN_QUEUE__URL", url.as_str()), ("SSL_CERT_FILE", &authority)];
        let (mut receiver, mut worker) =
            (stack.spawn("receiver", &variables), stack.spawn("worker", &variables));
        receiver.ready().await;
        worker.ready().await;
        stack.say(host, "hello").await;
        stack.wait_for_sends(host, 1).await;
        assert_eq!(stack.texts_to(host), ["echo hello"]);
        for process in [&mut receiver, &mut worker] {
            assert_eq!(process.stop().await, Some(0), "{}", process.log());
        }
    }
    assert!(!stack.all_logs().contains(password));
    stack.end().await;
}
