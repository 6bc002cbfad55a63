//! Whether more pushes come than can be stored.
//!
//! A store that is busy takes them all the same, but those behind wait longer and longer, until none is acked while WeChat
//! still waits. So the last ones are refused early, and cheaply: WeChat tries them again, and the others are acked in time.
//! One of these looks after the queue and another after the spool.
//!
//! How long a new push will wait follows from how many wait and how many were stored just now. The time that those took
//! was rejected as a measure: it tells how long the line was when they came. A store that stalls stores nothing, and then
//! nothing is refused for it: what waits for the queue goes to the spool. A slow disk, which commits many pushes a few times
//! a second, is taken for a store that stalls. A stall of less than a second changes nothing in an overload that stays.
//!
//! A burst is soon worked off, and may wait for up to half of the budget. A line that stays is an overload, and there a long
//! line only makes all of them late: then it is kept to a tenth, until it has been shorter for a second. Two looks must
//! agree, or the beginning of a burst, before which little was stored, would seem to be an overload.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The shortest time over which the speed is measured.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// A store that has stored nothing for so long stalls. It is also the longest time between two looks at one line.
const STALLED: Duration = Duration::from_millis(100);
/// A line that is still there after so long is no burst.
const BURST: Duration = Duration::from_millis(200);
/// An overload is over when the line was short for so long.
const CALM: Duration = Duration::from_secs(1);
/// So many may always wait: more than come in the time that a stalled queue is given, on all but the busiest days.
const ALWAYS: u64 = 256;

/// How many pushes wait to be stored, and how many may.
#[derive(Debug)]
pub(super) struct Overload {
    /// How long a push may have to wait while a line stays; in a burst it is five times that.
    wait_at_most: Duration,
    waiting: AtomicU64,
    stored: AtomicU64,
    /// How many may wait; the largest number while there is no overload.
    limit: AtomicU64,
    last_look: Mutex<LastLook>,
}

/// A push on its way to a store, until it is dropped.
pub(super) struct OnItsWay<'a>(&'a Overload);

/// What was seen when the speed was last measured.
#[derive(Debug)]
struct LastLook {
    at: Instant,
    /// Pushes stored until then.
    stored: u64,
    overload: Option<Period>,
}

/// The time in which too many waited.
#[derive(Clone, Copy, Debug)]
struct Period {
    first: Instant,
    latest: Instant,
}

impl Overload {
    /// Of a store that must store a push within this budget.
    pub(super) fn new(budget: Duration) -> Self {
        let wait_at_most = budget / 10;
        let last_look = Mutex::new(LastLook { at: Instant::now(), stored: 0, overload: None });
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

    #[cfg(test)]
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many were stored.
    pub(super) fn stored_count(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Sets the limit anew, if something was stored since the last look and that is long enough ago.
    fn look(&self, last: &mut LastLook, now: Instant, waiting: u64) {
        let lasted = now.saturating_duration_since(last.at);
        let stored = self.stored_count();
        let stored_since = stored - last.stored;
        if lasted < LOOK_EVERY || stored_since == 0 && lasted < STALLED {
            return;
        }
        // In a stall nothing is learned of the speed, nor over a long time in which nobody had to look.
        let is_known = lasted < STALLED;
        let stays = |period: &Period| period.latest - period.first >= BURST;
        let before = last.overload.filter(|period| now - period.latest < CALM && (is_known || stays(period)));
        let share = self.wait_at_most.as_secs_f64() / lasted.as_secs_f64();
        let limit = |times: f64| ((stored_since as f64 * share * times) as u64).max(ALWAYS);
        let overload = match before {
            _ if !is_known || waiting < limit(1.0) => before,
            None => Some(Period { first: now, latest: now }),
            Some(period) => Some(Period { latest: now, ..period }),
        };
        *last = LastLook { at: now, stored, overload };
        let allowed = match overload {
            Some(_) if !is_known => return,
            Some(period) if stays(&period) => limit(1.0),
            Some(period) if now > period.first => limit(5.0),
            _ => u64::MAX,
        };
        self.limit.store(allowed, Ordering::Relaxed);
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

    const BUDGET: Duration = Duration::from_millis(250);

    /// Looks in a row: how many were stored since the one before, and how many wait. Gives the limits.
    fn limits(looks: &[(u64, u64)]) -> Vec<Option<u64>> {
        let overload = Overload::new(BUDGET);
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
    fn a_burst_may_wait_for_half_of_the_budget_and_a_line_that_stays_for_a_tenth() {
        let line = limits(&[(500, 600); 10]);
        assert_eq!(line, [&[None][..], &[Some(2_500); 7], &[Some(500); 2]].concat());
    }

    #[test]
    fn an_overload_ends_when_the_line_was_short_for_a_second() {
        let looks = [vec![(500, 600); 10], vec![(500, 499); 42]].concat();
        let limits = limits(&looks);
        assert_eq!(limits[9..49], [Some(500); 40]);
        assert_eq!(limits[50..], [None; 2]);
    }

    #[test]
    fn a_burst_that_is_soon_worked_off_is_no_overload() {
        let looks = [(10, 990), (900, 740), (900, 490), (900, 240)];
        assert_eq!(limits(&looks), [None, Some(4_500), Some(4_500), Some(4_500)]);
    }

    #[test]
    fn a_queue_that_stalls_is_no_overload() {
        assert_eq!(limits(&[(500, 200), (10, 800), (0, 900), (0, 1_000), (0, 1_000)]), [None; 5]);
    }

    #[test]
    fn two_bursts_are_no_line_that_stays() {
        let looks = [vec![(500, 600)], vec![(0, 0); 11], vec![(6_000, 600), (500, 600), (500, 600)]].concat();
        assert_eq!(limits(&looks)[11..], [None, None, None, Some(2_500)]);
    }

    #[test]
    fn a_stall_in_an_overload_changes_nothing() {
        let looks = [vec![(500, 600); 10], vec![(0, 700); 6], vec![(1_500, 700)]].concat();
        assert_eq!(limits(&looks)[9..], [Some(500); 8]);
    }

    #[test]
    fn a_queue_that_commits_a_little_more_rarely_than_pushes_look_is_measured_from_commit_to_commit() {
        assert_eq!(
            limits(&[(0, 600), (800, 700), (0, 700), (800, 700), (0, 700), (0, 700), (900, 700)]),
            [None, None, None, Some(2_000), Some(2_000), Some(2_000), Some(1_500)]
        );
    }

    #[test]
    fn a_queue_that_commits_a_few_times_a_second_refuses_nothing() {
        assert_eq!(limits(&[(300, 600), (0, 600), (0, 700), (0, 800), (0, 900), (300, 900)]), [None; 6]);
    }

    #[test]
    fn few_may_always_wait() {
        let looks = [255, 255, 256, 257].map(|waiting| (1, waiting));
        assert_eq!(limits(&looks), [None, None, None, Some(ALWAYS)]);
        assert_eq!(limits(&[(1, 300); 10])[9], Some(ALWAYS));
    }

    #[test]
    fn a_push_waits_until_it_is_stored_or_given_up() {
        let overload = Overload::new(BUDGET);
        let first = overload.set_out();
        drop(overload.set_out());
        assert_eq!(overload.waiting.load(Ordering::Relaxed), 1);
        first.stored();
        drop(first);
        assert_eq!(overload.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(overload.stored.load(Ordering::Relaxed), 1);
    }
}
