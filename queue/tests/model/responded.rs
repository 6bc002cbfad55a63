//! The rules for answers in the responses of pushes, and for the parts of answers in general.

use crate::actions::Reply;
use crate::history::{Breach, has_had_its_turn, must};
use crate::response::{Part, PushTry, Try};
use crate::rules::Rules;
use crate::state::{Message, Set, State, Store};

/// A part reaches its user, or is only written. If they have seen it before, it must have been counted as unsure.
pub(crate) fn written(part: Part, arrives: bool, after: &mut State) -> Result<(), Breach> {
    let shown = &mut after.history.shown[usize::from(part.message)];
    shown.written.add(part.no);
    must(!arrives || shown.seen.add(part.no) || shown.unsure.has(part.no), Breach::PartWentTwoWays)
}

/// It isn't known whether a part is out.
pub(crate) fn unsure(state: &State, message: Message, after: &mut State) {
    if let Some(shown) = after.history.shown.get_mut(usize::from(message)) {
        shown.unsure.add(state.answer_of(message).sent);
    }
}

/// A receiver asked for a part.
pub(crate) fn claimed(
    rules: &Rules,
    before: &State,
    by: PushTry,
    reply: &Reply,
    after: &mut State,
) -> Result<(), Breach> {
    let Reply::Claimed { part, unsure: uncounted } = *reply else { return Ok(()) };
    for message in (0..rules.messages()).filter(|&message| uncounted.has(message)) {
        unsure(before, message, after);
    }
    let no = rules.push(by.0).lane;
    ended(rules, before, no, after)?;
    let got = before.history.shown[usize::from(by.0)].given;
    if got.is_some() && before.store.pushes[usize::from(by.0)].tries == by.1 {
        return must(part == got, Breach::RetryDiffers);
    }
    let Some(part) = part else { return Ok(()) };
    after.history.shown[usize::from(by.0)].given = Some(part);
    must(rules.push(part.message).lane == no, Breach::AnotherUsersAnswer)?;
    let lane = before.lane(no);
    must(!lane.paused && !before.store.gate_closed, Breach::PausedWasTaken)?;
    let is_held = lane.held.contains(&part.message);
    let is_offered = before.answer_of(part.message).response.is_some_and(|response| response.offered);
    let is_open = lane.delay.is_some() && is_offered && !before.history.left.has(part.message);
    must(is_held || is_open && lane.current() == Some(part.message), Breach::WithdrawnWasClaimed)?;
    let mut older = after.lane(no).held.iter().take_while(|&&message| message != part.message);
    let is_first = older.all(|&message| after.answer_of(message).response.is_none());
    must(is_first && are_out(after, part.message, part.no), Breach::OlderPartWasPassed)
}

/// A receiver said what became of a response.
pub(crate) fn confirmed(rules: &Rules, before: &State, by: PushTry, after: &mut State) -> Result<(), Breach> {
    let no = rules.push(by.0).lane;
    if let Some(message) = before.claimed_by(no, by) {
        let lane = after.lane(no);
        let comes_again = lane.current() == Some(message) && lane.delay.is_none();
        let is_first = after.store.ready.first() == Some(&no);
        must(!comes_again || is_first, Breach::NotFirstInLine)?;
    } else {
        let unchanged = Store { pushes: before.store.pushes.clone(), ..after.store.clone() };
        must(unchanged == before.store, Breach::StaleConfirmChangedSomething)?;
    }
    ended(rules, before, no, after)?;
    let is_undone = before.claimed_by(no, by).is_some() && before.try_of(by) == Try::Unwritten;
    if is_undone && before.store.pushes[usize::from(by.0)].tries == by.1 {
        after.history.shown[usize::from(by.0)].given = None;
    }
    Ok(())
}

/// Messages of a lane that a response has ended.
fn ended(rules: &Rules, before: &State, no: u8, after: &mut State) -> Result<(), Breach> {
    let has = |state: &State, message| {
        let lane = state.lane(no);
        [&lane.first, &lane.second, &lane.held].iter().any(|list| list.contains(&message))
    };
    for message in 0..rules.messages() {
        if !has(before, message) || has(after, message) || after.store.dead.has(message) {
            continue;
        }
        all_are_out(rules, message, after)?;
        after.history.gone.add(message);
        if after.history.current[usize::from(no)] == Some(message) {
            after.history.current[usize::from(no)] = None;
            after.history.left.remove(message);
            has_had_its_turn(after, no)?;
        }
    }
    Ok(())
}

/// A message may end: none of its parts is left.
pub(crate) fn all_are_out(rules: &Rules, message: Message, after: &State) -> Result<(), Breach> {
    must(are_out(after, message, rules.setup.parts), Breach::PartsWereLeft)
}

/// Whether so many of its parts are written or unsure.
fn are_out(state: &State, message: Message, parts: u8) -> bool {
    let Some(shown) = state.history.shown.get(usize::from(message)) else { return true };
    let is_in = |set: Set, no| set.has(no);
    (0..parts).all(|no| is_in(shown.written, no) || is_in(shown.unsure, no))
}
