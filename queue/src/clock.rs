//! Where an engine reads the time.
//!
//! Production time belongs to the store: Redis's `TIME` inside the script, or the embedded engine's own clock. Every
//! deadline is written and compared there, so the clocks of workers never matter. Tests want to jump hours in no
//! time, so each engine also takes a [`TestClock`], which then replaces the store's time in every step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Which time an engine goes by.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The store's own.
    #[default]
    Store,
    /// A test's: it stands still until the test moves it.
    Test(TestClock),
}

impl Clock {
    /// The test's time in Unix microseconds, or `None` for the store's own.
    pub(crate) fn test_now_us(&self) -> Option<u64> {
        match self {
            Self::Store => None,
            Self::Test(clock) => Some(clock.now_us()),
        }
    }
}

/// A clock that only moves when it is moved. Clones share their time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    /// Starts at `start_us` Unix microseconds.
    pub fn at(start_us: u64) -> Self {
        Self(Arc::new(AtomicU64::new(start_us)))
    }

    /// The time now, in Unix microseconds.
    pub fn now_us(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(micros(by), Ordering::SeqCst);
    }

    /// Moves the time back, as a person or NTP does.
    pub fn set_back(&self, by: Duration) {
        self.0.fetch_sub(micros(by), Ordering::SeqCst);
    }
}

/// A duration in whole microseconds, saturating: the unit of every time in a store.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds since the Unix epoch by this machine's clock.
pub(crate) fn system_now_us() -> u64 {
    // A clock before 1970 reads as 0: every deadline is then due, which is the safe side.
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, micros)
}
