//! Answers that go out in the response of a push.

use std::cmp::Ordering;

use bytes::Bytes;

use super::lane::{Claim, Message, Phase, Response};
use super::state::{End, Newest, Push, State, Value, noted};
use crate::clock::micros;
use crate::{
    CLAIM_FOR, ClaimOutcome, Claimed, Class, Closed, Lane, Lease, MessageId, OFFER_LEAST, OpenPush,
    PUSH_KEPT_FOR, PushAnswer, PushTry, QueueError, Scope, Settled,
};

impl State {
    pub(super) fn open(&mut self, lane: &Lane, push: &OpenPush) -> u32 {
        let known = self.push(&push.id);
        known.tries += 1;
        let tries = known.tries;
        let until_us = self.now_us + micros(push.open_for);
        let newest = Newest { push: push.id.clone(), receiver: push.receiver.clone(), until_us };
        self.newest.insert(lane.clone(), newest);
        tries
    }

    /// What is known of a push, from now on for some time.
    fn push(&mut self, id: &MessageId) -> &mut Push {
        let now_us = self.now_us;
        self.pushes.retain(|_, push| push.until_us > now_us);
        let push = self.pushes.entry(id.clone()).or_default();
        push.until_us = now_us + micros(PUSH_KEPT_FOR);
        push
    }

    /// The newest push of a lane, while it is open.
    fn newest(&self, lane: &Lane) -> Option<&Newest> {
        self.newest.get(lane).filter(|newest| newest.until_us > self.now_us)
    }

    /// The receiver that should look at a lane.
    pub(super) fn listener(&self, lane: &Lane) -> Option<String> {
        self.newest(lane).map(|newest| newest.receiver.clone())
    }

    pub(super) fn offer(&mut self, lease: &Lease, answer: PushAnswer) -> Result<Settled, QueueError> {
        self.current(lease)?;
        let least_us = self.now_us + micros(OFFER_LEAST);
        let Some(until_us) = self.newest(&lease.lane).map(|newest| newest.until_us) else {
            return Ok(Settled::NobodyWaits);
        };
        if until_us < least_us {
            return Ok(Settled::NobodyWaits);
        }
        self.end_here(lease)?;
        self.keep_answer(lease, answer)?;
        let current = self.current(lease)?;
        (current.timed_out, current.gives_way_us) = (false, None);
        current.message.note = noted(lease);
        if let Some(response) = &mut current.message.response {
            response.offered_until_us = until_us;
        }
        self.lanes.entry(lease.lane.clone()).or_default().place =
            Phase::Delayed { until_us, awaiting: false };
        Ok(Settled::AsAsked)
    }

    /// Keeps an answer with the current message, as a record with replies does.
    pub(super) fn keep_answer(&mut self, lease: &Lease, answer: PushAnswer) -> Result<(), QueueError> {
        let current = self.current(lease)?;
        let forgets = current.forgets;
        let progress = &mut current.message.progress;
        let are_first = progress.replies.is_none() && answer.replies.is_some();
        progress.sent = answer.sent;
        progress.replies = answer.replies.or(progress.replies.take());
        current.message.response = Some(Response {
            parts: answer.parts.into(),
            total: answer.total,
            dies_of: answer.dies_of,
            resend: answer.resend,
            offered_until_us: 0,
            claim: None,
        });
        if let Some(memory) = answer.memory.filter(|_| are_first && !forgets) {
            let value = Value::kept(memory.bytes, self.now_us, memory.keep_for);
            self.memories.insert(lease.lane.clone(), value);
        }
        Ok(())
    }

    /// A part for this try of a push. `late`: the call is applied too late.
    pub(super) fn claim(&mut self, name: &Lane, class: &Class, push: &PushTry, late: bool) -> Claimed {
        let mut unsure = 0;
        let outcome = if late { ClaimOutcome::NotYet } else { self.part_for(name, class, push, &mut unsure) };
        Claimed { outcome, unsure }
    }

