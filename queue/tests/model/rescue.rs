//! Whether everything can still come to its end.
//!
//! "No lane is stuck" is a question about the future, which a model checker that keeps only fingerprints
//! can't ask. So it is answered by doing it: from each state on, the world becomes kind. Everything paused is
//! resumed, all clocks run out, the workers die, and one fresh worker completes whatever it is given. Every
//! message must then be at an end, after no more rounds than there are messages, and new pushes get what is held. That is more than "some step
//! is possible", which holds in a state where idle workers take nothing for ever.

use crate::actions::{Action, act};
use crate::response::{Fate, OpenPush, Try};
use crate::rules::{Rules, Settle};
use crate::state::{Door, Lease, Message, Set, State};

/// Whether a healthy worker brings everything to its end from here.
pub(crate) fn can_end(rules: &Rules, state: &State) -> bool {
    let mut state = state.clone();
    let mut ended = state.history.gone;
    for _round in 0..=rules.messages() {
        be_kind(rules, &mut state);
        act(rules, &mut state, Action::Take { worker: 0, heard: true });
        while let Some(hand) = state.worker(0).hands.first().copied() {
            let how = Settle::Complete;
            act(rules, &mut state, Action::Settle { worker: 0, at: 0, how, heard: true });
            ended.add(hand.message);
        }
    }
    for lane in 0..rules.setup.lanes {
        if !can_be_fetched(rules, &mut state, lane, &mut ended) {
            return false;
        }
        while !state.lane(lane).held.is_empty() {
            act(rules, &mut state, Action::HeldTooLong { lane });
        }
    }
    let is_at_an_end = |message| {
        let was_accepted = state.store.seen.has(message) || state.doors[usize::from(message)] == Door::Done;
        !was_accepted || ended.has(message) || state.store.dead.has(message)
    };
    state.store.lanes.iter().all(crate::state::Lane::is_idle) && (0..rules.messages()).all(is_at_an_end)
}

/// Whether new pushes get all answers that a lane holds.
fn can_be_fetched(rules: &Rules, state: &mut State, lane: u8, ended: &mut Set) -> bool {
    let Some(push) = (0..rules.messages()).find(|&message| rules.push(message).lane == lane) else {
        return true;
    };
    let by = (push, 1);
    loop {
        let held = state.lane(lane).held.clone();
        if held.iter().all(|&message| state.answer_of(message).response.is_none()) {
            return true;
        }
        // Another push with the same name: nothing is known of it.
        state.store.pushes[usize::from(push)] = OpenPush::default();
        *state.try_mut(by) = Try::Waits;
        act(rules, state, Action::Open { push });
        act(rules, state, Action::Claim { by, heard: true });
        let has_part = matches!(state.try_of(by), Try::Has(_));
        if has_part {
            act(rules, state, Action::Respond { by, fate: Fate::Arrives });
            act(rules, state, Action::Confirm { by });
        }
        let is_over = |message: &&Message| !state.lane(lane).held.contains(message);
        held.iter().filter(is_over).for_each(|&message| _ = ended.add(message));
        if !has_part && held == state.lane(lane).held {
            return false;
        }
    }
}

/// Lets everything that may happen by itself happen.
fn be_kind(rules: &Rules, state: &mut State) {
    for message in 0..rules.messages() {
        match state.doors[usize::from(message)] {
            Door::Calling => act(rules, state, Action::Arrive { message }),
            Door::Spooled => act(rules, state, Action::Drain { message, heard: true }),
            _ => continue,
        };
    }
    for worker in 0..rules.setup.workers {
        act(rules, state, Action::Crash { worker });
    }
    for lane in 0..rules.setup.lanes {
        if state.lane(lane).lease == Some(Lease::Running) {
            act(rules, state, Action::LeaseRunsOut { lane });
        }
        if state.lane(lane).delay.is_some() {
            act(rules, state, Action::DelayEnds { lane });
        }
        for message in state.lane(lane).held.clone() {
            act(rules, state, Action::ClaimEnds { message });
        }
        if state.lane(lane).paused {
            act(rules, state, Action::ResumeLane { lane });
        }
    }
    act(rules, state, Action::GapIsOver);
    act(rules, state, Action::ResumeClass);
}
