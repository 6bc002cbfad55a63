//! How long to wait before the next attempt.
//!
//! Exponential with full jitter: a random time between nothing and the bound, so that many messages that failed
//! together don't come back together. The bound doubles from a second to a minute.

use std::time::Duration;

use rand::RngExt as _;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// Never sooner: a delay of nothing would be a hot loop.
pub(crate) const SHORTEST: Duration = Duration::from_millis(100);

/// The longest wait after `failures` failed attempts, at least one.
pub(crate) fn bound(failures: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16))).min(LONGEST)
}

/// A random wait after `failures` failed attempts.
pub(crate) fn full_jitter(failures: u32) -> Duration {
    rand::rng().random_range(SHORTEST..=bound(failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_from_a_second_to_a_minute() {
        let seconds: Vec<_> = (0..9).map(|n| bound(n).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(bound(u32::MAX), LONGEST);
    }

    #[test]
    fn the_wait_is_somewhere_below_the_bound() {
        for failures in 1..20 {
            let wait = full_jitter(failures);
            assert!((SHORTEST..=bound(failures)).contains(&wait), "{wait:?}");
        }
    }
}
