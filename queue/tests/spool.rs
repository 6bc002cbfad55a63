//! The spool: what was put into it is there, in order, until the store has had it for two seconds.
//!
//! Faults are real ones: processes are killed, commits fail at a limit on file sizes that the kernel enforces.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use huixin_queue::spool::{
    Appended, Folders, SETTLE, Spool, SpoolCounts, SpoolEntry, SpoolError, SpoolLimits, free_bytes, look,
};
use huixin_queue::testing::conformance::{START_US, message};
use huixin_queue::{Clock, HeldEffect, NewMessage, Right, TestClock};

const SECOND: Duration = Duration::from_secs(1);
const ROOMY: SpoolLimits = SpoolLimits { max_bytes: 1 << 30, reserve_bytes: 0 };
/// More than any test reads at once.
const ALL: usize = 100_000;
/// Set in the child processes of these tests: the folder to open.
const CHILD_FOLDER: &str = "HUIXIN_SPOOL_TEST_FOLDER";
/// Set in those that append: what their ids begin with.
const CHILD_ROUND: &str = "HUIXIN_SPOOL_TEST_ROUND";

#[tokio::test]
async fn entries_are_given_in_their_order_as_they_came() {
    let folder = Folder::new();
    let spool = folder.open();
    let broken = NewMessage {
        dead_reason: Some("not XML".into()),
        held: HeldEffect::Wake(Right { sends: 1_000, until_s: Right::UNTIL_S_MAX }),
        ..message("b", "m1")
    };
    for message in [message("a", "m0"), broken, message("a", "m2")] {
        assert_eq!(spool.append(message).await.unwrap(), Appended::New);
    }
    let entries = spool.next(ALL, ALL).await.unwrap();
    assert_eq!(ids(&entries), ["m0", "m1", "m2"]);
    let NewMessage { id, lane, class, payload, arrived_us, not_after, held, late, dead_reason } =
        entries[1].message.clone();
    assert_eq!((id.as_str(), lane.as_str(), class.as_str()), ("m1", "b", "c"));
    assert_eq!((&payload[..], arrived_us, not_after), (&b"payload of m1"[..], START_US, None));
    assert_eq!(
        (held, late, dead_reason.as_deref()),
        (HeldEffect::Wake(Right { sends: 1_000, until_s: Right::UNTIL_S_MAX }), true, Some("not XML"))
    );
    assert_eq!((entries[0].message.held, &entries[0].message.dead_reason), (message("a", "m0").held, &None));

    assert_eq!(ids(&spool.next(2, ALL).await.unwrap()), ["m0", "m1"], "asked again, it gives the same");
    assert_eq!(ids(&spool.next(ALL, 1).await.unwrap()), ["m0"], "one is given however large it is");
    let lanes = spool.lanes(entries[0].seq, ALL).await.unwrap();
    let lanes: Vec<_> = lanes.iter().map(|(seq, lane)| (*seq, lane.as_str())).collect();
    assert_eq!(lanes, [(entries[1].seq, "b"), (entries[2].seq, "a")]);
}

#[tokio::test]
async fn an_id_is_here_once_however_often_it_comes_at_once() {
    let folder = Folder::new();
    let spool = folder.open();
    let appends = (0..20).map(|_| spool.append(message("lane", "m")));
    let outcomes = futures::future::join_all(appends).await;
    let new = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Appended::New))).count();
    let known = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Appended::Duplicate))).count();
    assert_eq!((new, known), (1, 19), "{outcomes:?}");
    let entry = spool.next(ALL, ALL).await.unwrap().remove(0);
    spool.taken(entry.seq);
    assert_eq!(spool.append(message("lane", "m")).await.unwrap(), Appended::Duplicate, "the store has it");
    spool.forget(vec![entry.seq]).await.unwrap();
    assert_eq!(
        spool.append(message("lane", "m")).await.unwrap(),
        Appended::New,
        "now only the store knows it"
    );
}

