//! The drainer of one spool: against a queue in a file where that is enough, and a real Redis where its refusals count.

use std::time::Instant;

use ::metrics::set_default_local_recorder;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::spool::{SETTLE, SpoolLimits};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::RedisServer;
use huixin_queue::{Class, Clock, DEAD_ON_ARRIVAL_MAX, HeldEffect, Lane, MessageId, NewMessage, TestClock};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::suspects::{SCOUT_PAGE, SUSPECT_PAUSE};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const MAX_AGE: Duration = Duration::from_secs(5 * 3600);
const START_US: u64 = 1_800_000_000_000_000;

#[tokio::test]
async fn entries_are_carried_in_the_order_of_their_lanes_and_forgotten_when_they_have_settled() {
    let mut stage = Stage::on_a_file();
    for n in 0..300 {
        stage.spool(&format!("lane{}", n % 7), &format!("m{n}")).await;
    }
    stage.drain.block_lanes().await.unwrap();
    assert_eq!(stage.drain.lanes.total(), 300);
    assert_eq!(stage.drain.run_once().await.unwrap(), Round { taken: 300, forgotten: 0 });
    assert_eq!(stage.drain.lanes.total(), 0, "no lane waits any more");
    assert_eq!(stage.drain.run_once().await.unwrap(), Round::default(), "nothing is offered twice");
    for lane in 0..7 {
        let expected: Vec<_> =
            (0..300).filter(|n| n % 7 == lane).take(100).map(|n| format!("m{n}")).collect();
        assert_eq!(stage.waiting(&format!("lane{lane}")).await, expected);
    }
    assert_eq!(stage.entries().await, 300);
    stage.clock.advance(SETTLE);
    assert_eq!(stage.drain.run_once().await.unwrap(), Round { taken: 0, forgotten: 300 });
    assert_eq!((stage.entries().await, stage.drain.is_waiting()), (0, false));
}

#[tokio::test]
async fn after_a_failure_what_is_not_settled_blocks_its_lane_and_is_carried_again() {
    let mut stage = Stage::on_a_file();
    stage.spool("lane", "m0").await;
    stage.drain.block_lanes().await.unwrap();
    stage.drain.run_once().await.unwrap();
    stage.drain.pending_again();
    assert_eq!(stage.drain.lanes.total(), 1);
    stage.clock.advance(SETTLE);
    assert_eq!(
        stage.drain.run_once().await.unwrap(),
        Round { taken: 1, forgotten: 0 },
        "known, but not for long enough"
    );
    stage.clock.advance(SETTLE);
    assert_eq!(stage.drain.run_once().await.unwrap(), Round { taken: 0, forgotten: 1 });
    assert_eq!(stage.waiting("lane").await, ["m0"], "it is in the queue once");
}

#[tokio::test]
async fn an_entry_that_is_too_old_goes_to_the_dead_letters_as_a_possible_duplicate() {
    let mut stage = Stage::on_a_file();
    stage.spool("other", "handled").await;
    stage.spool("lane", "old").await;
    stage.clock.advance(MAX_AGE);
    stage.spool("lane", "young").await;
    stage.queue.accept(message("other", "handled")).await.unwrap();
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.drain.run_once().await.unwrap().taken, 3);
    let letter = stage.queue.dead_letter(&id("old")).await.unwrap().expect("it is among the dead letters");
    assert!(
        letter.reason.contains("a possible duplicate") && letter.reason.contains("5h 1s"),
        "{}",
        letter.reason
    );
    assert!(
        stage.queue.dead_letter(&id("handled")).await.unwrap().is_none(),
        "it is known to be a duplicate"
    );
    assert_eq!(
        (stage.waiting("other").await, stage.waiting("lane").await),
        (vec!["handled".into()], vec!["young".into()])
    );
}

#[tokio::test]
async fn an_old_entry_is_never_only_counted() {
    let mut stage = Stage::on_a_file();
    let unreadable =
        |n: u64| NewMessage { dead_reason: Some("no XML".into()), ..message("lane", &format!("dead{n}")) };
    for n in 0..DEAD_ON_ARRIVAL_MAX {
        stage.queue.accept(unreadable(n)).await.unwrap();
    }
    stage.spool.append(unreadable(DEAD_ON_ARRIVAL_MAX)).await.unwrap();
    stage.spool("lane", "old").await;
    stage.clock.advance(6 * HOUR);
    stage.drain.run_once().await.unwrap();
    let counts = stage.spool.counts().await.unwrap();
    assert_eq!((counts.entries, counts.quarantined), (2, 0), "both are taken");
    for late in ["old".to_owned(), format!("dead{DEAD_ON_ARRIVAL_MAX}")] {
        assert!(stage.queue.dead_letter(&id(&late)).await.unwrap().is_some(), "{late} is kept");
    }
}

