//! The end of a worker, in three stages: stop taking; let what runs finish, until the grace is over; hand the rest back.
//!
//! A take under way is waited for and what it brings is handed back: if the call were dropped, its messages would wait until
//! their leases run out. A send under way is let finish (its own timeout bounds it), so that it doesn't become unsure.

use std::sync::atomic::Ordering;
use std::time::Duration;

use huixin_queue::{Leased, Settlement};
use tokio_util::sync::CancellationToken;

use super::Dispatcher;
use crate::worker_context::WorkerContext;

/// How long a stop waits for the answer to a take under way.
const LAST_TAKE_MAX: Duration = Duration::from_secs(3);

/// How a worker came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Messages that ran when the stop was asked for and were finished in time.
    pub finished: u64,
    /// Messages that were handed back to the queue.
    pub released: u64,
}

impl Dispatcher {
    /// Lets what runs finish within the grace, then hands back the rest.
    pub(crate) async fn stop(self, grace: Duration) -> Stopped {
        let (running, before) = (self.tasks.len(), self.shared.settled.load(Ordering::Relaxed));
        if running > 0 {
            tracing::info!(running, grace_ms = grace.as_millis(), "stopping: waiting for running messages");
        }
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                running = self.tasks.len(),
                "the grace period is over: handing back running messages"
            );
            self.shared.stop_now.cancel();
            self.tasks.wait().await;
        }
        let finished = self.shared.settled.load(Ordering::Relaxed) - before;
        Stopped { finished, released: self.shared.released.load(Ordering::Relaxed) }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        // After a stop nothing runs any more; if the worker was dropped instead, nothing may run on without its leases.
        self.shared.stop_now.cancel();
    }
}

/// Hands back messages that were not begun: they came after the stop was asked for, or without a permit.
pub(super) async fn hand_back(shared: &WorkerContext, messages: &[Leased]) {
    let released = messages.iter().map(|leased| shared.queue.settle(&leased.lease, Settlement::Release));
    for result in futures::future::join_all(released).await {
        match result {
            Ok(_) => {
                shared.released.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                tracing::warn!(%error, "a message could not be handed back: it comes again when its lease runs out");
            }
        }
    }
}

/// Is done when a stop has waited long enough for a take.
pub(super) async fn long_after(stopping: &CancellationToken) {
    stopping.cancelled().await;
    tokio::time::sleep(LAST_TAKE_MAX).await;
}
