//! Whether pushes try the queue at all.
//!
//! The first accept that fails, or is slower than its budget while no other push is stored, opens the breaker at once: the
//! pushes after it go to the spool without waiting for a queue that is away. A queue that stores others is only busy: through
//! the spool would come more than it can ever take. What is in the spool is tried in the background, and only that closes the
//! breaker again. A queue that answers for a moment and fails again is left alone a little longer each time, since every
//! time costs a push its budget.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Opened again this soon after it was closed, it stays open longer.
const SOON: Duration = Duration::from_secs(10);
const HOLD_FIRST: Duration = Duration::from_millis(500);
const HOLD_MAX: Duration = Duration::from_secs(4);

/// Closed at first.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    open: AtomicBool,
    /// How often it has opened.
    openings: AtomicU64,
    /// Whether the queue has stored anything since it was last asked: proof that it works for somebody.
    proof: AtomicBool,
    /// Pushes that went to the spool since it opened.
    spooled: AtomicU64,
    times: Mutex<Times>,
    /// Rung when it opens.
    opened: Notify,
}

#[derive(Debug, Default)]
struct Times {
    opened: Option<Instant>,
    closed: Option<Instant>,
    hold: Duration,
}

impl Breaker {
    /// Whether pushes go to the spool.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// How often it has opened: the drain must notice each time.
    pub(super) fn openings(&self) -> u64 {
        self.openings.load(Ordering::Relaxed)
    }

    /// The queue has failed.
    pub(super) fn open(&self, reason: &str) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if self.open.swap(true, Ordering::AcqRel) {
            return;
        }
        let now = Instant::now();
        times.hold = match times.closed {
            Some(closed) if now - closed < SOON => (times.hold * 2).clamp(HOLD_FIRST, HOLD_MAX),
            _ => Duration::ZERO,
        };
        times.opened = Some(now);
        // Single pushes went there before.
        self.spooled.store(0, Ordering::Relaxed);
        self.openings.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(reason, "the queue is out of reach: pushes go to the spool");
        self.opened.notify_one();
    }

    /// Returns when it has opened since the last time.
    pub(super) async fn opened(&self) {
        self.opened.notified().await;
    }

    /// The queue works again. False if it is too soon to believe that.
    pub(super) fn close(&self) -> bool {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.opened.is_some_and(|opened| opened.elapsed() < times.hold) {
            return false;
        }
        if self.open.swap(false, Ordering::AcqRel) {
            times.closed = Some(Instant::now());
            let spooled = self.spooled.load(Ordering::Relaxed);
            tracing::info!(spooled, "the queue is back: the spool is drained into it");
        }
        true
    }

    /// A push went to the spool.
    pub(super) fn spooled(&self) {
        self.spooled.fetch_add(1, Ordering::Relaxed);
    }

    /// The queue has stored something.
    pub(super) fn stored(&self) {
        // Read first: a write by every push would move one cache line between all threads.
        if !self.proof.load(Ordering::Relaxed) {
            self.proof.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the queue has stored anything since this was asked last.
    pub(super) fn has_stored(&self) -> bool {
        self.proof.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_at_once_and_is_held_open_longer_each_time_it_opens_again_soon() {
        let breaker = Breaker::default();
        assert!(!breaker.is_open());
        breaker.open("away");
        assert!(breaker.is_open());
        assert!(breaker.close(), "the first time it is believed at once");
        assert!(!breaker.is_open());
        breaker.open("away again");
        assert!(!breaker.close() && breaker.is_open(), "now it is held");
        let hold = |breaker: &Breaker| breaker.times.lock().unwrap().hold;
        assert_eq!(hold(&breaker), HOLD_FIRST);
        breaker.times.lock().unwrap().opened = Some(Instant::now() - HOLD_FIRST);
        assert!(breaker.close());
        for _ in 0..5 {
            breaker.open("and again");
            breaker.times.lock().unwrap().opened = Some(Instant::now() - HOLD_MAX);
            assert!(breaker.close());
        }
        breaker.open("and again");
        assert_eq!(hold(&breaker), HOLD_MAX);
        breaker.times.lock().unwrap().opened = Some(Instant::now() - HOLD_MAX);
        assert!(breaker.close());
        breaker.times.lock().unwrap().closed = Some(Instant::now() - SOON);
        breaker.open("after a long time");
        assert_eq!(hold(&breaker), Duration::ZERO);
    }
}
