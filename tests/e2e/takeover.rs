//! How soon another worker has the messages that one leaves behind: those of a dead worker come when their leases run
//! out; a stopped worker hands them back.
//!
//! A trial has one worker that runs five messages of a slow service, and another that is free. The long form makes
//! thirty trials of each kind, in several installations side by side: most of a trial is waiting for a lease. With a
//! backlog, hundreds of other lanes wait for the few permits of the workers, and the taken-over lanes must pass them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::harness::{Asked, Backend, Process, Setup, Stack, long};

/// Messages that the worker of a trial leaves behind.
const LEFT: usize = 5;
/// Messages that a worker handles at once: few, so that a backlog stays one.
const PERMITS: &str = "8";
/// How long the service takes for a message of the backlog.
const BACKLOG_TAKES: Duration = Duration::from_millis(400);
/// How often another message comes: more often than the permits of one worker can handle, so that the backlog lasts.
const BACKLOG_EVERY: Duration = Duration::from_millis(40);
/// The backlog before the worker ends.
const BACKLOG_FIRST: u32 = 60;
const GRACE: Duration = Duration::from_millis(500);

/// How the worker of a trial ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// `kill -9`.
    Killed,
    /// SIGTERM, with a grace too short for what it runs.
    Stopped,
}

/// One kind of trial.
#[derive(Clone, Copy)]
struct Kind {
    end: End,
    lease_s: u64,
    backlog: bool,
}