    fn part_for(&mut self, name: &Lane, class: &Class, push: &PushTry, unsure: &mut u32) -> ClaimOutcome {
        let until_us = self.now_us + micros(CLAIM_FOR);
        let known = self.push(&push.id);
        match known.tries.cmp(&push.number) {
            Ordering::Greater => return ClaimOutcome::Superseded,
            // The store has forgotten it.
            Ordering::Less => return ClaimOutcome::NotYet,
            Ordering::Equal => {}
        }
        if let Some((bytes, more)) = known.part.clone() {
            if let Some(claim) = self.claimed_by(name, &push.id) {
                *claim = Claim { push: push.clone(), until_us };
                self.delay_claimed(name, &push.id, until_us);
            }
            return ClaimOutcome::Part { bytes, more };
        }
        if self.newest(name).is_some_and(|newest| newest.push != push.id) {
            return ClaimOutcome::Superseded;
        }
        let is_idle = self.lanes.get(name).is_none_or(super::lane::Lane::is_idle);
        if is_idle && self.answers(name).all(|message| message.response.is_none()) {
            return ClaimOutcome::Idle;
        }
        let scopes = [Scope::All, Scope::Class(class.clone()), Scope::Lane(name.clone())];
        if scopes.iter().any(|scope| self.paused.contains_key(scope)) || self.is_claimed(name) {
            return ClaimOutcome::NotYet;
        }
        *unsure += self.settle_overdue(name);
        let Some(bytes) = self.announce_next(name, push, until_us) else {
            let is_idle = self.lanes.get(name).is_none_or(super::lane::Lane::is_idle);
            return if is_idle { ClaimOutcome::Idle } else { ClaimOutcome::NotYet };
        };
        let more = self.has_more(name);
        self.newest.remove(name);
        self.push(&push.id).part = Some((bytes.clone(), more));
        ClaimOutcome::Part { bytes, more }
    }

    /// The messages of a lane whose answers may go out: the held ones in their order, then the current one.
    fn answers(&mut self, name: &Lane) -> impl Iterator<Item = &mut Message> {
        let lane = self.lanes.get_mut(name).into_iter();
        lane.flat_map(|lane| {
            let held = lane.held.iter_mut().map(|held| &mut held.message);
            held.chain(lane.current.iter_mut().map(|current| &mut current.message))
        })
    }

    fn claimed_by(&mut self, name: &Lane, push: &MessageId) -> Option<&mut Claim> {
        let claims = self.answers(name).filter_map(|message| message.response.as_mut()?.claim.as_mut());
        claims.into_iter().find(|claim| claim.push.id == *push)
    }

