//! What is stored in this format is read back whole: a queue with a message in every state, as a file beside this one for each
//! engine.
//!
//! When the number of the format changes, make them again: `cargo test -p huixin-queue --test it format:: -- --ignored`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::conformance::{DEDUP_WINDOW, LEASE, START_US, message};
use huixin_queue::testing::{RedisServer, Settling as _};
use huixin_queue::{
    Accepted, Class, Clock, DeadFilter, HeldEffect, Lane, LaneState, Lease, Leased, Memory, NewMessage,
    Progress, Right, Scope, Settlement, TakeRequest, TestClock, WorkerId,
};

const MINUTE: Duration = Duration::from_secs(60);
const RIGHT: Right = Right { sends: 5, until_s: 9_000 };
/// Later than everything in it, and before anything in it is over.
const READ_AT: Duration = Duration::from_secs(10);

fn fixture(end: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format").join(format!("stored.{end}"))
}

fn redis(server: &RedisServer, clock: TestClock) -> RedisQueue {
    let settings = RedisSettings {
        url: server.url(),
        prefix: "p".to_owned(),
        dedup_window: DEDUP_WINDOW,
        clock: Clock::Test(clock),
    };
    RedisQueue::open(&settings).unwrap()
}

fn request(call: u64) -> TakeRequest {
    let (classes, worker) = ([Class::new("c").unwrap()].into(), WorkerId::new("worker"));
    TakeRequest { max: 20, classes, worker, call, lease_for: LEASE, suspect: true }
}

async fn take(queue: &dyn Queue, call: u64) -> Vec<Leased> {
    let mut taken = queue.take(&request(call)).await.unwrap().messages;
    taken.sort_by(|a, b| a.lease.id.cmp(&b.lease.id));
    taken
}

fn silent(lane: &str, id: &str) -> NewMessage {
    NewMessage { held: HeldEffect::Leave, ..message(lane, id) }
}

/// Brings a message into every state. Each lane is called as its state is.
async fn fill(queue: &dyn Queue) {
    for lane in ["awaiting", "delayed", "held", "leased", "paused", "remembering", "woken"] {
        queue.accept(message(lane, lane)).await.unwrap();
    }
    let recorded = Progress { replies: Some("replies".into()), sent: 1, sending: Some(1) };
    for Leased { lease, .. } in take(queue, 1).await {
        match lease.lane.as_str() {
            "awaiting" => _ = queue.await_answer(&lease, MINUTE).await.unwrap(),
            "delayed" => {
                let (after, patience) = (MINUTE, MINUTE * 2);
                let settlement = Settlement::Retry { after, patience, reason: "failed".to_owned() };
                queue.settle(&lease, settlement).await.unwrap();
            }
            "held" | "woken" => {
                queue.record(&lease, recorded.clone(), None).await.unwrap();
                queue.hold(&lease, 0, MINUTE, "nobody came").await.unwrap();
            }
            "remembering" => {
                let memory = Memory { bytes: "memory".into(), keep_for: MINUTE };
                queue.record(&lease, recorded.clone(), Some(memory)).await.unwrap();
                queue.complete(&lease).await.unwrap();
            }
            "paused" => queue.release(&lease).await.unwrap(),
            _ => {}
        }
    }
    queue.pause(&Scope::Lane(Lane::new("paused").unwrap()), "for the test").await.unwrap();
    assert!(take(queue, 2).await.is_empty(), "what is paused is parked");
    for lane in ["awaiting", "leased", "remembering", "waiting"] {
        queue.accept(silent(lane, &format!("{lane} 2"))).await.unwrap();
    }
    let late = NewMessage { late: true, arrived_us: START_US - 1, ..silent("waiting", "waiting 1") };
    queue.accept(late).await.unwrap();
    queue.accept(NewMessage { held: HeldEffect::Wake(RIGHT), ..message("woken", "woken 2") }).await.unwrap();
    queue
        .accept(NewMessage { dead_reason: Some("no XML".to_owned()), ..message("dead", "dead") })
        .await
        .unwrap();
    queue.set("name", "value".into(), MINUTE).await.unwrap();
}

