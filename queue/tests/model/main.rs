//! The queue's protocol as a model that is explored to its last state.
//!
//! The tests of the engines try what somebody thought of, and random ones try much, but none can say "never".
//! A model can: it has the same rules as the engines and none of their bulk, and `stateright` visits every
//! state that two or three messages, two workers, two receivers, operators, clocks and accidents can bring it
//! into. It can't say that an engine follows the rules; that is what the conformance suite and the random
//! operations against the reference are for.
//!
//! What is abstract: time (a lease or a delay may end at any moment), tokens (fresh is fresh), and what
//! messages say. A worker that stalls needs no step of its own, since nobody has to do anything; it comes
//! back with its old token when it does. Neither does a call that is applied after its caller died: the store
//! can't tell it from one just before.
//!
//! Assumed of receivers that serve one user: their clocks agree; none stops waiting for a call before its `not_after` has
//! passed; and a push that had to wait behind another of its lane counts as having come when its turn came. Mutants show what
//! each of the last two is for: without them, messages of one receiver can change places with the help of another receiver's.
//!
//! `state.rs` and `response.rs` say what there is, `accepting.rs`, `taking.rs`, `settling.rs`, `responding.rs` and `operating.rs`
//! are the protocol, `possible.rs` says what may happen when. `properties.rs`, `history.rs`, `taken.rs`, `responded.rs` and
//! `rescue.rs` say what must be true,
//! `mutants.rs` shows what happens when it isn't, and `situations.rs` that the search was not empty.
//!
//! Rejected: TLA+, which is better at time and at what happens eventually, but would be a second language
//! with its own runtime in a Rust repository. One set-up with everything in it: it has more states than there
//! is memory for.

#![cfg(test)]

mod accepting;
mod actions;
mod history;
mod mutants;
mod operating;
mod possible;
mod properties;
mod rescue;
mod responded;
mod responding;
mod response;
mod rules;
mod settling;
mod setups;
mod situations;
mod state;
mod taken;
mod taking;
mod tokens;

use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::actions::Action;
use crate::mutants::{MUTANTS, Mutant};
use crate::rules::{Rules, Setup};
use crate::situations::Met;
use crate::state::State;

/// With fewer states than this in all, the set-ups have lost what they are for.
const STATES_AT_LEAST: usize = 1_000_000;
const LONG_STATES_AT_LEAST: usize = 20_000_000;

/// One run: a set-up, perhaps with a mutant in it.
pub(crate) struct QueueModel {
    pub(crate) rules: Rules,
    /// The one rule to look at, or all of them.
    pub(crate) watched: Option<&'static str>,
    met: Met,
}

/// The only property that `stateright` knows: it looks each of them up for every state, and there are many
/// rules.
const EVERY_RULE_HOLDS: &str = "every rule holds";

impl Model for QueueModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::at_the_start(&self.rules)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if properties::is_sound(self, state) {
            possible::steps(&self.rules, state, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut after = before.clone();
        let reply = actions::act(&self.rules, &mut after, action);
        history::judge(&self.rules, before, action, &reply, &mut after);
        self.met.note(&self.rules, before, action, &reply, &after);
        after.renumber_tokens(&self.rules);
        after.forget_responses();
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(EVERY_RULE_HOLDS, |model, state| properties::broken(model, state).is_none())]
    }
}

impl QueueModel {
    fn new(setup: &Setup, mutant: Option<Mutant>, watched: Option<&'static str>) -> Self {
        Self { rules: Rules { setup: *setup, mutant }, watched, met: Met::default() }
    }
}

#[test]
fn every_state_of_every_set_up_keeps_every_rule() {
    let long = std::env::var_os("LONG_TESTS").is_some();
    let met = Met::default();
    let mut total = 0;
    let start = Instant::now();
    for setup in setups::SHORT.iter().chain(if long { setups::LONG } else { &[] }) {
        let start = Instant::now();
        let model = QueueModel::new(setup, None, None);
        let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        if let Some((rule, steps)) = found(&checker) {
            panic!("{}: it is not true that {rule}:\n{}", setup.name, steps.join("\n"));
        }
        let (states, seconds) = (checker.unique_state_count(), start.elapsed().as_secs_f64());
        println!(
            "{:20} {states:9} states, up to {:3} steps, {seconds:6.1} s",
            setup.name,
            checker.max_depth()
        );
        total += states;
        met.add(&checker.model().met);
    }
    println!("{:20} {total:9} states, {:.1} s", "all", start.elapsed().as_secs_f64());
    assert!(met.missing().is_empty(), "no set-up has met: {:?}", met.missing());
    let at_least = if long { LONG_STATES_AT_LEAST } else { STATES_AT_LEAST };
    assert!(total >= at_least, "{total} states are fewer than {at_least}");
}

#[test]
fn every_mutant_is_caught() {
    let mut survivors = Vec::new();
    for &(mutant, setup, property) in MUTANTS {
        // A set-up in which the other test finds nothing.
        assert!(setups::SHORT.iter().any(|short| short.name == setup.name), "{} is not explored", setup.name);
        // One thread, so that it looks at near states first and the path found is a shortest one.
        let checker = QueueModel::new(setup, Some(mutant), Some(property)).checker().spawn_bfs().join();
        match found(&checker) {
            Some((rule, steps)) => {
                println!("{mutant:?}: {} steps to where it is not true that {rule}", steps.len());
            }
            None => survivors.push(format!("{mutant:?} among {} states", checker.unique_state_count())),
        }
    }
    assert!(survivors.is_empty(), "not caught: {survivors:?}");
    println!("{} mutants, all caught", MUTANTS.len());
}

#[test]
fn every_rule_catches_a_mutant() {
    let caught_by: BTreeSet<&str> = MUTANTS.iter().map(|&(_, _, property)| property).collect();
    assert_eq!(properties::names().collect::<BTreeSet<_>>(), caught_by);
}

/// The rule that was found broken, and the steps that led there.
fn found(checker: &impl Checker<QueueModel>) -> Option<(&'static str, Vec<String>)> {
    let path = checker.discovery(EVERY_RULE_HOLDS)?;
    let rule =
        properties::broken(checker.model(), path.last_state()).expect("it is broken in the last state");
    Some((rule, path.into_actions().iter().map(|action| format!("{action:?}")).collect()))
}
