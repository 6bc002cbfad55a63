//! A large queue costs no more for each message than an empty one.
//!
//! The long form has a million waiting messages in 200,000 lanes, 100,000 dead letters, and 50,000 retries that are due in
//! the same second; the short one a hundredth of that, enough to find a call that works in proportion to the backlog. The
//! test compares Redis's own CPU time, which a busy machine changes little. `SLOWLOG` tells wall time, which a busy machine
//! changes much. So a control runs between the queue's scripts while the queue is filled (`control`). The test fails if the
//! queue's scripts are slow three times as often as the control, and some more: five in the long form; a fifth of all in the
//! short one, which has other tests beside it. The load has one thread, so that Redis has a core in the long form, which
//! wants `--test-threads=1`. The embedded engine's figures are wall time, and nothing is asserted of them.

mod control;
mod load;
mod meter;

use std::sync::Arc;
use std::time::{Duration, Instant};

use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::conformance::DEDUP_WINDOW;
use huixin_queue::testing::{RedisServer, Settling as _};
use huixin_queue::{Class, Clock, DEAD_SCAN_MAX, DeadFilter, Queue, Scope};

use self::load::{Load, PAYLOAD_BYTES, Spent};
use self::meter::Meter;

/// The most commands that a take of 32 messages runs, those in its script included, whatever lies in the queue: for what it
/// gives, and for what it moves because it is due.
const TAKE_COMMANDS_MAX: f64 = 320.0;

/// How much of everything there is.
struct Size {
    waiting: usize,
    lanes: usize,
    dead: usize,
    delayed: usize,
    /// Messages over which a cost is measured.
    sample: usize,
    /// From the first retry to the second in which all are due.
    due_after: Duration,
}

fn size() -> Size {
    match is_long() {
        true => Size {
            waiting: 1_000_000,
            lanes: 200_000,
            dead: 100_000,
            delayed: 50_000,
            sample: 20_000,
            due_after: Duration::from_secs(100),
        },
        false => Size {
            waiting: 10_000,
            lanes: 2_000,
            dead: 1_000,
            delayed: 500,
            sample: 2_000,
            due_after: Duration::from_secs(30),
        },
    }
}

fn is_long() -> bool {
    std::env::var_os("LONG_TESTS").is_some()
}

/// The files of the queue on Redis are not rewritten in this time: that is a second process, at a moment of its own.
fn server() -> RedisServer {
    let quiet = ["--auto-aof-rewrite-percentage", "0", "--slowlog-log-slower-than", "5000"];
    RedisServer::start(&[&quiet[..], &["--slowlog-max-len", "100000"]].concat())
}

fn on_redis(server: &RedisServer) -> Arc<dyn Queue> {
    let settings = RedisSettings {
        url: server.url(),
        prefix: "huixin".to_owned(),
        dedup_window: DEDUP_WINDOW,
        clock: Clock::Store,
    };
    Arc::new(RedisQueue::open(&settings).expect("the URL is right"))
}

