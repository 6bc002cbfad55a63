//! Tells that pushes are refused, without a line for each.
//!
//! A wrong token is the likeliest mistake of a first set-up, and a scanner the likeliest visitor: the first must be seen in
//! the log, and the second must not fill it. So the first refusal of a kind is a line at once, and then there is one a
//! minute at most, with the count.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What was refused and not yet told, by account and reason. Accounts are configured ones and reasons few, so it is small.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(String, &'static str), Told>>);

#[derive(Debug)]
struct Told {
    at: Option<Instant>,
    since: u64,
}

impl Refusals {
    /// One more request for `account` was refused; `remedy` is what to do if it was WeChat's.
    pub(super) fn note(&self, account: &str, reason: &'static str, remedy: &str) {
        if let Some(refused) = self.due(account, reason) {
            tracing::warn!(
                account,
                refused,
                "requests are refused: {reason}; if they are WeChat's: {remedy}"
            );
        }
    }

    /// How many have come since the last line, if it is time for one.
    fn due(&self, account: &str, reason: &'static str) -> Option<u64> {
        // Nothing panics while it is held, and counts are never half changed.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = kinds.entry((account.to_owned(), reason)).or_insert(Told { at: None, since: 0 });
        told.since += 1;
        if told.at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            return None;
        }
        told.at = Some(Instant::now());
        Some(std::mem::take(&mut told.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_of_a_kind_is_told_and_the_next_ones_are_counted() {
        let refusals = Refusals::default();
        assert_eq!(refusals.due("main", "a"), Some(1));
        assert_eq!((refusals.due("main", "a"), refusals.due("main", "a")), (None, None));
        assert_eq!((refusals.due("other", "a"), refusals.due("main", "b")), (Some(1), Some(1)));
        refusals.0.lock().unwrap().get_mut(&("main".to_owned(), "a")).unwrap().at = None;
        assert_eq!(refusals.due("main", "a"), Some(3));
    }
}
