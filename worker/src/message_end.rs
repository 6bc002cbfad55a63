//! How a message leaves a worker, and why its way may stop short.
//!
//! Every decision about a message is a value, [`Done`]; only [`crate::process`] makes the call that settles it. So no code that
//! decides can forget to settle, or settle twice. (The dispatcher hands back what was never begun, and settles after a bug.)

use std::time::Duration;

use huixin_queue::{QueueError, Settlement};
use strum::{IntoStaticStr, VariantNames};

/// A message whose handling has come to an end here: what the queue is to do with it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) settlement: Settlement,
    /// What that means here, unless the message comes again at once instead.
    pub(crate) end: End,
}

impl Done {
    /// It ends well: `end` says how.
    pub(crate) fn complete(end: End) -> Self {
        Self { settlement: Settlement::Complete, end }
    }

    /// A failed attempt: the user's next messages wait for this one, as long as there is patience.
    pub(crate) fn retry(after: Duration, patience: Duration, reason: String) -> Self {
        Self { settlement: Settlement::Retry { after, patience, reason }, end: End::Retried }
    }

    /// It comes again later; no attempt is used.
    pub(crate) fn snooze(after: Duration, reason: impl Into<String>) -> Self {
        Self { settlement: Settlement::Snooze { after, reason: reason.into() }, end: End::Snoozed }
    }

    /// It waits for its answer by call back.
    pub(crate) fn wait_for_answer(within: Duration) -> Self {
        Self { settlement: Settlement::Await { within }, end: End::Awaiting }
    }

    /// It goes back, since the worker stops.
    pub(crate) fn release() -> Self {
        Self { settlement: Settlement::Release, end: End::Released }
    }

    /// It becomes a dead letter.
    pub(crate) fn bury(reason: impl Into<String>) -> Self {
        Self { settlement: Settlement::Bury { reason: reason.into() }, end: End::Dead }
    }

    /// Why it fails or waits, if it does.
    pub(crate) fn into_reason(self) -> Option<String> {
        match self.settlement {
            Settlement::Retry { reason, .. }
            | Settlement::Snooze { reason, .. }
            | Settlement::Bury { reason }
            | Settlement::Hold { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// How a message left this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum End {
    /// All its replies are with WeChat.
    Answered,
    /// Its handler had nothing to say.
    NoReply,
    /// No route is for it.
    Unmatched,
    /// What is not sent waits for the user's next message.
    Held,
    /// It comes again at once: it was about to be held and its user has written, or it was about to end and its answer has
    /// come by call back.
    Waiting,
    /// It comes again later; an attempt was used.
    Retried,
    /// It comes again later; no attempt was used.
    Snoozed,
    /// It waits for its answer by call back.
    Awaiting,
    /// Its next part waits for the response of a push.
    Offered,
    /// It went back because the worker stops.
    Released,
    /// It is a dead letter.
    Dead,
    /// Somebody else may have it.
    LeaseLost,
    /// The queue was away, and it isn't known here whether the message is done or comes again.
    Unsettled,
}

impl End {
    /// Whether the message has ended, or has nothing more to wait for than its user.
    pub(crate) fn is_last(self) -> bool {
        matches!(self, Self::Answered | Self::NoReply | Self::Unmatched | Self::Dead)
    }
}

/// Why the handling of a message stops short of its normal end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The lease is lost.
    Lost,
    /// A call made again after an outage found the lease gone: the first one may have been applied.
    PerhapsDone,
    /// An answer by call back has come: the message comes again with it.
    Answered,
    /// Its next part waits for the response of a push; the lease has ended with that.
    Offered,
    /// The worker stops, and its grace is over.
    Stopping,
    /// The queue refuses, or stays away.
    Queue(QueueError),
}

/// A step of a message's way.
pub(crate) type StepResult<T> = Result<T, Stop>;

impl Stop {
    /// What that means for the message, noted in the log.
    pub(crate) fn end(self) -> End {
        match self {
            Self::Lost | Self::Stopping => {
                crate::metrics::lease_lost();
                tracing::warn!("the lease is lost: another worker may have the message");
                End::LeaseLost
            }
            Self::PerhapsDone => {
                tracing::info!(
                    "the lease is gone after a repeated call: the first call succeeded, or another worker has the message"
                );
                End::Unsettled
            }
            Self::Answered => {
                tracing::debug!("an answer came by call back: the message is handled again with it");
                End::Waiting
            }
            Self::Offered => End::Offered,
            Self::Queue(error) => {
                tracing::error!(%error, "the message could not be settled: it comes again when its lease runs out");
                End::Unsettled
            }
        }
    }
}
