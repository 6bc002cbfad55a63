//! Redis is there and can't serve, or can't be heard: each call is an outage, never a lost lease, and comes back.

use std::time::{Duration, Instant};

use huixin_queue::prelude::*;
use huixin_queue::redis::{Inspector, RedisQueue, Risk};
use huixin_queue::testing::conformance::message;
use huixin_queue::testing::{Proxy, RedisServer, Settling as _};
use huixin_queue::{Accepted, Clock, Lease, MessageId, Progress, QueueError};

use super::{eventually, open_at, request};

/// Longer than the queue waits for an answer.
const TOO_LONG: Duration = Duration::from_millis(2_500);

/// A queue with a running message and a dead one.
struct Subject {
    queue: RedisQueue,
    lease: Lease,
    dead: MessageId,
}

impl Subject {
    async fn on(url: String) -> Self {
        let queue = open_at(url, Clock::Store);
        for id in ["dies", "runs"] {
            queue.accept(message(id, id)).await.expect("accept");
        }
        let taken = queue.take(&request(1)).await.expect("take").messages;
        let leases: Vec<_> = taken.into_iter().map(|leased| leased.lease).collect();
        let [dies, lease] = <[Lease; 2]>::try_from(leases).expect("both are taken");
        queue.bury(&dies, "for the test").await.expect("bury");
        Self { queue, lease, dead: dies.id }
    }

    /// Makes every call that writes, in an order that keeps the lease until the last. Gives the errors of those that fail.
    async fn failures(&self) -> Vec<(&'static str, QueueError)> {
        let Self { queue, lease, dead } = self;
        let minute = Duration::from_secs(60);
        let outcomes = [
            (
                "accept",
                queue.accept(message("other", &format!("m{}", rand::random::<u32>()))).await.map(|_| ()),
            ),
            ("take", queue.take(&request(2)).await.map(|_| ())),
            ("renew", queue.renew(std::slice::from_ref(lease), minute).await.map(|_| ())),
            ("record", queue.record(lease, Progress::default(), None).await.map(drop)),
            ("revive", queue.revive(std::slice::from_ref(dead)).await.map(|_| ())),
            ("complete", queue.complete(lease).await),
        ];
        outcomes.into_iter().filter_map(|(call, outcome)| Some((call, outcome.err()?))).collect()
    }

    /// Checks that all calls that write are outages.
    async fn is_away(&self, when: &str, calls: &[&str]) {
        let failures = self.failures().await;
        for (call, error) in &failures {
            assert!(error.is_outage(), "{when}, {call}: {error:?}");
        }
        let failed: Vec<_> = failures.iter().map(|(call, _)| *call).collect();
        assert_eq!(failed, calls, "{when}");
    }

    /// Checks that the lease is still held.
    async fn is_back(&self, when: &str) {
        let Self { queue, lease, .. } = self;
        let new = message("another", &format!("after {}", rand::random::<u32>()));
        again(when, || queue.accept(new.clone())).await;
        again(when, || queue.renew(std::slice::from_ref(lease), Duration::from_secs(60))).await;
        again(when, || queue.complete(lease)).await;
        assert_eq!(queue.audit().await.expect("audit"), [], "{when}");
    }
}

/// Makes the call until it is no outage any more: for a moment after a failed attempt to connect none is made.
async fn again<T, F: Future<Output = Result<T, QueueError>>>(when: &str, call: impl Fn() -> F) -> T {
    let what = format!("{when} is over");
    let ended = async || Some(call().await).filter(|outcome| !matches!(outcome, Err(e) if e.is_outage()));
    eventually(&what, ended).await.expect(when)
}

const ALL: [&str; 6] = ["accept", "take", "renew", "record", "revive", "complete"];

