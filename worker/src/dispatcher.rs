//! The poll loop: permit → take → run.
//!
//! A permit comes first: a worker that took what it can't start would hold a lease for nothing while others are free.
//! What is free is taken in one call, up to a batch. A take whose answer got lost is repeated with the same number, so
//! that the queue gives the same batch again.
//!
//! **A panic in the loop** is a bug, is logged, and the loop begins again: a worker that is there and takes nothing would
//! be worse than one that is gone.

mod outage;
mod stop;

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use huixin_queue::{
    Buried, Class, Damaged, Lease, Leased, Moment, Queue, QueueError, SUSPECT_LOSSES, Settlement,
    TakeRequest, Taken, WorkerId,
};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use self::outage::QueueOutage;
pub use self::stop::Stopped;
use self::stop::{hand_back, long_after};
use crate::backoff;
use crate::health::WorkerHealth;
use crate::lease::Keeper;
use crate::message_end::End;
use crate::metrics;
use crate::process::process;
use crate::route::{ATTEMPTS_DEFAULT, PATIENCE_DEFAULT};
use crate::tell_of_death;
use crate::trace;
use crate::worker_context::WorkerContext;

/// Messages taken in one call at most. Nothing else runs on the server in that time: a slow one needs about 2 ms for them.
const TAKE_MAX: usize = 32;
/// The longest an idle worker waits before it looks again: the safety net under a lost wake-up.
const IDLE_MAX: Duration = Duration::from_secs(1);
const IDLE_MIN: Duration = Duration::from_millis(5);
/// The pause before the loop begins again after a panic.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// Takes messages and starts their handling.
pub(crate) struct Dispatcher {
    pub(crate) shared: Arc<WorkerContext>,
    /// One for each account, by name.
    pub(crate) classes: Arc<[Class]>,
    pub(crate) keeper: Keeper,
    pub(crate) tasks: TaskTracker,
    /// What messages are handled on.
    pub(crate) runtime: Handle,
    pub(crate) health: WorkerHealth,
}

impl Dispatcher {
    /// Takes and starts messages, under this worker's name, until it is to stop.
    pub(crate) async fn run(&self) -> Result<(), QueueError> {
        let mut request = TakeRequest {
            max: 0,
            classes: self.classes.clone(),
            worker: WorkerId::new(&*self.shared.name),
            call: 1,
            lease_for: self.shared.lease_for,
            suspect: true,
        };
        let mut outage = QueueOutage::default();
        loop {
            match AssertUnwindSafe(self.run_once(&mut request, &mut outage)).catch_unwind().await {
                Ok(Ok(ControlFlow::Continue(()))) => {}
                Ok(Ok(ControlFlow::Break(()))) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                // If the panic lost the answer to a take, its batch comes again: the take's number hasn't changed.
                Err(_) => {
                    tracing::error!(
                        queue = self.shared.queue.place(),
                        "the loop that takes messages panicked: this is a bug, please report it"
                    );
                    metrics::take_failed();
                    self.pause(PANIC_PAUSE).await;
                }
            }
        }
    }

