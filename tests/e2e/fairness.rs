//! A user who floods takes a turn like everybody, and not the place of others.
//!
//! What is asserted is the order: while somebody else waits, the flood gets one more turn at most, or two if a take was under
//! way. The others' waiting time, from the receiver's stamp to the start of the handler, is measured twice in one run,
//! without the flood and with it, and asserted only in the long form, which runs alone: on a busy machine it says little.
//! There are three permits and a service that takes 200 ms, and the others alone need two of the permits: a flood that got
//! one of them for itself would make them wait longer and longer.

use std::time::Duration;

use futures::StreamExt as _;
use huixin_sandbox::{Push, Sandbox, SandboxConfig};

use crate::harness::{Asked, Backend, Setup, Stack, long};

const HANDLER_TAKES: Duration = Duration::from_millis(200);
/// What recording, sending and ending may add, on a busy machine.
const AROUND_IT: Duration = Duration::from_millis(100);
const PERMITS: &str = "3";
/// Users of one message come at this rate.
const OTHERS_PER_SECOND: u32 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_floods_makes_others_wait_no_longer_than_one_handler_takes() {
    let (others, flood) = if long() { (1_000, 20_000) } else { (100, 1_000) };
    let backend = Backend::start(HANDLER_TAKES).await;
    let sandbox = SandboxConfig { enforce_windows: false, ..SandboxConfig::default() };
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), sandbox, ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let worker = stack.spawn("worker", &[("HUIXIN_WORKER__CONCURRENCY", PERMITS)]);
    worker.ready().await;
    let wechat = &stack.sandbox.sandbox;

    pushes(wechat, "calm", others, OTHERS_PER_SECOND).await;
    let calm = waits_of(&backend, "calm", others).await;
    let both_take_as_long = OTHERS_PER_SECOND * flood / others;
    let (acked, _) = tokio::join!(
        pushes(wechat, "flood", flood, both_take_as_long),
        pushes(wechat, "loaded", others, OTHERS_PER_SECOND)
    );
    let loaded = waits_of(&backend, "loaded", others).await;

    let requests = backend.requests();
    let flooding: Vec<_> = requests.iter().filter_map(|asked| asked.content.strip_prefix("flood ")).collect();
    let p99 = |waits: &[Duration]| waits[(waits.len() * 99).div_ceil(100) - 1];
    let allowed = p99(&calm).mul_f64(1.2) + HANDLER_TAKES + AROUND_IT;
    println!(
        "{others} users with one message each: waiting without a flood p50 {:.1?}, p99 {:.1?}; beside {acked} messages of \
         one user p50 {:.1?}, p99 {:.1?}, allowed {allowed:.1?}; the flood had {} turns",
        calm[calm.len() / 2],
        p99(&calm),
        loaded[loaded.len() / 2],
        p99(&loaded),
        flooding.len()
    );
    assert!(acked > flood / 2, "only {acked} of the flood were acked");
    assert!(flooding.len() > 2, "the flooding user is served too: {flooding:?}");
    let turns = flood_turns_before(&requests);
    assert!(turns <= 2, "while somebody waited the flood had {turns} turns");
    assert!(!long() || p99(&loaded) <= allowed, "{:?} is more than {allowed:?}", p99(&loaded));
    // Most of the flood is still there: the audit sees a long lane.
    stack.end_with_dead().await;
}

/// How many turns the flood had at most while one of the others was waiting for theirs.
fn flood_turns_before(requests: &[Asked]) -> usize {
    let waited_from = |asked: &Asked| {
        asked.at_us.saturating_sub(u64::try_from(asked.waited.as_micros()).unwrap_or(u64::MAX))
    };
    let turns_of = |other: &Asked| {
        let (from, to) = (waited_from(other), other.at_us);
        requests
            .iter()
            .filter(|asked| asked.content.starts_with("flood ") && asked.at_us > from && asked.at_us < to)
            .count()
    };
    requests.iter().filter(|asked| asked.content.starts_with("loaded ")).map(turns_of).max().unwrap_or(0)
}

/// Pushes `count` messages at a steady rate, each of another user unless it is the flood. Gives how many were acked.
async fn pushes(wechat: &Sandbox, kind: &str, count: u32, per_second: u32) -> u32 {
    let ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    let paced = futures::stream::unfold((ticks, 0), async |(mut ticks, n)| {
        ticks.tick().await;
        (n < count).then_some((n, (ticks, n + 1)))
    });
    let push = async |n: u32| {
        let user = if kind == "flood" { "oFlood".to_owned() } else { format!("o{kind}{n}") };
        u32::from(wechat.push(Push::text("main", user, format!("{kind} {n}"))).await.acked)
    };
    paced.map(push).buffer_unordered(64).fold(0, async |sum, acked| sum + acked).await
}

/// How long these users' messages waited, sorted, once all have been started.
async fn waits_of(backend: &Backend, kind: &str, count: u32) -> Vec<Duration> {
    let is_one = |asked: &&Asked| asked.content.starts_with(kind);
    let count = usize::try_from(count).unwrap_or(0);
    backend.wait_until(kind, |requests| requests.iter().filter(is_one).count() == count).await;
    let mut waits: Vec<_> = backend.requests().iter().filter(is_one).map(|asked| asked.waited).collect();
    waits.sort();
    waits
}
