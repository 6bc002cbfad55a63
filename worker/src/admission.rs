//! Admission to a route's handler, for routes that take only so many messages at once.
//!
//! The worker takes messages before it knows their routes, so a slow service with a long line of messages would get every
//! permit, and those of fast routes would wait behind it. A message that finds no slot free gives its permit up: the worker
//! takes others, and this one waits among the route's waiters, under its lease, for a slot and then for a permit. There
//! are as many waiters as slots, so that a slot that gets free is taken at once.
//!
//! Further messages go back to the queue until their turn: the line knows how long the handler takes and how many were put
//! off before, so each comes back about when it is wanted. Each return costs the queue two calls and no attempt, doesn't
//! prolong a later wait for WeChat ([`Before`](crate::answer::Before)), and happens to a message of a long line once in a
//! minute or two. Rejected: a constant wait, with which the queue does little else than take and put off thousands; and a
//! class of the queue for each route, which the receiver would have to know too.
//!
//! A waiter has not begun. So a message that has outlived two workers doesn't wait there, but is put off: it
//! must not lose its last life without having been tried.

use std::time::Duration;

use huixin_queue::SUSPECT_LOSSES;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::lease::LeaseGuard;
use crate::message_end::{StepResult, Stop};
use crate::metrics;

/// The shortest and the longest that a message is put off. The longest bounds what is lost when the handler gets faster.
const PUT_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(120));
/// How long a handler is thought to take before it has run.
const TAKES_AT_FIRST: Duration = Duration::from_secs(1);

/// How many messages of one route are handled at once in one worker.
pub(crate) struct Admission {
    at_once: u32,
    slots: Semaphore,
    waiters: Semaphore,
    line: Mutex<PutOffLine>,
}

/// The turns of the messages that were put off.
struct PutOffLine {
    /// The turn of the one that was put off last.
    last: Instant,
    /// How long the handler takes, on a moving average.
    takes: Duration,
}

/// The result of asking for a slot.
pub(crate) enum Admitted<'a> {
    /// The handler may be run.
    Now(Slot<'a>),
    /// There are too many: the message comes again after this.
    PutOff(Duration),
}

/// The right to run the handler, until it is dropped.
pub(crate) struct Slot<'a> {
    admission: &'a Admission,
    _permit: SemaphorePermit<'a>,
}

impl Admission {
    pub(crate) fn new(at_once: usize) -> Self {
        let at_once = u32::try_from(at_once).unwrap_or(u32::MAX).max(1);
        let permits = (at_once as usize).min(Semaphore::MAX_PERMITS);
        let line = Mutex::new(PutOffLine { last: Instant::now(), takes: TAKES_AT_FIRST });
        Self { at_once, slots: Semaphore::new(permits), waiters: Semaphore::new(permits), line }
    }

    /// Waits for a slot. `permit` is the worker's; it is given up for the wait and taken again afterwards.
    pub(crate) async fn admit(
        &self,
        guard: &LeaseGuard,
        stopping: &CancellationToken,
        route: &str,
        losses: u32,
        permit: &mut Option<OwnedSemaphorePermit>,
    ) -> StepResult<Admitted<'_>> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(Admitted::Now(Slot { admission: self, _permit: slot }));
        }
        let waiter = match losses {
            ..SUSPECT_LOSSES => self.waiters.try_acquire().ok(),
            _ => None,
        };
        let Some(_waiter) = waiter else {
            metrics::crowded(route, "put_off");
            return Ok(Admitted::PutOff(self.line.lock().next(Instant::now(), self.at_once)));
        };
        metrics::crowded(route, "waited");
        let permits = permit.take().map(|permit| permit.semaphore().clone());
        let again = async {
            let slot = self.slots.acquire().await.expect("slots are never closed");
            let Some(permits) = permits else { return (slot, None) };
            (slot, Some(permits.acquire_owned().await.expect("permits are never closed")))
        };
        let (slot, again) = tokio::select! {
            biased;
            () = guard.lost.cancelled() => return Err(Stop::Lost),
            // Nothing was begun, so nothing is waited for.
            () = stopping.cancelled() => return Err(Stop::Stopping),
            again = again => again,
        };
        *permit = again;
        Ok(Admitted::Now(Slot { admission: self, _permit: slot }))
    }
}

impl PutOffLine {
    fn next(&mut self, now: Instant, at_once: u32) -> Duration {
        let (shortest, longest) = PUT_OFF;
        self.last = self.last.max(now) + self.takes / at_once;
        let wait = self.last - now;
        if wait < longest {
            return wait.max(shortest);
        }
        // Too far away to plan: they come back and ask again, not all at once.
        self.last = now + longest;
        rand::random_range(longest / 2..longest)
    }
}

impl Slot<'_> {
    /// Tells the line how long the handler took.
    pub(crate) fn took(&self, took: Duration) {
        let mut line = self.admission.line.lock();
        line.takes = (line.takes * 7 + took) / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_put_off_come_back_one_after_the_other_as_fast_as_the_handler_takes_them() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut line = PutOffLine { last: now, takes: ms(4_000) };
        let waits: Vec<_> = (0..5).map(|_| line.next(now, 4)).collect();
        assert_eq!(waits, [ms(1_000), ms(2_000), ms(3_000), ms(4_000), ms(5_000)]);
        // Their turns are over: the next one comes soon.
        assert_eq!(line.next(now + ms(60_000), 40), ms(500));
    }

    #[test]
    fn a_line_without_end_looks_in_again_at_different_times() {
        let now = Instant::now();
        let mut line = PutOffLine { last: now, takes: Duration::from_secs(10) };
        let waits: Vec<_> = (0..10_000).map(|_| line.next(now, 1)).collect();
        let (shortest, longest) = PUT_OFF;
        assert!(waits.iter().all(|wait| (shortest..longest).contains(wait)));
        let late = |from: u64| waits.iter().filter(|wait| wait.as_secs() >= from).count();
        assert!(late(60) > 9_900 && late(61) < late(60) && late(118) > 50, "{} {}", late(60), late(118));
    }
}
