//! What has happened, and the rules for single steps.
//!
//! Some promises can't be read off one state: that a stale token changed nothing, that a repeated take gave
//! the same batch, that a message which was given back is first in line. So every step is judged from the
//! state before it, what its caller heard, and the state after. The judge repeats none of the protocol's
//! code, and knows no mutants. The first breach stays in the state, where a property finds it, and nothing
//! happens after it.

use arrayvec::ArrayVec;

use crate::actions::{Action, Reply};
use crate::responded;
use crate::response::{Fate, PUSHES, Shown, Try};
use crate::rules::{Effect, Rules, Settle};
use crate::state::{Door, Hand, LANES, MESSAGES, Message, Set, State};

/// What has happened to messages, by what callers heard.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct History {
    /// Accepted as new.
    pub(crate) stored: Set,
    /// Given to a worker at least once.
    pub(crate) started: Set,
    /// Completed, or dropped from the dead letters.
    pub(crate) gone: Set,
    /// Retried from the dead letters: their order isn't promised any more.
    pub(crate) revived: Set,
    /// The message of each lane that was begun and is neither ended nor held.
    pub(crate) current: [Option<Message>; LANES],
    /// Current messages whose user has left since they were begun.
    pub(crate) left: Set,
    /// Whether a renewal has confirmed the lane's last take.
    pub(crate) confirmed: [bool; LANES],
    /// Losses that count.
    pub(crate) losses: [u8; MESSAGES],
    /// Answers by call back that heard they had won.
    pub(crate) answers: [Option<u8>; MESSAGES],
    /// By message, and by the push that brought it.
    pub(crate) shown: ArrayVec<Shown, PUSHES>,
}

/// A rule for a single step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Breach {
    StaleTokenChangedSomething,
    CurrentTokenWasRefused,
    AcceptedTwice,
    RefusedAcceptChangedSomething,
    StartedOutOfOrder,
    EndedMessageRan,
    OtherMessageThanTheCurrent,
    NotFirstInLine,
    NotLastInLine,
    RepeatedTakeDiffers,
    LateTakeChangedSomething,
    LivingLeaseTaken,
    PausedWasTaken,
    HoldMissedItsWake,
    HeldWokeWrongly,
    AnswerNotFirstWins,
    AnswerNotHeard,
    MemoryOfAnOlderAnswer,
    MemoryOutlivesItsUser,
    RevivedIsNotFresh,
    PartWentTwoWays,
    OlderPartWasPassed,
    WithdrawnWasClaimed,
    AnotherUsersAnswer,
    RetryDiffers,
    StaleConfirmChangedSomething,
    PartsWereLeft,
}

/// Judges a step, and writes down what it did.
pub(crate) fn judge(rules: &Rules, before: &State, action: Action, reply: &Reply, after: &mut State) {
    let verdict = match action {
        Action::Push { message, .. }
        | Action::EnqueueUnmarked { message }
        | Action::Arrive { message }
        | Action::ArriveLate { message }
        | Action::Drain { message, .. } => accepted(rules, before, message, reply, after),
        Action::Take { worker, .. } => super::taken::judge(rules, before, worker, reply, after),
        Action::Reopen => super::taken::judge_reopening(rules, before, after),
        Action::TakeLate { .. } => must(before.store == after.store, Breach::LateTakeChangedSomething),
        Action::Renew { worker, at }
        | Action::Record { worker, at }
        | Action::CountPart { worker, at }
        | Action::Settle { worker, at, .. } => {
            let hand = before.worker(worker).hands[at];
            if !is_valid(before, &hand) {
                let nothing = *reply == Reply::LeaseLost && before.store == after.store;
                must(nothing, Breach::StaleTokenChangedSomething)
            } else if *reply == Reply::Answered {
                came_again(before, &hand, after)
            } else if *reply == Reply::NobodyWaits {
                let nobody = before.lane(hand.lane).newest.is_none() && before.store == after.store;
                must(nobody, Breach::CurrentTokenWasRefused)
            } else if *reply != Reply::Done {
                Err(Breach::CurrentTokenWasRefused)
            } else {
                held_by(rules, before, action, &hand, after)
            }
        }
        Action::Answer { message, value } => answered(before, message, value, reply, after),
        Action::Revive { message } => {
            after.history.revived.add(message);
            after.history.losses[usize::from(message)] = 0;
            after.history.answers[usize::from(message)] = None;
            let record = after.store.records[usize::from(message)];
            must(record == Default::default(), Breach::RevivedIsNotFresh)
        }
        Action::Drop { message } => {
            after.history.gone.add(message);
            Ok(())
        }
        Action::SendPart { .. } => match *reply {
            Reply::PartSent(part) => responded::written(part, true, after),
            _ => Ok(()),
        },
        Action::Respond { by, fate } => match before.try_of(by) {
            Try::Has(part) if fate != Fate::Unwritten => {
                responded::written(part, fate == Fate::Arrives, after)
            }
            _ => Ok(()),
        },
        Action::Claim { by, .. } => responded::claimed(rules, before, by, reply, after),
        Action::Confirm { by } => responded::confirmed(rules, before, by, after),
        _ => Ok(()),
    };
    after.breach = verdict.err();
}

