//! Situations that the set-ups must reach.
//!
//! An empty search finds nothing wrong either. So the run notes which of these situations each step was, and fails if one of
//! them was never met. Then a feature was switched off, or a guard too strict, and the states that were counted weren't the
//! ones meant.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::actions::{Action, Given, Reply};
use crate::history::is_valid;
use crate::rules::{Rules, Settle};
use crate::state::{Door, Lease, State};
use crate::taking::SUSPECT_LOSSES;

macro_rules! situations {
    ($($situation:ident,)*) => {
        /// Something that must be met.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        enum Situation { $($situation,)* }

        const ALL: &[Situation] = &[$(Situation::$situation,)*];
    };
}

situations! {
    DuplicateRefused, AnswerOfAnAcceptLost, CallExpired, SpooledBehindASpooled, AcceptedOutOfASpool,
    DuplicateOutOfASpool, SpooledGoesFirst, OlderComesLateBehindTheCurrent, TakeRepeated,
    RepeatedTakeLeavesOutWhatWasSettled, StaleSettleRefused, StaleRenewalRefused, LeaseRevived,
    LeaseReclaimed, ReclaimingPaused, ExcusedLossReclaimed, UnconfirmedLossNotCounted, SuspectGiven,
    SuspectLeftThere, ThirdLossKilled, Held, HoldMetAWake, HeldWoke, HeldBuried, HeldOverflowed,
    HeldTooLong, MemoryKeptFromARepetition, AnswerForARunning, AnswerForADelayed, SecondAnswerRefused,
    AnswerTooLate, AwaitFoundItsAnswer, EndMetItsAnswer, RecordMetItsAnswer, AwaitTimedOut, LaneParked, ParkedResumed, PausedClassSkipped,
    LetterRevived, LetterDropped, ReopenedWhileLeased, TailLostWhileLeased, TakeMetDamage, AcceptMetDamage,
}

/// What has been met so far.
#[derive(Debug, Default)]
pub(crate) struct Met(AtomicU64);

impl Met {
    /// Notes what this step was.
    pub(crate) fn note(&self, rules: &Rules, before: &State, action: Action, reply: &Reply, after: &State) {
        let mut met = 0;
        let mut when = |is: bool, situation: Situation| met |= u64::from(is) << situation as u32;
        let is_damaged = |state: &State| state.store.lanes.iter().any(|lane| lane.damaged);
        let is_mended = is_damaged(before) && !is_damaged(after);
        when(is_mended && matches!(action, Action::Take { .. }), Situation::TakeMetDamage);
        when(is_mended && matches!(action, Action::Push { .. }), Situation::AcceptMetDamage);
        match action {
            Action::Push { .. } | Action::Send { .. } | Action::ArriveLate { .. } | Action::Drain { .. } => {
                coming_in(rules, before, action, reply, after, &mut when);
            }
            Action::Take { worker, .. } => {
                if let Reply::Given { given, again } = reply {
                    taking(before, worker, given, *again, after, &mut when);
                }
            }
            Action::Renew { worker, at }
            | Action::Record { worker, at }
            | Action::Settle { worker, at, .. } => {
                let hand = before.worker(worker).hands[at];
                let lane = before.lane(hand.lane);
                let valid = is_valid(before, &hand);
                let record = before.store.records[usize::from(hand.message)];
                match action {
                    Action::Renew { .. } => {
                        when(!valid, Situation::StaleRenewalRefused);
                        when(valid && lane.lease == Some(Lease::RanOut), Situation::LeaseRevived);
                    }
                    Action::Record { .. } => {
                        when(*reply == Reply::Answered, Situation::RecordMetItsAnswer);
                        let another = lane.memory.is_some_and(|writer| writer != hand.message);
                        when(valid && record.replies && another, Situation::MemoryKeptFromARepetition);
                    }
                    Action::Settle { how, .. } => {
                        when(!valid, Situation::StaleSettleRefused);
                        when(*reply == Reply::Answered, Situation::EndMetItsAnswer);
                        when(valid && how == Settle::Hold && !hand.woken, Situation::Held);
                        when(valid && how == Settle::Hold && hand.woken, Situation::HoldMetAWake);
                        let full = valid && how == Settle::Hold && lane.held.len() == rules.setup.held_max;
                        when(full && !hand.woken, Situation::HeldOverflowed);
                        let answered = record.answer.is_some();
                        when(valid && how == Settle::Await && answered, Situation::AwaitFoundItsAnswer);
                    }
                    _ => {}
                }
            }
            Action::Answer { message, .. } => {
                let lane = before.lane(rules.push(message).lane);
                when(*reply == Reply::Done && lane.lease.is_some(), Situation::AnswerForARunning);
                when(*reply == Reply::Done && lane.delay.is_some(), Situation::AnswerForADelayed);
                when(*reply == Reply::Already, Situation::SecondAnswerRefused);
                when(*reply == Reply::Gone && before.history.gone.has(message), Situation::AnswerTooLate);
            }
            Action::HeldTooLong { .. } => when(true, Situation::HeldTooLong),
            Action::ResumeLane { lane } => when(before.lane(lane).parked, Situation::ParkedResumed),
            Action::Revive { .. } => when(true, Situation::LetterRevived),
            Action::Drop { .. } => when(true, Situation::LetterDropped),
            Action::Reopen | Action::LoseTail => {
                let is_leased = before.store.lanes.iter().any(|lane| lane.lease.is_some());
                when(action == Action::Reopen && is_leased, Situation::ReopenedWhileLeased);
                when(action == Action::LoseTail && is_leased, Situation::TailLostWhileLeased);
            }
            _ => {}
        }
        // A write from each of millions of steps would have the threads wait for each other.
        if met & !self.0.load(Ordering::Relaxed) != 0 {
            self.0.fetch_or(met, Ordering::Relaxed);
        }
    }