#[tokio::test]
async fn a_backlog_on_redis_makes_no_call_dearer() {
    let server = server();
    let mut meter = Meter::of_redis(&server).await;
    let (empty, full) = at_both_sizes(on_redis(&server), &mut meter).await;
    // A small sample varies more. Work in proportion to the backlog would cost ten times as much, or a hundred.
    let most = if is_long() { 1.5 } else { 3.0 };
    for (what, empty, full) in [
        ("accept", empty.accept, full.accept),
        ("take", empty.take, full.take),
        ("complete", empty.complete, full.complete),
    ] {
        assert!(full <= empty * most, "{what}: {full:.1} µs against {empty:.1} µs");
    }
    let commands = meter.take_commands_max;
    assert!(commands <= TAKE_COMMANDS_MAX, "a take ran {commands:.0} commands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_in_a_file_is_taken_and_ended_like_any_other() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("queue.db");
    let queue = SqliteQueue::open(&path, DEDUP_WINDOW, Clock::Store).expect("the file can be made");
    at_both_sizes(Arc::new(queue), &mut Meter::of_time()).await;
    let bytes: u64 = std::fs::read_dir(folder.path())
        .expect("the folder is there")
        .map(|file| file.and_then(|file| file.metadata()).map_or(0, |data| data.len()))
        .sum();
    println!("  files of the queue: {} MiB", bytes >> 20);
}

#[tokio::test]
async fn a_waiting_message_takes_little_more_memory_than_its_payload() {
    let messages = if is_long() { 200_000 } else { 20_000 };
    for (a_lane, most) in [(5, 1.7), (1, 2.2)] {
        let server = server();
        let mut meter = Meter::of_redis(&server).await;
        let load = Load::on(on_redis(&server));
        load.warm_up(&mut meter).await;
        let before = meter.memory_bytes().await;
        load.accept("main", "", messages, messages / a_lane).await;
        let each = (meter.memory_bytes().await - before) / messages as f64;
        let ratio = each / PAYLOAD_BYTES as f64;
        println!(
            "{messages} messages of {PAYLOAD_BYTES} B, {a_lane} a lane: {each:.0} B each, {ratio:.2} × the payload"
        );
        assert!(ratio <= most, "{a_lane} a lane: {ratio:.2} × the payload");
    }
}

#[tokio::test]
async fn a_paused_class_costs_the_others_nothing() {
    let (waiting, sample, most) = if is_long() { (100_000, 20_000, 1.25) } else { (5_000, 2_000, 3.0) };
    let server = server();
    let mut meter = Meter::of_redis(&server).await;
    let load = Load::on(on_redis(&server));
    load.warm_up(&mut meter).await;
    println!("on {}, {} as µs for each message:", load.queue.place(), meter.unit());
    let before = load.samples(&["paused", "main"], "before", sample, &mut meter).await;
    let paused = Scope::Class(Class::new("paused").expect("it fits"));
    load.queue.pause(&paused, "it is for the test").await.expect("pause");
    load.accept("paused", "p", waiting, waiting / 5).await;
    let beside = load.samples(&["paused", "main"], "beside", sample, &mut meter).await;
    for (what, before, beside) in [
        ("accept", before.accept, beside.accept),
        ("take", before.take, beside.take),
        ("complete", before.complete, beside.complete),
    ] {
        assert!(beside <= before * most, "{what}: {beside:.1} µs beside them, {before:.1} µs before");
    }
    assert_eq!(load.queue.counts().await.expect("counts").open_total(), waiting as u64);
}

/// Measures the calls of an empty queue, makes it large, and measures them again.
async fn at_both_sizes(queue: Arc<dyn Queue>, meter: &mut Meter) -> (Spent, Spent) {
    let size = size();
    let load = Load::on(queue);
    load.warm_up(meter).await;
    println!("on {}, {} as µs for each message:", load.queue.place(), meter.unit());
    let empty = load.samples(&["main"], "empty", size.sample, meter).await;

    let began = Instant::now();
    let (due, each) = meter.beside_control(async |meter| fill(&load, &size, meter).await).await;
    println!(
        "  {} waiting in {} lanes, {} dead, {} delayed; made in {:.1?}; memory for each waiting message {:.2} × payload",
        size.waiting,
        size.lanes,
        size.dead,
        size.delayed,
        began.elapsed(),
        each / PAYLOAD_BYTES as f64
    );
    meter.assert_few_slow("filling").await;
    let full = load.samples(&["main"], "full", size.sample, meter).await;
    meter.assert_few_slow("accepts, takes and completions").await;
    assert!(Instant::now() < due, "the retries came due before the full queue was measured: allow more time");

    // All retries are due in the same second.
    tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
    let began = (Instant::now(), meter.now_us().await);
    load.settle_all("failing", size.delayed, meter, async |queue, lease| queue.complete(lease).await).await;
    let spent = (meter.now_us().await - began.1) / size.delayed as f64;
    println!(
        "  {} retries due at once: {:.1?}, {spent:.1} µs to move, take and complete one",
        size.delayed,
        began.0.elapsed()
    );
    meter.assert_few_slow("retries").await;

    for limit in [50, DEAD_SCAN_MAX] {
        let before = meter.now_us().await;
        let mut pages = 0;
        let mut after = None;
        while pages < 20 {
            let page = load.queue.dead(&DeadFilter::default(), after.as_ref(), limit).await.expect("a page");
            assert_eq!(page.total, size.dead as u64);
            assert!(!page.letters.is_empty());
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let each = (meter.now_us().await - before) / f64::from(pages);
        println!("  {pages} pages of {limit} dead letters: {each:.0} µs each");
        meter.assert_few_slow("pages").await;
    }
    let counts = load.queue.counts().await.expect("counts");
    assert_eq!((counts.open_total(), counts.dead), (size.waiting as u64, size.dead as u64));

    println!("  most commands of one take: {:.0}", meter.take_commands_max);
    let began = Instant::now();
    assert_eq!(load.queue.audit().await.expect("the audit runs"), []);
    println!("  audit: {:.1?}", began.elapsed());
    meter.assert_few_slow("audit").await;
    (empty, full)
}

/// Makes the queue large. Gives when the retries will be due, and the bytes of memory of each waiting message.
async fn fill(load: &Load, size: &Size, meter: &mut Meter) -> (Instant, f64) {
    load.accept("dying", "d", size.dead, size.dead).await;
    load.settle_all("dying", size.dead, meter, async |queue, lease| {
        queue.bury(lease, "it is for the test").await
    })
    .await;
    load.accept("failing", "f", size.delayed, size.delayed).await;
    let memory = meter.memory_bytes().await;
    load.accept("main", "w", size.waiting, size.lanes).await;
    let each = (meter.memory_bytes().await - memory) / size.waiting as f64;
    let due = Instant::now() + size.due_after;
    load.settle_all("failing", size.delayed, meter, async |queue, lease| {
        queue.retry(lease, due.saturating_duration_since(Instant::now()), "it is for the test").await
    })
    .await;
    (due, each)
}
