//! Notices what stands still although nothing is wrong with the store: nobody else would report it.
//!
//! An outage is reported by those who meet it. These are reported by nobody: a message that is ready and that no worker
//! takes, an entry of the spool that is not offered to a queue that works, and an open message that is in no state at all,
//! which would be a bug. So each process looks every few seconds ([`super::look`]), and what has not moved for [`STANDS_AFTER`] goes into the
//! log once, into `/readyz` as a warning, and into the metric `huixin_standstill_seconds`.
//!
//! The age of the first in a line shows whether it is still the same message: in a line that moves, that age doesn't
//! grow with the clock. Rejected: running the audit from time to time, which reads every lane and costs a large queue
//! seconds.

use std::time::{Duration, Instant};

use huixin_queue::{Counts, Paused, Scope};
use metrics::gauge;

use crate::receiver::SpoolReport;

/// What has not moved for this long is reported.
const STANDS_AFTER: Duration = Duration::from_secs(10);
/// Ages that differ by less are those of the same message.
const SAME_WITHIN: Duration = Duration::from_millis(500);

/// The lines of messages that should move.
pub(super) struct Standstill {
    ready: WatchedLine,
    spooled: WatchedLine,
    stateless: WatchedLine,
}

/// One line of messages.
struct WatchedLine {
    /// The line as the metric names it.
    name: &'static str,
    /// What it means that it stands.
    meaning: &'static str,
    /// The age of the first, and when it was seen.
    seen: Option<(Duration, Instant)>,
    since: Option<Instant>,
    is_reported: bool,
}

impl Default for Standstill {
    fn default() -> Self {
        Self {
            ready: WatchedLine::new(
                "ready",
                "a message is ready and no worker takes it: is a worker running for its account, is every worker busy, \
                 is the account paused?",
            ),
            spooled: WatchedLine::new(
                "spool",
                "the spool is not drained although the queue works: see `huixin spool status` and the log",
            ),
            stateless: WatchedLine::new(
                "stateless",
                "messages are open and in no state, which is a bug: please report what `huixin audit` says",
            ),
        }
    }
}

impl Standstill {
    /// Takes in what a look has found; gives the warnings for `/readyz`. `queue`: none if it did not answer.
    pub(super) fn look(
        &mut self,
        queue: Option<&(Counts, Vec<Paused>)>,
        spool: Option<&SpoolReport>,
        now: Instant,
    ) -> Vec<String> {
        // An outage makes all lines stand, and says nothing about them.
        let works = queue.is_some();
        let (ready, stateless) = queue.map_or((None, false), |(counts, paused)| {
            let gated = paused.iter().any(|paused| !matches!(paused.scope, Scope::Lane(_)));
            let first = counts.next_age_us().filter(|_| !gated).map(Duration::from_micros);
            (first, has_stateless(counts))
        });
        self.ready.first_is(ready, now);
        self.spooled.first_is(spool.filter(|_| works).and_then(undrained), now);
        self.stateless.stands(stateless, now);
        let lines = [&mut self.ready, &mut self.spooled, &mut self.stateless];
        lines.into_iter().filter_map(|line| line.tell(now)).collect()
    }
}

/// Whether messages are open, and none of them is in a state that would go on by itself. Between two looks one may be
/// seen on its way, so only what persists means anything.
fn has_stateless(counts: &Counts) -> bool {
    let ready: u64 = counts.ready_lanes.values().sum();
    let goes_on = ready + counts.running + counts.delayed + counts.parked;
    goes_on == 0 && counts.open_total() > counts.held
}

/// The age of the first entry of a spool that should be drained now.
fn undrained(report: &SpoolReport) -> Option<Duration> {
    report.oldest_age_ms.filter(|_| report.state != "spooling").map(Duration::from_millis)
}

impl WatchedLine {
    fn new(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, seen: None, since: None, is_reported: false }
    }

    /// The first in the line has this age; none: the line is empty, or should stand.
    fn first_is(&mut self, age: Option<Duration>, now: Instant) {
        let before = std::mem::replace(&mut self.seen, age.map(|age| (age, now)));
        let is_same = match (before, age) {
            (Some((then, at)), Some(age)) => age.abs_diff(then + (now - at)) < SAME_WITHIN,
            _ => false,
        };
        self.stands(is_same, now);
    }

    fn stands(&mut self, stands: bool, now: Instant) {
        self.since = stands.then(|| self.since.unwrap_or(now));
    }

    /// Logs once that the line stands, and once that it moves again. Gives the warning for `/readyz`, if there is one.
    fn tell(&mut self, now: Instant) -> Option<String> {
        let (line, stood) = (self.name, self.since.map_or(Duration::ZERO, |since| now - since));
        gauge!("huixin_standstill_seconds", "line" => line).set(stood.as_secs_f64());
        let stands = stood >= STANDS_AFTER;
        if stands != std::mem::replace(&mut self.is_reported, stands) {
            match stands {
                true => {
                    tracing::warn!(line, stood_ms = stood.as_millis(), problem = self.meaning, "standstill");
                }
                false => tracing::info!(line, "the standstill is over"),
            }
        }
        stands.then(|| format!("{}; for {} s", self.meaning, stood.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The warnings of a line whose first had these ages, a second apart.
    fn warnings(ages: &[Option<u64>]) -> Vec<bool> {
        let (mut line, start) = (WatchedLine::new("ready", "it stands"), Instant::now());
        let looks = ages.iter().zip(0_u32..).map(|(age, n)| {
            let now = start + SECOND * n;
            line.first_is(age.map(Duration::from_millis), now);
            line.tell(now).is_some()
        });
        looks.collect()
    }

    #[test]
    fn a_first_that_stays_the_same_for_ten_seconds_is_told_and_one_that_changes_is_not() {
        let stays: Vec<_> = (0..14).map(|n| Some(300 + n * 1_000)).collect();
        let stands = warnings(&stays);
        assert_eq!(stands.iter().position(|stands| *stands), Some(11), "{stands:?}");
        let moves: Vec<_> = (0..60).map(|_| Some(40_000)).collect();
        assert_eq!(warnings(&moves), [false; 60], "each is as old as the one before it was");
    }

    #[test]
    fn an_empty_line_begins_anew() {
        let mut ages: Vec<_> = (0..12).map(|n| Some(n * 1_000)).collect();
        ages.push(None);
        ages.extend((13..20).map(|n| Some(n * 1_000)));
        let stands = warnings(&ages);
        assert!(stands[11] && !stands[12..].contains(&true), "{stands:?}");
    }

    #[test]
    fn what_is_open_and_neither_held_nor_on_its_way_is_in_no_state() {
        let class = huixin_queue::Class::new("main").expect("it is a name");
        let open = |n| Counts { open: [(class.clone(), n)].into(), ..Counts::default() };
        assert!(has_stateless(&open(1)));
        assert!(!has_stateless(&open(0)));
        assert!(!has_stateless(&Counts { held: 1, ..open(1) }));
        assert!(!has_stateless(&Counts { running: 1, ..open(2) }), "the other may wait behind it");
    }
}
