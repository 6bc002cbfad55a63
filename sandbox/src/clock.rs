//! Wall-clock time as numbers. Deadlines don't use it: they are `tokio::time::Instant`s, which never step backwards.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, UTC.
pub(crate) fn unix_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
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
