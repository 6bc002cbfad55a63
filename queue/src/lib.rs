#![doc = include_str!("../README.md")]

mod boottime;
mod clock;
mod error;
mod file;
mod lease;
mod look;
mod message;
mod queue;

pub mod redis;
pub mod spool;
pub mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

pub use boottime::Moment;
pub use clock::{Clock, TestClock};
pub use error::{Cause, QueueError};
pub use lease::{Lease, Renewal, Token, WorkerId};
pub use look::{
    Counts, DeadCursor, DeadFilter, DeadLetter, DeadPage, LaneState, LaneView, Paused, Scope, Violation,
};
pub use message::{
    Accepted, Answered, Awaiting, Class, HeldEffect, Hold, Lane, Leased, MAX_PAYLOAD_BYTES, Memory,
    MessageId, NameError, NewMessage, Note, Progress, Standing,
};
pub use queue::{
    BEAT_EVERY, Buried, DEAD_ON_ARRIVAL_MAX, DEAD_SCAN_MAX, GAP_LEAST, HELD_MAX, LOSSES_MAX, MOVES_PER_TAKE,
    NAME_MAX_BYTES, Queue, SUSPECT_LOSSES, TakeRequest, Taken, settling_pause,
};
