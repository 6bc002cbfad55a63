//! The transcript: everything that happened, in order, as far back as there is room.
//!
//! It is the sandbox's only memory of the past and its only source of news. A reader has a place (the `seq` it has read to)
//! and asks for what comes after it; a `watch` channel tells that there is something. A broadcast channel of the entries
//! themselves was rejected: a slow reader of one loses entries, a slow reader of this only reads later, and resuming after
//! a lost connection is the same operation as reading on.
//!
//! Bounded by number and by size; the oldest entries go first.

use std::{collections::VecDeque, sync::Arc};

use futures::Stream;
use parking_lot::Mutex;
use tokio::sync::watch;

mod entry;
mod wait;

pub use entry::{SaidCard, TranscriptEntry, What};
pub use wait::TimedOut;

use crate::{OpenId, clock};

/// About how much the kept entries may weigh together.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// How many entries a stream takes at a time.
const CHUNK: usize = 256;

/// Everything that happened, in order. See the module's documentation for how it is read.
#[derive(Debug)]
pub struct Transcript {
    kept: Mutex<KeptEntries>,
    /// The newest `seq`. Every writer raises it after adding; readers and waiters sleep on it.
    newest: watch::Sender<u64>,
    max_entries: usize,
}

#[derive(Debug, Default)]
struct KeptEntries {
    entries: VecDeque<Arc<TranscriptEntry>>,
    bytes: usize,
    newest: u64,
}

impl Transcript {
    pub(crate) fn new(max_entries: usize) -> Transcript {
        let newest = watch::Sender::new(0);
        Transcript { kept: Mutex::default(), newest, max_entries: max_entries.max(1) }
    }

    /// The `seq` of the newest entry; 0 when nothing has happened yet.
    pub fn newest(&self) -> u64 {
        self.kept.lock().newest
    }

    /// All entries that are kept.
    pub fn entries(&self) -> Vec<Arc<TranscriptEntry>> {
        self.entries_after(0)
    }

    /// The kept entries after this `seq`, oldest first.
    pub fn entries_after(&self, seq: u64) -> Vec<Arc<TranscriptEntry>> {
        self.some_after(seq, usize::MAX)
    }

    /// The first kept entries after this `seq`, at most `limit`.
    pub fn some_after(&self, seq: u64, limit: usize) -> Vec<Arc<TranscriptEntry>> {
        let kept = self.kept.lock();
        // Numbers have no gaps, so the place of the first wanted entry can be calculated.
        let oldest = kept.entries.front().map_or(0, |entry| entry.seq);
        let skip = usize::try_from(seq.saturating_add(1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        kept.entries.iter().skip(skip).take(limit).cloned().collect()
    }

    /// The accepted messages to one user, oldest first.
    pub fn sent_to(&self, user: impl Into<OpenId>) -> Vec<Arc<TranscriptEntry>> {
        let user = user.into();
        let mut entries = self.entries();
        entries.retain(|entry| entry.user == user && matches!(entry.what, What::Sent { .. }));
        entries
    }

    /// The texts that were shown to one user, by the API or in the response to a push, oldest first.
    pub fn texts_to(&self, user: impl Into<OpenId>) -> Vec<String> {
        let (user, entries) = (user.into(), self.entries());
        let his = entries.iter().filter(|entry| entry.user == user);
        his.filter_map(|entry| entry.what.text().map(str::to_owned)).collect()
    }

    /// The entries after this `seq` and then every new one, without end and, for a reader no slower than the bounds,
    /// without loss.
    pub fn subscribe(
        self: &Arc<Self>,
        after: u64,
    ) -> impl Stream<Item = Arc<TranscriptEntry>> + Send + use<> {
        let start = (Arc::clone(self), self.newest.subscribe(), after, VecDeque::new());
        futures::stream::unfold(start, async |(transcript, mut news, mut place, mut ready)| {
            while ready.is_empty() {
                // Seen before looking, so that an entry added in between wakes the wait below.
                news.mark_unchanged();
                ready.extend(transcript.some_after(place, CHUNK));
                if ready.is_empty() {
                    news.changed().await.ok()?;
                }
            }
            let next: Arc<TranscriptEntry> = ready.pop_front()?;
            place = next.seq;
            Some((next, (transcript, news, place, ready)))
        })
    }

    pub(crate) fn add(&self, account: &str, user: &OpenId, what: What) -> u64 {
        let weight = |entry: &TranscriptEntry| 256 + entry.what.bytes();
        let mut kept = self.kept.lock();
        kept.newest += 1;
        let seq = kept.newest;
        let entry = TranscriptEntry {
            seq,
            at_ms: clock::unix_ms(),
            account: account.to_owned(),
            user: user.clone(),
            what,
        };
        kept.bytes += weight(&entry);
        kept.entries.push_back(Arc::new(entry));
        while kept.entries.len() > self.max_entries || (kept.bytes > MAX_BYTES && kept.entries.len() > 1) {
            if let Some(oldest) = kept.entries.pop_front() {
                kept.bytes -= weight(&oldest);
            }
        }
        drop(kept);
        self.newest.send_if_modified(|newest| {
            let later = seq > *newest;
            *newest = seq.max(*newest);
            later
        });
        seq
    }
}
