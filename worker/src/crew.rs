//! The loop: permit → take → run.
//!
//! A permit comes first: a worker that took what it can't start would hold a lease for nothing while others are free.
//! What is free is taken in one call, up to a batch. A take whose answer got lost is repeated with the same number, so
//! that the queue gives the same batch again.
//!
//! **Stopping** has three stages, and the end says which were needed: stop taking; let what runs finish, until the
//! grace is over; hand the rest back. A take under way is waited for and what it brings is handed back: if the call were
//! dropped, its messages would wait until their leases run out. A send under way is let finish (its own timeout bounds
//! it), so that it doesn't become unsure.
//!
//! **A panic in the loop** is a bug, is told, and the loop begins again: a worker that is there and takes nothing would
//! be worse than one that is gone.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use huixin_queue::{
    Buried, Class, Damaged, Lease, Leased, Moment, Queue, QueueError, SUSPECT_LOSSES, Settlement,
    TakeRequest, Taken,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::backoff;
use crate::job::{End, Job, shortened};
use crate::lease::Keeper;
use crate::metrics;
use crate::poisoned;
use crate::route::{ATTEMPTS_DEFAULT, PATIENCE_DEFAULT};
use crate::worker::{Shared, Stopped, WorkerError, WorkerHealth};

/// Messages taken in one call at most. Nothing else runs on the server meanwhile: a slow one needs about 2 ms for them.
const TAKE_MAX: usize = 32;
/// The longest an idle worker waits before it looks again: the safety net under a lost wake-up.
const IDLE_MAX: Duration = Duration::from_secs(1);
const OUTAGE_PAUSE_FIRST: Duration = Duration::from_millis(100);
const OUTAGE_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The pause before the loop begins again after a panic.
const PANIC_PAUSE: Duration = Duration::from_secs(1);
/// How long a stop waits for the answer to a take under way.
const LAST_TAKE_MAX: Duration = Duration::from_secs(3);

/// A running worker.
pub(crate) struct Crew {
    pub(crate) shared: Arc<Shared>,
    /// One for each account, by name.
    pub(crate) classes: Arc<[Class]>,
    pub(crate) keeper: Keeper,
    pub(crate) tasks: TaskTracker,
    pub(crate) health: WorkerHealth,
}

impl Crew {
    /// Takes and starts messages until it is to stop.
    pub(crate) async fn work(
        &self,
        mut request: TakeRequest,
        stopping: &CancellationToken,
    ) -> Result<(), WorkerError> {
        loop {
            match AssertUnwindSafe(self.take_on(&mut request, stopping)).catch_unwind().await {
                Ok(result) => return result,
                // What a call brought whose answer was lost by it comes again: its number hasn't changed.
                Err(_) => tracing::error!(
                    queue = self.shared.queue.place(),
                    "the loop that takes messages panicked: this is a bug, please report it"
                ),
            }
            metrics::take_failed();
            stopping.run_until_cancelled(tokio::time::sleep(PANIC_PAUSE)).await;
        }
    }

