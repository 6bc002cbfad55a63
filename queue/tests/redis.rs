//! The Redis engine: the conformance suite, and what only Redis can do wrong.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::conformance::{DEDUP_WINDOW, START_US, message};
use huixin_queue::testing::{Proxy, RedisServer, Settling as _};
use huixin_queue::{
    Accepted, Class, Clock, HeldEffect, NewMessage, Progress, QueueError, TakeRequest, TestClock, WorkerId,
};

mod accounts;
mod away;
mod clock;
mod damaged;
mod journal;
mod load;
mod login;
mod marks;
mod responses;
mod unfit;

huixin_queue::conformance!(open);

async fn open(clock: Clock) -> (Arc<dyn Queue>, ()) {
    (Arc::new(open_at(RedisServer::shared().url(), clock)), ())
}

fn open_at(url: String, clock: Clock) -> RedisQueue {
    open_with_prefix(url, format!("test-{:016x}", rand::random::<u64>()), clock)
}

fn open_with_prefix(url: String, prefix: String, clock: Clock) -> RedisQueue {
    RedisQueue::open(&RedisSettings { url, prefix, dedup_window: DEDUP_WINDOW, clock })
        .expect("the URL is right")
}

/// Asks again and again until there is an answer: for what has no event.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, asking).await.unwrap_or_else(|_| panic!("not within {patience:?}: {what}"))
}

fn request(call: u64) -> TakeRequest {
    TakeRequest {
        max: 100,
        classes: [Class::new("c").expect("fits")].into(),
        worker: WorkerId::new("test"),
        call,
        lease_for: Duration::from_secs(15),
        suspect: true,
    }
}

#[tokio::test]
async fn an_accept_applied_after_its_time_is_refused() {
    let clock = TestClock::at(START_US);
    let queue = open_at(RedisServer::shared().url(), Clock::Test(clock.clone()));
    let mut late = message("lane", "late");
    late.not_after = Some(Duration::from_millis(250));
    let mut call = pin!(queue.accept(late.clone()));
    // The call has begun, and is applied only after the clock has moved.
    assert!(futures::poll!(&mut call).is_pending());
    clock.advance(Duration::from_millis(251));
    assert_eq!(call.await.expect("Redis answers"), Accepted::Expired);
    assert_eq!(queue.accept(late.clone()).await.expect("Redis answers"), Accepted::New, "nothing was stored");
    let mut again = pin!(queue.accept(late));
    assert!(futures::poll!(&mut again).is_pending());
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        again.await.expect("Redis answers"),
        Accepted::Duplicate,
        "it is stored, however late it is asked"
    );
}

#[tokio::test]
async fn scripts_that_redis_has_forgotten_are_loaded_again() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    queue.accept(message("lane", "m1")).await.expect("accept");
    assert!(server.cli(&["SCRIPT", "FLUSH"]).contains("OK"));
    queue.accept(message("lane", "m2")).await.expect("accept after a flush");
    assert_eq!(queue.take(&request(1)).await.expect("take").messages.len(), 1);
}

