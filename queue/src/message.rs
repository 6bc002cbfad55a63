//! A message on its way in, and on its way out.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::{Lease, QueueError};

/// The largest payload a queue stores, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// A message to be stored.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its identity: a second message with the same id within the dedup window is a duplicate.
    pub id: MessageId,
    /// Whose order it keeps.
    pub lane: Lane,
    /// What it can be paused or limited with.
    pub class: Class,
    /// What the worker gets back, byte for byte.
    pub payload: Bytes,
    /// When the receiver got it, in Unix microseconds: stamped once and kept on every path.
    pub arrived_us: u64,
    /// Refuse to store it later than this after the call began ([`Accepted::Expired`]). It guards against a call that
    /// timed out at the caller and is applied afterwards, behind a copy the caller has put elsewhere.
    pub not_after: Option<Duration>,
    /// Whether it reopens the right to send, so that held messages of its lane go out.
    pub wakes_held: bool,
    /// It comes out of a spool, where it has waited for the store: messages of its lane that came later may be there
    /// already, and it takes its place by the time it arrived.
    pub late: bool,
    /// Store it straight among the dead letters, for this reason: it can't be understood.
    pub dead_reason: Option<String>,
}

impl NewMessage {
    /// Refuses what no engine stores.
    pub(crate) fn check(&self) -> Result<(), QueueError> {
        if self.payload.len() > MAX_PAYLOAD_BYTES {
            let size = self.payload.len();
            return Err(QueueError::Invalid(format!(
                "the payload has {size} bytes, more than {MAX_PAYLOAD_BYTES}"
            )));
        }
        Ok(())
    }
}

/// What became of a message that was to be stored. In every case but `Expired` the caller may acknowledge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Stored durably, for the first time.
    New,
    /// The same id was stored before, durably.
    Duplicate,
    /// Its `not_after` had passed; nothing was stored.
    Expired,
    /// Dead on arrival, while its class already holds as many such letters as it may: counted, not kept.
    Counted,
}

/// A message in the hands of a worker.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The right to settle it.
    pub lease: Lease,
    /// Its class.
    pub class: Class,
    /// As it was accepted.
    pub payload: Bytes,
    /// When the receiver got it, in Unix microseconds.
    pub arrived_us: u64,
    /// How many attempts failed before this one.
    pub failures: u32,
    /// How many leases on it were lost, by workers that died.
    pub losses: u32,
    /// How often it was snoozed.
    pub snoozes: u32,
    /// Why the last attempt failed or was snoozed.
    pub last_error: Option<String>,
    /// What an earlier holder recorded before the lease was lost or given back.
    pub progress: Progress,
}

/// How far the answer to a message has got: recorded before each send, so that a crash leaves at most one send unsure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The replies of the handler, in the worker's own format. `None` in a call of `record`: keep what is stored.
    pub replies: Option<Bytes>,
    /// How many parts are confirmed sent.
    pub sent: u32,
    /// The part that is about to be sent, counted from 0: after a crash, the one send that is unsure.
    pub sending: Option<u32>,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max_bytes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The longest there may be, in bytes.
            pub const MAX_BYTES: usize = $max_bytes;

            /// Checks the length.
            ///
            /// # Errors
            /// When it is empty or longer than [`Self::MAX_BYTES`].
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                match name.len() {
                    0 => Err(NameError::Empty { kind: stringify!($name) }),
                    n if n > $max_bytes => Err(NameError::TooLong { kind: stringify!($name), max_bytes: $max_bytes }),
                    _ => Ok(Self(name)),
                }
            }

            /// It, as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub(crate) fn from_stored(stored: String) -> Self {
                Self(stored)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The identity of a message: opaque to the queue, compared byte for byte, never read as a number.
    MessageId, 128
}
name! {
    /// Whose order is kept: messages of one lane are handled one at a time, in the order they were accepted.
    Lane, 512
}
name! {
    /// What messages can be paused, limited and counted as a whole. A worker takes only the classes it asks for.
    Class, 64
}

/// A name that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no characters.
    #[error("the {kind} is empty")]
    Empty {
        /// Which kind of name.
        kind: &'static str,
    },
    /// It is too long.
    #[error("the {kind} is longer than {max_bytes} bytes")]
    TooLong {
        /// Which kind of name.
        kind: &'static str,
        /// The limit.
        max_bytes: usize,
    },
}