impl Kind {
    /// The longest that a message may wait for its next worker, counted from the end of the worker.
    fn within(self) -> Duration {
        match self.end {
            // A second, and half a one more for a test machine that is doing other things.
            End::Killed => Duration::from_secs(self.lease_s) + Duration::from_millis(1500),
            End::Stopped => GRACE + Duration::from_secs(1),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_messages_of_a_killed_worker_are_answered_within_its_lease_and_a_second() {
    for lease_s in if long() { &[3, 15][..] } else { &[3] } {
        // Five trials of fifteen seconds each in an installation, or fifteen of three.
        let (installations, trials) = match (long(), lease_s) {
            (true, 15) => (6, 5),
            (true, _) => (2, 15),
            (false, _) => (1, 2),
        };
        let kind = |backlog| Kind { end: End::Killed, lease_s: *lease_s, backlog };
        tokio::join!(
            measure(kind(false), installations, trials),
            measure(kind(true), installations, trials.div_ceil(if long() { 1 } else { 2 })),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopped_worker_hands_back_is_with_another_within_a_second() {
    let (installations, trials) = if long() { (2, 15) } else { (1, 2) };
    let kind = |backlog| Kind { end: End::Stopped, lease_s: 15, backlog };
    tokio::join!(
        measure(kind(false), installations, trials),
        measure(kind(true), installations, trials.div_ceil(if long() { 1 } else { 2 })),
    );
}

/// Makes the trials, and prints and checks how long the messages waited.
async fn measure(kind: Kind, installations: usize, trials: usize) {
    let waits = join_all((0..installations).map(|_| installation(kind, trials))).await;
    let mut waits: Vec<Duration> = waits.into_iter().flatten().collect();
    waits.sort();
    assert_eq!(waits.len(), installations * trials * LEFT);
    let (what, median, worst) = (
        if kind.end == End::Killed { "killed" } else { "stopped" },
        waits[waits.len() / 2],
        waits[waits.len() - 1],
    );
    println!(
        "{what}, lease {} s, {}: {} trials, {LEFT} messages each: median {median:.2?}, worst {worst:.2?}, \
         allowed {:.2?}",
        kind.lease_s,
        if kind.backlog { "with a backlog" } else { "no backlog" },
        installations * trials,
        kind.within()
    );
    assert!(worst <= kind.within(), "{what}: a message waited for {worst:?}: {waits:?}");
}

/// One installation, in which each trial's heir is the next one's victim.
async fn installation(kind: Kind, trials: usize) -> Vec<Duration> {
    // The first time a message of a trial is handled takes until its worker is gone; every other is short.
    let begun = Mutex::new(HashSet::new());
    let backend = Backend::answering(move |asked| {
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left = asked.content.starts_with("left") && begun.insert(asked.content.clone());
        let takes = if is_left { Duration::from_secs(600) } else { BACKLOG_TAKES };
        (takes, format!("answer to {}", asked.content))
    })
    .await;
    let lease = if kind.lease_s == 3 { "3s" } else { "15s" };
    // A dozen installations on one machine: their receivers may be slow, the subject is the workers.
    let receiver = "ack_budget = \"3s\"\n".to_owned();
    let setup = Setup { routes: backend.route(), receiver, lease, grace: "500ms", ..Setup::default() };
    let mut stack = Stack::on_redis(setup).await;
    let _receiver = stack.role("receiver").await;
    let mut victim = worker(&mut stack).await;
    let mut waits = Vec::new();
    for trial in 0..trials {
        let heir = trial_of(kind, trial, &mut stack, &backend, &mut victim, &mut waits).await;
        victim = heir;
        stack.wait_until_empty().await;
        for user in 0..LEFT {
            let asked = backend.requests_for(&format!("left {trial}/{user}")).len();
            assert_eq!(asked, 2, "once by each of the two workers");
        }
    }
    for user in 0..LEFT {
        let expected: Vec<_> = (0..trials).map(|trial| format!("answer to left {trial}/{user}")).collect();
        assert_eq!(stack.texts_to(&format!("oUser{user}")), expected);
    }
    drop(victim);
    stack.end().await;
    waits
}

/// One trial. Adds how long each message waited for its next handling, and gives the worker that is left.
async fn trial_of(
    kind: Kind,
    trial: usize,
    stack: &mut Stack,
    backend: &Backend,
    victim: &mut Process,
    waits: &mut Vec<Duration>,
) -> Process {
    let left: Vec<_> = (0..LEFT).map(|user| format!("left {trial}/{user}")).collect();
    for (user, content) in left.iter().enumerate() {
        stack.say(&format!("oUser{user}"), content).await;
    }
    let starts = |n| {
        let left = &left;
        move |asked: &[Asked]| asked.iter().filter(|asked| left.contains(&asked.content)).count() >= n
    };
    backend.wait_until("the start of all that is left behind", starts(LEFT)).await;
    let heir = worker(stack).await;
    let stack = &*stack;
    let other = async |n: u32| stack.say(&format!("oOther{n}"), &format!("{trial}: {n}")).await;
    if kind.backlog {
        join_all((0..BACKLOG_FIRST).map(other)).await;
    }
    let more = async {
        let mut ticks = tokio::time::interval(BACKLOG_EVERY);
        for n in BACKLOG_FIRST.. {
            ticks.tick().await;
            other(n).await;
        }
    };

    let ended = Instant::now();
    match kind.end {
        End::Killed => victim.kill(),
        End::Stopped => victim.signal("-TERM"),
    }
    let taken_over = backend.wait_until("the second start of all that was left behind", starts(2 * LEFT));
    if kind.backlog {
        tokio::select! {
            () = taken_over => {}
            () = more => {}
        }
    } else {
        taken_over.await;
    }
    let waiting = stack.counts().await.ready_lanes.values().sum::<u64>();
    assert!(!kind.backlog || waiting > 0, "the backlog was gone before the take-over");
    for content in &left {
        let asked = backend.requests_for(content);
        waits.push(asked[1].at.duration_since(ended));
    }
    if kind.end == End::Stopped {
        assert_eq!(victim.ended().await.code(), Some(0));
        assert!(victim.log().contains(&format!("handed_back={LEFT}")) || kind.backlog, "{}", victim.log());
    }
    heir
}

async fn worker(stack: &mut Stack) -> Process {
    let process = stack.spawn("worker", &[("HUIXIN_WORKER__CONCURRENCY", PERMITS)]);
    process.ready().await;
    process
}