/// Checks that all of it is there. `leased_is_lost`: the engine was started anew, so its workers are gone.
async fn is_whole(queue: &dyn Queue, clock: &TestClock, leased_is_lost: bool) {
    assert_eq!(queue.audit().await.unwrap(), []);
    let counts = queue.counts().await.unwrap();
    assert_eq!(
        (counts.open_total(), counts.delayed, counts.held, counts.parked, counts.dead),
        (12, 2, 1, 1, 1)
    );
    let state = async |lane: &str| queue.lane(&Lane::new(lane).unwrap()).await.unwrap().unwrap();
    let until_us = START_US + 60_000_000;
    assert_eq!(state("awaiting").await.state, LaneState::Awaiting { until_us });
    let delayed = state("delayed").await;
    assert_eq!(delayed.state, LaneState::Delayed { due_us: until_us });
    assert_eq!(delayed.last_error.as_deref(), Some("failed"));
    assert_eq!(state("held").await.held.len(), 1);
    assert_eq!((state("paused").await.state, state("paused").await.paused), (LaneState::Parked, true));
    let leased = if leased_is_lost { LaneState::Ready } else { LaneState::Leased };
    assert_eq!(state("leased").await.state, leased);
    let paused = queue.paused().await.unwrap();
    assert_eq!((paused.len(), paused[0].reason.as_str()), (1, "for the test"));
    let letters = queue.dead(&DeadFilter::default(), None, 9).await.unwrap().letters;
    assert_eq!((letters[0].id.as_str(), letters[0].reason.as_str()), ("dead", "no XML"));
    assert_eq!(queue.get("name").await.unwrap().as_deref(), Some(b"value".as_slice()));
    let again = queue.accept(message("elsewhere", "remembering")).await.unwrap();
    assert_eq!(again, Accepted::Duplicate, "what has ended is known");

    let taken = take(queue, 3).await;
    let find = |id: &str| taken.iter().find(|message| message.lease.id.as_str() == id).unwrap();
    assert_eq!(find("remembering 2").memory.as_deref(), Some(b"memory".as_slice()));
    assert!(find("waiting 1").send_state.has_followers, "the older one is first");
    let woken = find("woken");
    assert_eq!((woken.progress.replies.as_deref(), woken.progress.sent), (Some(b"replies".as_slice()), 1));
    assert_eq!((woken.progress.sending, woken.send_state.right), (Some(1), Some(RIGHT)));
    assert_eq!(taken.iter().any(|message| message.losses == 1), leased_is_lost);
    for Leased { lease, .. } in &taken {
        queue.complete(lease).await.unwrap();
    }
    end(queue, clock).await;
}

/// Brings everything to its end.
async fn end(queue: &dyn Queue, clock: &TestClock) {
    let lease = |leased: Leased| -> Lease { leased.lease };
    assert!(queue.resume(&Scope::Lane(Lane::new("paused").unwrap())).await.unwrap());
    // The held one dies when its time is over.
    for call in 4..40 {
        for lease in take(queue, call).await.into_iter().map(lease) {
            queue.complete(&lease).await.unwrap();
        }
        clock.advance(LEASE / 5);
    }
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.open_total(), counts.dead), (0, 2), "{counts:?}");
    assert_eq!(queue.audit().await.unwrap(), []);
    clock.advance(DEDUP_WINDOW);
    let again = queue.accept(message("elsewhere", "remembering")).await.unwrap();
    assert_eq!(again, Accepted::New, "its mark is over");
}

#[tokio::test]
async fn a_redis_of_this_format_is_read_back_whole() {
    let server = RedisServer::start(&[]);
    let mut connection = connection(&server).await;
    for line in std::fs::read_to_string(fixture("redis")).unwrap().lines() {
        let mut command = ::redis::Cmd::new();
        line.split(' ').map(unescape).for_each(|word| _ = command.arg(word));
        let _: ::redis::Value = command.query_async(&mut connection).await.unwrap();
    }
    let clock = TestClock::at(START_US);
    clock.advance(READ_AT);
    is_whole(&redis(&server, clock.clone()), &clock, false).await;
}

