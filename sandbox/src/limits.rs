//! How often each call may be made, per minute and per day, and how often each was.
//!
//! The numbers are WeChat's defaults for an account with few followers, as far as they are known. A minute and a day begin
//! with the first call after the last one ended: WeChat's begin with the clock's minute and at midnight in Beijing, but then
//! what a test sees would depend on the time of day.

use std::time::Duration;

use tokio::time::Instant;

use crate::Endpoint;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How often a month an account may have its counts set to nothing.
const RESETS_PER_MONTH: u32 = 10;

/// How often one call may be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallLimit {
    /// The most calls a minute; more are refused with 45011. `None`: any number.
    pub per_minute: Option<u32>,
    /// The most calls a day; more are refused with 45009. `None`: any number.
    pub per_day: Option<u32>,
}

/// The limit of each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits([CallLimit; Endpoint::ALL.len()]);

impl CallLimits {
    /// No limits at all.
    pub fn none() -> CallLimits {
        CallLimits([CallLimit::default(); Endpoint::ALL.len()])
    }

    /// The limit of a call.
    pub fn of(&self, endpoint: Endpoint) -> CallLimit {
        self.0[endpoint.index()]
    }

    /// The same with another limit for one call.
    pub fn with(mut self, endpoint: Endpoint, limit: CallLimit) -> CallLimits {
        self.0[endpoint.index()] = limit;
        self
    }
}

impl Default for CallLimits {
    fn default() -> CallLimits {
        let a_day = |calls| CallLimit { per_minute: None, per_day: Some(calls) };
        CallLimits::none()
            .with(Endpoint::Send, a_day(500_000))
            .with(Endpoint::Upload, a_day(100_000))
            .with(Endpoint::MediaGet, a_day(200_000))
            .with(Endpoint::StableToken, CallLimit { per_minute: Some(10_000), per_day: Some(500_000) })
            .with(Endpoint::Token, a_day(2_000))
            .with(Endpoint::MenuCreate, a_day(1_000))
            .with(Endpoint::MenuGet, a_day(10_000))
            .with(Endpoint::MenuDelete, a_day(1_000))
    }
}

/// What one account has used of its limits.
#[derive(Debug)]
pub(crate) struct Quotas {
    limits: CallLimits,
    used: [Used; Endpoint::ALL.len()],
    resets: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    minute: Count,
    day: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    since: Option<Instant>,
    calls: u32,
}

impl Quotas {
    pub(crate) fn new(limits: CallLimits) -> Quotas {
        Quotas { limits, used: [Used::default(); Endpoint::ALL.len()], resets: Count::default() }
    }

    /// The limit of a call, and how many of the day's calls were made.
    pub(crate) fn of(&mut self, endpoint: Endpoint, now: Instant) -> (CallLimit, u32) {
        (self.limits.of(endpoint), *self.used[endpoint.index()].day.now(now, DAY))
    }

    /// All calls of the day are forgotten. Too often a month it is 48006, and changes nothing.
    pub(crate) fn reset(&mut self, now: Instant) -> Result<(), i64> {
        let resets = self.resets.now(now, MONTH);
        if *resets >= RESETS_PER_MONTH {
            return Err(48006);
        }
        *resets += 1;
        for used in &mut self.used {
            used.day = Count::default();
        }
        Ok(())
    }

    /// Another limit for a call, counted from now on.
    pub(crate) fn set(&mut self, endpoint: Endpoint, limit: CallLimit) {
        self.limits = self.limits.with(endpoint, limit);
        self.used[endpoint.index()] = Used::default();
    }

    /// Counts a call. Over a limit it is 45011 or 45009, and uses nothing.
    pub(crate) fn spend(&mut self, endpoint: Endpoint, now: Instant) -> Result<(), i64> {
        let limit = self.limits.of(endpoint);
        let used = &mut self.used[endpoint.index()];
        let (minute, day) = (used.minute.now(now, MINUTE), used.day.now(now, DAY));
        if limit.per_day.is_some_and(|most| *day >= most) {
            return Err(45009);
        }
        if limit.per_minute.is_some_and(|most| *minute >= most) {
            return Err(45011);
        }
        (*minute, *day) = (minute.saturating_add(1), day.saturating_add(1));
        Ok(())
    }
}

impl Count {
    /// The calls of the current span; its first call begins it.
    fn now(&mut self, now: Instant, lasts: Duration) -> &mut u32 {
        if self.since.is_none_or(|since| now.duration_since(since) >= lasts) {
            *self = Count { since: Some(now), calls: 0 };
        }
        &mut self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_and_a_day_begin_with_the_first_call_and_refused_calls_use_nothing() {
        let limit = CallLimit { per_minute: Some(2), per_day: Some(3) };
        let mut quotas = Quotas::new(CallLimits::none().with(Endpoint::Send, limit));
        let start = Instant::now();
        let mut at = |seconds| quotas.spend(Endpoint::Send, start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(59), at(59)], [Ok(()), Ok(()), Err(45011)]);
        assert_eq!([at(60), at(61)], [Ok(()), Err(45009)]);
        assert_eq!([at(86_399), at(86_400)], [Err(45009), Ok(())]);
        assert_eq!(quotas.spend(Endpoint::Typing, start), Ok(()), "each call has limits of its own");
    }
}