/// A rule that holds or is broken.
pub(crate) fn must(holds: bool, breach: Breach) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(breach) }
}

/// Whether this hand has the current token of its lane, for the message it thinks it has.
pub(crate) fn is_valid(state: &State, hand: &Hand) -> bool {
    let lane = state.lane(hand.lane);
    lane.lease.is_some() && lane.token == Some(hand.token) && lane.current() == Some(hand.message)
}

fn accepted(
    rules: &Rules,
    before: &State,
    message: Message,
    reply: &Reply,
    after: &mut State,
) -> Result<(), Breach> {
    if *reply != Reply::New {
        return must(before.store == after.store, Breach::RefusedAcceptChangedSomething);
    }
    must(after.history.stored.add(message), Breach::AcceptedTwice)?;
    let push = rules.push(message);
    let held = &before.lane(push.lane).held;
    let lane = after.lane(push.lane);
    must(lane.current() == before.lane(push.lane).current(), Breach::OtherMessageThanTheCurrent)?;
    match push.effect {
        Effect::Wake => {
            let waiting = lane.second.iter().filter(|&&m| lane.current() != Some(m));
            let in_order = waiting.take(held.len()).eq(held.iter());
            must(lane.held.is_empty() && in_order, Breach::HeldWokeWrongly)?;
            let current = after.history.current[usize::from(push.lane)];
            for hand in after.workers.iter_mut().flat_map(|worker| &mut worker.hands) {
                hand.woken |= hand.lane == push.lane && current == Some(hand.message);
            }
            Ok(())
        }
        Effect::Bury => {
            let all_dead = held.iter().all(|&m| after.store.dead.has(m));
            must(lane.held.is_empty() && all_dead, Breach::HeldWokeWrongly)?;
            must(lane.memory.is_none(), Breach::MemoryOutlivesItsUser)?;
            if let Some(current) = after.history.current[usize::from(push.lane)] {
                after.history.left.add(current);
            }
            Ok(())
        }
        Effect::Leave | Effect::Unreadable | Effect::Fetch => {
            must(lane.held == *held, Breach::HeldWokeWrongly)
        }
    }
}

/// Whether the message has a winning answer by call back that no worker was given yet.
fn is_unheard(state: &State, message: Message) -> bool {
    let at = usize::from(message);
    state.history.answers[at].is_some() && !state.store.records[at].answer_given
}

/// A holder heard that an answer has come which it doesn't know.
fn came_again(before: &State, hand: &Hand, after: &State) -> Result<(), Breach> {
    must(is_unheard(before, hand.message), Breach::CurrentTokenWasRefused)?;
    let record = |state: &State| state.store.records[usize::from(hand.message)];
    must(record(before) == record(after), Breach::AnswerNotHeard)?;
    must(after.lane(hand.lane).current() == Some(hand.message), Breach::OtherMessageThanTheCurrent)?;
    has_had_its_turn(after, hand.lane)
}