    async fn take_on(
        &self,
        request: &mut TakeRequest,
        stopping: &CancellationToken,
    ) -> Result<(), WorkerError> {
        let mut pause = OUTAGE_PAUSE_FIRST;
        let mut away = false;
        while let Some(mut permits) = stopping.run_until_cancelled(self.some_permits()).await {
            request.max = permits.num_permits();
            request.classes = self.classes(&request.classes);
            request.suspect = !self.shared.suspect_runs.load(Ordering::Relaxed);
            let began = Moment::now();
            let taken = tokio::select! {
                taken = self.shared.queue.take(request) => taken,
                () = long_after(stopping) => break,
            };
            match taken {
                Ok(taken) if stopping.is_cancelled() => {
                    self.hand_back(&taken.messages).await;
                    break;
                }
                Ok(taken) => {
                    request.call += 1;
                    self.health.taken();
                    if std::mem::take(&mut away) {
                        tracing::info!(queue = self.shared.queue.place(), "the queue is back");
                    }
                    pause = OUTAGE_PAUSE_FIRST;
                    let Taken { messages, buried, next_due, damaged, cut_short } = taken;
                    for Buried { id, class, reason } in buried {
                        tracing::error!(
                            id = id.as_str(),
                            account = class.as_str(),
                            reason,
                            "the message is dead"
                        );
                        metrics::died_elsewhere(class.as_str());
                        self.tasks.spawn(poisoned::tell(self.shared.clone(), id));
                    }
                    for Damaged { name, problem } in damaged {
                        // Without the rest of the name, which may be a user's.
                        let what = name.split(':').next().unwrap_or_default();
                        tracing::error!(
                            what,
                            problem,
                            "something stored is damaged: it is set aside, see `huixin audit`"
                        );
                        metrics::damaged();
                    }
                    // What is cut short goes on at once: each look leaves fewer lanes that are looked at in vain.
                    let idle = messages.is_empty() && !cut_short;
                    let mut beyond = Vec::new();
                    for leased in messages {
                        match permits.split(1) {
                            Some(permit) => self.start(leased, began, permit),
                            None => beyond.push(leased),
                        }
                    }
                    drop(permits);
                    // A take whose answer was lost gives the same batch again, and there may be fewer permits now. Nobody would
                    // renew the leases of the rest.
                    self.hand_back(&beyond).await;
                    if idle {
                        let at_most =
                            next_due.map_or(IDLE_MAX, |due| due.clamp(Duration::from_millis(5), IDLE_MAX));
                        let wait = async {
                            tokio::select! {
                                waited = self.shared.queue.wait(at_most) => waited,
                                // The next suspect may stand in line already.
                                () = self.shared.suspect_ended.notified() => Ok(()),
                            }
                        };
                        if matches!(stopping.run_until_cancelled(wait).await, Some(Err(_))) {
                            stopping.run_until_cancelled(tokio::time::sleep(OUTAGE_PAUSE_FIRST)).await;
                        }
                    }
                }
                // A queue that could be used before is waited for, whatever it says now: somebody mends its password, and
                // nobody thinks of the workers.
                Err(error) if error.is_outage() || (request.call > 1 && !error.is_fatal()) => {
                    metrics::take_failed();
                    if !std::mem::replace(&mut away, true) {
                        let (cause, hint) = (error_source(&error), error.hint().unwrap_or_default());
                        tracing::warn!(%error, cause, hint, "the queue is away: waiting for it");
                    }
                    drop(permits);
                    stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = (pause * 2).min(OUTAGE_PAUSE_MAX);
                }
                Err(error) => return Err(WorkerError::Queue(error)),
            }
        }
        Ok(())
    }

    /// Of which accounts messages are taken: those that can send.
    /// The list of the last take, if it is the same: then the queue knows it.
    fn classes(&self, last: &Arc<[Class]>) -> Arc<[Class]> {
        let paused = self.shared.pauses.paused();
        if paused.is_empty() {
            return self.classes.clone();
        }
        let classes: Vec<Class> =
            self.classes.iter().filter(|class| !paused.contains(class.as_str())).cloned().collect();
        if **last == *classes { last.clone() } else { classes.into() }
    }

    /// What came after the stop was asked for, or without a permit for it, and was not begun.
    async fn hand_back(&self, messages: &[Leased]) {
        let released =
            messages.iter().map(|leased| self.shared.queue.settle(&leased.lease, Settlement::Release));
        for result in futures::future::join_all(released).await {
            match result {
                Ok(_) => {
                    self.shared.released.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    tracing::warn!(%error, "a message could not be handed back: its lease must run out first");
                }
            }
        }
    }

