//! A user who was forgotten: nothing of it is left, byte for byte, in any file of the store.

use std::path::Path;
use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::spool::{Folders, SpoolLimits, lane_entries};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::conformance::{DEDUP_WINDOW, message};
use huixin_queue::testing::{RedisServer, Settling as _};
use huixin_queue::{
    Class, Clock, Compaction, Forgotten, HeldEffect, Lane, Lease, Leased, Memory, NewMessage, Progress,
    Scope, TakeRequest, WorkerId,
};

const USER: &str = "oUserWhoIsToBeForgotten";
const OTHER: &str = "oUserWhoStays";
/// In each text and `MsgId` of the user.
const TEXT: &str = "what only this user has written";
const MSG_ID: &str = "7421930184412";

fn lane_of(user: &str) -> Lane {
    Lane::new(format!("c/{user}")).unwrap()
}

/// The text and the `MsgId` of a user.
fn of(user: &str) -> (&'static str, &'static str) {
    if user == USER { (TEXT, MSG_ID) } else { ("hello", "1") }
}

fn push(user: &str, name: &str, held: HeldEffect) -> NewMessage {
    let (text, msg_id) = of(user);
    let payload =
        format!("<FromUserName>{user}</FromUserName><Content>{text}</Content><MsgId>{msg_id}</MsgId>");
    let id = format!("{name} of the {}", if user == USER { "first" } else { "second" });
    NewMessage { lane: lane_of(user), payload: payload.into(), held, ..message("x", &id) }
}

async fn take_one(queue: &dyn Queue, call: u64) -> Leased {
    let request = TakeRequest {
        max: 1,
        classes: [Class::new("c").unwrap()].into(),
        worker: WorkerId::new("test"),
        call,
        // The queue remembers a take for as long.
        lease_for: Duration::from_secs(1),
        suspect: true,
    };
    queue.take(&request).await.unwrap().messages.remove(0)
}

/// Leaves something of a user in every place that there is.
async fn leave_traces(queue: &dyn Queue, user: &str, call: u64) {
    let wakes = || message("x", "x").held;
    let (text, msg_id) = of(user);
    let noted =
        |taken: &Leased| Lease { note: format!("{user} {text} {msg_id}").into(), ..taken.lease.clone() };
    queue.accept(push(user, "answered", wakes())).await.unwrap();
    let taken = take_one(queue, call).await;
    let memory = Memory { bytes: format!("{user}: {text}").into(), keep_for: Duration::from_secs(600) };
    let progress = Progress { replies: Some(text.into()), ..Progress::default() };
    queue.record(&taken.lease, progress, Some(memory)).await.unwrap();
    queue.complete(&noted(&taken)).await.unwrap();
    queue.accept(push(user, "dead", wakes())).await.unwrap();
    queue.bury(&noted(&take_one(queue, call + 1).await), "bad").await.unwrap();
    queue.accept(push(user, "held", wakes())).await.unwrap();
    let taken = take_one(queue, call + 2).await;
    queue.hold(&noted(&taken), taken.send_state.wakes, Duration::from_secs(600), "late").await.unwrap();
    for name in ["running", "waiting"] {
        queue.accept(push(user, name, HeldEffect::Leave)).await.unwrap();
    }
    take_one(queue, call + 3).await;
    queue.pause(&Scope::Lane(lane_of(user)), "because").await.unwrap();
}

/// Whether a text lies in any file below a folder.
fn is_in_files(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_in_files(&path, text),
            // A file that goes in this moment has nothing.
            false => std::fs::read(&path)
                .unwrap_or_default()
                .windows(text.len())
                .any(|part| part == text.as_bytes()),
        }
    })
}

fn assert_nothing_is_left(folder: &Path) {
    for text in [USER, TEXT, MSG_ID] {
        assert!(!is_in_files(folder, text), "{text} is still in a file");
    }
    assert!(is_in_files(folder, OTHER), "of the other user all is there");
}

