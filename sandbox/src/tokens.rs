//! The access tokens of one account.
//!
//! The two endpoints mint from two slots that know nothing of each other. A slot holds the current token and the replaced
//! one, which works a while longer. Why a token is refused matters to a client, so a token that ran out of time (42001) is
//! kept apart from one that was replaced, revoked or never issued (40001).

use std::{collections::VecDeque, time::Duration};

use rand::distr::{Alphanumeric, SampleString};
use tokio::time::Instant;

/// How many tokens that ran out of time are remembered as such.
const MAX_EXPIRED: usize = 64;
/// `force_refresh` is honoured this often …
const MIN_BETWEEN_FORCED: Duration = Duration::from_secs(30);
/// … and this many times a day.
const MAX_FORCED_PER_DAY: usize = 20;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The tokens of one account, from both endpoints.
#[derive(Debug)]
pub(crate) struct Tokens {
    lifetimes: Lifetimes,
    stable: TokenSlot,
    plain: TokenSlot,
    expired: VecDeque<String>,
    /// When tokens were forced, within the last day.
    forced: VecDeque<Instant>,
}

/// How long tokens live, and how long a replaced one goes on working.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) token: Duration,
    pub(crate) overlap: Duration,
}

/// What a token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenState {
    Valid,
    Expired,
    Unknown,
}

#[derive(Debug, Default)]
struct TokenSlot {
    current: Option<IssuedToken>,
    previous: Option<IssuedToken>,
}

#[derive(Debug)]
struct IssuedToken {
    text: String,
    /// When it stops working.
    ends: Instant,
    /// When its lifetime is over: later than `ends` for a token that was replaced early.
    lifetime_ends: Instant,
}

impl Tokens {
    pub(crate) fn new(lifetimes: Lifetimes) -> Tokens {
        let (stable, plain) = (TokenSlot::default(), TokenSlot::default());
        Tokens { lifetimes, stable, plain, expired: VecDeque::new(), forced: VecDeque::new() }
    }

    /// The stable endpoint: the same token while it has more than the overlap left, unless a new one is forced.
    pub(crate) fn stable(&mut self, force: bool, now: Instant) -> (String, u64) {
        self.forget_old(now);
        if force && self.may_force(now) {
            // A forced token kills the one before at once.
            self.stable = TokenSlot::default();
        }
        let fresh_enough =
            self.stable.current.as_ref().is_some_and(|token| token.ends > now + self.lifetimes.overlap);
        if !fresh_enough {
            self.stable.replace(now, self.lifetimes);
        }
        self.stable.answer(now)
    }

    /// The plain endpoint: a new token each time.
    pub(crate) fn plain(&mut self, now: Instant) -> (String, u64) {
        self.forget_old(now);
        self.plain.replace(now, self.lifetimes);
        self.plain.answer(now)
    }

    pub(crate) fn state(&mut self, text: &str, now: Instant) -> TokenState {
        self.forget_old(now);
        if [&self.stable, &self.plain].into_iter().any(|slot| slot.holds(text)) {
            TokenState::Valid
        } else if self.expired.iter().any(|token| token == text) {
            TokenState::Expired
        } else {
            TokenState::Unknown
        }
    }

    /// How long the youngest token still works; `None` if none does.
    pub(crate) fn lasts(&mut self, now: Instant) -> Option<Duration> {
        self.forget_old(now);
        let current = [&self.stable, &self.plain].into_iter().filter_map(|slot| slot.current.as_ref());
        current.map(|token| token.ends.saturating_duration_since(now)).max()
    }

    /// All tokens run out of time now.
    pub(crate) fn expire(&mut self, now: Instant) {
        for slot in [&mut self.stable, &mut self.plain] {
            for token in [&mut slot.current, &mut slot.previous].into_iter().flatten() {
                (token.ends, token.lifetime_ends) = (now, now);
            }
        }
        self.forget_old(now);
    }

    /// All tokens are unknown from now on.
    pub(crate) fn revoke(&mut self) {
        (self.stable, self.plain) = (TokenSlot::default(), TokenSlot::default());
    }

