//! Claims a part for a push, and confirms whether it went out.
//!
//! Both run in a task of their own, which the request can't take with it when its client leaves. The request gets the part
//! with a [`Written`]: a part that is dropped anywhere on its way into the response, because the client has left, the time is over
//! or the receiver stops, is confirmed as not written, and so the next try gets it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use huixin_queue::{CLAIM_FOR, ClaimOutcome, Class, Lane, PushTry, Responder};
use huixin_worker::trace;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::one_line::one_line;
use crate::receiver::metrics;

/// How long one call may take.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);
/// The pause before it is confirmed again.
const CONFIRM_PAUSE: Duration = Duration::from_millis(500);
/// How long a stop waits for what isn't confirmed.
const FINISH_WITHIN: Duration = Duration::from_secs(3);

/// Claims for the pushes of a receiver.
pub(super) struct Claims {
    responder: Arc<dyn Responder>,
    tasks: TaskTracker,
}

/// For whom a part is claimed.
#[derive(Clone)]
pub(super) struct Claimant {
    pub(super) account: String,
    pub(super) lane: Lane,
    pub(super) class: Class,
    pub(super) push: PushTry,
}

/// A part to go out.
#[derive(Debug)]
pub(super) struct Part {
    /// As the worker gave it.
    pub(super) bytes: Bytes,
    /// Whether more waits or is under way.
    pub(super) more: bool,
    pub(super) written: Written,
}

/// Tells that the connection has taken the response. Dropped before that, it tells that it hasn't.
#[derive(Debug)]
pub(super) struct Written(oneshot::Sender<()>);

impl Written {
    pub(super) fn tell(self) {
        // The task waits for it, unless the process ends.
        let _ = self.0.send(());
    }
}

/// What a look for a part found.
#[derive(Debug)]
pub(super) enum Look {
    Part(Part),
    NotYet,
    Idle,
    Superseded,
}

impl Claims {
    pub(super) fn new(responder: Arc<dyn Responder>) -> Self {
        Self { responder, tasks: TaskTracker::new() }
    }

    /// Looks for a part. After trouble with the queue this returns only when nothing can be claimed by this look any more.
    pub(super) async fn look(&self, claimant: Claimant, within: Duration) -> Look {
        let (found, look) = oneshot::channel();
        let task = ClaimTask { responder: self.responder.clone(), claimant, began: Instant::now() };
        self.tasks.spawn(task.run(within, found));
        // It ends without a word only if it panics.
        look.await.unwrap_or(Look::NotYet)
    }

    /// Waits until everything is confirmed, for some seconds.
    pub(super) async fn finish(&self) {
        self.tasks.close();
        if timeout(FINISH_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                responses = self.tasks.len(),
                "stopped without confirming all responses: parts of them may be unsure"
            );
        }
    }
}

/// One look.
struct ClaimTask {
    responder: Arc<dyn Responder>,
    claimant: Claimant,
    began: Instant,
}

impl ClaimTask {
    async fn run(self, within: Duration, found: oneshot::Sender<Look>) {
        let look = match self.claim(within).await {
            Ok(ClaimOutcome::Part { bytes, more }) => {
                let span = tracing::debug_span!(parent: None, "response", id = %self.claimant.push.id, written = Empty);
                trace::join(&span, &self.claimant.push.id);
                let (written, taken) = oneshot::channel();
                // If nobody waits any more this drops the part, and so it isn't written.
                drop(found.send(Look::Part(Part { bytes, more, written: Written(written) })));
                let written = taken.await.is_ok();
                span.record("written", written);
                return self.confirm(written).instrument(span).await;
            }
            Ok(ClaimOutcome::NotYet) => Look::NotYet,
            Ok(ClaimOutcome::Idle) => Look::Idle,
            Ok(ClaimOutcome::Superseded) => Look::Superseded,
            Err(problem) => {
                tracing::debug!(
                    account = self.claimant.account,
                    problem,
                    "an open push can't look for its answer"
                );
                // Perhaps something is claimed all the same.
                self.confirm(false).await;
                Look::NotYet
            }
        };
        // If nobody waits any more nothing is lost.
        let _ = found.send(look);
    }

    async fn claim(&self, within: Duration) -> Result<ClaimOutcome, String> {
        let Claimant { account, lane, class, push } = &self.claimant;
        let claiming = self.responder.claim(lane, class, push, within);
        let claimed = timeout(CLAIM_FOR, claiming).await.map_err(|_| "no answer in time".to_owned())?;
        let claimed = claimed.map_err(|error| one_line(&error))?;
        if claimed.unsure > 0 {
            metrics::unsure(account, claimed.unsure);
            tracing::warn!(account, parts = claimed.unsure, "it isn't known whether responses were written");
        }
        Ok(claimed.outcome)
    }

    /// Says what became of the response until the queue knows it, or doesn't wait for it any more.
    async fn confirm(&self, written: bool) {
        let confirming = async {
            while let Err(problem) = self.confirm_once(written).await {
                tracing::debug!(account = self.claimant.account, problem, "a response can't be confirmed");
                tokio::time::sleep(CONFIRM_PAUSE).await;
            }
        };
        if timeout_at(self.began + CLAIM_FOR, confirming).await.is_err() {
            let Claimant { account, push, .. } = &self.claimant;
            tracing::warn!(account, id = %push.id, written, "a response could not be confirmed: its part is unsure");
        }
    }

    async fn confirm_once(&self, written: bool) -> Result<(), String> {
        let Claimant { lane, push, .. } = &self.claimant;
        let confirming = self.responder.confirm(lane, push, written);
        let confirmed = timeout(CONFIRM_WITHIN, confirming).await;
        confirmed.map_err(|_| "no answer in time".to_owned())?.map_err(|error| one_line(&error))
    }
}
