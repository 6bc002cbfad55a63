//! Keeps the leases of running messages alive, and says when one is lost.
//!
//! One loop renews all leases together every fifth of their time, on a thread and a runtime of its own: a handler that
//! blocks its thread, or ten thousand that are busy, must not make a lease lapse. (A queue on Redis renews on a
//! connection of its own for the same reason.)
//!
//! **Fencing itself.** A worker that could not renew for 0.8 of the lease stops by its own clock, before the queue may give
//! the message to another: handlers are cancelled, and nothing more is sent. [`LeaseGuard::is_current`] is asked right
//! before every send, so that a process that was stopped and continued notices in time. The time counts from before the
//! renewal was sent, which errs on the safe side, and by a clock that goes on while the machine sleeps ([`Moment`]).
//!
//! **A job that stands still** would keep its lane for as long as its lease is renewed. So each message under way says what it begins and
//! how long that may take at most ([`LeaseGuard::begins`]), and one that takes longer goes into the log once, into the metric
//! `huixin_worker_overdue`, and makes the worker not ready. It isn't ended: nobody knows what it does.
//!
//! The same entries answer what a worker does now ([`RunningLeases::oldest`]): nothing else has to be noted for that.
//!
//! **The loops don't end** while there is a worker: a renewal that panics is logged and counts as one that failed. So the
//! worst that a bug there can do is what an outage does, and no handler runs on without its lease.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use huixin_queue::{BEAT_EVERY, Lane, Lease, MessageId, Moment, Queue, Renewal};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// How long a step without a limit of its own may take: every wait in it ends sooner.
pub(crate) const STEP_MAX: Duration = Duration::from_secs(300);
/// Leases renewed by one call.
const RENEWED_TOGETHER: usize = 512;

/// Renews leases until it is dropped.
pub(crate) struct Keeper {
    pub(crate) running: Arc<RunningLeases>,
    stop: CancellationToken,
}