/// What the holder of a current token did.
fn held_by(
    rules: &Rules,
    before: &State,
    action: Action,
    hand: &Hand,
    after: &mut State,
) -> Result<(), Breach> {
    let no = usize::from(hand.lane);
    let message = hand.message;
    let ends_or_replies = matches!(
        action,
        Action::Record { .. }
            | Action::Settle { how: Settle::Complete | Settle::Bury | Settle::Hold | Settle::HoldAnswer, .. }
    );
    must(!(ends_or_replies && is_unheard(before, message)), Breach::AnswerNotHeard)?;
    let keeps_the_head = |after: &State| {
        must(after.lane(hand.lane).current() == Some(message), Breach::OtherMessageThanTheCurrent)
    };
    match action {
        Action::Renew { .. } => {
            after.history.confirmed[no] = true;
            keeps_the_head(after)
        }
        Action::Record { .. } => {
            let first = !before.store.records[usize::from(message)].replies;
            let writes = first && !after.history.left.has(message);
            let expected = if writes { Some(message) } else { before.lane(hand.lane).memory };
            must(after.lane(hand.lane).memory == expected, Breach::MemoryOfAnOlderAnswer)
        }
        Action::Settle { how: Settle::Complete | Settle::Bury, .. } => {
            if matches!(action, Action::Settle { how: Settle::Complete, .. }) {
                responded::all_are_out(rules, message, after)?;
                after.history.gone.add(message);
            }
            after.history.current[no] = None;
            after.history.left.remove(message);
            has_had_its_turn(after, hand.lane)
        }
        Action::Settle { how: Settle::Release, .. } => {
            let store = &after.store;
            let first = [store.ready.first(), store.suspects.first()].contains(&Some(&hand.lane));
            must(first, Breach::NotFirstInLine)?;
            keeps_the_head(after)
        }
        Action::Settle { how: Settle::Hold | Settle::HoldAnswer, .. } => {
            let is_held = after.lane(hand.lane).held.contains(&message) || after.store.dead.has(message);
            must(is_held != hand.woken, Breach::HoldMissedItsWake)?;
            if hand.woken {
                return keeps_the_head(after);
            }
            after.history.current[no] = None;
            after.history.left.remove(message);
            // It has been handled, so it is no suspect any more.
            after.history.losses[usize::from(message)] = 0;
            has_had_its_turn(after, hand.lane)
        }
        _ => keeps_the_head(after),
    }
}

/// A lane that has had its turn is behind all others.
pub(crate) fn has_had_its_turn(after: &State, no: u8) -> Result<(), Breach> {
    let last = [after.store.ready.last(), after.store.suspects.last()].contains(&Some(&no));
    let is_ready = after.store.ready.contains(&no) || after.store.suspects.contains(&no);
    must(last || !is_ready, Breach::NotLastInLine)
}

fn answered(
    before: &State,
    message: Message,
    value: u8,
    reply: &Reply,
    after: &mut State,
) -> Result<(), Breach> {
    let won = &mut after.history.answers[usize::from(message)];
    let fits = match reply {
        Reply::Done => won.replace(value).is_none(),
        // Its handler may also have answered at once.
        Reply::Already => {
            let replied = before.store.records[usize::from(message)].replies;
            (won.is_some() || replied) && before.store == after.store
        }
        _ => won.is_none() && before.store == after.store,
    };
    must(fits && after.store.records[usize::from(message)].answer == *won, Breach::AnswerNotFirstWins)
}

/// Whether its receiver has told WeChat that it has this message.
pub(crate) fn is_acknowledged(state: &State, message: Message) -> bool {
    matches!(state.doors[usize::from(message)], Door::Spooled | Door::Done)
}
