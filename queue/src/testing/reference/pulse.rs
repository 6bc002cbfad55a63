//! When the store was last known to serve.

use std::time::Duration;

use crate::clock::micros;
use crate::{GAP_LEAST, settling_pause};

/// How long a length of lease is remembered; after that only lengths asked for from then on count.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// The takes, renewals and beats, as far as their times matter.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// The last one.
    beat_us: Option<u64>,
    /// Until when no lease is taken back.
    pub(super) quiet_us: u64,
    /// The shortest and the longest lease known, and since when.
    leases: Option<(Duration, Duration, u64)>,
}

impl Pulse {
    /// Notes one. Those who hold no lease name none.
    pub(super) fn beat(&mut self, now_us: u64, lease_for: Option<Duration>) {
        let gap_us = now_us - self.beat_us.replace(now_us).unwrap_or(now_us);
        let known = match (self.leases, lease_for) {
            (Some((shortest, longest, since)), Some(own)) => {
                Some((shortest.min(own), longest.max(own), since))
            }
            (None, Some(own)) => Some((own, own, now_us)),
            (known, None) => known,
        };
        let Some((shortest, longest, since_us)) = known else { return };
        if gap_us > micros(shortest / 2).max(micros(GAP_LEAST)) {
            self.quiet_us = now_us + micros(settling_pause(longest));
        }
        let is_old = now_us - since_us > micros(KNOWN_FOR);
        self.leases = match lease_for {
            Some(own) if is_old => Some((own, own, now_us)),
            _ => known,
        };
    }
}
