//! A queue that is away: how long to wait for it, and what is said about it, once.

use std::time::Duration;

use huixin_queue::QueueError;

use crate::metrics;
use crate::worker_context::WorkerContext;

pub(super) const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Whether the queue is away, as the takes show it.
#[derive(Default)]
pub(super) struct QueueOutage {
    is_known: bool,
    pauses: u32,
}

impl QueueOutage {
    /// How long to wait before a failed take is made again; the error, if a wait is no use.
    ///
    /// A queue that could be used before is waited for, whatever it says now: somebody will change its password back,
    /// say, and not think of restarting the workers.
    pub(super) fn pause_for(
        &mut self,
        error: QueueError,
        could_be_used: bool,
        shared: &WorkerContext,
    ) -> Result<Duration, QueueError> {
        if !error.is_outage() && (!could_be_used || error.is_fatal()) {
            return Err(error);
        }
        metrics::take_failed();
        if !std::mem::replace(&mut self.is_known, true) {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let (queue, hint) = (shared.queue.place(), error.hint());
            tracing::warn!(queue, %error, cause, hint, "the queue is unavailable: waiting for it");
        }
        let pause = PAUSE_FIRST.saturating_mul(1 << self.pauses.min(8)).min(PAUSE_MAX);
        self.pauses += 1;
        Ok(pause)
    }

    /// A take has worked. Gives whether one before it had failed.
    pub(super) fn is_over(&mut self, shared: &WorkerContext) -> bool {
        let was_known = std::mem::take(self).is_known;
        if was_known {
            tracing::info!(queue = shared.queue.place(), "the queue is back");
        }
        was_known
    }
}
