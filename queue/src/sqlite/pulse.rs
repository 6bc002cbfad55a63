//! When the store was last known to serve.
//!
//! A process that was suspended, or a disk that stalled, comes back with leases that have run out although their workers
//! live. After a gap of more than half a lease nothing is taken back until the living have had time to renew. It is kept in
//! memory: with the process all leases end.

use std::sync::Mutex;
use std::time::Duration;

use super::now::stored;
use crate::clock::micros;
use crate::settling_pause;

/// The takes and renewals of one open queue, as far as their times matter.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    beat_us: Option<i64>,
    quiet_us: i64,
}

impl Pulse {
    /// Notes that the store serves, and gives the end of the pause after its last gap.
    pub(super) fn beat(&self, now_us: i64, lease_for: Duration) -> i64 {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let gap_us = now_us.saturating_sub(known.beat_us.replace(now_us).unwrap_or(now_us));
        if gap_us > stored(micros(lease_for)) / 2 {
            known.quiet_us = now_us.saturating_add(stored(micros(settling_pause(lease_for))));
        }
        known.quiet_us
    }
}
