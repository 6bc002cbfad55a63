//! Waiting on the transcript, for tests: woken by each entry, never by a clock, except for the deadline.

use std::{fmt::Write, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{Transcript, TranscriptEntry, What};
use crate::OpenId;

/// What was waited for didn't come in time. Its text shows the end of the transcript.
#[derive(Debug, thiserror::Error)]
#[error("it didn't come within {waited:?}; the transcript ends with:{tail}")]
pub struct TimedOut {
    /// How long was waited.
    pub waited: Duration,
    tail: String,
}

impl Transcript {
    /// Waits until the condition holds for the kept entries, looking at once and after each change.
    ///
    /// # Errors
    /// [`TimedOut`] when it doesn't hold within the time.
    pub async fn wait_for(
        &self,
        mut holds: impl FnMut(&[Arc<TranscriptEntry>]) -> bool,
        within: Duration,
    ) -> Result<(), TimedOut> {
        self.until(|| holds(&self.entries()).then_some(()), within).await
    }

    /// Waits until `n` kept entries match, and gives these `n`. Reads each entry once, so it suits tens of thousands.
    ///
    /// # Errors
    /// [`TimedOut`] when there are fewer within the time.
    pub async fn wait_for_matches(
        &self,
        mut matches: impl FnMut(&TranscriptEntry) -> bool,
        n: usize,
        within: Duration,
    ) -> Result<Vec<Arc<TranscriptEntry>>, TimedOut> {
        let (mut place, mut found) = (0, Vec::new());
        let look = || {
            for entry in self.entries_after(place) {
                place = entry.seq;
                if found.len() < n && matches(&entry) {
                    found.push(entry);
                }
            }
            (found.len() >= n).then(|| std::mem::take(&mut found))
        };
        self.until(look, within).await
    }

    /// Waits until `n` messages to this user were accepted, and gives these.
    ///
    /// # Errors
    /// [`TimedOut`] when there are fewer within the time.
    pub async fn wait_for_sends(
        &self,
        user: impl Into<OpenId>,
        n: usize,
        within: Duration,
    ) -> Result<Vec<Arc<TranscriptEntry>>, TimedOut> {
        let user = user.into();
        let is_send = |entry: &TranscriptEntry| entry.user == user && matches!(entry.what, What::Sent { .. });
        self.wait_for_matches(is_send, n, within).await
    }

    /// Looks at once and after each change, until there is something.
    async fn until<T>(&self, mut look: impl FnMut() -> Option<T>, within: Duration) -> Result<T, TimedOut> {
        let deadline = Instant::now() + within;
        let mut news = self.newest.subscribe();
        loop {
            news.mark_unchanged();
            if let Some(found) = look() {
                return Ok(found);
            }
            if timeout_at(deadline, news.changed()).await.is_err() {
                return Err(self.timed_out(within));
            }
        }
    }

    fn timed_out(&self, waited: Duration) -> TimedOut {
        let newest = self.newest();
        let mut tail = String::new();
        for entry in self.entries_after(newest.saturating_sub(20)) {
            // Writing to a String can't fail.
            let _ = write!(tail, "\n  {} {} {} {:?}", entry.seq, entry.account, entry.user, entry.what);
        }
        TimedOut { waited, tail }
    }
}
