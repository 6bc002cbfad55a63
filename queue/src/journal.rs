//! The journal: what became of every message.
//!
//! A message that ends leaves one record, written in the step that ends it: so there is a record for each end, and no record
//! without one, whichever process dies when. The queue knows when a message came and ended, what it died of, and what had failed
//! before. What it can't know, such as the route or what WeChat said, is the holder's *note*: opaque bytes in the
//! [`Lease`](crate::Lease), which go into the record. Where the queue itself ends a message, because a held one was held for too
//! long or its workers died, the note is the last that a holder left with it: when it settled the message with a hold or an offer,
//! or renewed the lease of a message that had lost one before.
//!
//! The journal is bounded by bytes and by age: [`Journal::trim_journal`] takes the oldest records away. It is searched from the
//! newest on, a bounded number of records in each call; there is no index, which would cost every message more than a search costs
//! now and then. Rejected: a log file of each worker, which knows nothing of ends that the store makes, and is spread over machines.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Class, Lane, MessageId, QueueError};

/// The longest note that is kept, in bytes. A longer one is left out: a settlement never fails for its note.
pub const NOTE_MAX_BYTES: usize = 2_048;

/// The most records that one call looks through.
pub const JOURNAL_SCAN_MAX: usize = 1_000;

/// What became of messages.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Records that match, the youngest first, at most `limit`, from behind `after` on. One call looks through
    /// [`JOURNAL_SCAN_MAX`] records at most: the page says where to go on.
    async fn journal(
        &self,
        filter: &JournalFilter,
        after: Option<&JournalCursor>,
        limit: usize,
    ) -> Result<JournalPage, QueueError>;

    /// Takes the oldest records away that are older than `keep`, or beyond `max_bytes` in all: a bounded number, so call it now
    /// and then. A few that are too old may stay. Gives what there is then.
    async fn trim_journal(&self, max_bytes: u64, keep: Duration) -> Result<JournalSize, QueueError>;

    /// Whether ends leave records from now on: they do unless this says otherwise. It holds for this process.
    async fn keep_journal(&self, keep: bool) -> Result<(), QueueError>;

    /// Removes all records of a lane. Gives how many.
    async fn forget_journal(&self, lane: &Lane) -> Result<u64, QueueError>;
}

/// How one message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// The message's id.
    pub id: MessageId,
    /// Its lane.
    pub lane: Lane,
    /// Its class.
    pub class: Class,
    /// When the receiver got it, in Unix microseconds.
    pub arrived_us: u64,
    /// When it ended, in Unix milliseconds.
    pub ended_ms: u64,
    /// What it died of; none: it was completed.
    pub dies_of: Option<String>,
    /// How many attempts had failed before the one that ended it.
    pub failures: u32,
    /// How many leases on it were lost.
    pub losses: u32,
    /// How many parts of its answer were recorded as sent. The last one of a completed message isn't, unless it went out in a
    /// response.
    pub sent: u32,
    /// The last holder's note; empty if there was none.
    pub note: Bytes,
}

/// Which records are meant: those that meet every condition given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalFilter {
    /// Of this class.
    pub class: Option<Class>,
    /// Of this lane.
    pub lane: Option<Lane>,
    /// Of this message: more than one if it came to life again.
    pub id: Option<MessageId>,
    /// Ended at this time or later, in Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Ended before this time, in Unix milliseconds.
    pub until_ms: Option<u64>,
}

impl JournalFilter {
    /// Whether a record is meant.
    pub(crate) fn matches(&self, record: &JournalRecord) -> bool {
        self.class.as_ref().is_none_or(|class| *class == record.class)
            && self.lane.as_ref().is_none_or(|lane| *lane == record.lane)
            && self.id.as_ref().is_none_or(|id| *id == record.id)
            && self.since_ms.is_none_or(|since_ms| record.ended_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| record.ended_ms < until_ms)
    }
}

/// Behind which record a page goes on: opaque, of this queue only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalCursor(pub(crate) String);

/// Some records, the youngest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalPage {
    /// The records; none doesn't mean the end.
    pub records: Vec<JournalRecord>,
    /// Where to go on; `None` at the end.
    pub next: Option<JournalCursor>,
}

/// How large a journal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalSize {
    /// Its records.
    pub records: u64,
    /// About how many bytes they take in the store, estimated from a sample.
    pub bytes: u64,
    /// When the oldest ended, in Unix milliseconds.
    pub oldest_ms: Option<u64>,
}

/// A note as it is kept.
pub(crate) fn fitted(note: &Bytes) -> &[u8] {
    if note.len() > NOTE_MAX_BYTES { &[] } else { note }
}