    /// A claim of the current message keeps its lane delayed.
    fn delay_claimed(&mut self, name: &Lane, push: &MessageId, claimed_until_us: u64) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        let response = lane.current.as_ref().and_then(|current| current.message.response.as_ref());
        let claim = response.and_then(|response| response.claim.as_ref());
        if claim.is_some_and(|claim| claim.push.id == *push) {
            lane.place = Phase::Delayed { until_us: claimed_until_us, awaiting: false };
        }
    }

    /// Whether a part of the lane is claimed, by anybody.
    fn is_claimed(&mut self, name: &Lane) -> bool {
        let now_us = self.now_us;
        let mut claims = self.answers(name).filter_map(|message| message.response.as_ref()?.claim.as_ref());
        claims.any(|claim| claim.until_us > now_us)
    }

    /// Held parts whose claims ran out go out again, or count as sent. Says how many there were.
    fn settle_overdue(&mut self, name: &Lane) -> u32 {
        let Some(lane) = self.lanes.get_mut(name) else { return 0 };
        let (mut overdue, mut over) = (0, Vec::new());
        for held in &mut lane.held {
            let Some(response) = held.message.response.as_mut().filter(|one| one.claim.is_some()) else {
                continue;
            };
            overdue += 1;
            response.claim = None;
            held.message.progress.sending = None;
            if !response.resend && held.message.part_written() {
                over.push(held.message.id.clone());
            }
        }
        for id in over {
            self.end_held(name, &id);
        }
        overdue
    }

    /// The next part of the lane, claimed for this try.
    fn announce_next(&mut self, name: &Lane, push: &PushTry, until_us: u64) -> Option<Bytes> {
        let now_us = self.now_us;
        let lane = self.lanes.get(name)?;
        let is_offered = matches!(lane.place, Phase::Delayed { .. }) && lane.closed != Some(Closed::Ended);
        let held = lane.held.len();
        let message = self.answers(name).enumerate().find_map(|(place, message)| {
            let response = message.response.as_ref()?;
            let is_open = place < held || is_offered && response.offered_until_us > now_us;
            is_open.then_some(message)
        })?;
        message.progress.sending = Some(message.progress.sent);
        let response = message.response.as_mut()?;
        response.claim = Some(Claim { push: push.clone(), until_us });
        let bytes = response.parts.front().cloned();
        self.delay_claimed(name, &push.id, until_us);
        bytes
    }

    /// Whether more may come from the lane after what is claimed now.
    fn has_more(&mut self, name: &Lane) -> bool {
        let others = self
            .answers(name)
            .filter_map(|message| message.response.as_ref())
            .any(|response| response.claim.is_none() || response.parts.len() > 1);
        let Some(lane) = self.lanes.get(name) else { return others };
        let current = lane.current.as_ref().is_some_and(|current| {
            current.message.response.as_ref().is_none_or(|response| {
                response.claim.is_none() || current.message.progress.sent + 1 < response.total
            })
        });
        others || current || !lane.first.is_empty() || !lane.older.is_empty()
    }

    /// Ends the claim of a try.
    pub(super) fn confirm(&mut self, name: &Lane, push: &PushTry, written: bool) {
        let (now_us, known) = (self.now_us, self.push(&push.id));
        if known.tries != push.number || known.part.is_none() {
            return;
        }
        let is_this = |message: &&mut Message| {
            let claim = message.response.as_ref().and_then(|response| response.claim.as_ref());
            claim.is_some_and(|claim| claim.push == *push)
        };
        // What an earlier try wrote stays known: the next try gets it again.
        let Some(message) = self.answers(name).find(is_this) else { return };
        message.progress.sending = None;
        let (id, mut offered_until_us) = (message.id.clone(), 0);
        if let Some(response) = &mut message.response {
            response.claim = None;
            offered_until_us = response.offered_until_us;
        }
        let is_over = written && message.part_written();
        if !written {
            self.push(&push.id).part = None;
        }
        let current = self.lanes.get(name).and_then(|lane| lane.current.as_ref());
        match (current.is_some_and(|current| current.message.id == id && offered_until_us > 0), is_over) {
            (false, false) => {}
            (false, true) => self.end_held(name, &id),
            (true, true) => {
                if let Some(message) = self.go_on(name) {
                    self.end_answered(name, message);
                }
            }
            (true, false) if !written && offered_until_us > now_us => {
                let place = Phase::Delayed { until_us: offered_until_us, awaiting: false };
                self.lanes.entry(name.clone()).or_default().place = place;
            }
            (true, false) => {
                if let Some(current) = self.lanes.get_mut(name).and_then(|lane| lane.current.as_mut()) {
                    current.message.response = None;
                }
                self.make_ready(name, End::Front);
            }
        }
    }

    fn end_held(&mut self, name: &Lane, id: &MessageId) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        let Some(place) = lane.held.iter().position(|held| held.message.id == *id) else { return };
        if let Some(held) = lane.held.remove(place) {
            self.end_answered(name, held.message);
        }
    }

    /// All its parts are written.
    fn end_answered(&mut self, name: &Lane, message: Message) {
        let dies_of = message.response.as_ref().and_then(|response| response.dies_of.clone());
        self.end(name, message, dies_of.as_deref());
    }
}
