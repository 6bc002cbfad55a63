//! One order of trouble: which calls it wants, and how far it has come.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;

use super::Fault;
use crate::{Endpoint, OpenId};

/// Which calls meet which fault.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultOrder {
    /// The endpoints whose calls it is about.
    pub on: Vec<Endpoint>,
    /// The account whose calls it is about; `None` for all, and for calls that name none.
    pub account: Option<String>,
    /// The user whose calls it is about; `None` for all, and for calls that name none.
    pub user: Option<OpenId>,
    /// What happens to them.
    pub fault: Fault,
    /// Which of them.
    pub when: When,
}

/// Which of the calls that an order is about meet its fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The next calls, this many.
    #[serde(rename = "times")]
    Next(u32),
    /// Every n-th until the order is cancelled: 1 is each call, 3 the third, the sixth …
    Every(u32),
    /// This share of them, from 0 to 1, until the order is cancelled. The same seed gives the same choice.
    #[serde(untagged)]
    Share {
        /// The share.
        share: f64,
        /// Where the generator begins.
        seed: u64,
    },
}

/// An order that stands, with what it has done.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultState {
    /// Its number.
    pub id: u64,
    /// The order. `When::Next` says how many calls are left.
    pub order: FaultOrder,
    /// How many calls it has looked at.
    pub seen: u64,
    /// How many met the fault.
    pub met: u64,
}

impl FaultOrder {
    /// An order for the calls of all accounts.
    pub fn new(on: impl Into<Vec<Endpoint>>, fault: Fault, when: When) -> FaultOrder {
        FaultOrder { on: on.into(), account: None, user: None, fault, when }
    }

    /// The same order for one account's calls alone.
    pub fn for_account(mut self, account: impl Into<String>) -> FaultOrder {
        self.account = Some(account.into());
        self
    }

    /// The same order for the calls that name one user alone.
    pub fn for_user(mut self, user: impl Into<OpenId>) -> FaultOrder {
        self.user = Some(user.into());
        self
    }

    pub(super) fn ever_acts(&self) -> bool {
        let wants_any = match self.when {
            When::Next(times) => times > 0,
            When::Every(nth) => nth > 0,
            When::Share { share, .. } => share > 0.0,
        };
        wants_any && !self.on.is_empty()
    }
}

#[derive(Debug)]
pub(super) struct ActiveFault {
    pub(super) state: FaultState,
    chance: StdRng,
}

impl ActiveFault {
    pub(super) fn new(id: u64, order: FaultOrder) -> ActiveFault {
        let seed = if let When::Share { seed, .. } = order.when { seed } else { 0 };
        let state = FaultState { id, order, seen: 0, met: 0 };
        ActiveFault { state, chance: StdRng::seed_from_u64(seed) }
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.state.order.when == When::Next(0)
    }

    /// The fault, if the order is about this call and wants it.
    pub(super) fn take(&mut self, endpoint: Endpoint, account: &str, user: &OpenId) -> Option<Fault> {
        let state = &mut self.state;
        let about_it = state.order.on.contains(&endpoint)
            && state.order.account.as_ref().is_none_or(|wanted| wanted == account)
            && state.order.user.as_ref().is_none_or(|wanted| wanted == user);
        if !about_it {
            return None;
        }
        state.seen += 1;
        let wants_it = match &mut state.order.when {
            When::Next(left) => {
                let any = *left > 0;
                *left = left.saturating_sub(1);
                any
            }
            When::Every(nth) => state.seen.is_multiple_of(u64::from(*nth)),
            When::Share { share, .. } => self.chance.random_bool(share.min(1.0)),
        };
        if !wants_it {
            return None;
        }
        state.met += 1;
        Some(state.order.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(when: When, calls: usize) -> Vec<usize> {
        let mut active = ActiveFault::new(1, FaultOrder::new([Endpoint::Send], Fault::Hang, when));
        (1..=calls).filter(|_| active.take(Endpoint::Send, "main", &"oAnna".into()).is_some()).collect()
    }

    #[test]
    fn every_third_call_is_the_third_and_the_sixth() {
        assert_eq!(met(When::Every(3), 8), [3, 6]);
        assert_eq!(met(When::Every(1), 3), [1, 2, 3]);
        assert_eq!(met(When::Next(2), 4), [1, 2]);
    }

    #[test]
    fn a_share_is_about_that_share_and_the_same_again_with_the_same_seed() {
        let share = |seed| met(When::Share { share: 0.25, seed }, 4000);
        assert_eq!(share(7), share(7));
        assert_ne!(share(7), share(8));
        assert!((800..1200).contains(&share(7).len()), "{}", share(7).len());
        assert_eq!(met(When::Share { share: 1.0, seed: 1 }, 3).len(), 3);
    }

    #[test]
    fn an_order_for_one_user_is_about_calls_that_name_him() {
        let order = FaultOrder::new([Endpoint::Send], Fault::Code(65401), When::Next(1)).for_user("oBen");
        let mut active = ActiveFault::new(1, order);
        assert_eq!(active.take(Endpoint::Send, "main", &"oAnna".into()), None);
        assert_eq!(active.take(Endpoint::Send, "main", &"oBen".into()), Some(Fault::Code(65401)));
        assert!(active.is_used_up());
    }

    #[test]
    fn which_calls_are_meant_is_written_under_the_keys_of_an_order() {
        use serde_json::json;
        assert_eq!(json!(When::Next(2)), json!({ "times": 2 }));
        assert_eq!(json!(When::Every(3)), json!({ "every": 3 }));
        assert_eq!(json!(When::Share { share: 0.5, seed: 7 }), json!({ "share": 0.5, "seed": 7 }));
    }

    #[test]
    fn an_order_that_would_never_act_is_known_as_such() {
        for when in [When::Next(0), When::Every(0), When::Share { share: f64::NAN, seed: 1 }] {
            assert!(!FaultOrder::new([Endpoint::Send], Fault::Hang, when).ever_acts(), "{when:?}");
        }
        assert!(!FaultOrder::new([], Fault::Hang, When::Every(1)).ever_acts());
    }
}
