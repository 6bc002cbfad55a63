//! Calls under one lease: each is made again while the queue is away, and every wait ends with the lease.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use huixin_queue::{Lease, Queue, QueueError, Renewal};

use crate::lease::{LeaseGuard, STEP_MAX};
use crate::message_end::{StepResult, Stop};
use crate::worker_context::WorkerContext;

/// How long a settle is tried again while the queue is away. A late settle does no harm: the queue refuses it by its token.
const SETTLE_TRIES_FOR: Duration = Duration::from_secs(120);

/// What a message's handling asks of the queue and of its lease. It can be shared; what is recorded goes through the
/// [`Recorder`](crate::recorder::Recorder).
#[derive(Clone, Copy)]
pub(crate) struct Calls<'a> {
    pub(crate) shared: &'a WorkerContext,
    pub(crate) lease: &'a Lease,
    pub(crate) guard: &'a LeaseGuard,
}

impl Calls<'_> {
    pub(crate) fn queue(&self) -> &dyn Queue {
        &*self.shared.queue
    }

    /// Makes one call to the queue, and repeats it while the queue is away. `LeaseLost` after a repetition means
    /// "perhaps done already": an earlier try may have been applied and its answer lost.
    pub(crate) async fn insist<T, F>(&self, call: impl Fn() -> F) -> StepResult<T>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        let before = self.guard.begins("a call to the queue", STEP_MAX);
        let done = self.repeat(call).await;
        // A handler that runs beside a notice goes on with its own limit.
        self.guard.goes_on(before.as_ref());
        done
    }

    async fn repeat<T, F>(&self, call: impl Fn() -> F) -> StepResult<T>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        let started = Instant::now();
        let stop_now = &self.shared.stop_now;
        let mut pause = Duration::from_millis(50);
        let mut repeated = false;
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(QueueError::CallBackPending) => return Err(Stop::Answered),
                Err(QueueError::LeaseLost) if repeated => return Err(Stop::PerhapsDone),
                Err(QueueError::LeaseLost) => return Err(Stop::Lost),
                Err(error)
                    if error.is_outage()
                        && started.elapsed() < SETTLE_TRIES_FOR
                        && !stop_now.is_cancelled() =>
                {
                    repeated = true;
                    stop_now.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Err(error) => return Err(Stop::Queue(error)),
            }
        }
    }

    /// Confirms the lease of a message that has lost some before: only then does losing it again count.
    pub(crate) async fn confirm(&self, lease: &Lease, losses: u32) -> StepResult<()> {
        tracing::warn!(losses, "the worker that had the message is gone: handling it again");
        let confirm = self.insist(|| async {
            let lease = std::slice::from_ref(lease);
            match self.queue().renew(lease, self.shared.lease_for).await?[..] {
                [Renewal::Kept] => Ok(()),
                _ => Err(QueueError::LeaseLost),
            }
        });
        // Only while the lease is known to be ours: a lease that is confirmed late and given up would count as a loss.
        self.while_current(confirm).await?
    }

    /// Does something, and cuts it short when the lease is lost. The lease is checked in each step: a process that was
    /// suspended goes on in the middle of one, before anything has told it of the loss.
    pub(crate) async fn while_current<T>(&self, work: impl Future<Output = T>) -> StepResult<T> {
        let mut work = pin!(work);
        let work = poll_fn(|context| match self.guard.is_current() {
            true => work.as_mut().poll(context).map(Ok),
            false => Poll::Ready(Err(Stop::Lost)),
        });
        tokio::select! {
            biased;
            () = self.guard.lost.cancelled() => Err(Stop::Lost),
            done = work => done,
        }
    }

    /// Waits for something, as long as the lease isn't lost and the worker's grace isn't over.
    pub(crate) async fn wait_for<T>(&self, work: impl Future<Output = T>) -> StepResult<T> {
        tokio::select! {
            biased;
            () = self.guard.lost.cancelled() => Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => Err(Stop::Stopping),
            done = work => Ok(done),
        }
    }
}
