//! A Redis that would lose messages is refused; one that begins to, while we use it, is reported.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use huixin::admin::{self, Admin, Readiness};
use huixin::config::Role;
use huixin::operator::{AdminAccess, ConfiguredView, OperatorContext};
use huixin::safety::Watch;
use huixin_queue::redis::{Inspector, RedisQueue, RedisSettings, Risk};
use huixin_queue::testing::{Proxy, RedisServer};
use huixin_queue::{Clock, Queue};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{PATIENCE, Setup, Stack};

/// What this thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines_with(&self, text: &str) -> Vec<String> {
        let all = String::from_utf8_lossy(&self.0.lock().expect("no holder panics")).into_owned();
        all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no holder panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The admin listener of a process on this Redis, with a watch that looks all the time.
struct Watched {
    log: Log,
    base: String,
    stop: CancellationToken,
    _logging: tracing::subscriber::DefaultGuard,
}

impl Watched {
    async fn start(url: String, accepted: Vec<Risk>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let mut watch = Watch::new(Inspector::open(&url).expect("the URL is right"), accepted);
        watch.every = Duration::from_millis(20);
        let queue = RedisQueue::open(&RedisSettings {
            url,
            prefix: "huixin".to_owned(),
            dedup_window: Duration::from_secs(3600),
            clock: Clock::Store,
        });
        let queue: Arc<dyn Queue> = Arc::new(queue.expect("the URL is right"));
        let listener =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
        let address = listener.local_addr().expect("it has an address");
        let admin = Admin {
            operator: Arc::new(OperatorContext::new(
                queue.clone(),
                AdminAccess::new(address, None, None),
                ConfiguredView::default(),
            )),
            readiness: Readiness {
                spool: None,
                lacks_spool: false,
                role: Role::Worker,
                queue,
                worker: None,
                warnings: vec![watch.warnings()],
            },
            metrics: admin::record_metrics(Role::Worker)
                .expect("no other test of this program has a recorder"),
        };
        let stop = CancellationToken::new();
        tokio::spawn(admin::run(listener, admin, stop.clone().cancelled_owned()));
        tokio::spawn(watch.run(stop.clone()));
        Self { log, base: format!("http://{address}/"), stop, _logging: logging }
    }

    async fn get(&self, path: &str) -> String {
        let client = huixin_wechat::http_client().expect("a client can be made");
        let answer = client.get(format!("{}{path}", self.base)).send().await.expect("it is served");
        answer.text().await.expect("it is whole")
    }

