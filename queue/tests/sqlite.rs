//! The embedded engine: the conformance suite, and what only it promises.
//!
//! Faults are real ones wherever they can be had: processes are killed, commits fail at a limit on file sizes that the
//! kernel enforces, and operations fail because a trigger in the file, put there from outside, says so.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use huixin_queue::prelude::*;
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::conformance::{DEDUP_WINDOW, LEASE, START_US, message};
use huixin_queue::testing::{Settling as _, full_disk};
use huixin_queue::{
    Accepted, Class, Clock, DeadFilter, Lane, LaneState, Leased, NewMessage, Progress, QueueError,
    TakeRequest, TestClock, WorkerId,
};

mod damaged;
mod responses;
mod turns;

huixin_queue::conformance!(open);

const SECOND: Duration = Duration::from_secs(1);
/// Set in the child processes of these tests: the file to open.
const CHILD_FILE: &str = "HUIXIN_QUEUE_TEST_FILE";
/// Set in those that accept: what their ids begin with.
const CHILD_ROUND: &str = "HUIXIN_QUEUE_TEST_ROUND";

async fn open(clock: Clock) -> (Arc<dyn Queue>, tempfile::TempDir) {
    let file = File::new();
    let queue = file.open(clock);
    (Arc::new(queue), file.folder)
}

#[tokio::test]
async fn what_was_accepted_is_there_after_reopening() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    for n in 0..3 {
        assert_eq!(queue.accept(message("lane", &format!("m{n}"))).await.unwrap(), Accepted::New);
    }
    let broken = NewMessage { dead_reason: Some("not XML".into()), ..message("lane", "broken") };
    queue.accept(broken).await.unwrap();
    let leased = take(&queue, 1).await.remove(0).lease;
    queue.complete(&leased).await.unwrap();
    let leased = take(&queue, 1).await.remove(0).lease;
    queue.retry(&leased, SECOND * 3600, "later").await.unwrap();
    drop(queue);

    let queue = file.open(Clock::Store);
    let lane = queue.lane(&Lane::new("lane").unwrap()).await.unwrap().unwrap();
    assert!(matches!(lane.state, LaneState::Delayed { .. }), "{lane:?}");
    assert_eq!(lane.waiting.iter().map(ToString::to_string).collect::<Vec<_>>(), ["m1", "m2"]);
    assert_eq!(lane.last_error.as_deref(), Some("later"));
    assert_eq!(queue.dead(&DeadFilter::default(), None, 10).await.unwrap().letters[0].reason, "not XML");
    for id in ["m0", "m1", "m2", "broken"] {
        assert_eq!(queue.accept(message("lane", id)).await.unwrap(), Accepted::Duplicate);
    }
    assert_eq!(queue.audit().await.unwrap(), []);
}

#[tokio::test]
async fn leases_are_lost_with_their_process_and_the_progress_is_kept() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    for lane in ["a", "b", "c"] {
        queue.accept(message(lane, lane)).await.unwrap();
    }
    let worker = WorkerId::new("worker");
    let request = TakeRequest { worker, ..request(2) };
    let taken = queue.take(&request).await.unwrap().messages;
    let progress = Progress { replies: Some("reply".into()), sent: 1, sending: Some(1) };
    queue.record(&taken[0].lease, progress.clone(), None).await.unwrap();
    drop(queue);

    let queue = file.open(Clock::Store);
    assert_eq!(queue.audit().await.unwrap(), []);
    assert!(matches!(queue.complete(&taken[0].lease).await, Err(QueueError::LeaseLost)));
    // The same call as before the restart: that batch is gone, this is a new one.
    let again = queue.take(&TakeRequest { max: 3, ..request }).await.unwrap().messages;
    assert_eq!(ids(&again), ["a", "b", "c"]);
    assert_eq!((again[0].losses, again[2].losses, again[0].failures), (1, 0, 0));
    assert_eq!(again[0].progress, progress);
    assert_ne!(again[0].lease.token, taken[0].lease.token);
}