async fn forget(queue: &dyn Queue) {
    let forgotten = queue.forget(&lane_of(USER)).await.unwrap();
    let all = Forgotten { messages: 2, held: 1, dead: 1, journal: 2, memory: true, paused: true };
    assert_eq!(forgotten, all);
    assert_eq!(queue.audit().await.unwrap(), []);
}

#[tokio::test]
async fn nothing_of_a_forgotten_user_is_in_any_file_of_redis_once_its_log_is_written_anew() {
    let server = RedisServer::start(&[]);
    let (url, prefix) = (server.url(), "test".to_owned());
    let settings = RedisSettings { url, prefix, dedup_window: DEDUP_WINDOW, clock: Clock::Store };
    let queue = RedisQueue::open(&settings).unwrap();
    leave_traces(&queue, OTHER, 1).await;
    leave_traces(&queue, USER, 11).await;
    forget(&queue).await;
    assert!(is_in_files(server.folder(), USER), "the log has all that ever happened");
    until(|| !server.cli(&["--scan", "--pattern", "*batch:*"]).contains("batch")).await;
    assert_eq!(queue.compact().await.unwrap(), Compaction::Begun);
    let is_over =
        |info: &str| info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0");
    until(|| is_over(&server.cli(&["INFO", "persistence"]))).await;
    until(|| !is_in_files(server.folder(), USER)).await;
    assert_nothing_is_left(server.folder());
}

#[tokio::test]
async fn nothing_of_a_forgotten_user_is_in_the_file_once_it_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(&folder.path().join("q.db"), DEDUP_WINDOW, Clock::Store).unwrap();
    leave_traces(&queue, OTHER, 1).await;
    leave_traces(&queue, USER, 11).await;
    forget(&queue).await;
    assert!(is_in_files(folder.path(), USER), "free pages and the log have what was removed");
    assert_eq!(queue.compact().await.unwrap(), Compaction::Done);
    assert_nothing_is_left(folder.path());
    queue.accept(push(OTHER, "later", HeldEffect::Leave)).await.unwrap();
}

#[tokio::test]
async fn nothing_of_a_forgotten_user_is_in_the_file_of_a_spool() {
    let folder = tempfile::tempdir().unwrap();
    let limits = SpoolLimits { max_bytes: 1 << 30, reserve_bytes: 0 };
    let folders = Folders::new(folder.path(), limits, Clock::Store);
    let spool = folders.claim().unwrap();
    for n in 0..50 {
        for user in [USER, OTHER] {
            spool.append(push(user, &n.to_string(), HeldEffect::Leave)).await.unwrap();
        }
    }
    let refused = spool.next(1, 1).await.unwrap().remove(0);
    spool.quarantine(refused.seq, "for the test").await.unwrap();
    let found = lane_entries(folder.path(), &lane_of(USER)).unwrap();
    assert_eq!((found.len(), found[0].entries, found[0].holder.is_some()), (1, 50, true));
    drop(spool);
    let spool = folders.open(&found[0].folder).unwrap();
    assert_eq!(spool.forget_lane(&lane_of(USER)).await.unwrap(), 50);
    assert_nothing_is_left(folder.path());
    assert_eq!(spool.counts().await.unwrap().entries, 50);
}

#[tokio::test]
async fn a_spool_that_is_drained_has_nothing_of_what_it_carried_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let limits = SpoolLimits { max_bytes: 1 << 30, reserve_bytes: 0 };
    let spool = Folders::new(folder.path(), limits, Clock::Store).claim().unwrap();
    for n in 0..50 {
        spool.append(push(USER, &n.to_string(), HeldEffect::Leave)).await.unwrap();
    }
    assert!(is_in_files(folder.path(), USER));
    let entries = spool.next(100, usize::MAX).await.unwrap();
    spool.forget(entries.iter().map(|entry| entry.seq).collect()).await.unwrap();
    for text in [USER, TEXT, MSG_ID] {
        assert!(!is_in_files(folder.path(), text), "{text} is still in a file");
    }
}

/// Asks again and again: what another process does by itself has no event.
async fn until(mut is_so: impl FnMut() -> bool) {
    let asking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("it is so in the end");
}
