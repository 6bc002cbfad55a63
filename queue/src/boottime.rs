//! Time that also passes while the machine sleeps.
//!
//! [`std::time::Instant`] stands still while Linux is suspended, but the leases at the store run on: a machine that wakes up
//! would believe in leases that others have had for hours. `CLOCK_BOOTTIME` counts the sleep. Where there is none, the
//! monotonic clock has to do. Rejected: the wall clock, which people and NTP set.

use std::time::Duration;

/// A moment in this machine's uptime. You can compare two of them; elsewhere they mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self(since_boot())
    }

    /// The time since, asleep or awake.
    pub fn elapsed(self) -> Duration {
        since_boot().saturating_sub(self.0)
    }
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Neither is negative since the boot.
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_passes_as_fast_as_any_clock_and_never_goes_back() {
        // The other clock is asked around this one, so that a pause of the thread anywhere changes nothing.
        let outer = Instant::now();
        let moment = Moment::now();
        let inner = Instant::now();
        let mut last = moment;
        while inner.elapsed() < Duration::from_millis(20) {
            let now = Moment::now();
            assert!(now >= last, "{now:?} after {last:?}");
            last = now;
        }
        let (least, passed, most) = (inner.elapsed(), moment.elapsed(), outer.elapsed());
        let between_readings = Duration::from_millis(1);
        assert!(
            passed + between_readings >= least && passed <= most + between_readings,
            "{least:?} {passed:?} {most:?}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn it_is_the_clock_that_counts_the_time_asleep() {
        // The kernel shows the same clock here, to a hundredth of a second.
        let uptime = || {
            let text = std::fs::read_to_string("/proc/uptime").expect("Linux has it");
            let seconds = text.split_whitespace().next().expect("it has two numbers");
            Duration::from_secs_f64(seconds.parse().expect("they are numbers"))
        };
        let (before, Moment(now), after) = (uptime(), Moment::now(), uptime());
        let hundredth = Duration::from_millis(10);
        assert!(before <= now + hundredth && now <= after + hundredth, "{before:?} {now:?} {after:?}");
    }
}