#[tokio::test]
async fn a_server_that_takes_no_writes_is_an_outage_for_every_call_that_makes_one() {
    let server = RedisServer::start(&["--dbfilename", "snapshot"]);
    let config = |name: &str, value: &str| {
        let answer = server.cli(&["CONFIG", "SET", name, value]);
        assert!(answer.contains("OK"), "{name} {value}: {answer}");
    };

    let subject = Subject::on(server.url()).await;
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    subject.is_away("READONLY", &ALL).await;
    assert_eq!(risks(&server).await, [Risk::Replica]);
    config("replica-serve-stale-data", "no");
    subject.is_away("MASTERDOWN", &ALL).await;
    config("replica-serve-stale-data", "yes");
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    subject.is_back("READONLY").await;

    let subject = Subject::on(server.url()).await;
    config("min-replicas-to-write", "1");
    subject.is_away("NOREPLICAS", &ALL).await;
    config("min-replicas-to-write", "0");
    subject.is_back("NOREPLICAS").await;

    // A snapshot can't take the place of a folder.
    let subject = Subject::on(server.url()).await;
    std::fs::create_dir(server.folder().join("snapshot")).expect("the folder can be written to");
    config("save", "3600 1");
    server.cli(&["BGSAVE"]);
    eventually("the snapshot fails", async || {
        server.cli(&["INFO", "persistence"]).contains("rdb_last_bgsave_status:err").then_some(())
    })
    .await;
    subject.is_away("MISCONF", &ALL).await;
    assert_eq!(risks(&server).await, [Risk::Snapshot]);
    config("save", "");
    subject.is_back("MISCONF").await;
    assert_eq!(risks(&server).await, []);
}

#[tokio::test]
async fn a_server_that_is_full_takes_nothing_new_and_everything_else() {
    let server = RedisServer::start(&[]);
    let subject = Subject::on(server.url()).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    subject.is_away("OOM", &["accept", "revive"]).await;
    assert_eq!(risks(&server).await, [Risk::Memory]);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let again = Subject::on(server.url()).await;
    again.is_back("OOM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_busy_with_a_script_of_somebody_else_is_an_outage() {
    let server = RedisServer::start(&[]);
    let subject = Subject::on(server.url()).await;
    server.cli(&["CONFIG", "SET", "busy-reply-threshold", "20"]);
    std::thread::scope(|scope| {
        scope.spawn(|| server.cli(&["EVAL", "while true do end", "0"]));
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            runtime.block_on(async {
                eventually("the script runs", async || server.cli(&["PING"]).contains("BUSY").then_some(()))
                    .await;
                subject.is_away("BUSY", &ALL).await;
                server.cli(&["SCRIPT", "KILL"]);
            });
        });
    });
    subject.is_back("BUSY").await;
}

