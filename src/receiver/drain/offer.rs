//! One entry is offered to the queue.

use std::time::Duration;

use huixin_queue::spool::Entry;
use huixin_queue::{Accepted, NewMessage, QueueError};

use super::super::metrics;
use super::Drain;
use crate::one_line::one_line;

/// How long one accept may take: more than the queue gives its own calls.
const ACCEPT_WITHIN: Duration = Duration::from_secs(10);

/// What became of one try.
pub(super) enum Tried {
    Taken,
    /// The queue refuses it for its own sake.
    Refused(String),
    Failed(String),
}

/// The queue did not take an entry.
pub(super) struct NotTaken {
    pub(super) reason: String,
    pub(super) is_its_fault: bool,
}

impl Drain {
    /// For the first time, or again.
    pub(super) async fn offer(&self, entry: &Entry) -> Tried {
        match self.accept(entry).await {
            // No queue only counts what is late: it was acked long ago. One that does, stores nothing.
            Ok(Accepted::Counted) => Tried::Refused("the queue counts it, and does not keep it".to_owned()),
            Ok(accepted) => {
                metrics::drained(accepted);
                self.breaker.stored();
                Tried::Taken
            }
            Err(NotTaken { reason, is_its_fault: true }) => Tried::Refused(reason),
            Err(NotTaken { reason, .. }) => Tried::Failed(reason),
        }
    }

    /// The same without the metrics: what the queue says.
    pub(super) async fn accept(&self, entry: &Entry) -> Result<Accepted, NotTaken> {
        let mut message: NewMessage = entry.message.clone();
        if entry.age > self.max_age && message.dead_reason.is_none() {
            let age = humantime::format_duration(Duration::from_secs(entry.age.as_secs()));
            message.dead_reason = Some(format!(
                "a possible duplicate: it was in a receiver's spool for {age}, longer than `receiver.spool.max_age`"
            ));
        }
        match tokio::time::timeout(ACCEPT_WITHIN, self.queue.accept(message)).await {
            Ok(Ok(accepted)) => Ok(accepted),
            Ok(Err(error)) => Err(NotTaken {
                is_its_fault: matches!(error, QueueError::Invalid(_) | QueueError::Damaged { .. }),
                reason: one_line(&error),
            }),
            Err(_) => Err(NotTaken {
                is_its_fault: false,
                reason: format!("it did not answer within {ACCEPT_WITHIN:?}"),
            }),
        }
    }
}