    /// One take, the start of what it brings, and the wait after it. Breaks when the worker stops.
    async fn run_once(
        &self,
        request: &mut TakeRequest,
        outage: &mut QueueOutage,
    ) -> Result<ControlFlow<()>, QueueError> {
        let stopping = &self.shared.stopping;
        let Some(mut permits) = stopping.run_until_cancelled(self.some_permits()).await else {
            return Ok(ControlFlow::Break(()));
        };
        request.max = permits.num_permits();
        request.classes = self.classes(&request.classes);
        request.suspect = !self.shared.suspect_runs.load(Ordering::Relaxed);
        let began = Moment::now();
        let taken = tokio::select! {
            taken = self.shared.queue.take(request) => taken,
            () = long_after(stopping) => return Ok(ControlFlow::Break(())),
        };
        let Taken { messages, buried, next_due, damaged, cut_short } = match taken {
            Ok(taken) => taken,
            Err(error) => {
                drop(permits);
                self.pause(outage.pause_for(error, request.call > 1, &self.shared)?).await;
                return Ok(ControlFlow::Continue(()));
            }
        };
        if stopping.is_cancelled() {
            hand_back(&self.shared, &messages).await;
            return Ok(ControlFlow::Break(()));
        }
        request.call += 1;
        self.health.taken();
        let is_repeated = outage.is_over(&self.shared);
        self.report(buried, damaged);
        // A take that gave less than it might has left nothing that is ready. One that was cut short is repeated at once: each
        // one leaves fewer lanes to look at in vain. So is one whose answer may be that of a call before it.
        let is_idle = messages.len() < request.max && !cut_short && !is_repeated;
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
        hand_back(&self.shared, &beyond).await;
        if is_idle {
            self.idle(next_due.map_or(IDLE_MAX, |due| due.clamp(IDLE_MIN, IDLE_MAX))).await;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Waits until there may be something to take.
    async fn idle(&self, at_most: Duration) {
        let wait = async {
            tokio::select! {
                waited = self.shared.queue.wait(at_most) => waited,
                // The next suspect may stand in line already.
                () = self.shared.suspect_ended.notified() => Ok(()),
            }
        };
        if matches!(self.shared.stopping.run_until_cancelled(wait).await, Some(Err(_))) {
            self.pause(outage::PAUSE_FIRST).await;
        }
    }

    async fn pause(&self, pause: Duration) {
        self.shared.stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
    }

    /// Logs and counts what the queue ended or set aside by itself, and tells the users of what died.
    fn report(&self, buried: Vec<Buried>, damaged: Vec<Damaged>) {
        for Buried { id, class, reason } in buried {
            tracing::error!(id = id.as_str(), account = class.as_str(), reason, "the message is dead");
            metrics::left(class.as_str(), End::Dead.into());
            self.tasks.spawn_on(tell_of_death::tell(self.shared.clone(), id), &self.runtime);
        }
        for Damaged { name, problem } in damaged {
            // Without the rest of the name, which may be a user's.
            let what = name.split(':').next().unwrap_or_default();
            tracing::error!(what, problem, "damaged data in the queue was set aside: see `huixin audit`");
            metrics::damaged();
        }
    }

    /// The accounts that can send: only their messages are taken. Gives the list of the last take if it is the same,
    /// since the queue knows that one.
    fn classes(&self, last: &Arc<[Class]>) -> Arc<[Class]> {
        let paused = self.shared.pauses.paused();
        if paused.is_empty() {
            return self.classes.clone();
        }
        let classes: Vec<Class> =
            self.classes.iter().filter(|class| !paused.contains(class.as_str())).cloned().collect();
        if **last == *classes { last.clone() } else { classes.into() }
    }

    /// Waits for one permit, and takes as many more as are free, up to a batch.
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
        let guard = self.keeper.hold(leased.lease.clone(), taken);
        let begun = Instant::now();
        let span = tracing::info_span!(
            "message",
            id = leased.lease.id.as_str(),
            account = leased.class.as_str(),
            user = shortened(leased.lease.lane.as_str()),
            attempt = leased.failures + leased.losses + 1,
        );
        trace::begin(&span, &leased);
        metrics::begun();
        let shared = self.shared.clone();
        let suspect = leased.losses >= SUSPECT_LOSSES;
        if suspect {
            shared.suspect_runs.store(true, Ordering::Relaxed);
            tracing::warn!(
                losses = leased.losses,
                id = leased.lease.id.as_str(),
                "a message whose workers died is tried once more"
            );
        }
        let task = async move {
            let run = AssertUnwindSafe(process(&shared, &leased, guard, permit, begun)).catch_unwind();
            let end = match run.await {
                Ok(end) => end,
                Err(_) => after_a_bug(&*shared.queue, &leased.lease, leased.failures).await,
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
            metrics::ended(leased.class.as_str(), end.into());
            trace::end(end.into());
            if suspect {
                shared.suspect_runs.store(false, Ordering::Relaxed);
                shared.suspect_ended.notify_one();
            }
        };
        self.tasks.spawn_on(task.instrument(span), &self.runtime);
    }
}

/// A panic outside the handler is a bug of ours. It costs the message an attempt, so that it doesn't come back for ever.
async fn after_a_bug(queue: &dyn Queue, lease: &Lease, failures: u32) -> End {
    const REASON: &str =
        "the worker panicked while it handled the message: this is a bug in Huixin, please report it";
    tracing::error!("{REASON}");
    let (reason, after) = (REASON.to_owned(), backoff::bound(failures + 1));
    let (settlement, end) = match failures < ATTEMPTS_DEFAULT {
        true => (Settlement::Retry { after, patience: PATIENCE_DEFAULT, reason }, End::Retried),
        false => (Settlement::Bury { reason }, End::Dead),
    };
    queue.settle(lease, settlement).await.map_or(End::Unsettled, |_| end)
}

/// A user as logs show them: enough to tell two apart, too little to look one up.
fn shortened(lane: &str) -> String {
    let mut end = lane.chars().rev().take(4).collect::<Vec<_>>();
    end.reverse();
    format!("…{}", end.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_show_the_end_of_a_user_only() {
        assert_eq!(shortened("main/oFakeOpenId_0123456789abcdef"), "…cdef");
        assert_eq!(shortened("é"), "…é");
    }
}
