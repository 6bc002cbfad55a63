//! A receiver with as many open pushes as it may have: what they cost it, and that the acks of others don't wait for them.
//!
//! No worker runs, so every push stays open for as long as it may. Each that ends is followed by another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::figures::Quantiles;
use super::pusher::Pusher;
use crate::harness::{PATIENCE, Process, Setup, Stack, long};

/// As many as a receiver keeps open.
const OPEN_MAX: usize = 2_048;
/// How much the receiver may grow with them.
const GROWTH_MAX_KIB: u64 = 100_000_000 / 1024;
/// When WeChat hangs up.
const HANGS_UP_AFTER: Duration = Duration::from_secs(5);
/// Open pushes end after four seconds, those that have no room at once.
const AT_ONCE: Duration = Duration::from_secs(1);
const TOKEN: &str = "token of the account without the API";
const NOTICE: &str = "still at it";

/// How much of it a run does.
struct Sizes {
    open: usize,
    too_many: usize,
    /// How long it takes until all are open: less than the first are.
    within: Duration,
    acks: u64,
    acks_per_second: f64,
    /// By how much acks may be slower than without open pushes: times, and besides.
    slower: (u32, Duration),
}

impl Sizes {
    fn of_this_run() -> Self {
        match long() {
            true => Self {
                open: OPEN_MAX,
                too_many: 64,
                within: Duration::from_millis(3_500),
                acks: 4_000,
                acks_per_second: 200.0,
                slower: (3, Duration::from_millis(5)),
            },
            false => Self {
                open: 128,
                too_many: 0,
                within: Duration::from_secs(1),
                acks: 200,
                acks_per_second: 100.0,
                slower: (10, Duration::from_millis(250)),
            },
        }
    }
}

/// What the acks of some seconds took, and what the receiver used beside them.
struct Measured {
    acks: Quantiles,
    resident_kib: u64,
    /// Of one processor.
    cpu_percent: f64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_open_pushes_as_may_be_cost_little_memory_and_no_other_push_waits_for_them() {
    let sizes = Sizes::of_this_run();
    huixin::open_files::raise();
    let routes = format!(
        "[account.open]\napp_id = \"wx00000000000000aa\"\ntoken = \"{TOKEN}\"\nanswer_by = \"push\"\nunanswered = false\n\
         later_notice = \"{NOTICE}\"\n"
    );
    let mut stack = Stack::on_redis(Setup { routes, ..Setup::default() }).await;
    let receiver = stack.role("receiver").await;
    let main = stack.sandbox.sandbox.config().accounts[0].token.clone();
    let acked = Pusher::of(&stack, "main", &main);
    measure(&receiver, &acked, 0, sizes.acks / 10, sizes.acks_per_second).await;
    let without = measure(&receiver, &acked, sizes.acks, sizes.acks, sizes.acks_per_second).await;

    let (stop, mut open) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    let pusher = Pusher::of(&stack, "open", TOKEN);
    let mut due =
        tokio::time::interval(sizes.within / u32::try_from(sizes.open + sizes.too_many).unwrap_or(u32::MAX));
    for n in 0..sizes.open + sizes.too_many {
        due.tick().await;
        open.spawn(keep_open(pusher.clone(), n, stop.clone()));
    }
    let with = measure(&receiver, &acked, 2 * sizes.acks, sizes.acks, sizes.acks_per_second).await;
    stop.store(true, Ordering::Relaxed);
    let pushes = tokio::time::timeout(PATIENCE, open.join_all()).await.expect("they end").concat();
    let (refused, kept): (Vec<_>, Vec<_>) = pushes.into_iter().partition(|took| *took < AT_ONCE);
    let (refused, kept) = (Quantiles::of(refused), Quantiles::of(kept));

    println!(
        "{} open pushes took {kept}; the {} that had no room {refused}; the receiver's memory grew from {} to {} KiB, its \
         load from {:.1} to {:.1} % of a processor; acks of another account without them {}, with them {}",
        sizes.open,
        refused.count,
        without.resident_kib,
        with.resident_kib,
        without.cpu_percent,
        with.cpu_percent,
        without.acks,
        with.acks,
    );
    if long() {
        assert_eq!(
            refused.count, sizes.too_many,
            "those without room, and no others, get the notice at once"
        );
        assert!(kept.p99 < HANGS_UP_AFTER, "{:?} is too late for WeChat", kept.p99);
    }
    let grown_kib = with.resident_kib.saturating_sub(without.resident_kib);
    assert!(grown_kib < GROWTH_MAX_KIB, "the receiver grew by {grown_kib} KiB");
    let allowed = without.acks.p99 * sizes.slower.0 + sizes.slower.1;
    assert!(with.acks.p99 <= allowed, "{:?} is more than {allowed:?}", with.acks.p99);
    stack.assert_clean().await;
}

/// Pushes until it is stopped or has no room, one after the other. Gives how long they took.
async fn keep_open(pusher: Pusher, place: usize, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut took = Vec::new();
    for round in 0.. {
        let response = pusher.push(round * 10_000 + place as u64).await;
        assert!(response.says(NOTICE), "{response:?}");
        took.push(response.took);
        if stop.load(Ordering::Relaxed) || response.took < AT_ONCE {
            break;
        }
    }
    took
}

/// The acks of so many pushes at a steady rate, and what the receiver uses for all it does in that time.
async fn measure(receiver: &Process, pusher: &Pusher, first: u64, pushes: u64, per_second: f64) -> Measured {
    let (began, cpu_before) = (Instant::now(), receiver.cpu_time());
    let mut under_way = JoinSet::new();
    let mut due = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
    for n in first..first + pushes {
        due.tick().await;
        let pusher = pusher.clone();
        under_way.spawn(async move { pusher.push(n).await.took });
    }
    let acks = Quantiles::of(under_way.join_all().await);
    let cpu_percent =
        (receiver.cpu_time() - cpu_before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    Measured { acks, resident_kib: receiver.resident_kib(), cpu_percent }
}
