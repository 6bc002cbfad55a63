//! What a look at the queue has found, kept for a moment: many who watch cost one look.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The last look.
#[derive(Debug)]
pub(super) struct Cached<T> {
    keep_for: Duration,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Cached<T> {
    pub(super) fn new(keep_for: Duration) -> Self {
        Self { keep_for, last: Mutex::default() }
    }

    /// What was found a moment ago, or is found now. Others who ask wait for the look that is under way.
    pub(super) async fn get<E>(&self, look: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut last = self.last.lock().await;
        if let Some((_, found)) = last.as_ref().filter(|(at, _)| at.elapsed() < self.keep_for) {
            return Ok(found.clone());
        }
        let found = look.await?;
        *last = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Something has changed: the next one looks anew.
    pub(super) async fn forget(&self) {
        *self.last.lock().await = None;
    }
}
