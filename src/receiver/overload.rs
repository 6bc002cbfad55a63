//! Whether more pushes come than can be stored.
//!
//! A store that is busy takes them all the same, but those behind wait longer and longer, until none is acked while WeChat
//! still waits. So the last ones are refused early, and cheaply: WeChat tries them again, and the others are acked in time.
//! One of these looks after the queue and another after the spool.
//!
//! How long a new push will wait follows from how many wait and how many were stored just now. The time that those took
//! was rejected as a measure: it tells how long the line was when they came. Two looks in a row must agree, or the
//! beginning of a burst, which is soon worked off, would seem to be an overload. A store that stalls stores nothing, and
//! then nothing is refused for it: what waits for the queue goes to the spool.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The shortest time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// So many may always wait: more than come in the time that a stalled queue is given, on all but the busiest days.
const ALWAYS: u64 = 256;

/// How many pushes wait to be stored, and how many may.
#[derive(Debug)]
pub(super) struct Overload {
    /// How long a push may have to wait.
    wait_at_most: Duration,
    waiting: AtomicU64,
    stored: AtomicU64,
    /// How many may wait; the largest number while there is no overload.
    limit: AtomicU64,
    last_look: Mutex<LastLook>,
}

/// A push on its way to a store, until it is dropped.
pub(super) struct OnItsWay<'a>(&'a Overload);

/// What was seen last.
#[derive(Debug)]
struct LastLook {
    at: Instant,
    /// Pushes stored until then.
    stored: u64,
    /// Whether too many waited.
    was_over: bool,
}

impl Overload {
    pub(super) fn new(wait_at_most: Duration) -> Self {
        let last_look = Mutex::new(LastLook { at: Instant::now(), stored: 0, was_over: false });
        let (waiting, stored, limit) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Self { wait_at_most, waiting, stored, limit, last_look }
    }

    /// Whether one more push would wait too long.
    pub(super) fn is_on(&self) -> bool {
        let waiting = self.waiting.load(Ordering::Relaxed);
        // So nothing is measured while there is no need.
        waiting >= ALWAYS && {
            // Held: another push is looking.
            if let Ok(mut last) = self.last_look.try_lock() {
                self.look(&mut last, Instant::now(), waiting);
            }
            waiting >= self.limit.load(Ordering::Relaxed)
        }
    }

    /// A push sets out.
    pub(super) fn set_out(&self) -> OnItsWay<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        OnItsWay(self)
    }

    /// Sets the limit anew, if the last look is long enough ago.
    fn look(&self, last: &mut LastLook, now: Instant, waiting: u64) {
        let lasted = now.saturating_duration_since(last.at);
        if lasted < LOOK_EVERY {
            return;
        }
        let stored = self.stored.load(Ordering::Relaxed);
        let share = self.wait_at_most.as_secs_f64() / lasted.as_secs_f64();
        let limit = (((stored - last.stored) as f64 * share) as u64).max(ALWAYS);
        // Over a long time without a look, or in a stall, nothing is learned of the speed.
        let is_over = stored > last.stored && lasted < 4 * LOOK_EVERY && waiting >= limit;
        self.limit.store(if is_over && last.was_over { limit } else { u64::MAX }, Ordering::Relaxed);
        *last = LastLook { at: now, stored, was_over: is_over };
    }
}

impl OnItsWay<'_> {
    /// It has got there.
    pub(super) fn stored(&self) {
        self.0.stored.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(125);

    /// Looks in a row: how many were stored since the one before, and how many wait. Gives the limits.
    fn limits(looks: &[(u64, u64)]) -> Vec<Option<u64>> {
        let overload = Overload::new(WAIT);
        let mut last = overload.last_look.lock().unwrap();
        let began = last.at;
        let each = (1..).zip(looks);
        each.map(|(nth, &(stored, waiting))| {
            overload.stored.fetch_add(stored, Ordering::Relaxed);
            overload.look(&mut last, began + nth * LOOK_EVERY, waiting);
            Some(overload.limit.load(Ordering::Relaxed)).filter(|limit| *limit < u64::MAX)
        })
        .collect()
    }

    #[test]
    fn more_than_the_queue_can_take_are_limited_to_what_it_takes_in_time() {
        assert_eq!(
            limits(&[(100, 600), (100, 700), (100, 800), (60, 500)]),
            [None, Some(500), Some(500), Some(300)]
        );
        assert_eq!(limits(&[(100, 600), (100, 700), (100, 499)]), [None, Some(500), None]);
    }

    #[test]
    fn a_burst_that_is_soon_worked_off_is_no_overload() {
        assert_eq!(limits(&[(10, 990), (250, 740), (250, 490), (250, 240)]), [None; 4]);
    }

    #[test]
    fn a_queue_that_stalls_is_no_overload() {
        assert_eq!(limits(&[(100, 200), (10, 800), (0, 900), (0, 1_000), (0, 1_000)]), [None; 5]);
    }

    #[test]
    fn few_may_always_wait() {
        assert_eq!(limits(&[(1, 255), (1, 255), (1, 256), (1, 257)]), [None, None, None, Some(ALWAYS)]);
    }

    #[test]
    fn a_push_waits_until_it_is_stored_or_given_up() {
        let overload = Overload::new(WAIT);
        let first = overload.set_out();
        drop(overload.set_out());
        assert_eq!(overload.waiting.load(Ordering::Relaxed), 1);
        first.stored();
        drop(first);
        assert_eq!(overload.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(overload.stored.load(Ordering::Relaxed), 1);
    }
}