    /// Adds what another run has met.
    pub(crate) fn add(&self, other: &Self) {
        self.0.fetch_or(other.0.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The names of those that were never met.
    pub(crate) fn missing(&self) -> Vec<String> {
        let met = self.0.load(Ordering::Relaxed);
        let missing = ALL.iter().filter(|&&situation| met & (1 << situation as u32) == 0);
        missing.map(|situation| format!("{situation:?}")).collect()
    }
}

fn coming_in(
    rules: &Rules,
    before: &State,
    action: Action,
    reply: &Reply,
    after: &State,
    when: &mut impl FnMut(bool, Situation),
) {
    let (Action::Push { message, .. }
    | Action::Send { message }
    | Action::ArriveLate { message }
    | Action::Drain { message, .. }) = action
    else {
        return;
    };
    let no = rules.push(message).lane;
    let held = &before.lane(no).held;
    let new = *reply == Reply::New;
    when(matches!(action, Action::Push { heard: false, .. }) && new, Situation::AnswerOfAnAcceptLost);
    when(matches!(action, Action::Push { .. }) && !new, Situation::DuplicateRefused);
    let woke = new && !held.is_empty() && after.lane(no).held.is_empty();
    when(woke && !after.store.dead.has(held.first().copied().unwrap_or_default()), Situation::HeldWoke);
    when(woke && after.store.dead.has(held.first().copied().unwrap_or_default()), Situation::HeldBuried);
    when(*reply == Reply::Expired, Situation::CallExpired);
    let spooled = after.doors[usize::from(message)] == Door::Spooled;
    when(matches!(action, Action::Send { .. }) && spooled, Situation::SpooledBehindASpooled);
    if let Action::Drain { .. } = action {
        when(new, Situation::AcceptedOutOfASpool);
        when(!new, Situation::DuplicateOutOfASpool);
        let stamp = |m: u8| before.store.stamps[usize::from(m)];
        let older = before.lane(no).current().is_some_and(|current| stamp(message) < stamp(current));
        when(new && older, Situation::OlderComesLateBehindTheCurrent);
    }
}

fn taking(
    before: &State,
    worker: u8,
    given: &Given,
    again: bool,
    after: &State,
    when: &mut impl FnMut(bool, Situation),
) {
    let batch = before.store.batches[usize::from(worker)].as_ref().filter(|_| again);
    if let Some(batch) = batch {
        when(!given.is_empty(), Situation::TakeRepeated);
        when(given.len() < batch.lanes.len(), Situation::RepeatedTakeLeavesOutWhatWasSettled);
        return;
    }
    for (lane, now) in before.store.lanes.iter().zip(&after.store.lanes) {
        let ran_out = lane.lease.filter(|&lease| lease != Lease::Running);
        when(ran_out.is_some() && before.store.pausing, Situation::ReclaimingPaused);
        let reclaimed = ran_out.filter(|_| !before.store.pausing);
        when(reclaimed.is_some(), Situation::LeaseReclaimed);
        when(reclaimed == Some(Lease::Excused), Situation::ExcusedLossReclaimed);
        if let Some(message) = lane.current().filter(|_| reclaimed == Some(Lease::RanOut)) {
            let losses = |state: &State| state.history.losses[usize::from(message)];
            let same = losses(before) == losses(after) && losses(before) > 0;
            when(same && !lane.confirmed, Situation::UnconfirmedLossNotCounted);
            when(after.store.dead.has(message), Situation::ThirdLossKilled);
        }
        when(now.parked && !lane.parked, Situation::LaneParked);
        when(lane.delay.is_some_and(|delay| delay.due && delay.awaiting), Situation::AwaitTimedOut);
    }
    let has_suspect = before.worker(worker).hands.iter().any(|hand| hand.suspect);
    when(has_suspect && !after.store.suspects.is_empty(), Situation::SuspectLeftThere);
    let skipped = before.store.gate_closed && given.is_empty() && !after.store.ready.is_empty();
    when(skipped, Situation::PausedClassSkipped);
    for hand in given {
        let is_suspect = after.history.losses[usize::from(hand.message)] >= SUSPECT_LOSSES;
        when(is_suspect, Situation::SuspectGiven);
        let lane = before.lane(hand.lane);
        let was_overtaken = lane.pinned.is_none() && lane.second.first() == Some(&hand.message);
        when(was_overtaken && !lane.first.is_empty(), Situation::SpooledGoesFirst);
    }
}