#[tokio::test]
async fn a_file_of_this_format_is_read_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.db");
    std::fs::copy(fixture("sqlite"), &file).unwrap();
    let clock = TestClock::at(START_US);
    clock.advance(READ_AT);
    let queue = SqliteQueue::open(&file, DEDUP_WINDOW, Clock::Test(clock.clone())).unwrap();
    is_whole(&queue, &clock, true).await;
}

#[tokio::test]
#[ignore = "writes the file that the others read"]
async fn make_the_file_anew() {
    let _ = std::fs::remove_file(fixture("sqlite"));
    fill(&SqliteQueue::open(&fixture("sqlite"), DEDUP_WINDOW, Clock::Test(TestClock::at(START_US))).unwrap())
        .await;
    rusqlite::Connection::open(fixture("sqlite"))
        .unwrap()
        .execute_batch("VACUUM; PRAGMA journal_mode = DELETE;")
        .unwrap();
    let _ = std::fs::remove_file(fixture("sqlite.lock"));
}

#[tokio::test]
#[ignore = "writes the file that the others read"]
async fn make_the_redis_anew() {
    let server = RedisServer::start(&[]);
    fill(&redis(&server, TestClock::at(START_US))).await;
    let keys = server.cli(&["KEYS", "*"]);
    let mut keys: Vec<&str> = keys.lines().collect();
    keys.sort_unstable();
    let mut connection = connection(&server).await;
    let mut lines = String::new();
    for key in keys {
        let kind: String = ::redis::cmd("TYPE").arg(key).query_async(&mut connection).await.unwrap();
        if kind == "stream" {
            let mut range = ::redis::cmd("XRANGE");
            range.arg(key).arg("-").arg("+");
            let entries: Vec<(Vec<u8>, Vec<Vec<u8>>)> = range.query_async(&mut connection).await.unwrap();
            for (id, fields) in entries {
                let words = [&[key.as_bytes().to_vec(), id], &fields[..]].concat();
                lines += &format!(
                    "XADD {}\n",
                    words.iter().map(|word| escape(word)).collect::<Vec<_>>().join(" ")
                );
            }
            continue;
        }
        let (read, write): (&[&str], &str) = match kind.as_str() {
            "string" => (&["GET", key], "SET"),
            "list" => (&["LRANGE", key, "0", "-1"], "RPUSH"),
            "hash" => (&["HGETALL", key], "HSET"),
            "set" => (&["SMEMBERS", key], "SADD"),
            "zset" => (&["ZRANGE", key, "0", "-1", "WITHSCORES"], "ZADD"),
            kind => panic!("{key} is a {kind}"),
        };
        let mut command = ::redis::cmd(read[0]);
        read[1..].iter().for_each(|argument| _ = command.arg(argument));
        let mut values: Vec<Vec<u8>> = match kind.as_str() {
            "string" => vec![command.query_async(&mut connection).await.unwrap()],
            _ => command.query_async(&mut connection).await.unwrap(),
        };
        if kind == "zset" {
            values.chunks_mut(2).for_each(|pair| pair.swap(0, 1));
        }
        lines += &format!("{write} {}", escape(key.as_bytes()));
        for value in values {
            lines += &format!(" {}", escape(&value));
        }
        lines.push('\n');
    }
    std::fs::write(fixture("redis"), lines).unwrap();
}

async fn connection(server: &RedisServer) -> MultiplexedConnection {
    let client = ::redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// A word without spaces: what isn't plain ASCII is written in hex.
fn escape(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    bytes.iter().map(|&b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02x}") }).collect()
}

fn unescape(word: &str) -> Vec<u8> {
    let mut parts = word.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}
