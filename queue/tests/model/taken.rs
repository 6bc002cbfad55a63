//! The rules for a take: the step that does most.

use crate::actions::Reply;
use crate::history::{Breach, is_acknowledged, must};
use crate::responded;
use crate::rules::Rules;
use crate::state::{Hand, Lane, Lease, State};
use crate::taking::{DEADLY_LOSSES, SUSPECT_LOSSES};

/// Judges a take, and writes down what it did.
pub(crate) fn judge(
    rules: &Rules,
    before: &State,
    worker: u8,
    reply: &Reply,
    after: &mut State,
) -> Result<(), Breach> {
    let Reply::Given { given, again } = reply else { return Ok(()) };
    let batch = &before.store.batches[usize::from(worker)];
    if let Some(batch) = batch.as_ref().filter(|_| *again) {
        // What is still leased under the batch's token comes again, and nothing else does.
        let mut left = batch.lanes.iter().filter(|&&lane| before.lane(lane).token == Some(batch.token));
        let same = given.iter().all(|hand| left.next() == Some(&hand.lane) && hand.token == batch.token);
        return must(same && left.next().is_none(), Breach::RepeatedTakeDiffers);
    }
    let counts = |lease| (!before.store.pausing).then_some(lease).filter(|&lease| lease != Lease::Running);
    let over = (0..rules.setup.lanes).filter(|&no| has_an_offer_over(before.lane(no), before)).collect();
    reclaimed(rules, before, counts, (over, given), after)?;
    for hand in given {
        if hand.unsure {
            responded::unsure(before, hand.message, after);
        }
        let was = before.lane(hand.lane);
        must(!was.paused && !before.store.gate_closed, Breach::PausedWasTaken)?;
        must(was.delay.is_none_or(|delay| delay.due), Breach::LivingLeaseTaken)?;
        started(rules, before, hand, after)?;
    }
    Ok(())
}

/// Judges what an embedded queue did when it was opened again: it took all leases back.
pub(crate) fn judge_reopening(rules: &Rules, before: &State, after: &mut State) -> Result<(), Breach> {
    reclaimed(rules, before, |_| Some(Lease::RanOut), (Vec::new(), &[]), after)
}

/// Whether its current message was offered or claimed, and the time for that is over.
fn has_an_offer_over(lane: &Lane, state: &State) -> bool {
    let is_offer = |message| state.answer_of(message).response.is_some();
    lane.delay.is_some_and(|delay| delay.due) && !lane.paused && lane.current().is_some_and(is_offer)
}

/// What was done to leases. For each one to be taken back, `ended` says how it counts. Like them, `first_in_line` are in front of
/// all others.
fn reclaimed(
    rules: &Rules,
    before: &State,
    ended: impl Fn(Lease) -> Option<Lease>,
    (mut first_in_line, given): (Vec<u8>, &[Hand]),
    after: &mut State,
) -> Result<(), Breach> {
    for no in 0..rules.setup.lanes {
        let was = before.lane(no);
        let Some(lease) = was.lease else { continue };
        let Some(lease) = ended(lease) else {
            must(after.lane(no).token == was.token, Breach::LivingLeaseTaken)?;
            continue;
        };
        let Some(message) = was.current() else { continue };
        let losses = &mut after.history.losses[usize::from(message)];
        let counts = rules.setup.poison && lease == Lease::RanOut;
        *losses += u8::from(counts && (before.history.confirmed[usize::from(no)] || *losses == 0));
        if *losses >= DEADLY_LOSSES {
            after.history.current[usize::from(no)] = None;
        } else if *losses < SUSPECT_LOSSES && !was.paused {
            first_in_line.push(no);
        }
    }
    // They are what is given first, and what stays is in front of all others.
    let ordinary = |hand: &&Hand| after.history.losses[usize::from(hand.message)] < SUSPECT_LOSSES;
    let line = given.iter().filter(ordinary).map(|hand| hand.lane).chain(after.store.ready.iter().copied());
    let unpaused = line.filter(|&no| !before.lane(no).paused);
    let mut front: Vec<u8> = unpaused.take(first_in_line.len()).collect();
    front.sort_unstable();
    first_in_line.sort_unstable();
    must(front == first_in_line, Breach::NotFirstInLine)
}

/// A message is given to a worker.
fn started(rules: &Rules, before: &State, hand: &Hand, after: &mut State) -> Result<(), Breach> {
    let message = hand.message;
    must(!before.store.dead.has(message) && !before.history.gone.has(message), Breach::EndedMessageRan)?;
    let current = &mut after.history.current[usize::from(hand.lane)];
    must(current.is_none_or(|current| current == message), Breach::OtherMessageThanTheCurrent)?;
    *current = Some(message);
    after.history.confirmed[usize::from(hand.lane)] = false;
    if !after.history.started.add(message) {
        return Ok(());
    }
    // Its first start: nothing that came earlier to the same receiver may still wait for its own.
    let mut earlier = (0..message).filter(|&earlier| rules.share_order(earlier, message));
    let overtaken = earlier.any(|m| {
        let history = &before.history;
        let is_known = history.stored.has(m) || is_acknowledged(before, m);
        let has_begun = history.started.has(m) || history.gone.has(m) || before.store.dead.has(m);
        is_known && !has_begun && !history.revived.has(m)
    });
    must(!overtaken, Breach::StartedOutOfOrder)
}
