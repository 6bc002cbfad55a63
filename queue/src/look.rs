//! What a person or a program can see of a queue without changing it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{Class, Lane, MessageId};

/// How many messages are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages not yet at their end, by class: waiting, running, delayed together. A class without one is left out.
    pub open: BTreeMap<Class, u64>,
    /// Lanes whose head could be taken now, by class.
    pub ready_lanes: BTreeMap<Class, u64>,
    /// Messages being handled.
    pub running: u64,
    /// Messages that wait for their next attempt.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
    /// Messages dead on arrival that were counted only, because their class held as many as it may.
    pub dead_uncounted: u64,
    /// Age of the message that is next in line, the oldest over the classes, in microseconds.
    pub next_age_us: Option<u64>,
}

impl Counts {
    /// All messages not yet at their end.
    pub fn open_total(&self) -> u64 {
        self.open.values().sum()
    }
}

/// One lane, seen at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneView {
    /// Where it stands.
    pub state: LaneState,
    /// Its messages, the head first; at most 100.
    pub waiting: Vec<MessageId>,
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
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// How many there are in all.
    pub total: u64,
}

/// A breach of the queue's invariant. There must never be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The lane it was found at.
    pub lane: String,
    /// What is wrong.
    pub problem: String,
}
