//! Answers that go out in the response of a push: the calls of receivers that keep pushes open, and what a worker does with
//! the parts of an answer.

use crate::actions::Reply;
use crate::mutants::Mutant;
use crate::response::{Answer, Claim, Fate, Part, PushTry, Response, Try};
use crate::rules::Rules;
use crate::state::{Delay, Hand, Message, Set, State};

const ANEW: Delay = Delay { due: false, awaiting: false };

impl State {
    /// WeChat tries a push, once more or for the first time.
    pub(crate) fn open(&mut self, rules: &Rules, push: Message) {
        self.store.pushes[usize::from(push)].tries += 1;
        self.lane_mut(rules.push(push).lane).newest = Some(push);
    }

    /// A receiver asks for a part. If it doesn't hear the answer, it knows that it will write nothing.
    pub(crate) fn claim(&mut self, rules: &Rules, by: PushTry, heard: bool) -> Reply {
        let mut unsure = Set::default();
        let part = self.part_for(rules, by, &mut unsure);
        *self.try_mut(by) = match part {
            _ if !heard => Try::Unwritten,
            Some(part) => Try::Has(part),
            None => Try::Waits,
        };
        Reply::Claimed { part, unsure }
    }

    fn part_for(&mut self, rules: &Rules, by: PushTry, unsure: &mut Set) -> Option<Part> {
        let no = if rules.is(Mutant::ClaimLooksIntoAnotherLane) { 0 } else { rules.push(by.0).lane };
        let known = self.store.pushes[usize::from(by.0)];
        if known.tries != by.1 {
            return None;
        }
        if known.given.is_some() && !rules.is(Mutant::RetryGetsTheNextPart) {
            if let Some(message) = self.find_claim(no, |claim| claim.by.0 == by.0) {
                self.move_claim(no, message, by);
            }
            return known.given;
        }
        let lane = self.lane(no);
        let is_paused = (self.store.gate_closed || lane.paused) && !rules.is(Mutant::ClaimIgnoresPause);
        let is_claimed = |claim: Claim| !claim.over || rules.is(Mutant::OverdueClaimStands);
        let another_is_open = lane.newest.is_some_and(|newest| newest != by.0);
        if another_is_open || is_paused || self.find_claim(no, is_claimed).is_some() {
            return None;
        }
        self.settle_overdue(rules, no, unsure);
        let message = self.next_answer(rules, no)?;
        let answer = self.answer_mut(message)?;
        answer.sending = !rules.is(Mutant::ClaimIsNotAnnounced);
        let last = rules.is(Mutant::LastPartGoesFirst);
        let part = Part { message, no: if last { rules.setup.parts - 1 } else { answer.sent } };
        self.move_claim(no, message, by);
        self.lane_mut(no).newest = None;
        self.store.pushes[usize::from(by.0)].given = Some(part);
        Some(part)
    }

    /// The claim is this try's, with an end of its own; a current message's keeps the lane delayed.
    fn move_claim(&mut self, no: u8, message: Message, by: PushTry) {
        if let Some(response) = self.answer_mut(message).and_then(|answer| answer.response.as_mut()) {
            response.claim = Some(Claim { by, over: false });
        }
        let lane = self.lane_mut(no);
        if lane.current() == Some(message) && lane.delay.is_some() {
            lane.delay = Some(ANEW);
        }
    }

    /// The oldest held answer, else what the current message offers.
    fn next_answer(&self, rules: &Rules, no: u8) -> Option<Message> {
        let lane = self.lane(no);
        let is_open = |message: &Message| {
            let Some(response) = self.answer_of(*message).response else { return false };
            let has_left = lane.forgets && !rules.is(Mutant::UserWhoLeftGetsThePart);
            let is_offered = response.offered && lane.delay.is_some()
                || rules.is(Mutant::ClaimIgnoresTheEnd)
                || rules.is(Mutant::TakeLeavesTheOffer);
            lane.held.contains(message) || is_offered && !has_left
        };
        match rules.is(Mutant::CurrentGoesBeforeHeld) {
            true => lane.current().into_iter().chain(lane.answering()).find(is_open),
            false => lane.answering().find(is_open),
        }
    }

    /// Held parts whose claims ran out go out again, or count as sent.
    fn settle_overdue(&mut self, rules: &Rules, no: u8, unsure: &mut Set) {
        for message in self.lane(no).held.clone() {
            let Some(answer) = self.answer_mut(message) else { continue };
            let Some(response) = answer.response.as_mut().filter(|response| response.claim.is_some()) else {
                continue;
            };
            response.claim = None;
            answer.sending = false;
            if !rules.is(Mutant::OverdueIsNotCounted) {
                unsure.add(message);
            }
            if !rules.setup.resend && part_written(rules, answer) {
                self.lane_mut(no).held.retain(|held| *held != message);
            }
        }
    }

