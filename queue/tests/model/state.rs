//! The state of the model: what the store keeps, what the processes around it know, and what has happened so
//! far.
//!
//! The store is kept as the engines keep it, with every fact in its own place (ready lists, leases, delays,
//! tokens), because that is where it could contradict itself. One lane enum would make the invariant true by
//! construction, and then nothing would be proved. The history is the opposite: it is written by `history.rs`
//! from what callers heard, never by the protocol, so that a wrong protocol can't also falsify the record
//! of what it did.

use arrayvec::ArrayVec;

use crate::history::{Breach, History};
use crate::response::{Answer, OpenPush, PUSHES, TRIES, Try};
use crate::rules::{Effect, Rules};

/// The most messages, lanes and workers a configuration may have, and messages that a worker may hold at
/// once.
pub(crate) const MESSAGES: usize = 5;
pub(crate) const LANES: usize = 3;
pub(crate) const WORKERS: usize = 3;
pub(crate) const HANDS: usize = 2;

/// A message's number: also the order in which messages of one receiver came to it.
pub(crate) type Message = u8;
/// Messages in an order.
pub(crate) type Messages = ArrayVec<Message, MESSAGES>;
/// Lanes in an order. Longer than there are lanes, so that a mutant can put one in twice and be seen doing
/// it.
pub(crate) type Line = ArrayVec<u8, 6>;

/// Everything, at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) workers: ArrayVec<Worker, WORKERS>,
    /// How far each push has come at its receiver.
    pub(crate) doors: [Door; MESSAGES],
    /// Calls that their receivers have given up, still on their way to the store.
    pub(crate) strays: Set,
    /// How far the tries of each push have come.
    pub(crate) tries: ArrayVec<[Try; TRIES], PUSHES>,
    /// Pushes with a response that has reached WeChat.
    pub(crate) answered: Set,
    pub(crate) history: History,
    /// What the store would come back with if it lost its tail.
    pub(crate) saved: Option<Box<(Store, History)>>,
    /// Whether it has lost one: once is enough.
    pub(crate) tail_lost: bool,
    /// Whether something was damaged: once is enough.
    pub(crate) was_damaged: bool,
    /// The rule that the last step broke.
    pub(crate) breach: Option<Breach>,
}

/// What an engine keeps.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Store {
    pub(crate) lanes: ArrayVec<Lane, LANES>,
    /// Ready lanes, the first in line first.
    pub(crate) ready: Line,
    /// Ready lanes whose heads have killed two workers.
    pub(crate) suspects: Line,
    pub(crate) records: [Record; MESSAGES],
    /// When each message was stamped, as its receiver did it: 1 is the earliest, 0 not yet.
    pub(crate) stamps: [u8; MESSAGES],
    /// The dedup marks.
    pub(crate) seen: Set,
    pub(crate) dead: Set,
    pub(crate) pushes: ArrayVec<OpenPush, PUSHES>,
    /// By message, as far as responses matter.
    pub(crate) answers: ArrayVec<Answer, PUSHES>,
    /// Takes whose answers may have got lost, by worker.
    pub(crate) batches: [Option<Batch>; WORKERS],
    /// Whether the class is paused.
    pub(crate) gate_closed: bool,
    /// Whether nothing is reclaimed for a while, after a gap in the store's service.
    pub(crate) pausing: bool,
    /// The number of the last token, where it matters.
    pub(crate) counter: u8,
}

/// One lane.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Lane {
    /// What came straight from a receiver, was woken or revived.
    pub(crate) first: Messages,
    /// What came out of a spool.
    pub(crate) second: Messages,
    /// The list whose head is the current message.
    pub(crate) pinned: Option<Side>,
    pub(crate) token: Option<Token>,
    pub(crate) lease: Option<Lease>,
    pub(crate) delay: Option<Delay>,
    pub(crate) parked: bool,
    /// The flag that parks it when its turn comes.
    pub(crate) paused: bool,
    /// Whether the current take was confirmed by a renewal.
    pub(crate) confirmed: bool,
    /// Waking messages accepted while the current message was current.
    pub(crate) wakes: u8,
    pub(crate) held: Messages,
    /// The message that wrote the lane's memory last.
    pub(crate) memory: Option<Message>,
    /// Whether something lies among its keys that can't be read.
    pub(crate) damaged: bool,
    /// Whether the user has left since the current message was begun: it writes no memory any more, and offers nothing.
    pub(crate) forgets: bool,
    /// The newest push that is kept open.
    pub(crate) newest: Option<Message>,
}

