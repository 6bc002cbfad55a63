//! One entry is offered to the queue.

use std::time::Duration;

use huixin_queue::spool::SpoolEntry;
use huixin_queue::{Accepted, NewMessage};
use huixin_worker::trace;
use tracing::Instrument as _;

use super::super::intake::{AtFault, NotTaken, accept};
use super::super::metrics;
use super::FolderDrain;

/// How long one accept may take: more than the queue gives its own calls.
const ACCEPT_WITHIN: Duration = Duration::from_secs(10);

/// What became of one try.
pub(super) enum OfferResult {
    Taken,
    /// The queue refuses it because of the entry itself.
    Refused(String),
    Failed(String),
}

impl FolderDrain {
    /// Offers an entry, for the first time or again.
    pub(super) async fn offer(&self, entry: &SpoolEntry) -> OfferResult {
        match self.accept(entry).await {
            // No queue should only count a late entry, which was acked long ago: counting it stores nothing.
            Ok(Accepted::Counted) => {
                OfferResult::Refused("the queue counts it, and does not keep it".to_owned())
            }
            Ok(accepted) => {
                metrics::drained(accepted);
                self.breaker.stored();
                OfferResult::Taken
            }
            Err(NotTaken { reason, whose: AtFault::Messages | AtFault::Lanes }) => {
                OfferResult::Refused(reason)
            }
            Err(NotTaken { reason, whose: AtFault::Queues | AtFault::Late }) => OfferResult::Failed(reason),
        }
    }

    /// The same without the metrics: what the queue says.
    pub(super) async fn accept(&self, entry: &SpoolEntry) -> Result<Accepted, NotTaken> {
        let mut message: NewMessage = entry.message.clone();
        if entry.age > self.max_age && message.dead_reason.is_none() {
            let age = humantime::format_duration(Duration::from_secs(entry.age.as_secs()));
            message.dead_reason = Some(format!(
                "a possible duplicate: it was in a receiver's spool for {age}, longer than `receiver.spool.max_age`"
            ));
        }
        let id = message.id.clone();
        let span = tracing::debug_span!(parent: None, "drain", %id, age = ?entry.age);
        trace::join(&span, &id);
        accept(&*self.queue, message, ACCEPT_WITHIN).instrument(span).await
    }
}
