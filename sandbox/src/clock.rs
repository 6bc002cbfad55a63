//! The sandbox's clock, and wall-clock time as numbers.
//!
//! Whatever WeChat measures (reply windows, tokens, media, typing, limits) is measured by [`SandboxClock`], which runs with the
//! machine's and can be moved on, so that 48 hours need no waiting. It never steps back. Times that others see
//! (`CreateTime`, the query of a push, the transcript) stay the machine's: a receiver that compares them with its own clock
//! would rightly distrust a moved one. Pausing tokio's time was rejected, because it doesn't reach other processes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// How far the clock can go ahead in all: ten years, which every sum of times can still hold.
const MAX_AHEAD_MS: u64 = 10 * 366 * 24 * 60 * 60 * 1000;

/// Time for everything that WeChat would measure.
#[derive(Debug, Default)]
pub(crate) struct SandboxClock {
    ahead_ms: AtomicU64,
}

impl SandboxClock {
    pub(crate) fn now(&self) -> Instant {
        Instant::now() + self.ahead()
    }

    /// How far it is ahead of the machine's.
    pub(crate) fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn move_on(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let moved = |ahead: u64| Some(ahead.saturating_add(by).min(MAX_AHEAD_MS));
        // Never fails, since `moved` always gives a value.
        let _ = self.ahead_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }
}

/// Milliseconds since 1970, UTC.
pub(crate) fn unix_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

/// The same, so much later.
pub(crate) fn unix_ms_in(later: Duration) -> u64 {
    unix_ms().saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX))
}

/// Microseconds since 1970, UTC.
pub(crate) fn unix_us() -> u64 {
    u64::try_from(since_epoch().as_micros()).unwrap_or(u64::MAX)
}

/// Whole seconds since 1970, UTC: the unit of `CreateTime` and of a push's `timestamp`.
pub(crate) fn unix_secs() -> i64 {
    i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX)
}

/// A duration in milliseconds with fractions, as reports print it.
pub(crate) fn as_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
