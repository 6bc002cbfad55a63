#![doc = include_str!("../README.md")]

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

pub use clock::{Clock, TestClock};
pub use error::{Cause, QueueError};
pub use lease::{Lease, Renewal, Token, WorkerId};
pub use look::{Counts, DeadLetter, DeadPage, LaneState, LaneView, Violation};
pub use message::{
    Accepted, Class, Lane, Leased, MAX_PAYLOAD_BYTES, MessageId, NameError, NewMessage, Progress,
};
pub use queue::{DEAD_ON_ARRIVAL_MAX, MOVES_PER_TAKE, Queue, TakeRequest, Taken};
