//! Times as they are printed and compared.

use std::fmt;
use std::time::Duration;

/// Of many times: half of them, 90 and 99 in 100 are no longer.
#[derive(Clone, Copy)]
pub(super) struct Quantiles {
    pub(super) count: usize,
    p50: Duration,
    p90: Duration,
    pub(super) p99: Duration,
}

impl Quantiles {
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let [p50, p90, p99] = [50, 90, 99].map(|percent| {
            let rank = (times.len() * percent).div_ceil(100);
            times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        });
        Self { count: times.len(), p50, p90, p99 }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, p50, p90, p99 } = self;
        write!(f, "p50 {p50:.2?}, p90 {p90:.2?}, p99 {p99:.2?} of {count}")
    }
}