#[tokio::test]
async fn an_entry_is_settled_two_seconds_after_the_store_took_it() {
    let folder = Folder::new();
    let (spool, clock) = folder.open_at(START_US);
    for n in 0..3 {
        spool.append(message("lane", &format!("m{n}"))).await.unwrap();
    }
    let entries = spool.next(2, ALL).await.unwrap();
    entries.iter().for_each(|entry| spool.taken(entry.seq));
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m2"], "what was taken is not given again");
    clock.advance(SETTLE - Duration::from_micros(1));
    assert_eq!(ids(&spool.settled(ALL).await.unwrap()), Vec::<String>::new());
    clock.advance(Duration::from_micros(1));
    assert_eq!(ids(&spool.settled(1).await.unwrap()), ["m0"]);
    assert_eq!(ids(&spool.settled(ALL).await.unwrap()), ["m0", "m1"]);
    assert_eq!(spool.counts().await.unwrap().entries, 3, "it is here until it is forgotten");
    spool.forget(entries.iter().map(|entry| entry.seq).collect()).await.unwrap();
    assert_eq!(spool.counts().await.unwrap().entries, 1);
    assert_eq!((spool.settled(ALL).await.unwrap().len(), spool.taken_count()), (0, 0));
}

#[tokio::test]
async fn what_the_store_may_have_lost_is_pending_again_in_its_order() {
    let folder = Folder::new();
    let (spool, clock) = folder.open_at(START_US);
    for n in 0..4 {
        spool.append(message("lane", &format!("m{n}"))).await.unwrap();
    }
    let entries = spool.next(3, ALL).await.unwrap();
    spool.forget(vec![entries[0].seq]).await.unwrap();
    entries[1..].iter().for_each(|entry| spool.taken(entry.seq));
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m3"]);
    assert_eq!(spool.pending_again(), 2);
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m1", "m2", "m3"]);
    clock.advance(SETTLE);
    assert_eq!(spool.settled(ALL).await.unwrap().len(), 0, "it has to be taken anew");
}

#[tokio::test]
async fn one_that_is_not_taken_is_given_again_before_those_that_were_taken_behind_it() {
    let folder = Folder::new();
    let (spool, clock) = folder.open_at(START_US);
    for n in 0..5 {
        spool.append(message("lane", &format!("m{n}"))).await.unwrap();
    }
    let entries = spool.next(4, ALL).await.unwrap();
    for taken in [0, 2, 3] {
        spool.taken(entries[taken].seq);
    }
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m1", "m4"]);
    clock.advance(SETTLE);
    let settled = spool.settled(ALL).await.unwrap();
    assert_eq!(ids(&settled), ["m0", "m2", "m3"]);
    spool.forget(settled.iter().map(|entry| entry.seq).collect()).await.unwrap();
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m1", "m4"]);
}

#[tokio::test]
async fn what_is_quarantined_is_shown_and_kept_and_holds_up_nobody() {
    let folder = Folder::new();
    let spool = folder.open();
    for n in 0..3 {
        spool.append(message("lane", &format!("m{n}"))).await.unwrap();
    }
    let entries = spool.next(ALL, ALL).await.unwrap();
    let bytes = spool.counts().await.unwrap().bytes;
    spool.quarantine(entries[0].seq, "it is refused").await.unwrap();
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m1", "m2"]);
    assert_eq!(spool.lanes(0, ALL).await.unwrap().len(), 2);
    assert_eq!(spool.append(message("lane", "m0")).await.unwrap(), Appended::Duplicate);
    drop(spool);

    let view = look(folder.path.parent().unwrap()).unwrap().remove(0);
    let (counts, quarantined) = view.content.unwrap();
    assert_eq!((counts.entries, counts.quarantined, counts.bytes), (2, 1, bytes));
    let shown = &quarantined[0];
    assert_eq!((shown.id.as_str(), shown.class.as_str(), shown.arrived_us), ("m0", "c", START_US));
    assert_eq!(shown.reason, "it is refused");

    let spool = folder.open();
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m1", "m2"]);
    assert_eq!(spool.release_quarantined().await.unwrap(), 1);
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m0", "m1", "m2"], "in its old place");
    assert_eq!(spool.counts().await.unwrap().quarantined, 0);
}

#[tokio::test]
async fn after_reopening_everything_is_pending_and_numbers_go_on() {
    let folder = Folder::new();
    let spool = folder.open();
    for n in 0..3 {
        spool.append(message("lane", &format!("m{n}"))).await.unwrap();
    }
    let entries = spool.next(ALL, ALL).await.unwrap();
    entries.iter().for_each(|entry| spool.taken(entry.seq));
    drop(spool);
    let spool = folder.open();
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m0", "m1", "m2"]);
    let last = entries.last().unwrap().seq;
    spool.forget(entries.iter().map(|entry| entry.seq).collect()).await.unwrap();
    drop(spool);
    let spool = folder.open();
    spool.append(message("lane", "m3")).await.unwrap();
    assert!(spool.next(ALL, ALL).await.unwrap()[0].seq > last);
}