#[tokio::test]
async fn a_second_owner_is_refused_by_name() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    let error = SqliteQueue::open(&file.path, DEDUP_WINDOW, Clock::Store).err().unwrap();
    assert!(matches!(error, QueueError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains(&file.path.display().to_string()), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    assert!(error.hint().unwrap().contains("huixin"));
    queue.ping().await.unwrap();
    drop(queue);
    file.try_open().unwrap();
}

#[test]
fn what_is_not_a_queue_is_refused_and_left_as_it_is() {
    let other_program = File::new();
    other_program.sql("CREATE TABLE notes (text TEXT)");
    let signed = File::new();
    signed.sql("PRAGMA application_id = 1; CREATE TABLE message (text TEXT)");
    let no_database = File::new();
    std::fs::write(&no_database.path, "Dear diary, ".repeat(500)).unwrap();
    for file in [other_program, signed, no_database] {
        let before = std::fs::read(&file.path).unwrap();
        let error = file.try_open().unwrap_err();
        assert!(matches!(error, QueueError::Misconfigured { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("a file of its own"));
        assert_eq!(std::fs::read(&file.path).unwrap(), before);
    }
    let nowhere =
        SqliteQueue::open(Path::new("/nowhere/queue.db"), DEDUP_WINDOW, Clock::Store).err().unwrap();
    assert!(nowhere.hint().unwrap().contains("folder must exist"), "{nowhere:?}");
}

#[tokio::test]
async fn a_file_of_another_format_is_refused_and_left_as_it_is() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    queue.accept(message("lane", "m")).await.unwrap();
    drop(queue);
    // That of the version before, and one to come. With a log that is not written back, as a crash leaves it.
    for format in [3, 99] {
        let db = rusqlite::Connection::open(&file.path).unwrap();
        db.execute_batch(&format!("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = {format};")).unwrap();
        let parts =
            || ["", "-wal"].map(|end| std::fs::read(format!("{}{end}", file.path.display())).unwrap());
        let before = parts();
        let error = file.try_open().unwrap_err();
        let said = format!("format {format}");
        assert!(matches!(&error, QueueError::UnknownFormat { what } if what.contains(&said)), "{error:?}");
        assert!(error.hint().unwrap().contains("until it is empty"));
        assert!(parts() == before, "it is unharmed");
        db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        drop(db);
        file.try_open().unwrap_err();
        assert!(parts() == before, "also when nobody else has it open");
    }
}

#[tokio::test]
async fn time_does_not_go_back_when_the_wall_clock_did() {
    let file = File::new();
    let year_2100_us = 4_102_444_800_000_000;
    let queue = file.open(Clock::Test(TestClock::at(year_2100_us)));
    queue.accept(message("lane", "m")).await.unwrap();
    let lease = take(&queue, 1).await.remove(0).lease;
    queue.retry(&lease, SECOND * 5, "later").await.unwrap();
    drop(queue);

    let queue = file.open(Clock::Store);
    queue.accept(NewMessage { dead_reason: Some("x".into()), ..message("lane", "dead") }).await.unwrap();
    assert!(queue.dead(&DeadFilter::default(), None, 1).await.unwrap().letters[0].died_us >= year_2100_us);
    assert_eq!(queue.accept(message("lane", "m")).await.unwrap(), Accepted::Duplicate);
    let taken = queue.take(&request(9)).await.unwrap();
    assert!(taken.messages.is_empty());
    let due = taken.next_due.unwrap();
    assert!(due <= SECOND * 5 && due > SECOND, "{due:?}");
}

#[tokio::test]
async fn a_failed_operation_does_not_fail_its_neighbours() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    // By the time a message is inserted, its id has been remembered and its lane made: there is something to undo.
    file.sql(
        "CREATE TRIGGER no BEFORE INSERT ON message WHEN new.id = 'm25' BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    let accepts = (0..50).map(|n| queue.accept(message(&format!("lane{n}"), &format!("m{n}"))));
    let outcomes = together(&file, accepts).await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(outcome) => assert_eq!((outcome, n == 25), (Accepted::New, false), "{n}"),
            Err(error) => assert_eq!((error.is_outage(), n), (true, 25), "{error:?}"),
        }
    }
    assert_eq!(queue.counts().await.unwrap().open_total(), 49);
    assert_eq!(queue.audit().await.unwrap(), []);
    file.sql("DROP TRIGGER no");
    assert_eq!(queue.accept(message("lane25", "m25")).await.unwrap(), Accepted::New);
}

