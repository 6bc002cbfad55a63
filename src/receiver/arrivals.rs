//! When pushes arrive: the time that is stamped on each, once.
//!
//! The stamp decides which of a lane's two lists is next, so it must never go back while the process runs, whatever is done
//! to the machine's clock, and no two pushes share one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Stamps pushes.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    last_us: AtomicU64,
}

impl Arrivals {
    /// The time now in Unix microseconds, later than every stamp before.
    pub(super) fn stamp(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_micros());
        self.later_than_all(u64::try_from(now).unwrap_or(u64::MAX))
    }

    fn later_than_all(&self, now_us: u64) -> u64 {
        let next = |last_us: u64| now_us.max(last_us.saturating_add(1));
        let last_us =
            self.last_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        // The closure always gives a value, so this is the one before.
        next(last_us.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_does_not_turn_the_order_round() {
        let arrivals = Arrivals::default();
        let stamps = [100, 100, 50, 102, 200].map(|now_us| arrivals.later_than_all(now_us));
        assert_eq!(stamps, [100, 101, 102, 103, 200]);
    }
}
