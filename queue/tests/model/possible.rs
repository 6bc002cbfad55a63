//! What can happen in a state.
//!
//! Everything that a process, a clock, a person or an accident may do there, however unlikely: a model has no
//! chances.

use crate::actions::Action;
use crate::mutants::Mutant;
use crate::response::{Fate, Try};
use crate::rules::{Effect, Rules, Settle};
use crate::state::{Door, Hand, Lease, Message, State};

/// All steps that are possible.
pub(crate) fn steps(rules: &Rules, state: &State, actions: &mut Vec<Action>) {
    if state.breach.is_some() {
        return;
    }
    pushes(rules, state, actions);
    for worker in 0..rules.setup.workers {
        work(rules, state, worker, actions);
    }
    for lane in 0..rules.setup.lanes {
        lane_events(rules, state, lane, actions);
    }
    for message in 0..rules.messages() {
        message_events(rules, state, message, actions);
        tries(rules, state, message, actions);
    }
    if rules.setup.class_pauses {
        actions.push(if state.store.gate_closed { Action::ResumeClass } else { Action::PauseClass });
    }
    if rules.setup.gaps {
        actions.push(if state.store.pausing { Action::GapIsOver } else { Action::Gap });
    }
    if rules.setup.restarts {
        actions.push(Action::Reopen);
    }
    if rules.setup.damage && !state.was_damaged {
        actions.extend((0..rules.setup.lanes).map(|lane| Action::Damage { lane }));
    }
    if rules.setup.tail_loss && !state.tail_lost {
        actions.push(if state.saved.is_some() { Action::LoseTail } else { Action::Save });
    }
}

/// How messages come in.
fn pushes(rules: &Rules, state: &State, actions: &mut Vec<Action>) {
    for message in 0..rules.messages() {
        let door = state.doors[usize::from(message)];
        let mut earlier = (0..message).filter(|&earlier| rules.share_order(earlier, message));
        if rules.setup.spool {
            // A receiver has one undecided message of a lane at a time.
            let decided = |m: Message| matches!(state.doors[usize::from(m)], Door::Spooled | Door::Done);
            match door {
                Door::Outside if earlier.all(decided) => actions.push(Action::Send { message }),
                Door::Calling => actions.extend([Action::Arrive { message }, Action::GiveUp { message }]),
                Door::Stored => actions.extend([Action::Hear { message }, Action::GiveUp { message }]),
                Door::Spooled if earlier.all(|m| state.doors[usize::from(m)] == Door::Done) => {
                    actions.push(Action::Drain { message, heard: true });
                    actions.push(Action::Drain { message, heard: false });
                }
                _ => {}
            }
            if state.strays.has(message) {
                actions.push(Action::ArriveLate { message });
            }
        } else if rules.push(message).effect != Effect::Fetch && earlier.all(|m| state.store.seen.has(m)) {
            // Also again when it is done: WeChat may push three times whatever it was answered.
            if rules.is(Mutant::DedupIsNotAtomic) {
                if !state.store.seen.has(message) {
                    actions.push(Action::LookForMark { message });
                }
                if state.strays.has(message) {
                    actions.push(Action::EnqueueUnmarked { message });
                }
                continue;
            }
            actions.push(Action::Push { message, heard: true });
            if rules.setup.lost_answers {
                actions.push(Action::Push { message, heard: false });
            }
        }
    }
}

/// What a worker may do.
fn work(rules: &Rules, state: &State, worker: u8, actions: &mut Vec<Action>) {
    let me = state.worker(worker);
    let may_ask = !rules.setup.tail_loss || me.call < 3;
    if me.hands.len() < rules.setup.hands && may_ask {
        actions.push(Action::Take { worker, heard: true });
        if rules.setup.lost_answers {
            actions.push(Action::Take { worker, heard: false });
        }
    }
    if rules.setup.lost_answers && !me.asking {
        actions.push(Action::TakeLate { worker });
    }
    for (at, hand) in me.hands.iter().enumerate() {
        actions.push(Action::Renew { worker, at });
        if rules.setup.records {
            actions.push(Action::Record { worker, at });
        }
        let answer = state.answer_of(hand.message);
        if rules.setup.sends && answer.sent < rules.setup.parts && (!answer.sending || hand.unsure) {
            actions.push(Action::SendPart { worker, at });
        }
        if answer.sending {
            actions.push(Action::CountPart { worker, at });
        }
        for &how in rules.setup.settles {
            if !may_settle(rules, state, hand, how) {
                continue;
            }
            actions.push(Action::Settle { worker, at, how, heard: true });
            if rules.setup.lost_answers {
                actions.push(Action::Settle { worker, at, how, heard: false });
            }
        }
    }
    if rules.setup.crashes && (!me.hands.is_empty() || me.asking) {
        actions.push(Action::Crash { worker });
    }
}