#[tokio::test]
async fn a_killed_redis_loses_nothing_that_was_accepted_and_the_queue_comes_back_by_itself() {
    let mut server = RedisServer::start(&["--appendfsync", "always"]);
    let queue = open_at(server.url(), Clock::Store);
    for n in 0..20 {
        queue.accept(message(&format!("lane{n}"), &format!("m{n}"))).await.expect("accept");
    }
    server.kill();
    let error = queue.accept(message("lane", "m")).await.expect_err("Redis is gone");
    assert!(error.is_outage(), "{error:?}");
    server.restart();
    let taken = tokio::time::timeout(Duration::from_secs(10), async {
        let mut call = 0;
        loop {
            call += 1;
            match queue.take(&request(call)).await {
                Ok(taken) => return taken,
                Err(error) => assert!(error.is_outage(), "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(taken.await.expect("it comes back").messages.len(), 20);
}

#[tokio::test]
async fn a_connection_that_redis_cuts_is_made_anew() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    queue.accept(message("lane", "m1")).await.expect("accept");
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    let mut outcome = queue.accept(message("lane", "m2")).await;
    if outcome.is_err() {
        outcome = queue.accept(message("lane", "m2")).await;
    }
    assert!(matches!(outcome, Ok(Accepted::New | Accepted::Duplicate)), "{outcome:?}");
}

#[tokio::test]
async fn a_full_redis_refuses_to_accept_but_lets_running_messages_end() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    queue.accept(message("lane", "m1")).await.expect("accept");
    let taken = queue.take(&request(1)).await.expect("take").messages;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = queue.accept(message("lane", "m2")).await.expect_err("no memory");
    assert!(error.is_outage(), "a full Redis is an outage: {error:?}");
    let lease = &taken[0].lease;
    queue.renew(std::slice::from_ref(lease), Duration::from_secs(15)).await.expect("renew");
    queue.record(lease, Progress::default(), None).await.expect("record");
    queue.complete(lease).await.expect("complete");
    assert!(queue.audit().await.expect("audit").is_empty());
}

#[tokio::test]
async fn a_wrong_password_is_a_misconfiguration_that_says_what_to_do_and_shows_no_password() {
    let server = RedisServer::start(&["--requirepass", "right"]);
    for url in [server.url(), server.url().replace("redis://", "redis://:s3cret-wrong@")] {
        let queue = open_at(url, Clock::Store);
        let error = queue.ping().await.expect_err("refused");
        assert!(matches!(error, QueueError::Misconfigured { .. }), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("redis://user:password@")));
        let shown = format!("{error} {error:?} {:?} {}", queue, queue.place());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    let queue = open_at(server.url().replace("redis://", "redis://:right@"), Clock::Store);
    queue.ping().await.expect("the right one is let in");
}

#[tokio::test]
async fn a_queue_of_another_format_is_refused() {
    let server = RedisServer::start(&[]);
    let queue = RedisQueue::open(&RedisSettings {
        url: server.url(),
        prefix: "p".into(),
        dedup_window: DEDUP_WINDOW,
        clock: Clock::Store,
    })
    .expect("the URL is right");
    queue.accept(message("lane", "m")).await.expect("accept");
    // That of the version before, and one to come.
    for format in ["1", "99"] {
        server.cli(&["HSET", "{p:0}:meta", "format", format]);
        let everything = || {
            let keys = server.cli(&["KEYS", "*"]);
            let mut keys: Vec<&str> = keys.lines().collect();
            keys.sort_unstable();
            keys.into_iter().map(|key| key.to_owned() + &server.cli(&["DUMP", key])).collect::<Vec<_>>()
        };
        let before = everything();
        let queue = open_with_prefix(server.url(), "p".into(), Clock::Store);
        for _ in 0..2 {
            let error = queue.accept(message("lane", "n")).await.expect_err("refused");
            assert!(
                matches!(&error, QueueError::UnknownFormat { what } if what.contains(format)),
                "{error:?}"
            );
            assert!(error.hint().is_some_and(|hint| hint.contains("until it is empty")), "{error:?}");
        }
        assert!(queue.take(&request(1)).await.is_err());
        assert_eq!(everything(), before, "it is unharmed");
    }
}

#[tokio::test]
async fn a_stalled_redis_is_an_outage_and_not_a_lost_lease() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    queue.accept(message("lane", "m")).await.expect("accept");
    let lease = queue.take(&request(1)).await.expect("take").messages.remove(0).lease;
    server.signal("-STOP");
    let error = queue.complete(&lease).await.expect_err("no answer");
    server.signal("-CONT");
    assert!(error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn a_lease_from_before_redis_lost_its_data_settles_nothing_afterwards() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    let worker = WorkerId::new("test");
    let take = |call| TakeRequest { worker: worker.clone(), ..request(call) };
    queue.accept(message("lane", "m1")).await.expect("accept");
    let old = queue.take(&take(1)).await.expect("take").messages.remove(0).lease;
    server.cli(&["FLUSHALL"]);
    queue.accept(message("lane", "m2")).await.expect("accept");
    let new = queue.take(&take(2)).await.expect("take").messages.remove(0).lease;
    assert_ne!(old.token, new.token);
    assert!(matches!(queue.complete(&old).await, Err(QueueError::LeaseLost)));
    queue.complete(&new).await.expect("it is still held");
}

#[tokio::test]
async fn a_message_of_a_newer_format_is_left_where_it_is_and_stops_nothing_else() {
    let server = RedisServer::start(&[]);
    let settings = RedisSettings {
        url: server.url(),
        prefix: "p".into(),
        dedup_window: DEDUP_WINDOW,
        clock: Clock::Store,
    };
    let queue = RedisQueue::open(&settings).expect("the URL is right");
    queue.accept(message("old", "m1")).await.expect("accept");
    // As a newer version would write it: class and id stay in front.
    server.cli(&["EVAL", "redis.call('RPUSH', '{p:0}:lane:new', '\\010\\001c\\002m2 whatever'); redis.call('RPUSH', '{p:0}:ready:c', 'new'); redis.call('HINCRBY', '{p:0}:open', 'c', 1)", "0"]);
    queue.ping().await.expect("the process is still ready");
    let taken = queue.take(&request(1)).await.expect("take");
    assert_eq!(taken.messages.len(), 1);
    queue.complete(&taken.messages[0].lease).await.expect("complete");
    let counts = queue.counts().await.expect("counts");
    assert_eq!(
        (counts.open_total(), counts.delayed, counts.running),
        (1, 1, 0),
        "it waits for a newer worker"
    );
    assert!(queue.audit().await.expect("audit").is_empty());
}

#[tokio::test]
async fn a_lane_that_cannot_be_read_costs_none_of_those_taken_with_it() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    let lanes = ["first", "damaged", "last"];
    for lane in lanes {
        queue.accept(message(lane, &format!("in-{lane}"))).await.expect("accept");
    }
    let older = server.cli(&["KEYS", "*:lane:damaged"]).trim().replace(":lane:", ":older:");
    server.cli(&["RPUSH", &older, "no record"]);
    let taken = queue.take(&TakeRequest { max: 10, ..request(1) }).await.expect("take");
    let ids: Vec<_> = taken.messages.iter().map(|leased| leased.lease.id.as_str()).collect();
    assert_eq!(ids, ["in-first", "in-damaged", "in-last"], "its own message is not what can't be read");
    assert_eq!(taken.damaged.len(), 1, "{:?}", taken.damaged);
    for leased in &taken.messages {
        queue.complete(&leased.lease).await.expect("it is leased");
    }
    let counts = queue.counts().await.expect("counts");
    assert_eq!((counts.open_total(), counts.delayed, counts.running), (0, 0, 0));
}

#[tokio::test]
async fn the_audit_finds_what_is_wrong() {
    let breaches = [
        ("redis.call('RPUSH', '{p:0}:ready:c', 'ghost')", "0 messages"),
        ("redis.call('RPUSH', '{p:0}:ready:c', 'ready')", "parked: 2, 0, 0, 0"),
        ("redis.call('DEL', '{p:0}:ready:c')", "parked: 0, 0, 0, 0"),
        ("redis.call('HINCRBY', '{p:0}:open', 'c', 7)", "counted as open"),
        ("redis.call('ZADD', '{p:0}:delay', 1, 'leased')", "parked: 0, 1, 1, 0"),
        ("redis.call('ZREM', '{p:0}:lease', 'leased')", "parked: 0, 0, 0, 0"),
        ("redis.call('HDEL', '{p:0}:run:leased', 'token')", "no token"),
        ("redis.call('HSET', '{p:0}:run:nobody', 'failures', 1)", "a record"),
        ("redis.call('ZADD', '{p:0}:parked', 1, 'ready')", "parked, but not paused"),
        ("redis.call('ZREM', '{p:0}:hold', '\\0013ready')", "held without an end"),
        ("redis.call('ZADD', '{p:0}:hold', 1, 'x')", "1 messages are held, but 2 have an end"),
        ("redis.call('HSET', '{p:0}:run:leased', 'awaiting', 1)", "awaits an answer, but is not delayed"),
        ("redis.call('HSET', '{p:0}:run:leased', 'response', 'x')", "is offered, but it is not delayed"),
        ("redis.call('SET', '{p:0}:sends:nobody', 1)", "sends kept"),
        (
            "redis.call('ZREM', '{p:0}:lease', 'leased'); redis.call('HDEL', '{p:0}:run:leased', 'token');
            redis.call('RPUSH', '{p:0}:suspect:c', 'leased')",
            "not in ready:c",
        ),
    ];
    let server = RedisServer::start(&[]);
    for (breach, problem) in breaches {
        server.cli(&["FLUSHALL"]);
        let settings = RedisSettings {
            url: server.url(),
            prefix: "p".into(),
            dedup_window: DEDUP_WINDOW,
            clock: Clock::Store,
        };
        let queue = RedisQueue::open(&settings).expect("the URL is right");
        queue.accept(message("leased", "m1")).await.expect("accept");
        queue.take(&request(1)).await.expect("take");
        queue.accept(message("ready", "m3")).await.expect("accept");
        let taken = queue.take(&request(2)).await.expect("take").messages.remove(0);
        queue.hold(&taken.lease, 0, DEDUP_WINDOW, "refused").await.expect("hold");
        queue.accept(NewMessage { held: HeldEffect::Leave, ..message("ready", "m2") }).await.expect("accept");
        assert_eq!(queue.audit().await.expect("audit"), [], "before: {breach}");
        server.cli(&["EVAL", breach, "0"]);
        let found = queue.audit().await.expect("audit");
        assert!(found.iter().any(|violation| violation.problem.contains(problem)), "{breach}: {found:?}");
    }
}

/// Makes so many lanes with a message each, inside Redis, since that is quicker.
fn fill(server: &RedisServer, lanes: usize) {
    let script = format!(
        "local packed = redis.call('LINDEX', '{{p:0}}:lane:first', 0)
         for i = 1, {lanes} do
            redis.call('RPUSH', '{{p:0}}:lane:' .. i, packed)
            redis.call('RPUSH', '{{p:0}}:ready:c', i)
         end
         return redis.call('HINCRBY', '{{p:0}}:open', 'c', {lanes})"
    );
    assert!(server.cli(&["EVAL", &script, "0"]).contains(&(lanes + 1).to_string()), "it has them all");
}

#[tokio::test]
async fn the_audit_of_a_large_queue_holds_nobody_up() {
    let server = RedisServer::start(&[]);
    let queue = open_with_prefix(server.url(), "p".to_owned(), Clock::Store);
    queue.accept(message("first", "m")).await.expect("accept");
    fill(&server, 200_000);
    // Wrong ones, so that it looks again.
    for lane in ["70", "70000", "170000"] {
        server.cli(&["LREM", "{p:0}:ready:c", "1", lane]);
    }
    server.cli(&["CONFIG", "RESETSTAT"]);
    let found = queue.audit().await.expect("audit");
    let lanes: Vec<_> = found.iter().map(|violation| violation.lane.as_str()).collect();
    assert_eq!(lanes, ["170000", "70", "70000"], "{found:?}");
    assert!(found.iter().all(|violation| violation.problem.contains("parked: 0, 0, 0, 0")), "{found:?}");
    // What a script does, not how long it takes: that depends on what else the machine does.
    let (mut scripts, mut all) = (0, 0);
    for line in server.cli(&["INFO", "commandstats"]).lines() {
        let Some((command, calls)) = line.split_once(":calls=") else { continue };
        let calls = calls.split(',').next().and_then(|calls| calls.parse::<u64>().ok()).expect("a number");
        all += calls;
        scripts += if command == "cmdstat_evalsha" { calls } else { 0 };
    }
    println!("{scripts} calls of scripts, {all} commands in all");
    assert!(scripts > 100, "a large queue is looked at in many steps: {scripts}");
    assert!(all / scripts < 500, "{all} commands in {scripts} calls");
}

#[tokio::test]
async fn the_audit_of_a_queue_in_full_use_finds_nothing_and_still_finds_what_stands_still() {
    let server = RedisServer::start(&[]);
    let queue = open_with_prefix(server.url(), "p".to_owned(), Clock::Store);
    let done = AtomicBool::new(false);
    let working = async {
        let mut n = 0;
        while !done.load(Ordering::Relaxed) {
            let accepts = (0..20)
                .map(|i| queue.accept(message(&format!("lane{}", (n + i) % 57), &format!("m{}", n + i))));
            futures::future::join_all(accepts).await;
            n += 20;
            let messages = queue.take(&TakeRequest { max: 15, ..request(n) }).await.expect("take").messages;
            let settles = messages.iter().enumerate().map(async |(i, leased)| match i % 3 {
                0 => queue.retry(&leased.lease, Duration::from_millis(5), "x").await,
                1 => queue.release(&leased.lease).await,
                _ => queue.complete(&leased.lease).await,
            });
            futures::future::join_all(settles).await;
        }
    };
    let auditing = async {
        for _ in 0..20 {
            assert_eq!(queue.audit().await.expect("audit"), []);
        }
        server.cli(&["RPUSH", "{p:0}:lane:stuck", "no message"]);
        let found = queue.audit().await.expect("audit");
        assert!(found.iter().any(|violation| violation.lane == "stuck"), "{found:?}");
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(working, auditing);
}

#[tokio::test]
async fn a_connection_whose_caller_lost_patience_is_made_anew() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(server.port()).await;
    let queue = open_at(proxy.redis_url(), Clock::Store);
    queue.accept(message("lane", "m")).await.expect("accept");
    let lease = queue.take(&request(1)).await.expect("take").messages.remove(0).lease;
    let renew = || queue.renew(std::slice::from_ref(&lease), Duration::from_secs(15));
    renew().await.expect("renew");
    proxy.silence();
    let patience = Duration::from_millis(300);
    assert!(tokio::time::timeout(patience, renew()).await.is_err(), "the old connection is silent");
    tokio::time::timeout(Duration::from_secs(10), renew()).await.expect("a new one answers").expect("renew");
}

#[tokio::test]
async fn a_server_that_is_no_master_any_more_is_given_up() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    queue.accept(message("lane", "m1")).await.expect("accept");
    let connections = || {
        let stats = server.cli(&["INFO", "stats"]);
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:").map(str::to_owned));
        line.expect("Redis counts them").trim().parse::<u64>().expect("it is a number")
    };
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = queue.accept(message("lane", "m2")).await.expect_err("a replica takes no writes");
    assert!(error.is_outage(), "{error:?}");
    let before = connections();
    let _ = queue.accept(message("lane", "m2")).await;
    assert!(connections() > before + 1, "the next call asks anew where the master is");
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    queue.accept(message("lane", "m2")).await.expect("it is a master again");
}

#[tokio::test]
async fn counting_sends_costs_an_ordinary_message_no_command() {
    let server = RedisServer::start(&[]);
    // At a standing clock, since a beat just after another isn't written.
    let queue = open_at(server.url(), Clock::Test(TestClock::at(START_US)));
    // The first message loads the scripts, and finds out what the server is.
    for n in 1..=2 {
        server.cli(&["CONFIG", "RESETSTAT"]);
        queue.accept(message("lane", &format!("m{n}"))).await.expect("accept");
        let taken = queue.take(&request(n)).await.expect("take").messages.remove(0);
        let progress = Progress { replies: Some("r".into()), sent: 0, sending: Some(0) };
        assert_eq!(queue.record(&taken.lease, progress, None).await.expect("record").sends, 1);
        queue.complete(&taken.lease).await.expect("complete");
    }
    // Fewer hsets than without counting, since a record is written at once.
    let an_ordinary_messages = "del 1, exists 3, get 1, hincrby 2, hmget 5, hset 3, incr 1, lindex 2, lpop 2, \
        lrange 1, rpush 3, set 1, smismember 1, xadd 1, zadd 2, zrange 2, zrem 1";
    assert_eq!(calls(&server), an_ordinary_messages);
    assert!(!server.cli(&["KEYS", "*"]).contains("sends"), "nothing is left behind");
}

/// The commands that scripts have called since the statistics were reset, with their numbers.
fn calls(server: &RedisServer) -> String {
    let stats = server.cli(&["INFO", "commandstats"]);
    let calls = stats.lines().filter_map(|line| {
        let (command, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let is_a_scripts = !["evalsha", "config|resetstat", "time"].contains(&command);
        is_a_scripts.then(|| format!("{command} {}", rest.split(',').next().unwrap_or_default()))
    });
    let mut calls: Vec<String> = calls.collect();
    calls.sort();
    calls.join(", ")
}
