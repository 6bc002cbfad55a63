//! Answers that go out in the response of a push.
//!
//! A claim is a write only if it gives something: receivers look again and again, and a look that finds nothing costs no fsync.

use std::time::Duration;

use async_trait::async_trait;

use super::end::end;
use super::ending::Ending;
use super::now::stored;
use super::response::Response;
use super::step_error::StepError;
use super::work::Step;
use super::{SqliteQueue, held, lane, pause, push, response};
use crate::clock::micros;
use crate::{CLAIM_FOR, ClaimOutcome, Claimed, Class, Lane, OpenPush, PushTry, QueueError, Responder, Scope};

#[async_trait]
impl Responder for SqliteQueue {
    async fn open(&self, lane: &Lane, push: &OpenPush) -> Result<u32, QueueError> {
        let (lane, push) = (lane.clone(), push.clone());
        self.urgent(0, move |step| push::open(step, &lane, &push)).await
    }

    async fn claim(
        &self,
        lane: &Lane,
        class: &Class,
        push: &PushTry,
        within: Duration,
    ) -> Result<Claimed, QueueError> {
        let deadline_us = self.now.us().saturating_add(stored(micros(within)));
        let (lane, class, push) = (lane.clone(), class.clone(), push.clone());
        self.urgent(0, move |step| {
            let mut unsure = 0;
            let outcome = match step.now_us > deadline_us {
                true => ClaimOutcome::NotYet,
                false => part_for(step, &lane, &class, &push, &mut unsure)?,
            };
            Ok(Claimed { outcome, unsure })
        })
        .await
    }

    async fn confirm(&self, lane: &Lane, push: &PushTry, written: bool) -> Result<(), QueueError> {
        let (lane, push) = (lane.clone(), push.clone());
        self.urgent(0, move |step| confirm(step, &lane, &push, written)).await
    }

    async fn announce(&self, lane: &Lane) -> Result<(), QueueError> {
        let name = lane.clone();
        let listener = self.look(move |step| push::listener(step, &name)).await?;
        self.tell(listener, lane);
        Ok(())
    }

    async fn news(&self, receiver: &str, at_most: Duration) -> Result<Vec<Lane>, QueueError> {
        Ok(self.news.take(receiver, at_most).await)
    }
}

fn part_for(
    step: &mut Step<'_>,
    lane: &Lane,
    class: &Class,
    push: &PushTry,
    unsure: &mut u32,
) -> Result<ClaimOutcome, StepError> {
    let known = match push::find(step, &push.id)? {
        Some(known) if known.tries > push.number => return Ok(ClaimOutcome::Superseded),
        Some(known) if known.tries == push.number => known,
        // It was forgotten here.
        _ => return Ok(ClaimOutcome::NotYet),
    };
    let until_us = step.now_us.saturating_add(stored(micros(CLAIM_FOR)));
    let mut responses = response::all(step, lane)?;
    if let Some(part) = known.part {
        push::keep(step, &push.id, Some(&part))?;
        let claimed = |one: &&Response| one.claim.as_ref().is_some_and(|claim| claim.push.id == push.id);
        if let Some(response) = responses.iter().find(claimed) {
            response.reclaim(step, push, until_us)?;
        }
        let (bytes, more) = part;
        return Ok(ClaimOutcome::Part { bytes, more });
    }
    if push::newest(step, lane)?.is_some_and(|newest| newest.push != push.id) {
        return Ok(ClaimOutcome::Superseded);
    }
    let standing = lane::standing(step, lane.as_str())?;
    if responses.is_empty() && standing.is_none() {
        return Ok(ClaimOutcome::Idle);
    }
    let now_us = step.now_us;
    let is_claimed = responses.iter().flat_map(|one| &one.claim).any(|claim| claim.until_us > now_us);
    if is_claimed || is_paused(step, lane, class)? {
        return Ok(ClaimOutcome::NotYet);
    }
    *unsure = settle_overdue(step, &responses)?;
    if *unsure > 0 {
        responses = response::all(step, lane)?;
    }
    let is_open = |one: &Response| match one.offered_until_us {
        None => true,
        Some(until_us) => until_us > now_us && standing.as_ref().is_some_and(|lane| lane.may_offer),
    };
    let Some(at) = responses.iter().position(is_open) else {
        return Ok(if standing.is_none() { ClaimOutcome::Idle } else { ClaimOutcome::NotYet });
    };
    let bytes = responses[at].claim(step, push, until_us)?;
    let more = standing.is_some_and(|lane| lane.has_unanswered)
        || responses.iter().enumerate().any(|(n, response)| has_more(response, n == at));
    push::close(step, lane)?;
    push::keep(step, &push.id, Some(&(bytes.clone(), more)))?;
    Ok(ClaimOutcome::Part { bytes, more })
}

fn is_paused(step: &Step<'_>, lane: &Lane, class: &Class) -> Result<bool, StepError> {
    for scope in [Scope::All, Scope::Class(class.clone()), Scope::Lane(lane.clone())] {
        if pause::is_paused(step, &scope)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Held parts whose claims ran out go out again, or count as sent. Says how many there were.
fn settle_overdue(step: &mut Step<'_>, responses: &[Response]) -> Result<u32, StepError> {
    let mut overdue = 0;
    for response in responses {
        let Ending::Held { no } = response.of else { continue };
        if response.claim.is_some() {
            overdue += 1;
            if response.release(step, !response.resend)? {
                held::end_answered(step, no, response.dies_of.as_deref())?;
            }
        }
    }
    Ok(overdue)
}

/// Whether more may come of an answer after the part that is claimed now. `claimed`: it is this one's.
fn has_more(response: &Response, claimed: bool) -> bool {
    let is_current = matches!(response.of, Ending::Current { .. });
    !claimed && response.claim.is_none()
        || response.left > 1
        || is_current && response.sent.saturating_add(1) < response.total
}

fn confirm(step: &mut Step<'_>, lane: &Lane, push: &PushTry, written: bool) -> Result<(), StepError> {
    let known = push::find(step, &push.id)?.filter(|known| known.tries == push.number);
    let Some(part) = known.and_then(|known| known.part) else { return Ok(()) };
    let responses = response::all(step, lane)?;
    let is_this = |one: &&Response| one.claim.as_ref().is_some_and(|claim| claim.push == *push);
    // What an earlier try wrote stays known: the next try gets it again.
    let Some(response) = responses.iter().find(is_this) else { return Ok(()) };
    push::keep(step, &push.id, Some(&part).filter(|_| written))?;
    let is_over = response.release(step, written)?;
    let dies_of = response.dies_of.as_deref();
    match (response.of, response.offered_until_us) {
        (Ending::Held { no }, _) if is_over => held::end_answered(step, no, dies_of),
        (Ending::Held { .. }, _) => Ok(()),
        (current, _) if is_over => end(step, current, dies_of, &[]).map(|_| ()),
        (_, Some(until_us)) if !written && until_us > step.now_us => response.delay(step, until_us),
        (Ending::Current { lane, .. }, _) => {
            response.drop(step)?;
            lane::to_front(step, lane)
        }
    }
}
