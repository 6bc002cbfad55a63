//! When the store was last known to serve.
//!
//! A process that was suspended, or a disk that stalled, comes back with leases that have run out although their workers
//! live. After a gap of more than half a lease nothing is taken back until the living workers have had time to renew. If
//! leases differ in length, the shortest decides the gap; the pause is a heartbeat of the longest and a second. All of this
//! is kept in memory, since all leases end with the process.

use std::sync::Mutex;
use std::time::Duration;

use crate::clock::micros;
use crate::file::now::stored;
use crate::file::work::Step;
use crate::{GAP_LEAST, settling_pause};

/// A length of lease that nobody has asked for lately is forgotten.
const KNOWN_FOR_US: i64 = 60_000_000;

/// The takes, renewals and beats of one open queue, as far as their times matter.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    beat_us: Option<i64>,
    quiet_us: i64,
    /// The shortest and the longest lease, and since when they are known.
    leases: Option<(Duration, Duration)>,
    since_us: i64,
}

impl Pulse {
    /// Notes that the store serves, and gives the end of the pause after its last gap. A caller without a lease gives no
    /// length. A batch that could not be committed is a gap, too: no worker could renew.
    pub(super) fn beat(
        &self,
        &Step { now_us, failed_us, .. }: &Step<'_>,
        lease_for: Option<Duration>,
    ) -> i64 {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let gap_us = now_us.saturating_sub(known.beat_us.replace(now_us).unwrap_or(now_us));
        let leases = match (known.leases, lease_for) {
            (Some((short, long)), Some(own)) => Some((short.min(own), long.max(own))),
            (known, own) => known.or(own.map(|own| (own, own))),
        };
        let Some((short, long)) = leases else { return known.quiet_us };
        let pause_us = stored(micros(settling_pause(long)));
        if gap_us > (stored(micros(short)) / 2).max(stored(micros(GAP_LEAST))) {
            known.quiet_us = now_us.saturating_add(pause_us);
        }
        if failed_us > 0 {
            known.quiet_us = known.quiet_us.max(failed_us.saturating_add(pause_us));
        }
        // A clock that was set back must not make the pause longer.
        if gap_us < 0 {
            known.quiet_us = known.quiet_us.min(now_us.saturating_add(pause_us));
        }
        known.leases = leases;
        if let Some(own) = lease_for
            && now_us.saturating_sub(known.since_us).abs() > KNOWN_FOR_US
        {
            known.leases = Some((own, own));
            known.since_us = now_us;
        }
        known.quiet_us
    }
}
