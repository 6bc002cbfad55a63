//! What the faults of a test excuse, and what they don't.

use std::time::Duration;

/// What was seen of a killed process may come this much later: its last bytes lie in sockets, and the machine is busy.
const SEEN_LATE_US: u64 = 1_000_000;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    /// When it began and ended, in microseconds since 1970.
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    pub(crate) blow: Blow,
    /// What was done to what.
    pub(crate) what: String,
}

/// Of what kind a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The queue was away for its time.
    Outage,
    /// A worker stood still for its time.
    Sleep,
    /// It was over at once.
    Hit,
}

/// The faults of a history.
pub(super) struct Excuses<'a> {
    strikes: &'a [Strike],
    /// The times of the outages, in order, those that overlap made one.
    away: Vec<(u64, u64)>,
}

impl<'a> Excuses<'a> {
    pub(super) fn of(strikes: &'a [Strike]) -> Self {
        let outages = strikes.iter().filter(|strike| strike.blow == Blow::Outage);
        let mut times: Vec<_> = outages.map(|strike| (strike.from_us, strike.to_us)).collect();
        times.sort_unstable();
        let mut away: Vec<(u64, u64)> = Vec::new();
        for (from_us, to_us) in times {
            match away.last_mut().filter(|last| last.1 >= from_us) {
                Some(last) => last.1 = last.1.max(to_us),
                None => away.push((from_us, to_us)),
            }
        }
        Self { strikes, away }
    }

    /// For how long of this time the queue was there.
    pub(super) fn worked(&self, from_us: u64, to_us: u64) -> Duration {
        let of = |(from, to): &(u64, u64)| to_us.min(*to).saturating_sub(from_us.max(*from));
        let away_us: u64 = self.away.iter().map(of).sum();
        Duration::from_micros(to_us.saturating_sub(from_us).saturating_sub(away_us))
    }

    /// How many of these times have no fault between them and the time before.
    pub(super) fn unexcused(&self, times_us: &[u64]) -> usize {
        let struck = |from_us, to_us| {
            let between = |strike: &Strike| strike.from_us <= to_us && strike.to_us + SEEN_LATE_US >= from_us;
            self.strikes.iter().any(between)
        };
        times_us.windows(2).filter(|pair| !struck(pair[0], pair[1])).count()
    }

    /// Whether a worker that had stood still went on a moment before: it may ask for what it was about to ask for, because
    /// it can't know yet that its lease is over. Its answer counts for nothing.
    pub(super) fn was_asleep(&self, at_us: u64) -> bool {
        let just_woken = |strike: &Strike| (strike.to_us..strike.to_us + SEEN_LATE_US).contains(&at_us);
        self.strikes.iter().any(|strike| strike.blow == Blow::Sleep && just_woken(strike))
    }
}