#[tokio::test]
async fn what_no_queue_stores_is_quarantined_at_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = set_default_local_recorder(&recorder);
    let mut stage = Stage::on_a_file();
    let payload = vec![b'x'; huixin_queue::MAX_PAYLOAD_BYTES + 1].into();
    stage.spool.append(NewMessage { payload, ..message("lane", "huge") }).await.unwrap();
    stage.spool("lane", "next").await;
    stage.drain.block_lanes().await.unwrap();
    assert_eq!(stage.drain.run_once().await.unwrap().taken, 1, "its lane goes on");
    let counts = stage.spool.counts().await.unwrap();
    assert_eq!((counts.quarantined, stage.drain.lanes.total()), (1, 0));
    assert_eq!(stage.waiting("lane").await, ["next"]);
    metrics::spool(&counts, false);
    let shown = recorder.handle().render();
    for line in ["huixin_spool_quarantined_total 1\n", "huixin_spool_quarantined_entries 1\n"] {
        assert!(shown.contains(line), "{shown}");
    }
}

#[tokio::test]
async fn entries_that_the_queue_has_lost_since_it_took_them_are_given_to_it_again_and_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = set_default_local_recorder(&recorder);
    let redis = RedisServer::start(&[]);
    let mut stage = Stage::on(Arc::new(open(&redis)));
    stage.spool("lane", "m0").await;
    stage.drain.block_lanes().await.unwrap();
    assert_eq!(stage.drain.run_once().await.unwrap().taken, 1);
    redis.cli(&["DEL", "{huixin:0}:seen:a", "{huixin:0}:lane:lane", "{huixin:0}:ready:c"]);
    stage.clock.advance(SETTLE);
    stage.drain.run_once().await.unwrap();
    assert_eq!(stage.waiting("lane").await.last().unwrap(), "m0");
    let shown = recorder.handle().render();
    assert!(shown.contains("huixin_spool_lost_total 1\n"), "{shown}");
}

/// An entry that is to become a dead letter, whose key Redis doesn't let the queue touch: every call that it is in fails.
async fn spool_a_bad_one(stage: &Stage, redis: &RedisServer, lane: &str) {
    let mut command = vec!["ACL", "SETUSER", "default", "resetkeys"];
    command.extend(["~{huixin:0}:", "~{huixin:0}:[^l]*", "~{huixin:0}:l[^e]*", "~{huixin:0}:le[^t]*"]);
    command.extend(["~{huixin:0}:letter:[^b]*", "~{huixin:0}:letter:b[^a]*"]);
    assert!(redis.cli(&command).contains("OK"));
    let dead_reason = Some("no XML".to_owned());
    stage.spool.append(NewMessage { dead_reason, ..message(lane, "bad") }).await.unwrap();
}

#[tokio::test]
async fn one_bad_entry_is_found_among_good_ones_and_quarantined_and_its_lane_goes_on() {
    let redis = RedisServer::start(&[]);
    let mut stage = Stage::on(Arc::new(open(&redis)));
    for n in 0..200 {
        stage.spool(&format!("lane{}", n % 20), &format!("m{n}")).await;
    }
    spool_a_bad_one(&stage, &redis, "lane7").await;
    stage.spool("lane7", "behind the bad one").await;
    stage.drain.block_lanes().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut good = 200;
    while stage.spool.counts().await.unwrap().quarantined == 0 {
        assert!(Instant::now() < deadline, "it is quarantined in the end");
        if let Err(DrainError::Queue(reason)) = stage.drain.run_once().await {
            assert!(reason.contains("lacks a permission"), "{reason}");
            stage.drain.pending_again();
            assert!(stage.drain.scout().await.unwrap(), "the queue itself works");
        }
        // Others are taken, so the entry is at fault.
        stage.spool("other", &format!("m{good}")).await;
        good += 1;
        tokio::time::sleep(SUSPECT_PAUSE / 2).await;
    }
    stage.drain.run_once().await.unwrap();
    assert_eq!(stage.waiting("lane7").await.last().unwrap(), "behind the bad one");
    let open = stage.queue.counts().await.unwrap().open_total();
    assert_eq!(open, good + 1, "all the others are in the queue, each once");
    stage.clock.advance(SETTLE);
    stage.drain.run_once().await.unwrap();
    assert_eq!((stage.entries().await, stage.drain.is_waiting()), (0, false));

    // Mended, and tried again by a person.
    redis.cli(&["ACL", "SETUSER", "default", "allkeys"]);
    stage.spool.release_quarantined().await.unwrap();
    assert_eq!(stage.drain.run_once().await.unwrap().taken, 1);
}

