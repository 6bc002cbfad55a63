//! What becomes of a leased message. The holder of the lease decides it, in one call.

use std::time::Duration;

use crate::message::check_bytes;
use crate::{MAX_PAYLOAD_BYTES, PushAnswer, QueueError};

/// The longest reason that is kept, in bytes; what is longer is cut.
pub const REASON_MAX_BYTES: usize = 4_096;

/// What the holder of a lease wants to become of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It ends: answered, or nothing to answer. Its lane goes on.
    Complete,
    /// A failed attempt. The message stays the head of its lane, and the lane waits for `after`, or not at all if an answer
    /// by call back has come. What was recorded stays. If others wait behind it
    /// ([`SendState::has_followers`](crate::SendState::has_followers)), or as soon as a waking message comes, the lane waits
    /// only until `patience` is over. Then the next holder decides what becomes of the message.
    Retry {
        /// For how long.
        after: Duration,
        /// Counted from its first failed attempt since it was first taken or last held.
        patience: Duration,
        /// Why the attempt failed.
        reason: String,
    },
    /// Like a retry, for a reason that isn't the message's fault: no attempt is used.
    Snooze {
        /// For how long.
        after: Duration,
        /// What it waits for.
        reason: String,
    },
    /// It goes back unhandled: its lane is first in line, no attempt is used.
    Release,
    /// It moves to the dead letters. Its lane goes on.
    Bury {
        /// What it dies of.
        reason: String,
    },
    /// It is held, with what was recorded, until its lane gets a waking message. If one has come since `wakes`, it waits
    /// for another turn instead ([`Settled::ComesAgain`]). A lane holds [`HELD_MAX`](crate::HELD_MAX); one more, and the one
    /// held longest dies.
    Hold {
        /// [`SendState::wakes`](crate::SendState::wakes) as the holder saw it.
        wakes: u32,
        /// For how long at most.
        hold_for: Duration,
        /// Whether a send was refused. Then later messages of the lane learn of it
        /// ([`Closed::Refused`](crate::Closed::Refused)), until a waking message comes.
        refused: bool,
        /// What it dies of then.
        reason: String,
        /// Its answer, if the parts may go out in responses while it is held: see [`Responder`](crate::Responder).
        answer: Option<Box<PushAnswer>>,
    },
    /// The next part of its answer may go out in the response of its lane's newest open push, until that closes. Then it
    /// comes again, first in line. If no push stays open for [`OFFER_LEAST`](crate::OFFER_LEAST), nothing changes and the
    /// lease goes on ([`Settled::NobodyWaits`]).
    Offer {
        /// The answer.
        answer: Box<PushAnswer>,
    },
    /// It waits for an answer by call back, and its lane waits with it. If none comes in time, it comes again with
    /// [`Leased::timed_out`](crate::Leased::timed_out). If the answer is there already, its lane is ready at once
    /// ([`Settled::ComesAgain`]).
    Await {
        /// For how long at most.
        within: Duration,
    },
}

/// What became of a settled message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// What was asked for.
    AsAsked,
    /// What it should wait for is already there: it stays the head of its lane, which is ready.
    ComesAgain,
    /// No push is open for its lane: nothing has changed, and the lease goes on.
    NobodyWaits,
}

impl Settlement {
    /// The settlement in a form that engines take: one that is refused for its data would come back for ever.
    pub(crate) fn fitted(mut self) -> Self {
        let reason = match &mut self {
            Self::Retry { reason, .. }
            | Self::Snooze { reason, .. }
            | Self::Bury { reason }
            | Self::Hold { reason, .. } => reason,
            Self::Offer { .. } | Self::Complete | Self::Release | Self::Await { .. } => return self,
        };
        reason.truncate(reason.floor_char_boundary(REASON_MAX_BYTES));
        self
    }

    /// Refuses what no engine stores.
    pub(crate) fn check(&self) -> Result<(), QueueError> {
        let Some(answer) = self.answer() else { return Ok(()) };
        check_bytes("replies", answer.replies.as_deref().unwrap_or_default())?;
        check_bytes("memory", answer.memory.as_ref().map_or(&[][..], |memory| &memory.bytes))?;
        let fits = answer.parts.iter().map(bytes::Bytes::len).sum::<usize>() <= MAX_PAYLOAD_BYTES;
        match fits && !answer.parts.is_empty() {
            true => Ok(()),
            false => Err(QueueError::Invalid(format!(
                "an answer for a response has one or more parts, of {MAX_PAYLOAD_BYTES} bytes in all at most"
            ))),
        }
    }

    /// The answer that may go out in a response.
    fn answer(&self) -> Option<&PushAnswer> {
        match self {
            Self::Offer { answer } | Self::Hold { answer: Some(answer), .. } => Some(answer),
            _ => None,
        }
    }

    /// The bytes that it brings.
    pub(crate) fn size_bytes(&self) -> usize {
        let reason = match self {
            Self::Retry { reason, .. }
            | Self::Snooze { reason, .. }
            | Self::Bury { reason }
            | Self::Hold { reason, .. } => reason.len(),
            Self::Offer { .. } | Self::Complete | Self::Release | Self::Await { .. } => 0,
        };
        reason + self.answer().map_or(0, PushAnswer::size_bytes)
    }
}