#[derive(Debug)]
pub(crate) struct RunningLeases {
    entries: Mutex<Entries>,
    /// A lease not renewed for this long is given up.
    fence: Duration,
    /// Jobs whose step takes longer than it may.
    overdue: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Entries {
    by_number: HashMap<u64, LeaseEntry>,
    next: u64,
}

#[derive(Debug)]
struct LeaseEntry {
    lease: Lease,
    taken: Instant,
    route: Option<String>,
    renewed: Moment,
    lost: CancellationToken,
    step: LeaseAction,
}

/// What is done for a message now.
#[derive(Debug)]
pub(crate) struct LeaseAction {
    name: &'static str,
    since: Instant,
    at_most: Duration,
    is_told: bool,
}

/// A message that a worker handles now.
#[derive(Clone, Debug)]
pub struct RunningMessage {
    /// Its id.
    pub id: MessageId,
    /// Its lane.
    pub lane: Lane,
    /// Its route, once that is known.
    pub route: Option<String>,
    /// What is done for it now, in a few words.
    pub step: &'static str,
    /// How long the worker has had it.
    pub age: Duration,
}

/// A lease being kept. Dropping it ends the keeping, not the lease.
pub(crate) struct LeaseGuard {
    running: Arc<RunningLeases>,
    number: u64,
    /// Cancelled when it may not be ours any more.
    pub(crate) lost: CancellationToken,
}

impl Keeper {
    /// Starts the thread. It shows in `overdue` how many messages stand still.
    pub(crate) fn start(
        queue: Arc<dyn Queue>,
        lease_for: Duration,
        overdue: Arc<AtomicUsize>,
    ) -> std::io::Result<Self> {
        let fence = lease_for.mul_f64(0.8);
        let running = Arc::new(RunningLeases { entries: Mutex::default(), fence, overdue });
        let stop = CancellationToken::new();
        let (theirs, stopping) = (running.clone(), stop.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("leases".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = keep(&*queue, &theirs, lease_for) => {}
                }
            });
        })?;
        Ok(Self { running, stop })
    }

    /// Keeps one more lease, taken by a call that began at `taken`.
    pub(crate) fn hold(&self, lease: Lease, taken: Moment) -> LeaseGuard {
        let lost = CancellationToken::new();
        let mut entries = self.running.entries.lock();
        entries.next += 1;
        let number = entries.next;
        let step = LeaseAction::new("start", STEP_MAX);
        let entry = LeaseEntry {
            lease,
            taken: Instant::now(),
            route: None,
            renewed: taken,
            lost: lost.clone(),
            step,
        };
        entries.by_number.insert(number, entry);
        drop(entries);
        LeaseGuard { running: self.running.clone(), number, lost }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl LeaseGuard {
    /// Whether the message is certainly still ours.
    pub(crate) fn is_current(&self) -> bool {
        let entries = self.running.entries.lock();
        let fresh =
            entries.by_number.get(&self.number).is_some_and(|e| e.renewed.elapsed() < self.running.fence);
        fresh && !self.lost.is_cancelled()
    }

    /// The handling begins a step that takes no longer than `at_most`; `Duration::MAX` where others bound it. Gives the
    /// step before.
    pub(crate) fn begins(&self, name: &'static str, at_most: Duration) -> Option<LeaseAction> {
        let mut entries = self.running.entries.lock();
        let entry = entries.by_number.get_mut(&self.number)?;
        Some(std::mem::replace(&mut entry.step, LeaseAction::new(name, at_most)))
    }

    /// This route has the message.
    pub(crate) fn is_of(&self, route: &str) {
        if let Some(entry) = self.running.entries.lock().by_number.get_mut(&self.number) {
            entry.route = Some(route.to_owned());
        }
    }

    /// The handling goes back to the step before, whose time begins anew.
    pub(crate) fn goes_on(&self, before: Option<&LeaseAction>) {
        if let Some(LeaseAction { name, at_most, .. }) = before {
            self.begins(name, *at_most);
        }
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.running.entries.lock().by_number.remove(&self.number);
    }
}

impl LeaseAction {
    fn new(name: &'static str, at_most: Duration) -> Self {
        Self { name, since: Instant::now(), at_most, is_told: false }
    }
}

impl RunningLeases {
    /// How many messages are under way, and those that have been for the longest.
    pub(crate) fn oldest(&self, at_most: usize) -> (usize, Vec<RunningMessage>) {
        let entries = self.entries.lock();
        let mut oldest: Vec<_> = entries.by_number.iter().collect();
        // They are numbered in the order in which they came.
        oldest.sort_unstable_by_key(|(number, _)| **number);
        let shown = oldest.iter().take(at_most).map(|(_, entry)| RunningMessage {
            id: entry.lease.id.clone(),
            lane: entry.lease.lane.clone(),
            route: entry.route.clone(),
            step: entry.step.name,
            age: entry.taken.elapsed(),
        });
        (oldest.len(), shown.collect())
    }

    /// Cancels whatever has not been renewed in time.
    fn fence(&self) {
        for entry in self.entries.lock().by_number.values() {
            if entry.renewed.elapsed() >= self.fence && !entry.lost.is_cancelled() {
                tracing::warn!(
                    message = entry.lease.id.as_str(),
                    "the lease could not be renewed in time: stopping the handler"
                );
                entry.lost.cancel();
            }
        }
    }

    /// Logs messages that stand still, each once.
    fn watch(&self) {
        let mut overdue = 0;
        for LeaseEntry { lease, step, .. } in self.entries.lock().by_number.values_mut() {
            if step.since.elapsed() <= step.at_most {
                continue;
            }
            overdue += 1;
            if !std::mem::replace(&mut step.is_told, true) {
                let (message, step, at_most_ms) = (lease.id.as_str(), step.name, step.at_most.as_millis());
                tracing::error!(
                    message,
                    step,
                    at_most_ms,
                    "a message is stuck: this is a bug, please report it"
                );
            }
        }
        self.overdue.store(overdue, Ordering::Relaxed);
        metrics::overdue(overdue);
    }

    fn settle(&self, numbers: &[u64], renewals: &[Renewal], sent: Moment) {
        let mut entries = self.entries.lock();
        for (number, renewal) in numbers.iter().zip(renewals) {
            let Some(entry) = entries.by_number.get_mut(number) else { continue };
            match renewal {
                Renewal::Kept => entry.renewed = sent,
                Renewal::Lost => entry.lost.cancel(),
            }
        }
    }
}

async fn keep(queue: &dyn Queue, running: &RunningLeases, lease_for: Duration) {
    let pause = lease_for / 5;
    let renew = async {
        let mut ticks = every(pause);
        loop {
            ticks.tick().await;
            run_once(queue, running, lease_for, pause).await;
        }
    };
    // Beside the renewals, not between them: if it looked only every fifth of a lease, a lease could be at its end already.
    let fence = async {
        let mut ticks = every(lease_for / 20);
        loop {
            ticks.tick().await;
            running.fence();
            running.watch();
        }
    };
    // The store learns that it serves, with or without leases: see the queue's essay on lost leases.
    let beat = async {
        let mut ticks = every(BEAT_EVERY.min(pause));
        loop {
            ticks.tick().await;
            let beat = AssertUnwindSafe(async { queue.renew(&[], lease_for).await }).catch_unwind();
            // Callers that need an answer report any other trouble.
            if let Ok(Err(_)) = tokio::time::timeout(BEAT_EVERY, beat).await {
                tracing::error!("the worker's heartbeat panicked: this is a bug, please report it");
            }
        }
    };
    tokio::select! {
        () = renew => {}
        () = fence => {}
        () = beat => {}
    }
}

fn every(pause: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(pause.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// One round: all leases that are held and not yet lost.
async fn run_once(queue: &dyn Queue, running: &RunningLeases, lease_for: Duration, at_most: Duration) {
    let (numbers, leases): (Vec<_>, Vec<_>) = {
        let entries = running.entries.lock();
        let held = entries.by_number.iter().filter(|(_, entry)| !entry.lost.is_cancelled());
        held.map(|(number, entry)| (*number, entry.lease.clone())).unzip()
    };
    // In parts, so that a part that fails doesn't take the others' success with it.
    for (numbers, leases) in numbers.chunks(RENEWED_TOGETHER).zip(leases.chunks(RENEWED_TOGETHER)) {
        let sent = Moment::now();
        let renewal = AssertUnwindSafe(async { queue.renew(leases, lease_for).await }).catch_unwind();
        match tokio::time::timeout(at_most, renewal).await {
            Ok(Ok(Ok(renewals))) => running.settle(numbers, &renewals, sent),
            Ok(Ok(Err(error))) => {
                tracing::debug!(%error, leases = leases.len(), "leases could not be renewed");
            }
            Ok(Err(_)) => tracing::error!(
                queue = queue.place(),
                leases = leases.len(),
                "renewing leases panicked: this is a bug, please report it"
            ),
            Err(_) => tracing::debug!(leases = leases.len(), "leases could not be renewed in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ::metrics::with_local_recorder;
    use huixin_queue::sqlite::SqliteQueue;
    use huixin_queue::testing::conformance::message;
    use huixin_queue::{Clock, TakeRequest, WorkerId};
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    #[tokio::test]
    async fn a_job_whose_step_takes_longer_than_it_may_is_counted_until_it_goes_on() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let queue = SqliteQueue::open(&folder.path().join("queue.db"), Duration::from_secs(60), Clock::Store);
        let queue: Arc<dyn Queue> = Arc::new(queue.expect("the file can be made"));
        let message = message("lane", "m");
        let classes = [message.class.clone()].into();
        queue.accept(message).await.expect("it is stored");
        let request = TakeRequest {
            max: 1,
            classes,
            worker: WorkerId::new("worker".to_owned()),
            call: 1,
            lease_for: LEASE,
            suspect: false,
        };
        let mut taken = queue.take(&request).await.expect("it can be taken").messages;
        let lease = taken.pop().expect("there is one").lease;

        let overdue = Arc::new(AtomicUsize::new(0));
        let keeper = Keeper::start(queue, LEASE, overdue.clone()).expect("a thread can start");
        let guard = keeper.hold(lease, Moment::now());
        let becomes = async |count: usize| {
            while overdue.load(Ordering::Relaxed) != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let patience = Duration::from_secs(20);
        guard.begins("its handler", Duration::ZERO);
        tokio::time::timeout(patience, becomes(1)).await.expect("it is seen");
        let before = guard.begins("a send", STEP_MAX);
        tokio::time::timeout(patience, becomes(0)).await.expect("it goes on");
        guard.goes_on(before.as_ref());
        tokio::time::timeout(patience, becomes(1)).await.expect("it is at its handler again");
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || keeper.running.watch());
        let shown = recorder.handle().render();
        assert!(shown.contains("huixin_worker_overdue 1\n"), "{shown}");
        guard.begins("its handler", Duration::ZERO);
        guard.is_of("slow");
        let (count, shown) = keeper.running.oldest(1);
        assert_eq!((count, shown[0].route.as_deref(), shown[0].step), (1, Some("slow"), "its handler"));
        drop(guard);
        assert_eq!(keeper.running.oldest(1).0, 0);
        keeper.running.watch();
        assert_eq!(overdue.load(Ordering::Relaxed), 0, "it has ended");
    }
}