/// Whether a worker wants this to become of its message.
fn may_settle(rules: &Rules, state: &State, hand: &Hand, how: Settle) -> bool {
    let answer = state.answer_of(hand.message);
    let has_more = answer.sent < rules.setup.parts;
    match how {
        Settle::Retry => state.store.records[usize::from(hand.message)].failures < rules.setup.failures_max,
        Settle::Complete => !has_more,
        Settle::Offer => has_more && (!answer.sending || rules.is(Mutant::UnsurePartIsOffered)),
        Settle::HoldAnswer => has_more && (!answer.sending || hand.unsure),
        _ => true,
    }
}

/// What time and operators may do to a lane.
fn lane_events(rules: &Rules, state: &State, no: u8, actions: &mut Vec<Action>) {
    let lane = state.lane(no);
    if lane.lease == Some(Lease::Running) {
        actions.push(Action::LeaseRunsOut { lane: no });
    }
    if lane.delay.is_some_and(|delay| !delay.due) {
        actions.push(Action::DelayEnds { lane: no });
    }
    if !lane.held.is_empty() {
        actions.push(Action::HeldTooLong { lane: no });
    }
    if lane.newest.is_some() {
        actions.push(Action::PushCloses { lane: no });
    }
    for message in lane.answering() {
        let Some(response) = state.answer_of(message).response else { continue };
        if response.claim.is_some() && response.offered {
            actions.push(Action::OfferEnds { message });
        }
        if response.claim.is_some_and(|claim| !claim.over) && lane.current() != Some(message) {
            actions.push(Action::ClaimEnds { message });
        }
    }
    if rules.setup.lane_pauses {
        actions.push(if lane.paused {
            Action::ResumeLane { lane: no }
        } else {
            Action::PauseLane { lane: no }
        });
    }
}

/// What services and operators may do to a message.
fn message_events(rules: &Rules, state: &State, message: Message, actions: &mut Vec<Action>) {
    if rules.setup.answers && state.store.seen.has(message) {
        actions.extend([1, 2].map(|value| Action::Answer { message, value }));
    }
    if rules.setup.dead_letters && state.store.dead.has(message) {
        actions.push(Action::Drop { message });
        if !state.history.revived.has(message) {
            actions.push(Action::Revive { message });
        }
    }
}

/// What WeChat and receivers may do with the tries of a push.
fn tries(rules: &Rules, state: &State, push: Message, actions: &mut Vec<Action>) {
    if rules.setup.tries == 0 || rules.push(push).effect == Effect::Bury {
        return;
    }
    let tries = state.store.pushes[usize::from(push)].tries;
    let is_over = state.answered.has(push) && !rules.is(Mutant::AnsweredPushIsTriedAgain);
    if tries < rules.setup.tries && !is_over {
        actions.push(Action::Open { push });
    }
    for by in (1..=tries).map(|number| (push, number)) {
        match state.try_of(by) {
            Try::Waits => {
                actions.extend([Action::Claim { by, heard: true }, Action::Claim { by, heard: false }]);
            }
            Try::Has(_) => {
                let fates = [Fate::Lost, Fate::Unwritten, Fate::Arrives];
                let possible = if by.1 == tries { &fates[..] } else { &fates[..2] };
                actions.extend(possible.iter().map(|&fate| Action::Respond { by, fate }));
            }
            Try::Wrote | Try::Unwritten => actions.push(Action::Confirm { by }),
            Try::Over => {}
        }
    }
}
