//! What is removed of a user who asks to be forgotten.
//!
//! [`Operator::forget`](crate::Operator::forget) removes a lane at once, whatever state it is in: a running message ends without
//! an answer, since its holder has lost its lease. Waiting for it was rejected: a message can wait for hours, and such a user
//! shouldn't. Marks of ids stay for up to three dedup windows. They are hashes, from which nobody gets back to the user,
//! and without them a push that WeChat sends again would bring the message back.
//!
//! What is removed isn't gone from the disk: SQLite leaves it in free pages, and Redis in its log. [`Operator::compact`
//! ](crate::Operator::compact) writes both anew. It costs as much as all that is stored, so it is a call of its own.

/// What was removed of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Messages that waited or were running.
    pub messages: u64,
    /// Messages that were held.
    pub held: u64,
    /// Dead letters.
    pub dead: u64,
    /// Records of the journal.
    pub journal: u64,
    /// Whether there was a memory.
    pub memory: bool,
    /// Whether the lane was paused. It isn't any more.
    pub paused: bool,
}

/// How a store is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compaction {
    /// It is done.
    Done,
    /// The store does it, beside its work.
    Begun,
    /// The store keeps no log.
    Needless,
}
