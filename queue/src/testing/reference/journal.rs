//! How messages ended.

use std::time::Duration;

use async_trait::async_trait;

use super::ReferenceQueue;
use crate::clock::micros;
use crate::{
    JOURNAL_SCAN_MAX, Journal, JournalCursor, JournalFilter, JournalPage, JournalSize, Lane, QueueError,
};

/// What a record takes besides its note.
const EACH_BYTES: usize = 100;

#[async_trait]
impl Journal for ReferenceQueue {
    async fn journal(
        &self,
        filter: &JournalFilter,
        after: Option<&JournalCursor>,
        limit: usize,
    ) -> Result<JournalPage, QueueError> {
        let state = self.step();
        let before = after.and_then(|after| after.0.parse().ok()).unwrap_or(state.journal.len());
        let mut page = JournalPage::default();
        for (looked, n) in (1..).zip((0..before).rev()) {
            page.records.extend(Some(&state.journal[n]).filter(|record| filter.matches(record)).cloned());
            if n > 0 && (page.records.len() >= limit || looked >= JOURNAL_SCAN_MAX) {
                page.next = Some(JournalCursor(n.to_string()));
                break;
            }
        }
        Ok(page)
    }

    async fn trim_journal(&self, max_bytes: u64, keep: Duration) -> Result<JournalSize, QueueError> {
        let mut state = self.step();
        let oldest_ms = state.now_us.saturating_sub(micros(keep)) / 1_000;
        state.journal.retain(|record| record.ended_ms >= oldest_ms);
        let bytes = |record: &crate::JournalRecord| (EACH_BYTES + record.note.len()) as u64;
        while state.journal.iter().map(bytes).sum::<u64>() > max_bytes {
            state.journal.remove(0);
        }
        Ok(JournalSize {
            records: state.journal.len() as u64,
            bytes: state.journal.iter().map(bytes).sum(),
            oldest_ms: state.journal.first().map(|record| record.ended_ms),
        })
    }

    async fn keep_journal(&self, keep: bool) -> Result<(), QueueError> {
        self.step().no_journal = !keep;
        Ok(())
    }

    async fn forget_journal(&self, lane: &Lane) -> Result<u64, QueueError> {
        let mut state = self.step();
        let before = state.journal.len();
        state.journal.retain(|record| record.lane != *lane);
        Ok((before - state.journal.len()) as u64)
    }
}