    /// A receiver says what became of the response; if it hears nothing, it doesn't ask again.
    pub(crate) fn confirm(&mut self, rules: &Rules, by: PushTry) {
        let written = self.try_of(by) == Try::Wrote;
        *self.try_mut(by) = if written { Try::Over } else { Try::Waits };
        let any_try = rules.is(Mutant::OlderTryConfirms);
        let known = &mut self.store.pushes[usize::from(by.0)];
        if known.tries != by.1 && !any_try {
            return;
        }
        if !written && rules.is(Mutant::UnwrittenForgetsASentPart) {
            known.given = None;
        }
        let no = rules.push(by.0).lane;
        let is_its = |claim: Claim| claim.by == by || any_try && claim.by.0 == by.0;
        let Some(message) = self.find_claim(no, is_its) else { return };
        if !written {
            self.store.pushes[usize::from(by.0)].given = None;
        }
        let Some(answer) = self.answer_mut(message) else { return };
        answer.sending = false;
        let counts = written || rules.is(Mutant::UnwrittenCountsAsSent);
        let is_over = counts && part_written(rules, answer);
        let still_offered = answer.response.as_mut().is_some_and(|response| {
            response.claim = None;
            response.offered && !written
        });
        let lane = self.lane_mut(no);
        if lane.current() != Some(message) {
            if is_over {
                lane.held.retain(|held| *held != message);
            }
            if rules.is(Mutant::HeldPartReadiesItsLane) {
                self.go_on(rules, no);
            }
            return;
        }
        lane.delay = Some(ANEW).filter(|_| still_offered && !is_over);
        if is_over {
            self.remove_current(rules, no);
            self.go_on(rules, no);
        } else if !still_offered {
            self.offer_is_over(rules, no);
        }
    }

    /// A current message whose offer or claim is over comes again, first in line: its turn had begun.
    pub(crate) fn offer_is_over(&mut self, rules: &Rules, no: u8) {
        let answer = self.lane(no).current().and_then(|message| self.answer_mut(message));
        if let Some(answer) = answer.filter(|_| !rules.is(Mutant::TakeLeavesTheOffer)) {
            answer.response = None;
            answer.sending &= !rules.is(Mutant::TakeForgetsTheSending);
        }
        if rules.is(Mutant::OverOfferGoesToTheEnd) {
            self.put_last(rules, no);
        } else if !rules.is(Mutant::OverOfferIsForgotten) {
            self.put_first(rules, no);
        }
    }

    /// A receiver writes the part that it has, or can't.
    pub(crate) fn respond(&mut self, by: PushTry, fate: Fate) {
        *self.try_mut(by) = if fate == Fate::Unwritten { Try::Unwritten } else { Try::Wrote };
        if fate == Fate::Arrives {
            self.answered.add(by.0);
        }
    }

    /// The end of the lane's delay passes: with it that of an offer, or of a claim.
    pub(crate) fn end_delay(&mut self, no: u8) {
        let lane = self.lane_mut(no);
        if let Some(delay) = &mut lane.delay {
            delay.due = true;
        }
        if let Some(message) = lane.current() {
            self.end_offer(message);
            self.end_claim(message);
        }
    }

    pub(crate) fn end_offer(&mut self, message: Message) {
        if let Some(response) = self.answer_mut(message).and_then(|answer| answer.response.as_mut()) {
            response.offered = false;
        }
    }

    pub(crate) fn end_claim(&mut self, message: Message) {
        if let Some(response) = self.answer_mut(message).and_then(|answer| answer.response.as_mut()) {
            response.claim = response.claim.map(|claim| Claim { over: true, ..claim });
        }
    }

    /// A worker offers the next part of its message.
    pub(crate) fn offer(&mut self, hand: &Hand) {
        self.unlease(hand.lane);
        self.lane_mut(hand.lane).delay = Some(ANEW);
        self.keep_answer(hand.message, true);
    }

    pub(crate) fn keep_answer(&mut self, message: Message, offered: bool) {
        if let Some(answer) = self.answer_mut(message) {
            answer.response = Some(Response { offered, claim: None });
        }
    }

    /// A worker announces the next part and sends it by a call of its own.
    pub(crate) fn send_part(&mut self, rules: &Rules, worker: u8, at: usize) -> Reply {
        let hand = self.worker(worker).hands[at];
        if !self.is_current(rules, &hand) && !rules.is(Mutant::PartIsSentWithoutTheLease) {
            self.worker_mut(worker).hands.remove(at);
            return Reply::LeaseLost;
        }
        self.worker_mut(worker).hands[at].unsure = false;
        let Some(answer) = self.answer_mut(hand.message) else { return Reply::Nothing };
        answer.sending = true;
        Reply::PartSent(Part { message: hand.message, no: answer.sent })
    }

    /// A worker counts the part that it has sent, or that may be out and must not go out twice.
    pub(crate) fn count_part(&mut self, rules: &Rules, worker: u8, at: usize) -> Reply {
        let hand = self.worker(worker).hands[at];
        if !self.is_current(rules, &hand) {
            self.worker_mut(worker).hands.remove(at);
            return Reply::LeaseLost;
        }
        self.worker_mut(worker).hands[at].unsure = false;
        if let Some(answer) = self.answer_mut(hand.message) {
            answer.sending = false;
            answer.sent += 1;
        }
        Reply::Done
    }
}

/// One part more is sent. Whether it was the last.
fn part_written(rules: &Rules, answer: &mut Answer) -> bool {
    answer.sent += 1;
    answer.sent >= rules.setup.parts || rules.is(Mutant::FirstPartEndsTheMessage)
}
