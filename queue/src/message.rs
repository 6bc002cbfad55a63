//! A message on its way in, and on its way out.

use std::time::Duration;

use bytes::Bytes;

use crate::{Class, Lane, Lease, MessageId, QueueError};

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
    /// What it does to the held messages of its lane.
    pub held: HeldEffect,
    /// It comes from a spool, so it may be older than what stands in its lane already: it goes to the lane's second list,
    /// and the older of the two heads is next.
    pub late: bool,
    /// Store it straight among the dead letters, for this reason: it can't be understood.
    pub dead_reason: Option<String>,
}

/// What a new message does to those that are held for its lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeldEffect {
    /// Nothing.
    #[default]
    Leave,
    /// It opens a right to send: they go back to waiting, in front of all that waits.
    Wake(Right),
    /// It ends the right to send for good: they die, and the lane's memory is forgotten. The current message writes none.
    Bury,
}

/// How often the answers of a lane may be sent, and until when.
///
/// Rights don't add up: of several that a lane gets, the larger number of sends left counts, and the later end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Right {
    /// How many sends. In a [`SendState`]: how many in all, those already counted included.
    pub sends: u32,
    /// Unix time, in seconds.
    pub until_s: u64,
}

/// What has closed a lane's right to send since its last waking message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closed {
    /// A message of the lane was held because a send was refused ([`Settlement::Hold`](crate::Settlement::Hold)), and still
    /// is.
    Refused,
    /// A burying message.
    Ended,
}

impl Right {
    /// The latest end that is kept.
    pub const UNTIL_S_MAX: u64 = (1 << 40) - 1;

    pub(crate) fn fitted(self) -> Self {
        Self { until_s: self.until_s.min(Self::UNTIL_S_MAX), ..self }
    }
}

impl Closed {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Refused, Self::Ended].into_iter().find(|closed| closed.as_str() == name)
    }
}

impl NewMessage {
    /// Refuses what no engine stores.
    pub(crate) fn check(&self) -> Result<(), QueueError> {
        check_bytes("payload", &self.payload)
    }
}

/// Refuses what is too big to be stored.
pub(crate) fn check_bytes(what: &str, bytes: &[u8]) -> Result<(), QueueError> {
    match bytes.len() {
        size if size > MAX_PAYLOAD_BYTES => {
            Err(QueueError::Invalid(format!("the {what} has {size} bytes, more than {MAX_PAYLOAD_BYTES}")))
        }
        _ => Ok(()),
    }
}

/// What became of a message given to the queue. In every case but `Expired` the caller may acknowledge it.
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
    /// How many leases on it were lost by workers that died. From [`SUSPECT_LOSSES`](crate::SUSPECT_LOSSES) on it is a
    /// suspect: a worker runs one suspect at a time. Before it starts the handler it confirms the lease by a renewal, as with
    /// every message that has lost a lease.
    pub losses: u32,
    /// How often it was snoozed.
    pub snoozes: u32,
    /// How long ago its first attempt failed since it was first taken or last held; none if none has.
    pub failing_for: Option<Duration>,
    /// Why the last attempt failed or was snoozed.
    pub last_error: Option<String>,
    /// What an earlier holder recorded before the lease was lost or given back.
    pub progress: Progress,
    /// How much of its lane's right to send is used up, and what has changed that right.
    pub send_state: SendState,
    /// The lane's memory, as last recorded.
    pub memory: Option<Bytes>,
    /// The answer that came by call back.
    pub answer: Option<Bytes>,
    /// It waited for an answer by call back, and none came in time.
    pub timed_out: bool,
}

/// Where the current message of a lane stands with the right to send.
///
/// Sends, right and what closed it belong to the lane, so they go on with the lane's next message; the rest belongs to the
/// message. All of it outlives retries, snoozes, releases and lost leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendState {
    /// How many waking messages have come since the message was first taken. After a hold, the one that woke it counts too.
    /// [`Settlement::Hold`](crate::Settlement::Hold) names this number. Each waking message gets an answer of its own.
    pub wakes: u32,
    /// What those waking messages allow that came while the lane had a current message or a count. None if none came. The
    /// worker that takes the other waking messages knows what they allow.
    pub right: Option<Right>,
    /// Whether that right is closed, and by what.
    pub closed: Option<Closed>,
    /// How many sends were announced in the lane ([`Progress::sending`]) since it last had nothing to do. A send that is
    /// announced again counts once; one that is taken back doesn't count.
    pub sends: u32,
    /// Whether other messages of the lane wait behind it: some did when it was taken, or a waking one has come since.
    pub has_followers: bool,
}

/// How far the answer to a message has got: recorded before each send, so that a crash leaves at most one send unsure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The replies of the handler, in the worker's own format. `None` in a call of `record`: keep what is stored.
    pub replies: Option<Bytes>,
    /// How many parts are confirmed sent.
    pub sent: u32,
    /// The part that is about to be sent, counted from 0. After a crash it is the one send that is unsure. Another part than
    /// the recorded one announces a send. `None` with the same `sent` takes it back: that send certainly wasn't made.
    pub sending: Option<u32>,
}

/// What a lane is to remember, until it is replaced or its time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The bytes, at most [`MAX_PAYLOAD_BYTES`]. Empty: forget what was there.
    pub bytes: Bytes,
    /// For how long.
    pub keep_for: Duration,
}

/// What became of an answer by call back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallBackResult {
    /// It is stored, durably, and the message comes with it.
    First,
    /// The message already has its answer.
    Already,
    /// The message isn't the current one of its lane: it has ended, or was never begun.
    Gone,
}
