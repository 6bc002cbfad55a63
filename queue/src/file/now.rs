//! A file's clock.
//!
//! It reads the wall clock once, when the file is opened, and counts on from there with the clock that also counts the
//! time asleep, so that a wall clock that is set forward or back changes no delay that is under way. Across restarts the
//! file remembers the time of its last commit, and the clock never starts before it: a machine that comes up in 1970
//! neither revives ids that were forgotten nor lets a lane wait for decades.

use crate::clock::{micros, system_now_us};
use crate::{Clock, Moment};

/// Tells the time of every step on one open file.
#[derive(Debug)]
pub(crate) struct Now {
    clock: Clock,
    start_us: i64,
    started: Moment,
}

impl Now {
    /// Starts at the wall clock's time or at `last_us`, the last time that was stored, whichever is later.
    /// A test's clock is taken as it is.
    pub(crate) fn after(last_us: i64, clock: Clock) -> Self {
        Self { clock, start_us: stored(system_now_us()).max(last_us), started: Moment::now() }
    }

    /// The time now, in Unix microseconds.
    pub(crate) fn us(&self) -> i64 {
        match self.clock.test_now_us() {
            Some(us) => stored(us),
            None => self.start_us.saturating_add(stored(micros(self.started.elapsed()))),
        }
    }
}

/// Microseconds as SQLite stores them. A time beyond the year 292,278 stays there.
pub(crate) fn stored(us: u64) -> i64 {
    i64::try_from(us).unwrap_or(i64::MAX)
}

/// Microseconds as they were before [`stored`].
pub(crate) fn loaded(us: i64) -> u64 {
    u64::try_from(us).unwrap_or(0)
}