    /// At least one permit, and at once as many more as are free, up to a batch.
    async fn some_permits(&self) -> OwnedSemaphorePermit {
        let permits = &self.shared.permits;
        self.health.full.store(permits.available_permits() == 0, Ordering::Relaxed);
        let mut some = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        self.health.full.store(false, Ordering::Relaxed);
        let more = permits.available_permits().min(TAKE_MAX - 1);
        if let Ok(more) = permits.clone().try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
            some.merge(more);
        }
        some
    }

    fn start(&self, leased: Leased, taken: Moment, permit: OwnedSemaphorePermit) {
        let held = self.keeper.hold(leased.lease.clone(), taken);
        let begun = Instant::now();
        let span = tracing::info_span!(
            "message",
            id = leased.lease.id.as_str(),
            account = leased.class.as_str(),
            user = shortened(leased.lease.lane.as_str()),
            attempt = leased.failures + leased.losses + 1,
        );
        metrics::begun();
        let shared = self.shared.clone();
        let suspect = leased.losses >= SUSPECT_LOSSES;
        if suspect {
            shared.suspect_runs.store(true, Ordering::Relaxed);
            tracing::warn!(
                losses = leased.losses,
                id = leased.lease.id.as_str(),
                "a message that has outlived its workers is tried once more"
            );
        }
        let job = async move {
            let account = leased.class.to_string();
            let (lease, failures) = (leased.lease.clone(), leased.failures);
            let standing = Mutex::new(leased.standing);
            let announced = Mutex::new(leased.progress.sending);
            let (permit, to_remember) = (Mutex::new(Some(permit)), Mutex::default());
            let shared_too = shared.clone();
            let job =
                Job { shared: shared_too, permit, leased, begun, held, standing, announced, to_remember };
            let run = job.run();
            let run = AssertUnwindSafe(run).catch_unwind();
            let end = match run.await {
                Ok(end) => end,
                Err(_) => after_a_bug(&*shared.queue, &lease, failures).await,
            };
            match end {
                End::Released => {
                    shared.released.fetch_add(1, Ordering::Relaxed);
                }
                End::LeaseLost | End::Unsettled => {}
                _ => {
                    shared.settled.fetch_add(1, Ordering::Relaxed);
                }
            }
            metrics::ended(&account, end.as_str());
            if suspect {
                shared.suspect_runs.store(false, Ordering::Relaxed);
                shared.suspect_ended.notify_one();
            }
        };
        self.tasks.spawn(job.instrument(span));
    }

    /// Lets what runs finish within the grace, then hands back the rest.
    pub(crate) async fn stop(self, grace: Duration) -> Stopped {
        let (running, before) = (self.tasks.len(), self.shared.settled.load(Ordering::Relaxed));
        if running > 0 {
            tracing::info!(running, grace_ms = grace.as_millis(), "stopping: waiting for running messages");
        }
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(running = self.tasks.len(), "the grace is over: handing back what still runs");
            self.shared.stop_now.cancel();
            self.tasks.wait().await;
        }
        let finished = self.shared.settled.load(Ordering::Relaxed) - before;
        Stopped { finished, released: self.shared.released.load(Ordering::Relaxed) }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // After a stop nothing runs any more; if the worker was dropped instead, nothing may run on without its leases.
        self.shared.stop_now.cancel();
    }
}

/// Is done when a stop has waited long enough.
async fn long_after(stopping: &CancellationToken) {
    stopping.cancelled().await;
    tokio::time::sleep(LAST_TAKE_MAX).await;
}

/// A panic outside the handler is a bug of ours. It costs the message an attempt, so that it doesn't come back for ever.
async fn after_a_bug(queue: &dyn Queue, lease: &Lease, failures: u32) -> End {
    const REASON: &str =
        "the worker panicked while it handled the message: this is a bug of Huixin's, please report it";
    tracing::error!("{REASON}");
    let (reason, after) = (REASON.to_owned(), backoff::bound(failures + 1));
    let (settlement, end) = match failures < ATTEMPTS_DEFAULT {
        true => (Settlement::Retry { after, patience: PATIENCE_DEFAULT, reason }, End::Retried),
        false => (Settlement::Bury { reason }, End::Dead),
    };
    queue.settle(lease, settlement).await.map_or(End::Unsettled, |_| end)
}

fn error_source(error: &QueueError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