#[tokio::test]
async fn when_the_whole_transaction_is_undone_all_of_its_callers_hear_it() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    // What SQLite may do by itself when there is no room left.
    file.sql("CREATE TRIGGER no BEFORE INSERT ON message WHEN new.id = 'm25' BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
    let accepts = (0..50).map(|n| queue.accept(message(&format!("lane{n}"), &format!("m{n}"))));
    let outcomes = together(&file, accepts).await;
    assert!(outcomes[25].as_ref().is_err_and(QueueError::is_outage));
    let acked = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(acked < 49, "it was in a batch with others");
    assert_eq!(queue.counts().await.unwrap().open_total(), acked as u64);
    assert_eq!(queue.audit().await.unwrap(), []);
    file.sql("DROP TRIGGER no");
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let expected = if outcome.is_ok() { Accepted::Duplicate } else { Accepted::New };
        assert_eq!(queue.accept(message(&format!("lane{n}"), &format!("m{n}"))).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn somebody_who_keeps_the_file_locked_is_an_outage() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    let other = rusqlite::Connection::open(&file.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = queue.accept(message("lane", "m")).await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    assert_eq!(queue.counts().await.unwrap().open_total(), 0, "looking goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(queue.accept(message("lane", "m")).await.unwrap(), Accepted::New);
}

/// In real time.
#[tokio::test]
async fn a_message_is_not_stored_later_than_its_caller_allows() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    queue.accept(message("lane", "known")).await.unwrap();
    let other = rusqlite::Connection::open(&file.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let within = |id: &str, not_after| NewMessage { not_after: Some(not_after), ..message("lane", id) };
    let (late, known, patient, ()) = tokio::join!(
        queue.accept(within("late", SECOND / 20)),
        queue.accept(within("known", SECOND / 20)),
        queue.accept(within("patient", SECOND * 60)),
        async {
            tokio::time::sleep(SECOND / 5).await;
            other.execute_batch("ROLLBACK").unwrap();
        }
    );
    assert_eq!(late.unwrap(), Accepted::Expired);
    assert_eq!(known.unwrap(), Accepted::Duplicate);
    assert_eq!(patient.unwrap(), Accepted::New);
    assert_eq!(
        queue.accept(message("lane", "late")).await.unwrap(),
        Accepted::New,
        "nothing of it was stored"
    );
}

#[tokio::test]
async fn ids_are_forgotten_as_new_ones_come() {
    let file = File::new();
    let clock = TestClock::at(START_US);
    let queue = file.open(Clock::Test(clock.clone()));
    for n in 0..200 {
        queue.accept(message("lane", &format!("old{n}"))).await.unwrap();
    }
    clock.advance(DEDUP_WINDOW + SECOND);
    for n in 0..4 {
        queue.accept(message("lane", &format!("new{n}"))).await.unwrap();
    }
    assert_eq!(file.number("SELECT count(*) FROM seen"), 4);
}

#[tokio::test]
async fn a_lane_is_ready_in_the_class_of_its_head() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    let other = Class::new("other").unwrap();
    queue.accept(message("lane", "m0")).await.unwrap();
    queue.accept(NewMessage { class: other.clone(), ..message("lane", "m1") }).await.unwrap();
    let lease = take(&queue, 9).await.remove(0).lease;
    queue.complete(&lease).await.unwrap();
    assert_eq!(queue.audit().await.unwrap(), []);
    assert_eq!(ids(&take(&queue, 9).await), Vec::<String>::new());
    let taken = queue.take(&TakeRequest { classes: [other].into(), ..request(9) }).await.unwrap().messages;
    assert_eq!(ids(&taken), ["m1"]);
}

#[tokio::test]
async fn taking_one_at_a_time_serves_all_classes() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    let classes = ["c", "other"].map(|class| Class::new(class).unwrap());
    for n in 0..10 {
        queue.accept(message(&format!("c{n}"), &format!("c{n}"))).await.unwrap();
    }
    queue.accept(NewMessage { class: classes[1].clone(), ..message("other", "other") }).await.unwrap();
    let mut seen = Vec::new();
    for call in 0..2 {
        let request = TakeRequest { call, classes: classes.as_slice().into(), ..request(1) };
        seen.extend(ids(&queue.take(&request).await.unwrap().messages));
    }
    assert!(seen.contains(&"other".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn the_audit_finds_what_is_wrong() {
    let breaches = [
        ("DELETE FROM message WHERE id = 'ready0'", "ready without a message"),
        ("DELETE FROM lane WHERE name = 'ready0'", "a lane that does not exist"),
        ("UPDATE lane SET state = 'lost' WHERE name = 'ready0'", "its state is unknown"),
        ("UPDATE lane SET position = NULL WHERE name = 'ready0'", "without a position"),
        ("UPDATE lane SET due_us = 1 WHERE name = 'ready0'", "still has a time"),
        ("UPDATE lane SET due_us = NULL WHERE name = 'delayed'", "delayed without a time"),
        ("UPDATE lane SET token = 'x' WHERE name = 'delayed'", "still has a token"),
        ("UPDATE lane SET position = 7 WHERE name = 'delayed'", "still has a position"),
        ("UPDATE lane SET state = 'leased', due_us = NULL WHERE name = 'delayed'", "leased without a token"),
        ("UPDATE message SET class = 'other' WHERE id = 'delayed'", "its current message in other"),
        ("INSERT INTO head (seq) VALUES (1000)", "it was never current"),
        ("UPDATE lane SET current = 1000 WHERE name = 'delayed'", "does not exist"),
        ("UPDATE lane SET current = NULL WHERE name = 'delayed'", "without a current message"),
        ("UPDATE lane SET state = 'parked', position = NULL WHERE name = 'ready0'", "not paused"),
        ("UPDATE lane SET suspect = 1 WHERE name = 'ready0'", "ready as suspect 1"),
        (
            "UPDATE head SET awaiting = 1; UPDATE lane SET state = 'parked', due_us = NULL WHERE name = 'delayed'",
            "awaits",
        ),
        ("UPDATE class SET held = 1", "class c has 0 held, not 1 as counted"),
        ("UPDATE class SET open = open + 1", "class c has 3 open, not 4 as counted"),
        ("UPDATE class SET delayed = 0", "class c has 1 delayed, not 0 as counted"),
    ];
    let file = File::new();
    let queue = file.open(Clock::Store);
    queue.accept(message("delayed", "delayed")).await.unwrap();
    let lease = take(&queue, 1).await.remove(0).lease;
    queue.retry(&lease, SECOND * 3600, "x").await.unwrap();
    for lane in ["ready0", "ready1"] {
        queue.accept(message(lane, lane)).await.unwrap();
    }
    drop(queue);
    let sound = std::fs::read(&file.path).unwrap();
    for (breach, expected) in breaches {
        std::fs::write(&file.path, &sound).unwrap();
        file.sql(&format!("PRAGMA ignore_check_constraints = ON; {breach};"));
        let found = file.open(Clock::Store).audit().await.unwrap();
        assert!(found.iter().any(|violation| violation.problem.contains(expected)), "{breach}: {found:?}");
    }
}

/// In real time.
#[tokio::test]
async fn the_audit_of_a_large_file_holds_up_no_writer() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    queue.accept(message("first", "first")).await.unwrap();
    file.sql(
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
            INSERT INTO lane (no, name, class, state, suspect, position) SELECT i, 'l' || i, 'c', 'ready', 0, i FROM n;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
            INSERT INTO message (lane_no, id, class, arrived_us, payload)
            SELECT 2 + i % 39999, 'm' || i, 'c', 1, randomblob(200) FROM n",
    );
    let done = std::sync::atomic::AtomicBool::new(false);
    let auditing = async {
        let began = Instant::now();
        assert_eq!(queue.audit().await.unwrap(), []);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        began.elapsed()
    };
    let accepting = async {
        let (mut n, mut slowest) = (0, Duration::ZERO);
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            let began = Instant::now();
            queue.accept(message("first", &format!("new{n}"))).await.unwrap();
            slowest = slowest.max(began.elapsed());
            n += 1;
        }
        (n, slowest)
    };
    let (took, (accepted, slowest)) = tokio::join!(auditing, accepting);
    println!("the audit took {took:?}; {accepted} accepts at the same time, the slowest {slowest:?}");
    assert!(accepted > 10 && slowest < took / 2, "{took:?}, {accepted}, {slowest:?}");
}

#[tokio::test]
async fn a_disk_that_is_full_at_a_commit_is_an_outage_that_costs_no_message_a_loss() {
    let file = File::new();
    let flag = file.folder.path().join("full");
    let mut child = child("meets_a_full_disk", &file.path);
    let Output { status, stdout, stderr } = child.envs(full_disk(&flag)).env("FLAG", &flag).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && stdout.contains("there is room again"), "{stdout}{stderr}");
}

/// In real time.
#[tokio::test]
#[ignore = "a child process of a_disk_that_is_full_at_a_commit_is_an_outage_that_costs_no_message_a_loss"]
async fn meets_a_full_disk() {
    let (Ok(path), Ok(flag)) = (std::env::var(CHILD_FILE), std::env::var("FLAG")) else { return };
    let queue = SqliteQueue::open(Path::new(&path), DEDUP_WINDOW, Clock::Store).unwrap();
    queue.accept(message("lane", "m")).await.unwrap();
    let request = |call| TakeRequest { call, lease_for: SECOND, ..request(1) };
    let mut lease = queue.take(&request(1)).await.unwrap().messages.remove(0).lease;
    queue.renew(std::slice::from_ref(&lease), SECOND).await.unwrap();
    for round in 0..4_u64 {
        std::fs::write(&flag, "").unwrap();
        // Its worker lives, and can't renew for longer than its lease.
        let began = Instant::now();
        while began.elapsed() < SECOND * 2 {
            let refused = [
                queue.renew(std::slice::from_ref(&lease), SECOND).await.map(|_| ()),
                queue.accept(message("lane", &format!("refused{round}"))).await.map(|_| ()),
            ];
            for outcome in refused {
                assert!(outcome.as_ref().is_err_and(QueueError::is_outage), "{outcome:?}");
            }
            queue.beat().await.unwrap();
            tokio::time::sleep(SECOND / 10).await;
        }
        std::fs::remove_file(&flag).unwrap();
        // It has given up, and another one takes the message.
        let mut call = 10 + 100 * round;
        let leased = loop {
            call += 1;
            if let Some(leased) = queue.take(&request(call)).await.unwrap().messages.pop() {
                break leased;
            }
            tokio::time::sleep(SECOND / 20).await;
        };
        assert_eq!((leased.lease.id.as_str(), leased.losses, leased.failures), ("m", 0, 0), "round {round}");
        queue.settle(&leased.lease, huixin_queue::Settlement::Release).await.unwrap();
        lease = queue.take(&request(call + 1)).await.unwrap().messages.remove(0).lease;
        queue.renew(std::slice::from_ref(&lease), SECOND).await.unwrap();
    }
    assert_eq!(queue.accept(message("lane", "refused0")).await.unwrap(), Accepted::New);
    assert_eq!(queue.audit().await.unwrap(), []);
    println!("there is room again");
}

#[tokio::test]
async fn a_file_that_was_large_becomes_small_again() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    let size = || std::fs::metadata(&file.path).unwrap().len();
    let payload = bytes::Bytes::from(vec![b'x'; 256 * 1024]);
    for n in 0..200 {
        queue
            .accept(NewMessage { payload: payload.clone(), ..message("lane", &format!("m{n}")) })
            .await
            .unwrap();
    }
    for call in 0..200 {
        let request = TakeRequest { call, ..request(1) };
        let lease = queue.take(&request).await.unwrap().messages.remove(0).lease;
        queue.complete(&lease).await.unwrap();
    }
    file.sql("PRAGMA wal_checkpoint(PASSIVE)");
    let large = size();
    // Ordinary traffic gives back what is free, some at a time.
    for n in 0..600 {
        queue.accept(message("lane", &format!("small{n}"))).await.unwrap();
    }
    drop(queue);
    assert!(large > 16 << 20 && size() < large / 2, "{large} bytes became {}", size());
    assert_eq!(file.open(Clock::Store).audit().await.unwrap(), []);
}