    /// Waits until the metric of the risk has this value, and gives `/readyz`.
    async fn until(&self, risk: Risk, value: u8) -> Value {
        let line = format!("huixin_queue_risk{{risk=\"{}\"}} {value}", risk.name());
        let deadline = Instant::now() + PATIENCE;
        while !self.get("metrics").await.lines().any(|shown| shown == line) {
            assert!(Instant::now() < deadline, "never: {line}; {:?}", self.log.lines_with(""));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        serde_json::from_str(&self.get("readyz").await).expect("it is JSON")
    }
}

// One test: the recorder of metrics is the whole program's.
#[tokio::test]
async fn trouble_that_begins_on_a_running_redis_is_told_once_with_its_remedy_and_so_is_its_end() {
    let mut server = RedisServer::start(&[]);
    let watched = Watched::start(server.url(), vec![Risk::Eviction]).await;
    let well = watched.until(Risk::NoAof, 0).await;
    assert_eq!((&well["ready"], &well["warnings"]), (&Value::Bool(true), &Value::Array(Vec::new())));

    // Not accepted: an error.
    server.cli(&["CONFIG", "SET", "appendonly", "no"]);
    let unsafe_ = watched.until(Risk::NoAof, 1).await;
    assert_eq!(unsafe_["ready"], true, "it works on");
    let warning = format!("the Redis at {}: it has no append-only file", server.url());
    assert!(unsafe_["warnings"][0].as_str().is_some_and(|text| text.starts_with(&warning)), "{unsafe_}");

    // Accepted by the configuration: a warning.
    server.cli(&["CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru"]);
    let both = watched.until(Risk::Eviction, 1).await;
    assert_eq!(both["warnings"].as_array().map(Vec::len), Some(2), "{both}");

    server.cli(&["CONFIG", "SET", "appendonly", "yes", "maxmemory", "0"]);
    watched.until(Risk::NoAof, 0).await;
    let again = watched.until(Risk::Eviction, 0).await;
    assert_eq!(again["warnings"], Value::Array(Vec::new()), "{again}");

    // While the server is away the watch says nothing, and afterwards it goes on looking.
    server.kill();
    server.restart();
    server.cli(&["CONFIG", "SET", "appendfsync", "no"]);
    watched.until(Risk::NoFsync, 1).await;

    let lines_about = |risk: Risk| watched.log.lines_with(&format!("risk=\"{}\"", risk.name()));
    let aof = lines_about(Risk::NoAof);
    assert_eq!(aof.len(), 2, "once each: {aof:?}");
    assert!(
        aof[0].contains("ERROR")
            && aof[0].contains("the Redis is not safe")
            && aof[0].contains("problem=\"it has no append-only")
    );
    let remedy = format!("run `redis-cli -u {} CONFIG SET appendonly yes` and", server.url());
    assert!(aof[0].contains(&remedy), "{}", aof[0]);
    assert!(
        aof[1].contains("INFO")
            && aof[1].contains("a problem of the Redis is over")
            && aof[1].contains("problem=\"it has no append-only"),
        "{}",
        aof[1]
    );
    let eviction = lines_about(Risk::Eviction);
    assert_eq!(eviction.len(), 2, "once each: {eviction:?}");
    assert!(
        eviction[0].contains("WARN")
            && eviction[0].contains("the risk is accepted")
            && eviction[0].contains("problem=\"it evicts"),
        "{eviction:?}"
    );
    watched.stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsafe_redis_whose_risk_is_named_is_used_and_the_risk_is_shown() {
    let mut stack = Stack::on_redis(Setup::default()).await;
    let redis = stack.redis.as_ref().expect("it is on Redis");
    redis.cli(&["CONFIG", "SET", "appendonly", "no"]);
    for role in ["receiver", "worker", "run"] {
        let mut process = stack.spawn(role, &[("HUIXIN_QUEUE__ACCEPT_RISK", "[\"no_aof\"]")]);
        process.ready().await;
        let line = process.wait_for_log("the Redis is not safe, and the risk is accepted").await;
        assert!(line.contains("problem=\"it has no append-only file"), "{line}");
        assert!(line.contains("WARN") && line.contains("risk=\"no_aof\""), "{line}");
        let url = format!("{}readyz", process.url_after("health and metrics are served url=").await);
        let client = huixin_wechat::http_client().expect("a client can be made");
        let report = client.get(&url).send().await.expect("it is served").text().await.expect("it is whole");
        let report: Value = serde_json::from_str(&report).expect("it is JSON");
        assert_eq!(report["warnings"].as_array().map(Vec::len), Some(1), "{role}: {report}");
        assert_eq!(process.stop().await, Some(0), "{role}: {}", process.log());
    }
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_older_than_7_is_refused_whatever_is_accepted() {
    let mut stack = Stack::on_redis(Setup::default()).await;
    let port = stack.redis.as_ref().expect("it is on Redis").port();
    // There is no such old server here; this one says that it is.
    let old = Proxy::lying(port, "redis_version:7.", "redis_version:6.").await;
    let url = old.redis_url();
    let variables = [
        ("HUIXIN_QUEUE__URL", url.as_str()),
        ("HUIXIN_QUEUE__ACCEPT_RISK", "[\"no_aof\", \"appendfsync_no\", \"eviction\"]"),
    ];
    for role in ["receiver", "worker", "run"] {
        let mut process = stack.spawn(role, &variables);
        assert_eq!(process.ended().await.code(), Some(64), "{role}: {}", process.log());
        let log = process.log();
        assert!(log.contains("can't be used: it is older than 7.0 (6."), "{log}");
        assert!(log.contains("hint: use Redis 7.0 or newer, or Valkey\n"), "{log}");
    }
    stack.end().await;
}
