//! What a run of the model is about: its set-up, and the rule that it breaks on purpose.
//!
//! The whole protocol with everything at once has too many states to visit, and nearly all of them are the
//! same few situations side by side. So there are several small set-ups, and each lets a few features
//! meet.

use crate::mutants::Mutant;
use crate::state::Message;

/// A set-up and perhaps a mutant.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) setup: Setup,
    pub(crate) mutant: Option<Mutant>,
}

impl Rules {
    /// Whether this rule is the one to break.
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn push(&self, message: Message) -> Push {
        self.setup.pushes[usize::from(message)]
    }

    pub(crate) fn messages(&self) -> u8 {
        u8::try_from(self.setup.pushes.len()).expect("there are few messages")
    }

    /// Whether the order of these two is promised: they came to one receiver, for one lane.
    pub(crate) fn share_order(&self, one: Message, other: Message) -> bool {
        let (one, other) = (self.push(one), self.push(other));
        one.lane == other.lane && one.receiver == other.receiver
    }
}

/// What there is, and what may happen to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) pushes: &'static [Push],
    pub(crate) lanes: u8,
    pub(crate) workers: u8,
    /// Messages that a worker handles at once.
    pub(crate) hands: usize,
    pub(crate) settles: &'static [Settle],
    /// Whether all messages are in the store at the start.
    pub(crate) preloaded: bool,
    /// Whether answers of the store get lost, so that calls are repeated.
    pub(crate) lost_answers: bool,
    /// Whether workers die and are started again. (One that only stalls needs no step: it just does nothing.)
    pub(crate) crashes: bool,
    /// Whether replies and memory are recorded.
    pub(crate) records: bool,
    /// Retries that a worker allows a message.
    pub(crate) failures_max: u8,
    /// Whether lost leases are counted, and the third kills.
    pub(crate) poison: bool,
    /// Whether the store's service has gaps.
    pub(crate) gaps: bool,
    /// Whether services answer by call back.
    pub(crate) answers: bool,
    /// Held messages that a lane may have.
    pub(crate) held_max: usize,
    /// Whether operators pause lanes.
    pub(crate) lane_pauses: bool,
    /// Whether operators pause the class.
    pub(crate) class_pauses: bool,
    /// Whether operators retry and drop dead letters.
    pub(crate) dead_letters: bool,
    /// Whether receivers have spools.
    pub(crate) spool: bool,
    /// Whether the store is embedded and reopened, which voids all leases.
    pub(crate) restarts: bool,
    /// Whether the store may come back without its last writes.
    pub(crate) tail_loss: bool,
    /// Whether something in the store may become unreadable.
    pub(crate) damage: bool,
    /// How often WeChat tries a push that is kept open for an answer. 0: none is.
    pub(crate) tries: u8,
    /// Parts of an answer.
    pub(crate) parts: u8,
    /// Whether workers also send parts by calls of their own.
    pub(crate) sends: bool,
    /// Whether a held part whose claim ran out goes out again.
    pub(crate) resend: bool,
}

/// Nothing but messages that are taken and completed.
pub(crate) const PLAIN: Setup = Setup {
    name: "plain",
    pushes: &[],
    lanes: 1,
    workers: 1,
    hands: 1,
    settles: &[Settle::Complete],
    preloaded: false,
    lost_answers: false,
    crashes: false,
    records: false,
    failures_max: 0,
    poison: false,
    gaps: false,
    answers: false,
    held_max: 0,
    lane_pauses: false,
    class_pauses: false,
    dead_letters: false,
    spool: false,
    restarts: false,
    tail_loss: false,
    damage: false,
    tries: 0,
    parts: 0,
    sends: false,
    resend: false,
};

/// A message that will come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    pub(crate) lane: u8,
    pub(crate) receiver: u8,
    pub(crate) effect: Effect,
}

/// What a message does when it is accepted, beside waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    Leave,
    /// Wakes what its lane holds.
    Wake,
    /// Kills what its lane holds.
    Bury,
    /// It is dead on arrival.
    Unreadable,
    /// It is never stored: it only fetches what is held.
    Fetch,
}

/// How a worker gets rid of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Settle {
    Complete,
    Bury,
    Retry,
    Snooze,
    Release,
    Hold,
    /// A hold with the parts of its answer.
    HoldAnswer,
    Offer,
    Await,
}

/// A message for a lane that changes nothing else, by the receiver with the lane's number.
pub(crate) const fn text(lane: u8) -> Push {
    Push { lane, receiver: 0, effect: Effect::Leave }
}

/// The same with an effect.
pub(crate) const fn with(lane: u8, effect: Effect) -> Push {
    Push { lane, receiver: 0, effect }
}

/// The same by a receiver.
pub(crate) const fn by(receiver: u8, lane: u8) -> Push {
    Push { lane, receiver, effect: Effect::Leave }
}
