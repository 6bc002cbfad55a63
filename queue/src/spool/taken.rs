//! Which entries the store has taken a moment ago.
//!
//! A store that syncs its log once a second can take an entry and lose it at a crash. So an entry stays in the spool until
//! it has been with the store for [`SETTLE`], and only then is it forgotten. Nothing of this is written to the file: after
//! a crash of the receiver every entry is pending again, which the store's dedup makes harmless.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long an entry is kept after the store took it: longer than a store that syncs every second can lose.
pub const SETTLE: Duration = Duration::from_secs(2);

/// The entries that the store has, by their numbers.
#[derive(Debug, Default)]
pub(super) struct TakenEntries {
    /// When each was taken.
    at_us: BTreeMap<u64, i64>,
    /// Every entry up to here was taken, as far as has been read: where the next reading begins.
    all_up_to: u64,
}

impl TakenEntries {
    pub(super) fn insert(&mut self, seq: u64, now_us: i64) {
        self.at_us.insert(seq, now_us);
    }

    pub(super) fn remove(&mut self, seq: u64) {
        self.at_us.remove(&seq);
    }

    pub(super) fn contains(&self, seq: u64) -> bool {
        self.at_us.contains_key(&seq)
    }

    pub(super) fn len(&self) -> usize {
        self.at_us.len()
    }

    /// The number after which to look for pending entries.
    pub(super) fn all_up_to(&self) -> u64 {
        self.all_up_to
    }

    /// Every entry up to `seq` was seen to be taken.
    pub(super) fn seen_up_to(&mut self, seq: u64) {
        self.all_up_to = self.all_up_to.max(seq);
    }

    /// The first few entries that were taken at least [`SETTLE`] ago. Entries are taken nearly in their order. So nothing is
    /// searched: one that was taken later than its neighbours only holds them up for a moment.
    pub(super) fn settled(&self, now_us: i64, most: usize) -> Vec<u64> {
        let settle_us = i64::try_from(SETTLE.as_micros()).unwrap_or(i64::MAX);
        let settled = self.at_us.iter().take_while(|(_, at_us)| now_us.saturating_sub(**at_us) >= settle_us);
        settled.map(|(seq, _)| *seq).take(most).collect()
    }

    /// All are pending again; how many there were.
    pub(super) fn clear(&mut self) -> usize {
        self.all_up_to = 0;
        std::mem::take(&mut self.at_us).len()
    }
}
