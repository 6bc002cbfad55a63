//! What becomes of a leased message. The holder of the lease decides it, in one call.

use std::time::Duration;

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
}

impl Settlement {
    /// The settlement in a form that engines take: one that is refused for its data would come back for ever.
    pub(crate) fn fitted(mut self) -> Self {
        let reason = match &mut self {
            Self::Retry { reason, .. }
            | Self::Snooze { reason, .. }
            | Self::Bury { reason }
            | Self::Hold { reason, .. } => reason,
            Self::Complete | Self::Release | Self::Await { .. } => return self,
        };
        reason.truncate(reason.floor_char_boundary(REASON_MAX_BYTES));
        self
    }

    /// The bytes that it brings.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Retry { reason, .. }
            | Self::Snooze { reason, .. }
            | Self::Bury { reason }
            | Self::Hold { reason, .. } => reason.len(),
            Self::Complete | Self::Release | Self::Await { .. } => 0,
        }
    }
}
