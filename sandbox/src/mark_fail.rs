//! MarkFail: what WeChat does to an account whose server leaves its pushes unanswered. First its owner gets an alarm, then
//! the account gets no pushes for a time, and what users do in that time is lost to it.
//!
//! Each try that ends without an ack counts. WeChat documents the minute, and thirty in five minutes for the alarm. It does not
//! say after how many tries it stops: that number is our guess, and so is the fault notice that users see then.

use std::{collections::VecDeque, time::Duration};

use serde::Deserialize;
use tokio::time::Instant;

/// When an account gets an alarm, and when no pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "MarkFailBody")]
pub struct MarkFail {
    /// The alarm comes with this many unanswered tries: 30. Another one comes no sooner than `within` later.
    pub alarm_at: usize,
    /// With this many, pushes stop: 60.
    pub stop_at: usize,
    /// They are counted over this time: 5 minutes.
    pub within: Duration,
    /// For how long pushes stop: 1 minute. Then the count begins anew.
    pub stop_for: Duration,
}

impl Default for MarkFail {
    fn default() -> MarkFail {
        let (within, stop_for) = (Duration::from_secs(300), Duration::from_secs(60));
        MarkFail { alarm_at: 30, stop_at: 60, within, stop_for }
    }
}

/// [`MarkFail`] as JSON; what is left out has its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkFailBody {
    alarm_at: Option<usize>,
    stop_at: Option<usize>,
    within_s: Option<u32>,
    stop_for_s: Option<u32>,
}

impl From<MarkFailBody> for MarkFail {
    fn from(body: MarkFailBody) -> MarkFail {
        let default = MarkFail::default();
        let time = |seconds: Option<u32>, or| seconds.map_or(or, |s| Duration::from_secs(s.into()));
        MarkFail {
            alarm_at: body.alarm_at.unwrap_or(default.alarm_at),
            stop_at: body.stop_at.unwrap_or(default.stop_at),
            within: time(body.within_s, default.within),
            stop_for: time(body.stop_for_s, default.stop_for),
        }
    }
}

/// What one more unanswered try brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    Alarm(usize),
    Stop(usize),
}

/// The tries of one account that were not answered.
#[derive(Debug, Default)]
pub(crate) struct Unanswered {
    at: VecDeque<Instant>,
    alarmed: Option<Instant>,
    stopped_until: Option<Instant>,
}

impl Unanswered {
    /// One more.
    pub(crate) fn add(&mut self, rule: &MarkFail, now: Instant) -> Option<Consequence> {
        if self.stopped(now) {
            return None;
        }
        while self.at.front().is_some_and(|at| now.duration_since(*at) > rule.within) {
            self.at.pop_front();
        }
        self.at.push_back(now);
        let count = self.at.len();
        if count >= rule.stop_at {
            // Also what keeps the list short.
            self.at.clear();
            self.stopped_until = Some(now + rule.stop_for);
            return Some(Consequence::Stop(count));
        }
        let silent = self.alarmed.is_none_or(|at| now.duration_since(at) > rule.within);
        (count >= rule.alarm_at && silent).then(|| {
            self.alarmed = Some(now);
            Consequence::Alarm(count)
        })
    }

    /// How many there were of late, and how long the account still gets no pushes.
    pub(crate) fn state(&self, now: Instant) -> (usize, Option<Duration>) {
        let left = self.stopped_until.map(|until| until.saturating_duration_since(now));
        (self.at.len(), left.filter(|left| !left.is_zero()))
    }

    /// Whether the account gets no pushes now.
    pub(crate) fn stopped(&self, now: Instant) -> bool {
        self.stopped_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_bring_one_alarm_and_sixty_a_minute_without_pushes() {
        let (rule, start) = (MarkFail::default(), Instant::now());
        let mut tries = Unanswered::default();
        let came: Vec<_> =
            (1..=60).map(|n| (n, tries.add(&rule, start))).filter(|(_, c)| c.is_some()).collect();
        assert_eq!(came, [(30, Some(Consequence::Alarm(30))), (60, Some(Consequence::Stop(60)))]);
        assert!(tries.stopped(start + Duration::from_secs(59)));
        assert!(!tries.stopped(start + Duration::from_secs(60)));
        let later = start + Duration::from_secs(60);
        assert!(
            (1..60).all(|_| tries.add(&rule, later).is_none()),
            "the count began anew, and no second alarm so soon"
        );
    }

    #[test]
    fn tries_of_long_ago_do_not_count() {
        let (rule, start) = (MarkFail { alarm_at: 2, ..MarkFail::default() }, Instant::now());
        let mut tries = Unanswered::default();
        assert_eq!(tries.add(&rule, start), None);
        assert_eq!(tries.add(&rule, start + Duration::from_secs(301)), None);
        assert_eq!(tries.add(&rule, start + Duration::from_secs(302)), Some(Consequence::Alarm(2)));
        assert_eq!(tries.add(&rule, start + Duration::from_secs(303)), None, "one alarm for now");
    }
}