#[tokio::test]
async fn an_age_counts_from_when_an_entry_was_put_here_also_over_a_restart() {
    let folder = Folder::new();
    let (spool, clock) = folder.open_at(START_US);
    spool.append(message("lane", "m0")).await.unwrap();
    clock.advance(SECOND * 3600);
    spool.append(message("lane", "m1")).await.unwrap();
    assert_eq!(spool.counts().await.unwrap().oldest, Some(SECOND * 3600));
    drop(spool);
    let (spool, clock) = folder.open_at(START_US + 2 * 3_600_000_000);
    let ages: Vec<_> = spool.next(ALL, ALL).await.unwrap().iter().map(|entry| entry.age).collect();
    assert_eq!(ages, [SECOND * 7200, SECOND * 3600]);
    clock.advance(SECOND);
    assert_eq!(spool.counts().await.unwrap().oldest, Some(SECOND * 7201));
}

#[tokio::test]
async fn a_full_spool_refuses_and_takes_again_when_there_is_room() {
    let folder = Folder::new();
    let spool = Spool::open(&folder.path, SpoolLimits { max_bytes: 10_000, ..ROOMY }, Clock::Store).unwrap();
    let large = |id: &str| NewMessage { payload: vec![b'x'; 4000].into(), ..message("lane", id) };
    spool.append(large("m0")).await.unwrap();
    spool.append(large("m1")).await.unwrap();
    let error = spool.append(large("m2")).await.unwrap_err();
    assert!(matches!(&error, SpoolError::Full { .. }) && error.to_string().contains("10000"), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(
        spool.append(large("m1")).await.unwrap(),
        Appended::Duplicate,
        "what is here is known all the same"
    );
    spool.append(message("lane", "small")).await.unwrap();
    let first = spool.next(1, ALL).await.unwrap().remove(0);
    spool.forget(vec![first.seq]).await.unwrap();
    assert_eq!(spool.append(large("m2")).await.unwrap(), Appended::New);
    assert_eq!(ids(&spool.next(ALL, ALL).await.unwrap()), ["m1", "small", "m2"]);
}

#[tokio::test]
async fn the_reserve_of_the_disk_is_left_alone() {
    let folder = Folder::new();
    let free = free_bytes(&folder.path).unwrap();
    let greedy = SpoolLimits { reserve_bytes: free.saturating_mul(2), ..ROOMY };
    let spool = Spool::open(&folder.path, greedy, Clock::Store).unwrap();
    let error = spool.append(message("lane", "m")).await.unwrap_err();
    assert!(matches!(&error, SpoolError::Full { .. }) && error.to_string().contains("reserve"), "{error}");
    assert!(matches!(spool.probe().await, Err(SpoolError::Full { .. })));
    drop(spool);
    folder.open().probe().await.unwrap();
}

#[tokio::test]
async fn each_instance_has_a_folder_of_its_own_and_gets_it_back() {
    let folder = Folder::new();
    let directory = folder.path.parent().unwrap();
    let folders = Folders::new(directory, ROOMY, Clock::Store);
    let (first, second) = (folders.claim().unwrap(), folders.claim().unwrap());
    assert_eq!(first.folder(), directory.join("0"));
    assert_eq!(second.folder(), directory.join("1"));
    let error = Spool::open(first.folder(), ROOMY, Clock::Store).unwrap_err();
    assert!(matches!(&error, SpoolError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    first.append(message("lane", "of the first")).await.unwrap();
    drop(first);
    released(&directory.join("0"));
    let again = folders.claim().unwrap();
    assert_eq!(again.folder(), directory.join("0"));
    assert_eq!(ids(&again.next(ALL, ALL).await.unwrap()), ["of the first"]);
}

#[tokio::test]
async fn a_receiver_gets_the_folder_back_that_names_it_and_others_adopt_it_only_at_the_second_look() {
    let folder = Folder::new();
    let directory = folder.path.parent().unwrap();
    let of = |name: &str| Folders::new(directory, ROOMY, Clock::Store).owned_by(name);
    let (first, second) = (of("first").claim().unwrap(), of("second").claim().unwrap());
    second.append(message("lane", "of the second")).await.unwrap();
    let folders = [first.folder().to_owned(), second.folder().to_owned()];
    drop((first, second));
    folders.iter().for_each(|folder| released(folder));
    // Both start again, the second first: the order of starts must not mix them up.
    let again = of("second").claim().unwrap();
    assert_eq!(again.folder(), folders[1]);
    assert_eq!(ids(&again.next(ALL, ALL).await.unwrap()), ["of the second"]);
    drop(again);
    released(&folders[1]);
    let other = of("third");
    assert_eq!(other.claim().unwrap().folder(), folders[0], "an empty one is as good as a new one");
    assert!(other.adopt().unwrap().is_empty(), "its receiver may be about to start again");
    assert_eq!(other.adopt().unwrap().iter().map(Spool::folder).collect::<Vec<_>>(), [&folders[1]]);
}

#[tokio::test]
async fn a_folder_that_nobody_holds_is_adopted_if_there_is_something_to_drain() {
    let folder = Folder::new();
    let directory = folder.path.parent().unwrap();
    let folders = Folders::new(directory, ROOMY, Clock::Store);
    assert!(look(&directory.join("nowhere")).unwrap().is_empty());
    let [own, gone, living, empty, refused] = [(); 5].map(|()| folders.claim().unwrap());
    for (spool, id) in [(&gone, "gone"), (&living, "living"), (&refused, "refused")] {
        spool.append(message("lane", id)).await.unwrap();
    }
    let seq = refused.next(1, ALL).await.unwrap()[0].seq;
    refused.quarantine(seq, "no").await.unwrap();
    let left = gone.folder().to_owned();
    let released_ones = [&gone, &empty, &refused].map(|spool| spool.folder().to_owned());
    drop((gone, empty, refused));
    released_ones.iter().for_each(|folder| released(folder));

    let views = look(directory).unwrap();
    let held: Vec<_> = views.iter().map(|view| view.holder.is_some()).collect();
    assert_eq!(held, [true, false, true, false, false]);
    let entries: Vec<_> = views.iter().map(|view| view.content.as_ref().unwrap().0.entries).collect();
    assert_eq!(entries, [0, 1, 1, 0, 0], "also of one that is held");
    let adopted = folders.adopt().unwrap();
    assert_eq!(adopted.iter().map(Spool::folder).collect::<Vec<_>>(), [left]);
    assert_eq!(ids(&adopted[0].next(ALL, ALL).await.unwrap()), ["gone"]);
    assert!(folders.adopt().unwrap().is_empty(), "it is held now");
    drop(own);
}

#[tokio::test]
async fn a_folder_that_can_not_be_read_is_left_as_it_is() {
    let folder = Folder::new();
    let directory = folder.path.parent().unwrap();
    let newer = Folders::new(directory, ROOMY, Clock::Store).claim().unwrap().folder().join("spool.db");
    released(newer.parent().unwrap());
    rusqlite::Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let earlier = Folders::new(directory, ROOMY, Clock::Store).claim().unwrap().folder().join("spool.db");
    released(earlier.parent().unwrap());
    rusqlite::Connection::open(&earlier).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    let damaged = directory.join("2").join("spool.db");
    std::fs::create_dir(damaged.parent().unwrap()).unwrap();
    std::fs::write(&damaged, "Dear diary, ".repeat(500)).unwrap();
    let before = [&newer, &earlier, &damaged].map(|file| std::fs::read(file).unwrap());

    let folders = Folders::new(directory, ROOMY, Clock::Store);
    assert_eq!(folders.claim().unwrap().folder(), directory.join("3"));
    assert!(folders.adopt().unwrap().is_empty());
    let views = look(directory).unwrap();
    for view in &views[..3] {
        let error = view.content.as_ref().unwrap_err();
        assert!(matches!(error, SpoolError::Unusable { .. }) && error.hint().is_some(), "{error:?}");
    }
    for view in &views[..2] {
        let hint = view.content.as_ref().unwrap_err().hint().unwrap();
        assert!(hint.contains("until it is empty"), "{hint}");
    }
    assert!(
        [&newer, &earlier, &damaged].map(|file| std::fs::read(file).unwrap()) == before,
        "they are unharmed"
    );
}

#[tokio::test]
async fn a_damaged_spool_is_left_alone_and_another_folder_taken() {
    let directory = tempfile::tempdir().unwrap();
    let folders = Folders::new(directory.path(), ROOMY, Clock::Store);
    let spool = folders.claim().unwrap();
    for n in 0..200 {
        let mut large = message("lane", &format!("m{n}"));
        large.payload = vec![b'x'; 20_000].into();
        spool.append(large).await.unwrap();
    }
    let damaged = spool.folder().to_owned();
    drop(spool);
    // Some pages in the middle of the file, as a bad disk does it.
    let file = damaged.join("spool.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64 * 1024].fill(0xA5);
    std::fs::write(&file, &bytes).unwrap();

    let other = folders.claim().unwrap();
    assert_ne!(other.folder(), damaged);
    other.append(message("lane", "m")).await.unwrap();
    assert!(folders.adopt().unwrap().is_empty(), "it is left as it is");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn an_emptied_spool_gives_its_room_back() {
    let folder = Folder::new();
    let spool = folder.open();
    let large = |n| NewMessage { payload: vec![b'x'; 100_000].into(), ..message("lane", &format!("m{n}")) };
    futures::future::join_all((0..50).map(|n| spool.append(large(n)))).await;
    let seqs: Vec<_> = spool.next(ALL, usize::MAX).await.unwrap().iter().map(|entry| entry.seq).collect();
    let size = || {
        let of = |name| std::fs::metadata(folder.path.join(name)).unwrap().len();
        of("spool.db") + of("spool.db-wal")
    };
    spool.forget(seqs[1..].to_vec()).await.unwrap();
    assert!(size() > 4_000_000, "{}", size());
    spool.forget(seqs[..1].to_vec()).await.unwrap();
    assert_eq!(spool.counts().await.unwrap(), SpoolCounts::default());
    assert!(size() < 100_000, "{}", size());
}

/// Several rounds on one folder. The child also carries entries away; what it was about to carry may be gone.
#[tokio::test]
async fn kill_9_while_appending_and_draining_loses_nothing_that_was_acked() {
    let rounds = if std::env::var_os("LONG_TESTS").is_some() { 100 } else { 5 };
    let folder = Folder::new();
    let mut carried = BTreeSet::new();
    for round in 0..rounds {
        let mut child = child("appends_and_drains_until_it_is_killed", &folder.path)
            .env(CHILD_ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acked = BTreeSet::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let (mut line, mut killed) = (String::new(), false);
        // Another moment each time.
        let enough = 100 + 97 * (round * 7 % 13);
        // A line without its end was cut by the kill: not an ack.
        while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
            if let Some((_, id)) = line.trim().split_once("acked ") {
                acked.insert(id.to_owned());
            } else if let Some((_, id)) = line.trim().split_once("carries ") {
                carried.insert(id.to_owned());
            }
            line.clear();
            if acked.len() > enough && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "the child ended by itself in round {round}");

        let spool = folder.open();
        let entries = spool.next(ALL, usize::MAX).await.unwrap();
        let here: BTreeSet<_> = ids(&entries).into_iter().collect();
        assert_eq!(here.len(), entries.len(), "an id is here once");
        let lost: Vec<_> = acked.iter().filter(|id| !here.contains(*id) && !carried.contains(*id)).collect();
        assert!(lost.is_empty(), "acked and lost in round {round}: {lost:?}");
        let mut numbers = BTreeMap::<String, Vec<u64>>::new();
        for entry in &entries {
            let number = entry.message.id.as_str().rsplit('-').next().unwrap().parse().unwrap();
            numbers.entry(entry.message.lane.to_string()).or_default().push(number);
        }
        for numbers in numbers.values() {
            assert!(numbers.is_sorted_by(|a, b| a < b), "out of order in round {round}: {numbers:?}");
        }
        let counts = spool.counts().await.unwrap();
        assert_eq!((counts.entries, counts.quarantined), (entries.len() as u64, 0));
        let seqs = entries.iter().map(|entry| entry.seq).collect();
        spool.forget(seqs).await.unwrap();
        assert_eq!(spool.counts().await.unwrap().bytes, 0, "the counters are whole after every crash");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "a child process of kill_9_while_appending_and_draining_loses_nothing_that_was_acked"]
async fn appends_and_drains_until_it_is_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(CHILD_FOLDER), std::env::var(CHILD_ROUND)) else { return };
    let clock = TestClock::at(START_US);
    released(Path::new(&path));
    let spool = Arc::new(Spool::open(Path::new(&path), ROOMY, Clock::Test(clock.clone())).unwrap());
    for lane in 0..8 {
        let (spool, round) = (spool.clone(), round.clone());
        tokio::spawn(async move {
            for n in 0_u64.. {
                let id = format!("r{round}-{lane}-{n}");
                spool.append(message(&format!("lane{lane}"), &id)).await.unwrap();
                println!("acked {id}");
            }
        });
    }
    loop {
        for entry in spool.next(20, ALL).await.unwrap() {
            println!("carries {}", entry.message.id);
            spool.taken(entry.seq);
        }
        clock.advance(SETTLE);
        let settled = spool.settled(ALL).await.unwrap();
        spool.forget(settled.iter().map(|entry| entry.seq).collect()).await.unwrap();
        // Slower than the appends, so that there is something left.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_failed_commit_makes_it_refuse_everything_and_what_was_acked_is_there() {
    let folder = Folder::new();
    drop(folder.open());
    // The kernel refuses to let any file grow beyond 400 × 512 bytes: so the log, and with it a commit, fails.
    let script = r#"trap '' XFSZ; ulimit -f 400; exec "$@""#;
    let inner = child("appends_until_a_commit_fails", &folder.path);
    let mut limited = Command::new("sh");
    limited.args(["-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args());
    let Output { status, stdout, stderr } = limited.env(CHILD_FOLDER, &folder.path).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{stdout}{stderr}");
    let acked: Vec<_> = stdout.lines().filter_map(|line| Some(line.split_once("acked ")?.1)).collect();
    assert!(!acked.is_empty() && stdout.contains("refuses everything"), "{stdout}{stderr}");
    let there: BTreeSet<_> = ids(&folder.open().next(ALL, ALL).await.unwrap()).into_iter().collect();
    for id in acked {
        assert!(there.contains(id), "{id} was acked and is lost");
    }
}

#[tokio::test]
#[ignore = "a child process of a_failed_commit_makes_it_refuse_everything_and_what_was_acked_is_there"]
async fn appends_until_a_commit_fails() {
    let Ok(path) = std::env::var(CHILD_FOLDER) else { return };
    let spool = Spool::open(Path::new(&path), ROOMY, Clock::Store).unwrap();
    for n in 0.. {
        let id = format!("m{n}");
        match spool.append(message(&id, &id)).await {
            Ok(_) => println!("acked {id}"),
            Err(error) => {
                assert!(error.is_fatal(), "{error:?}");
                break;
            }
        }
    }
    let refused = [
        spool.append(message("lane", "m")).await.err(),
        spool.next(1, ALL).await.err(),
        spool.forget(vec![1]).await.err(),
        spool.counts().await.err(),
        spool.probe().await.err(),
    ];
    for error in refused {
        let error = error.expect("every later call is refused");
        assert!(matches!(error, SpoolError::Broken { .. }), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("start again")));
    }
    println!("it refuses everything");
}

/// A folder below a directory of its own, which goes with the test.
struct Folder {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary folder can be made");
        let path = directory.path().join("0");
        std::fs::create_dir(&path).expect("a folder can be made in it");
        Self { _directory: directory, path }
    }

    fn open(&self) -> Spool {
        self.released();
        Spool::open(&self.path, ROOMY, Clock::Store).expect("the spool opens")
    }

    /// Waits until nobody holds it: a lock outlives its owner for as long as a child of another test is between fork and
    /// exec.
    fn released(&self) {
        released(&self.path);
    }

    fn open_at(&self, now_us: u64) -> (Spool, TestClock) {
        let clock = TestClock::at(now_us);
        self.released();
        (Spool::open(&self.path, ROOMY, Clock::Test(clock.clone())).expect("the spool opens"), clock)
    }
}

fn released(folder: &Path) {
    let deadline = Instant::now() + SECOND * 5;
    let directory = folder.parent().expect("it is in a directory");
    let held = || {
        let views = look(directory).expect("the directory can be read");
        views.iter().any(|view| view.folder == folder && view.holder.is_some())
    };
    while held() {
        assert!(Instant::now() < deadline, "{} is held", folder.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ids(entries: &[SpoolEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.message.id.to_string()).collect()
}

/// This test binary, to run one of the ignored tests above in a process of its own.
fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a process knows its own file"));
    command
        .args(["--exact", &format!("spool::{test}"), "--ignored", "--nocapture"])
        .env(CHILD_FOLDER, folder);
    command
}