    fn may_force(&mut self, now: Instant) -> bool {
        self.forced.retain(|at| now.duration_since(*at) < DAY);
        let just_done = self.forced.back().is_some_and(|at| now.duration_since(*at) < MIN_BETWEEN_FORCED);
        if just_done || self.forced.len() >= MAX_FORCED_PER_DAY {
            return false;
        }
        self.forced.push_back(now);
        true
    }

    fn forget_old(&mut self, now: Instant) {
        for slot in [&mut self.stable, &mut self.plain] {
            for place in [&mut slot.current, &mut slot.previous] {
                if let Some(token) = place.take_if(|token| token.ends <= now)
                    && token.ends == token.lifetime_ends
                {
                    self.expired.push_back(token.text);
                }
            }
        }
        while self.expired.len() > MAX_EXPIRED {
            self.expired.pop_front();
        }
    }
}

impl TokenSlot {
    fn replace(&mut self, now: Instant, lifetimes: Lifetimes) {
        let text = format!("90_{}", Alphanumeric.sample_string(&mut rand::rng(), 150));
        let ends = now + lifetimes.token;
        self.previous = self.current.replace(IssuedToken { text, ends, lifetime_ends: ends });
        if let Some(replaced) = &mut self.previous {
            replaced.ends = replaced.ends.min(now + lifetimes.overlap);
        }
    }

    fn answer(&self, now: Instant) -> (String, u64) {
        let Some(token) = &self.current else { return (String::new(), 0) };
        // Rounded up: a token with 7199.99 s left says 7200.
        (token.text.clone(), token.ends.duration_since(now).as_secs_f64().ceil() as u64)
    }

    fn holds(&self, text: &str) -> bool {
        [&self.current, &self.previous].into_iter().flatten().any(|token| token.text == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: Lifetimes = Lifetimes { token: Duration::from_secs(7200), overlap: Duration::from_secs(300) };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_stable_token_is_renewed_in_its_last_five_minutes_and_both_work_until_it_ends() {
        let (mut tokens, start) = (Tokens::new(REAL), Instant::now());
        let (first, left) = tokens.stable(false, start);
        assert_eq!(left, 7200);
        assert_eq!(tokens.stable(false, start + seconds(6899)), (first.clone(), 301));
        let renewed = start + seconds(6901);
        let (second, left) = tokens.stable(false, renewed);
        assert_ne!(first, second);
        assert_eq!(left, 7200);
        assert_eq!(tokens.state(&first, renewed), TokenState::Valid);
        assert_eq!(tokens.state(&second, renewed), TokenState::Valid);
        let over = start + seconds(7200);
        assert_eq!(tokens.state(&first, over), TokenState::Expired);
        assert_eq!(tokens.state(&second, over), TokenState::Valid);
    }

    #[test]
    fn a_plain_token_works_on_for_five_minutes_after_it_was_replaced() {
        let (mut tokens, start) = (Tokens::new(REAL), Instant::now());
        let (first, _) = tokens.plain(start);
        tokens.plain(start);
        assert_eq!(tokens.state(&first, start + seconds(299)), TokenState::Valid);
        assert_eq!(tokens.state(&first, start + seconds(300)), TokenState::Unknown);
    }

    #[test]
    fn a_token_can_be_forced_every_30_seconds_and_20_times_a_day() {
        let (mut tokens, mut now) = (Tokens::new(REAL), Instant::now());
        let mut last = tokens.stable(true, now).0;
        assert_eq!(tokens.stable(true, now).0, last);
        for _ in 1..MAX_FORCED_PER_DAY {
            now += MIN_BETWEEN_FORCED;
            let next = tokens.stable(true, now).0;
            assert_ne!(next, last);
            assert_eq!(tokens.state(&last, now), TokenState::Unknown);
            last = next;
        }
        now += MIN_BETWEEN_FORCED;
        assert_eq!(tokens.stable(true, now).0, last);
        assert_eq!(tokens.state("never issued", now), TokenState::Unknown);
    }
}
