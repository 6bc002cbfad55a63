#![doc = include_str!("../README.md")]

mod boottime;
mod clock;
mod error;
mod file;
mod forget;
mod format;
mod journal;
mod lease;
mod look;
mod message;
mod name;
mod news;
mod queue;
mod response;
mod settlement;

pub mod redis;
pub mod spool;
pub mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

/// The traits of a queue, for callers that know its type.
pub mod prelude {
    pub use crate::{Consumer, Journal, Operator, Producer, Queue, Responder, Shared};
}

pub use boottime::Moment;
pub use clock::{Clock, TestClock};
pub use error::{Cause, QueueError};
pub use forget::{Compaction, Forgotten};
pub use journal::{
    JOURNAL_SCAN_MAX, Journal, JournalCursor, JournalFilter, JournalPage, JournalRecord, JournalSize,
    NOTE_MAX_BYTES,
};
pub use lease::{Lease, Renewal, Token, WorkerId};
pub use look::{
    Counts, DeadCursor, DeadFilter, DeadLetter, DeadPage, LaneSnapshot, LaneState, Paused, Scope, Violation,
};
pub use message::{
    Accepted, CallBackResult, Closed, HeldEffect, Leased, MAX_PAYLOAD_BYTES, Memory, NewMessage, Progress,
    Right, SendState,
};
pub use name::{Class, Lane, MessageId, NAME_MAX_BYTES, NameError};
pub use queue::{
    BEAT_EVERY, Buried, Consumer, DEAD_ON_ARRIVAL_MAX, DEAD_SCAN_MAX, Damaged, GAP_LEAST, HELD_MAX,
    LOSSES_MAX, MOVES_PER_TAKE, Operator, Producer, Queue, SUSPECT_LOSSES, Shared, TAKEN_BYTES_MAX,
    TakeRequest, Taken, settling_pause,
};
pub use response::{
    CLAIM_FOR, ClaimOutcome, Claimed, OFFER_LEAST, OpenPush, PUSH_KEPT_FOR, PushAnswer, PushTry, Responder,
};
pub use settlement::{REASON_MAX_BYTES, Settled, Settlement};