#[tokio::test]
async fn a_server_that_is_loading_is_an_outage_until_it_has_loaded() {
    let mut server = RedisServer::start(&["--appendonly", "no"]);
    let subject = Subject::on(server.url()).await;
    for n in 0..200 {
        subject.queue.accept(message(&format!("lane{n}"), &format!("m{n}"))).await.expect("accept");
    }
    assert!(server.cli(&["SAVE"]).contains("OK"));
    server.kill();
    server.restart_slowly();
    // Its INFO says `aof_enabled:0` now, of any server: nothing is judged by that.
    let unjudged = Inspector::open(&server.url()).expect("the URL is right").inspect().await;
    assert!(unjudged.as_ref().is_err_and(QueueError::is_outage), "{unjudged:?}");
    let failures = subject.failures().await;
    assert!(failures.iter().all(|(_, error)| error.is_outage()), "{failures:?}");
    assert!(failures.iter().any(|(_, error)| cause(error).contains("is loading")), "{failures:?}");
    // What failed was not done, and what was done was not lost.
    server.cli(&["CONFIG", "SET", "key-load-delay", "0"]);
    eventually("it has loaded", async || subject.queue.ping().await.ok()).await;
    assert_eq!(risks(&server).await, [Risk::NoAof]);
    assert!(subject.queue.counts().await.expect("counts").open_total() >= 200);
    assert_eq!(subject.queue.audit().await.expect("audit"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_for_longer_than_any_patience_comes_back_to_every_call() {
    let server = RedisServer::start(&[]);
    let subject = Subject::on(server.url()).await;
    let Subject { queue, lease, .. } = &subject;
    queue.renew(std::slice::from_ref(lease), Duration::from_secs(60)).await.expect("renew");
    server.signal("-STOP");
    let stopped = Instant::now();
    let waiting = queue.wait(Duration::from_secs(1));
    let accepting = queue.accept(message("new", "late"));
    let renewing = queue.renew(std::slice::from_ref(lease), Duration::from_secs(60));
    let counting = queue.counts();
    let all = async { tokio::join!(waiting, accepting, renewing, counting) };
    let (waited, accepted, renewed, counted) =
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("each ends by its own timeout");
    for (call, error) in [
        ("wait", waited.err()),
        ("accept", accepted.err()),
        ("renew", renewed.err()),
        ("counts", counted.err()),
    ] {
        let error = error.unwrap_or_else(|| panic!("{call} can't have had an answer"));
        assert!(error.is_outage(), "{call}: {error:?}");
    }
    assert!(stopped.elapsed() >= TOO_LONG - Duration::from_millis(500), "{:?}", stopped.elapsed());
    server.signal("-CONT");

    eventually("a wait works", async || queue.wait(Duration::from_millis(10)).await.ok()).await;
    // The accept that timed out may have been applied since.
    let accepted =
        eventually("an accept works", async || queue.accept(message("new", "late")).await.ok()).await;
    assert!(matches!(accepted, Accepted::New | Accepted::Duplicate), "{accepted:?}");
    subject.is_back("the stop").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_on_a_connection_that_goes_silent_ends_and_the_next_one_works() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(server.port()).await;
    let subject = Subject::on(proxy.redis_url()).await;
    let Subject { queue, lease, .. } = &subject;
    queue.renew(std::slice::from_ref(lease), Duration::from_secs(60)).await.expect("renew");
    // The wake-ups of what was accepted.
    for _ in 0..64 {
        queue.wait(Duration::from_millis(1)).await.expect("wait");
    }
    let waiting = queue.wait(Duration::from_secs(1));
    let others = async {
        // The wait blocks at Redis by now, as far as can be seen from here.
        eventually("a client is blocked", async || {
            server.cli(&["INFO", "clients"]).contains("blocked_clients:1").then_some(())
        })
        .await;
        proxy.silence();
        tokio::join!(
            queue.accept(message("new", "late")),
            queue.renew(std::slice::from_ref(lease), Duration::from_secs(60))
        )
    };
    let all = async { tokio::join!(waiting, others) };
    let (waited, (accepted, renewed)) =
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("each ends by its own timeout");
    for (call, error) in [("wait", waited.err()), ("accept", accepted.err()), ("renew", renewed.err())] {
        let error = error.unwrap_or_else(|| panic!("{call} can't have had an answer"));
        assert!(error.is_outage(), "{call}: {error:?}");
    }
    // Nothing has to be repeated more than once: the connections are new.
    queue.wait(Duration::from_millis(10)).await.expect("wait");
    assert_eq!(queue.accept(message("new", "late")).await.expect("accept"), Accepted::New);
    subject.is_back("the silence").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_waits_long_behind_a_reconnect_that_hangs() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(server.port()).await;
    let queue = open_at(proxy.redis_url(), Clock::Store);
    queue.ping().await.expect("ping");
    proxy.silence_all();
    proxy.cut();
    // An attempt to connect takes two seconds here, and one is always under way: a call that waits for all of it is too slow.
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < TOO_LONG {
        let called = Instant::now();
        let error = queue.ping().await.expect_err("nobody answers");
        assert!(error.is_outage(), "{error:?}");
        longest = longest.max(called.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(longest < Duration::from_secs(2), "a call waited for {longest:?}");
    proxy.speak();
    proxy.cut();
    eventually("it is back", async || queue.ping().await.ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_to_connect_outlives_a_caller_with_less_patience() {
    let server = RedisServer::start(&[]);
    let connections = || {
        let stats = server.cli(&["INFO", "stats"]);
        let count = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        count.expect("Redis counts them").trim().parse::<u64>().expect("it is a number")
    };
    let queue = open_at(server.url(), Clock::Store);
    let before = connections();
    server.signal("-STOP");
    for _ in 0..5 {
        let patience = Duration::from_millis(100);
        assert!(tokio::time::timeout(patience, queue.ping()).await.is_err(), "nobody answers");
    }
    server.signal("-CONT");
    queue.ping().await.expect("the attempt goes on");
    // One, and the one that asks.
    assert_eq!(connections() - before, 2);
}

#[tokio::test]
async fn a_node_of_a_cluster_that_has_no_slots_is_an_outage() {
    let server = RedisServer::start(&["--cluster-enabled", "yes"]);
    let queue = open_at(server.url().replace("/0", ""), Clock::Store);
    let error = queue.ping().await.expect_err("it serves nothing");
    assert!(error.is_outage() && cause(&error).contains("slot not served"), "{error:?}");
    assert_eq!(risks(&server).await, [Risk::Cluster]);
}

/// What an inspector finds.
async fn risks(server: &RedisServer) -> Vec<Risk> {
    let inspector = Inspector::open(&server.url()).expect("the URL is right");
    let findings = inspector.inspect().await.expect("it can be asked");
    findings.into_iter().map(|finding| finding.risk).collect()
}

fn cause(error: &QueueError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
