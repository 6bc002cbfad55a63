//! What a person or a program can see of a queue without changing it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{Class, Lane, MessageId};

/// How many messages are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages not yet at their end, by class: waiting, running, delayed and held together. A class without one is left
    /// out.
    pub open: BTreeMap<Class, u64>,
    /// Lanes whose head could be taken now, by class.
    pub ready_lanes: BTreeMap<Class, u64>,
    /// Messages being handled.
    pub running: u64,
    /// Messages that wait for their next attempt, or for an answer by call back.
    pub delayed: u64,
    /// Paused lanes with messages that a take has met.
    pub parked: u64,
    /// Messages held until their lane gets a waking one.
    pub held: u64,
    /// Dead letters.
    pub dead: u64,
    /// Messages dead on arrival that were only counted, because their class held as many as it may.
    pub dead_uncounted: u64,
    /// Age in microseconds of the message that is next in line, by class. A class without one is left out.
    pub next_ages_us: BTreeMap<Class, u64>,
}

impl Counts {
    /// All messages not yet at their end.
    pub fn open_total(&self) -> u64 {
        self.open.values().sum()
    }

    /// The oldest of the messages that are next in line, as its age in microseconds.
    pub fn next_age_us(&self) -> Option<u64> {
        self.next_ages_us.values().copied().max()
    }
}

/// One lane, seen at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSnapshot {
    /// Where it stands.
    pub state: LaneState,
    /// Its current message, then the waiting ones: those of its second list, then those of its first; at most 100 of
    /// each.
    pub waiting: Vec<MessageId>,
    /// Its held messages, in their order.
    pub held: Vec<MessageId>,
    /// Whether it is paused itself. (Its class, or everything, may be too.)
    pub paused: bool,
    /// Why the head's last attempt failed, if one did.
    pub last_error: Option<String>,
}

/// Where a lane with a current or a waiting message stands: in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaneState {
    /// Its head can be taken.
    Ready,
    /// Its head is being handled.
    Leased,
    /// Its head waits for its next attempt, due at this time in Unix microseconds.
    Delayed {
        /// When it is due.
        due_us: u64,
    },
    /// Its head waits for an answer by call back, until this time in Unix microseconds.
    Awaiting {
        /// How long.
        until_us: u64,
    },
    /// It is paused, and its turn has come.
    Parked,
    /// It is in no state: it has only held messages, or is paused and has none.
    Idle,
}

/// Which dead letters are meant: those that meet every condition given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadFilter {
    /// Of this class.
    pub class: Option<Class>,
    /// Of this lane.
    pub lane: Option<Lane>,
    /// With this text in the reason, to the letter.
    pub reason: Option<String>,
}

/// Behind which letter a page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadCursor {
    /// When that letter died, in Unix microseconds.
    pub died_us: u64,
    /// Its id.
    pub id: MessageId,
}

/// What can be paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything.
    All,
    /// The messages of a class.
    Class(Class),
    /// One lane.
    Lane(Lane),
}

/// Something that is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// What.
    pub scope: Scope,
    /// Since when, in Unix microseconds.
    pub since_us: u64,
    /// The reason that was given.
    pub reason: String,
}

/// A message that reached its end unanswered, kept until a person retries or drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: MessageId,
    /// Its lane.
    pub lane: Lane,
    /// Its class.
    pub class: Class,
    /// As it was accepted.
    pub payload: Bytes,
    /// When the receiver got it, in Unix microseconds.
    pub arrived_us: u64,
    /// When it died, in Unix microseconds.
    pub died_us: u64,
    /// Why.
    pub reason: String,
    /// How many attempts had failed before the one that ended it.
    pub failures: u32,
    /// How many leases on it were lost.
    pub losses: u32,
}

/// A page of dead letters, the youngest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadPage {
    /// The letters; none doesn't mean the end.
    pub letters: Vec<DeadLetter>,
    /// How many there are in all, whatever the filter.
    pub total: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<DeadCursor>,
}

/// A breach of the queue's invariant. There must never be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The lane it was found at.
    pub lane: String,
    /// What is wrong.
    pub problem: String,
}
