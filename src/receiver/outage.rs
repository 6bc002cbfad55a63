//! Tells once that the queue is away, and once that it is back, instead of a line for every push in between.

use std::sync::atomic::{AtomicU64, Ordering};

/// Whether pushes can be stored, as far as the last one showed.
#[derive(Debug, Default)]
pub(super) struct PushOutage {
    /// Pushes refused since the last one that was stored.
    refused: AtomicU64,
}

impl PushOutage {
    /// A push was stored.
    pub(super) fn stored(&self) {
        // Read first: a write by every push would move one cache line between all threads.
        if self.refused.load(Ordering::Relaxed) > 0 {
            let refused = self.refused.swap(0, Ordering::Relaxed);
            if refused > 0 {
                tracing::info!(refused, "pushes are stored again");
            }
        }
    }

    /// A push could not be stored.
    pub(super) fn refused(&self, account: &str, reason: &str) {
        if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                account,
                reason,
                "pushes can't be stored: the answer is 503, and WeChat tries again"
            );
        } else {
            tracing::debug!(account, reason, "a push could not be stored");
        }
    }
}