/// Its lane is first in the spool, and fills more than is read at once.
#[tokio::test]
async fn a_bad_entry_with_many_behind_it_hides_nobody() {
    let redis = RedisServer::start(&[]);
    let mut stage = Stage::on(Arc::new(open(&redis)));
    spool_a_bad_one(&stage, &redis, "bad lane").await;
    for n in 0..PAGE + SCOUT_PAGE {
        stage.spool("bad lane", &format!("behind {n}")).await;
    }
    for n in 0..10 {
        stage.spool(&format!("lane{n}"), &format!("m{n}")).await;
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while stage.queue.counts().await.unwrap().open_total() < 10 {
        assert!(Instant::now() < deadline, "the others are taken");
        if stage.drain.run_once().await.is_err() {
            stage.drain.pending_again();
            // The first look may meet only the bad one.
            let _ = stage.drain.scout().await;
        }
    }
    assert_eq!(stage.drain.suspects.len(), 1);
    assert_eq!(stage.spool.counts().await.unwrap().quarantined, 0, "its lane waits a little longer");
}

#[tokio::test]
async fn a_queue_that_is_away_makes_no_suspects_for_long() {
    let mut redis = RedisServer::start(&[]);
    let mut stage = Stage::on(Arc::new(open(&redis)));
    for n in 0..50 {
        stage.spool(&format!("lane{n}"), &format!("m{n}")).await;
    }
    redis.kill();
    assert!(matches!(stage.drain.run_once().await, Err(DrainError::Queue(_))));
    stage.drain.pending_again();
    assert!(matches!(stage.drain.scout().await, Err(DrainError::Queue(_))));
    redis.restart();
    let deadline = Instant::now() + Duration::from_secs(10);
    while stage.drain.scout().await.is_err() {
        assert!(Instant::now() < deadline, "it comes back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut taken = 1;
    while taken < 50 {
        taken += stage.drain.run_once().await.unwrap().taken;
        assert!(Instant::now() < deadline, "all are taken");
    }
    assert!(stage.drain.suspects.is_empty());
    assert_eq!(stage.spool.counts().await.unwrap().quarantined, 0);
}

/// A spool, a queue, and what carries from one to the other.
struct Stage {
    _folder: tempfile::TempDir,
    clock: TestClock,
    spool: Arc<Spool>,
    queue: Arc<dyn Queue>,
    drain: FolderDrain,
}

impl Stage {
    fn on_a_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let queue = SqliteQueue::open(&folder.path().join("queue.db"), 6 * HOUR, Clock::Store).unwrap();
        Self::in_folder(folder, Arc::new(queue))
    }

    fn on(queue: Arc<dyn Queue>) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), queue)
    }

    fn in_folder(folder: tempfile::TempDir, queue: Arc<dyn Queue>) -> Self {
        let clock = TestClock::at(START_US);
        let limits = SpoolLimits { max_bytes: 1 << 30, reserve_bytes: 0 };
        let spool = Arc::new(Spool::open(folder.path(), limits, Clock::Test(clock.clone())).unwrap());
        let drain = FolderDrain::new(queue.clone(), spool.clone(), Arc::default(), Arc::default(), MAX_AGE);
        Self { _folder: folder, clock, spool, queue, drain }
    }

    async fn spool(&self, lane: &str, id: &str) {
        self.spool.append(message(lane, id)).await.unwrap();
    }

    async fn entries(&self) -> u64 {
        self.spool.counts().await.unwrap().entries
    }

    /// The first hundred messages of a lane of the queue.
    async fn waiting(&self, lane: &str) -> Vec<String> {
        let lane = self.queue.lane(&Lane::new(lane).unwrap()).await.unwrap().expect("it has messages");
        lane.waiting.iter().map(ToString::to_string).collect()
    }
}

fn open(redis: &RedisServer) -> RedisQueue {
    RedisQueue::open(&RedisSettings {
        url: redis.url(),
        prefix: "huixin".to_owned(),
        dedup_window: 6 * HOUR,
        clock: Clock::Store,
    })
    .unwrap()
}

fn message(lane: &str, id: &str) -> NewMessage {
    NewMessage {
        id: self::id(id),
        lane: Lane::new(lane).unwrap(),
        class: Class::new("c").unwrap(),
        payload: "payload".into(),
        arrived_us: START_US,
        not_after: None,
        held: HeldEffect::Leave,
        late: false,
        dead_reason: None,
    }
}

fn id(text: &str) -> MessageId {
    MessageId::new(text).unwrap()
}