/// Which of a lane's two lists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Side {
    First,
    Second,
}

/// How a lease stands. Time is abstract: a deadline may pass at any moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Lease {
    Running,
    RanOut,
    /// It ran out in a gap of the store's service, or right after: nobody's fault.
    Excused,
}

/// How a delay stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Delay {
    pub(crate) due: bool,
    /// Whether an answer by call back ends it.
    pub(crate) awaiting: bool,
}

/// What is known of a message beside its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Record {
    pub(crate) failures: u8,
    pub(crate) losses: u8,
    pub(crate) replies: bool,
    /// Which of the answers by call back has won.
    pub(crate) answer: Option<u8>,
    /// Whether a take has given the answer.
    pub(crate) answer_given: bool,
}

impl Record {
    /// Whether there is an answer by call back that no take has given.
    pub(crate) fn is_unheard(&self) -> bool {
        self.answer.is_some() && !self.answer_given
    }
}

/// A fencing token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Token {
    pub(crate) number: u8,
    pub(crate) incarnation: u8,
    pub(crate) call: u8,
}

/// What a take gave, kept for its repetition.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Batch {
    pub(crate) token: Token,
    pub(crate) lanes: ArrayVec<u8, HANDS>,
}

/// What a worker knows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Worker {
    pub(crate) hands: ArrayVec<Hand, HANDS>,
    /// Whether the answer to its last take got lost, so that it will ask again with the same number.
    pub(crate) asking: bool,
    /// The number of its last take, where it matters.
    pub(crate) call: u8,
}

/// A message that a worker believes is its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Hand {
    pub(crate) lane: u8,
    pub(crate) message: Message,
    pub(crate) token: Token,
    /// The lane's count of waking messages when it was given.
    pub(crate) wakes: u8,
    pub(crate) suspect: bool,
    /// Whether its next part may be out already.
    pub(crate) unsure: bool,
    /// Whether a waking message has come since. The protocol never looks at this; `history.rs` writes it.
    pub(crate) woken: bool,
}

/// How far a push has come at its receiver.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum Door {
    #[default]
    Outside,
    /// The receiver has called, and nothing has happened in the store.
    Calling,
    /// The store has stored it, and the receiver doesn't know yet.
    Stored,
    /// Acknowledged, and in the receiver's spool.
    Spooled,
    /// Acknowledged, and the store's alone.
    Done,
}

/// A set of messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Set(u8);

impl Set {
    pub(crate) fn has(self, message: Message) -> bool {
        self.0 & (1 << message) != 0
    }

    /// False if it was in already.
    pub(crate) fn add(&mut self, message: Message) -> bool {
        let new = !self.has(message);
        self.0 |= 1 << message;
        new
    }

    /// False if it wasn't in.
    pub(crate) fn remove(&mut self, message: Message) -> bool {
        let was = self.has(message);
        self.0 &= !(1 << message);
        was
    }
}

impl Lane {
    pub(crate) fn list(&self, side: Side) -> &Messages {
        match side {
            Side::First => &self.first,
            Side::Second => &self.second,
        }
    }

    pub(crate) fn list_mut(&mut self, side: Side) -> &mut Messages {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }

    /// The message that is being handled, or will be handled next before any other.
    pub(crate) fn current(&self) -> Option<Message> {
        self.pinned.and_then(|side| self.list(side).first().copied())
    }

    /// Whether it has neither a current nor a waiting message.
    pub(crate) fn is_idle(&self) -> bool {
        self.first.is_empty() && self.second.is_empty()
    }
}

impl State {
    /// Before anything has happened.
    pub(crate) fn at_the_start(rules: &Rules) -> Self {
        let mut state = Self {
            store: Store::default(),
            workers: (0..rules.setup.workers).map(|_| Worker::default()).collect(),
            doors: Default::default(),
            strays: Set::default(),
            tries: ArrayVec::default(),
            answered: Set::default(),
            history: History::default(),
            saved: None,
            tail_lost: false,
            was_damaged: false,
            breach: None,
        };
        state.store.lanes = (0..rules.setup.lanes).map(|_| Lane::default()).collect();
        state.prepare_responses(rules);
        for message in 0..rules.messages() {
            if !rules.setup.spool {
                state.store.stamps[usize::from(message)] = message + 1;
            }
            if rules.setup.preloaded && rules.push(message).effect != Effect::Fetch {
                state.push(rules, message, true);
                state.history.stored.add(message);
            }
        }
        state
    }
}