/// Several rounds on one file. The child also takes and completes; what it was about to complete may be gone.
#[tokio::test]
async fn kill_9_loses_nothing_that_was_acked() {
    let file = File::new();
    for round in 0..6 {
        let mut child = child("accepts_and_completes_until_it_is_killed", &file.path)
            .env(CHILD_ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acked = BTreeSet::new();
        let mut maybe_gone = BTreeSet::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let mut killed = false;
        // A line without its end was cut by the kill: not an ack.
        while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
            if let Some((_, id)) = line.trim().split_once("acked ") {
                acked.insert(id.to_owned());
            } else if let Some((_, id)) = line.trim().split_once("completes ") {
                maybe_gone.insert(id.to_owned());
            }
            line.clear();
            if acked.len() > 100 + 150 * round && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "the child ended by itself in round {round}");

        let queue = file.open(Clock::Store);
        assert_eq!(queue.audit().await.unwrap(), []);
        for id in &acked {
            assert_eq!(queue.accept(message("again", id)).await.unwrap(), Accepted::Duplicate, "{id}");
        }
        let mut left = BTreeMap::<String, Vec<u64>>::new();
        loop {
            let taken = take(&queue, 100).await;
            if taken.is_empty() {
                break;
            }
            for leased in taken {
                let id = leased.lease.id.to_string();
                let number = id.rsplit('-').next().unwrap().parse().unwrap();
                left.entry(leased.lease.lane.to_string()).or_default().push(number);
                maybe_gone.insert(id);
                queue.complete(&leased.lease).await.unwrap();
            }
        }
        let lost: Vec<_> = acked.difference(&maybe_gone).collect();
        assert!(lost.is_empty(), "acked and lost in round {round}: {lost:?}");
        for numbers in left.values() {
            assert!(numbers.is_sorted_by(|a, b| a < b), "out of order in round {round}: {numbers:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "a child process of kill_9_loses_nothing_that_was_acked"]
async fn accepts_and_completes_until_it_is_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(CHILD_FILE), std::env::var(CHILD_ROUND)) else { return };
    let queue = Arc::new(SqliteQueue::open(Path::new(&path), DEDUP_WINDOW, Clock::Store).unwrap());
    for lane in 0..8 {
        let (queue, round) = (queue.clone(), round.clone());
        tokio::spawn(async move {
            for n in 0_u64.. {
                let id = format!("r{round}-{lane}-{n}");
                queue.accept(message(&format!("lane{lane}"), &id)).await.unwrap();
                println!("acked {id}");
            }
        });
    }
    for call in 1.. {
        let request = TakeRequest { call, ..request(3) };
        for leased in queue.take(&request).await.unwrap().messages {
            println!("completes {}", leased.lease.id);
            queue.complete(&leased.lease).await.unwrap();
        }
        // Slower than the accepts, so that there is something left.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_failed_commit_stops_the_engine_and_what_was_acked_is_there() {
    let file = File::new();
    drop(file.open(Clock::Store));
    // The kernel refuses to let any file grow beyond 400 × 512 bytes: so the log, and with it a commit, fails.
    let script = r#"trap '' XFSZ; ulimit -f 400; exec "$@""#;
    let inner = child("accepts_until_a_commit_fails", &file.path);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", script, "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env(CHILD_FILE, &file.path);
    let Output { status, stdout, stderr } = limited.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{stdout}{stderr}");
    let acked: Vec<_> = stdout.lines().filter_map(|line| Some(line.split_once("acked ")?.1)).collect();
    assert!(!acked.is_empty() && stdout.contains("stopped after a failed commit"), "{stdout}{stderr}");

    let queue = file.open(Clock::Store);
    assert_eq!(queue.audit().await.unwrap(), []);
    let there: BTreeSet<_> = ids(&take(&queue, 10_000).await).into_iter().collect();
    for id in acked {
        assert!(there.contains(id), "{id} was acked and is lost");
    }
}

#[tokio::test]
#[ignore = "a child process of a_failed_commit_stops_the_engine_and_what_was_acked_is_there"]
async fn accepts_until_a_commit_fails() {
    let Ok(path) = std::env::var(CHILD_FILE) else { return };
    let queue = SqliteQueue::open(Path::new(&path), DEDUP_WINDOW, Clock::Store).unwrap();
    for batch in 0.. {
        let ids: Vec<_> = (0..10).map(|n| format!("m{batch}-{n}")).collect();
        let outcomes = futures::future::join_all(ids.iter().map(|id| queue.accept(message(id, id)))).await;
        for (id, outcome) in ids.iter().zip(&outcomes) {
            match outcome {
                Ok(_) => println!("acked {id}"),
                Err(error) => assert!(error.is_fatal(), "{error:?}"),
            }
        }
        if outcomes.iter().any(Result::is_err) {
            break;
        }
    }
    let refused = [
        queue.accept(message("lane", "m")).await.err(),
        queue.take(&request(1)).await.err(),
        queue.wait(SECOND).await.err(),
        queue.counts().await.err(),
        queue.ping().await.err(),
    ];
    for error in refused {
        let error = error.expect("every later call is refused");
        assert!(matches!(error, QueueError::Broken { .. }), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("start again")));
    }
    println!("stopped after a failed commit");
}

/// A file that goes with its folder.
struct File {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("queue.db");
        Self { folder, path }
    }

    #[allow(clippy::needless_pass_by_value, reason = "as the queue takes it")]
    fn open(&self, clock: Clock) -> SqliteQueue {
        self.released(&clock).expect("the queue opens")
    }

    fn try_open(&self) -> Result<(), QueueError> {
        self.released(&Clock::Store).map(drop)
    }

    /// Opens it when nobody has it: a lock outlives its owner for as long as a child of another test is between fork and exec.
    fn released(&self, clock: &Clock) -> Result<SqliteQueue, QueueError> {
        let deadline = Instant::now() + SECOND * 5;
        loop {
            match SqliteQueue::open(&self.path, DEDUP_WINDOW, clock.clone()) {
                Err(QueueError::InUse { .. }) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                opened => return opened,
            }
        }
    }

    /// Does something to the file from outside.
    fn sql(&self, sql: &str) {
        let db = rusqlite::Connection::open(&self.path).expect("SQLite opens the file");
        db.execute_batch(sql).expect("the SQL runs");
    }

    fn number(&self, sql: &str) -> u64 {
        let db = rusqlite::Connection::open(&self.path).expect("SQLite opens the file");
        db.query_row(sql, [], |row| row.get::<_, u32>(0)).expect("the query gives a number").into()
    }
}

fn request(max: usize) -> TakeRequest {
    let classes = [Class::new("c").expect("a test's class fits")].into();
    TakeRequest { max, classes, worker: WorkerId::new("test"), call: 1, lease_for: LEASE, suspect: true }
}

async fn take(queue: &SqliteQueue, max: usize) -> Vec<Leased> {
    queue.take(&request(max)).await.expect("the queue gives").messages
}

fn ids(messages: &[Leased]) -> Vec<String> {
    messages.iter().map(|message| message.lease.id.to_string()).collect()
}

/// Makes all the calls while the file is locked from outside, so that they come together in one or two batches, each
/// of many calls.
async fn together<C: Future>(file: &File, calls: impl IntoIterator<Item = C>) -> Vec<C::Output> {
    let other = rusqlite::Connection::open(&file.path).expect("SQLite opens the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the file can be locked");
    let unlock = async {
        tokio::time::sleep(SECOND / 10).await;
        other.execute_batch("ROLLBACK").expect("the file can be unlocked");
    };
    tokio::join!(futures::future::join_all(calls), unlock).0
}

/// This test binary, to run one of the ignored tests above in a process of its own.
fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a process knows its own file"));
    command.args(["--exact", &format!("sqlite::{test}"), "--ignored", "--nocapture"]).env(CHILD_FILE, path);
    command
}
