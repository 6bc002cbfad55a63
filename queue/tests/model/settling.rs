//! What the holder of a lease may do with its message, and how a lane moves on.
//!
//! Each call first asks whether the lease is current, in the same step as the change.

use crate::actions::Reply;
use crate::mutants::Mutant;
use crate::rules::{Rules, Settle};
use crate::state::{Delay, Hand, Lane, Lease, Record, Side, State};

impl State {
    /// A worker settles a message. If the answer gets lost it doesn't know, keeps the message, and asks
    /// again.
    pub(crate) fn settle(&mut self, rules: &Rules, worker: u8, at: usize, how: Settle, heard: bool) -> Reply {
        let hand = self.worker(worker).hands[at];
        let is_current = self.is_current(rules, &hand);
        if is_current && how == Settle::Offer && self.lane(hand.lane).newest.is_none() {
            return Reply::NobodyWaits;
        }
        if heard {
            self.worker_mut(worker).hands.remove(at);
        }
        if !is_current {
            return Reply::LeaseLost;
        }
        let forgets = match how {
            Settle::Complete => rules.is(Mutant::CompleteForgetsAnswer),
            Settle::Bury => rules.is(Mutant::BuryForgetsAnswer),
            Settle::Hold | Settle::HoldAnswer | Settle::Offer => false,
            _ => true,
        };
        if self.record_of(&hand).is_unheard() && !forgets {
            return self.come_again(rules, &hand);
        }
        match how {
            Settle::Complete => self.complete(rules, hand.lane),
            Settle::Bury => {
                self.store.dead.add(hand.message);
                self.unlease(hand.lane);
                if !rules.is(Mutant::BuriedStaysInItsLane) {
                    self.remove_current(rules, hand.lane);
                }
                self.go_on(rules, hand.lane);
            }
            Settle::Retry => {
                self.store.records[usize::from(hand.message)].failures += 1;
                self.postpone(rules, &hand, false);
            }
            Settle::Snooze => self.postpone(rules, &hand, false),
            Settle::Await => self.postpone(rules, &hand, true),
            Settle::Release => {
                self.unlease(hand.lane);
                if rules.is(Mutant::ReleaseGoesToTheEnd) {
                    self.put_last(rules, hand.lane);
                } else {
                    self.put_first(rules, hand.lane);
                }
            }
            Settle::Hold | Settle::HoldAnswer => self.hold(rules, &hand, how == Settle::HoldAnswer),
            Settle::Offer => self.offer(&hand),
        }
        Reply::Done
    }

    /// Lets a lease run anew, also one that has run out and wasn't taken back.
    pub(crate) fn renew(&mut self, rules: &Rules, worker: u8, at: usize) -> Reply {
        let hand = self.worker(worker).hands[at];
        if self.is_current(rules, &hand) || rules.is(Mutant::LostLeaseIsExtended) {
            let lane = self.lane_mut(hand.lane);
            lane.lease = Some(Lease::Running);
            lane.confirmed = true;
            return Reply::Done;
        }
        self.worker_mut(worker).hands.remove(at);
        Reply::LeaseLost
    }

    /// Records replies. The first replies of a message also write the lane's memory.
    pub(crate) fn record(&mut self, rules: &Rules, worker: u8, at: usize) -> Reply {
        let hand = self.worker(worker).hands[at];
        if !self.is_current(rules, &hand) {
            self.worker_mut(worker).hands.remove(at);
            return Reply::LeaseLost;
        }
        if self.record_of(&hand).is_unheard() && !rules.is(Mutant::RecordForgetsAnswer) {
            self.worker_mut(worker).hands.remove(at);
            return self.come_again(rules, &hand);
        }
        let record = &mut self.store.records[usize::from(hand.message)];
        let first = !record.replies;
        record.replies = true;
        let forgets = self.lane(hand.lane).forgets;
        if first && !forgets || rules.is(Mutant::MemoryWrittenAgain) {
            self.lane_mut(hand.lane).memory = Some(hand.message);
        }
        Reply::Done
    }

    /// There is an answer that this worker doesn't know: the message comes again with it, and nothing else changes.
    fn come_again(&mut self, rules: &Rules, hand: &Hand) -> Reply {
        self.unlease(hand.lane);
        self.put_last(rules, hand.lane);
        Reply::Answered
    }

    fn record_of(&self, hand: &Hand) -> Record {
        self.store.records[usize::from(hand.message)]
    }

    fn complete(&mut self, rules: &Rules, no: u8) {
        self.unlease(no);
        self.remove_current(rules, no);
        match rules.mutant {
            Some(Mutant::CompleteForgetsReady) => {}
            Some(Mutant::CompleteKeepsItsTurn) if !self.lane(no).is_idle() => self.put_first(rules, no),
            _ => self.go_on(rules, no),
        }
    }

    fn postpone(&mut self, rules: &Rules, hand: &Hand, awaiting: bool) {
        self.unlease(hand.lane);
        if rules.is(Mutant::RetryDoesNotKeepTheHead) {
            let lane = self.lane_mut(hand.lane);
            let side = lane.pinned.take().expect("a leased lane has a current message");
            let list = lane.list_mut(side);
            let message = list.remove(0);
            list.push(message);
        }
        let record = self.record_of(hand);
        // An answer that was given is no reason to come again at once, but nobody waits for it any more.
        let lies_there = if awaiting { record.answer.is_some() } else { record.is_unheard() };
        if lies_there && !rules.is(Mutant::DelaySleepsOverAnAnswer) {
            self.put_last(rules, hand.lane);
        } else {
            self.lane_mut(hand.lane).delay = Some(Delay { due: false, awaiting });
        }
    }

    /// Holds the message until the user writes again, unless they have done so since this worker got it.
    fn hold(&mut self, rules: &Rules, hand: &Hand, with_answer: bool) {
        self.unlease(hand.lane);
        if self.lane(hand.lane).wakes > hand.wakes && !rules.is(Mutant::HoldMissesItsWake) {
            self.put_last(rules, hand.lane);
            return;
        }
        if with_answer {
            self.keep_answer(hand.message, false);
        }
        self.remove_current(rules, hand.lane);
        self.lane_mut(hand.lane).held.push(hand.message);
        self.store.records[usize::from(hand.message)].losses = 0;
        if self.lane(hand.lane).held.len() > rules.setup.held_max {
            let oldest = self.lane_mut(hand.lane).held.remove(0);
            if !rules.is(Mutant::HeldOverTheMaximumIsLost) {
                self.store.dead.add(oldest);
            }
        }
        self.go_on(rules, hand.lane);
    }

    /// Whether this lease is the lane's, and for this message.
    pub(crate) fn is_current(&self, rules: &Rules, hand: &Hand) -> bool {
        let lane = self.lane(hand.lane);
        let proven = lane.token == Some(hand.token) || rules.is(Mutant::SettleWithoutTokenCheck);
        if rules.is(Mutant::RanOutLeaseIsRefused) && lane.lease == Some(Lease::RanOut) {
            return false;
        }
        lane.lease.is_some() && proven && lane.current() == Some(hand.message)
    }

    pub(crate) fn unlease(&mut self, no: u8) {
        let lane = self.lane_mut(no);
        lane.lease = None;
        lane.token = None;
        lane.confirmed = false;
    }

    /// Takes the current message out of its list.
    pub(crate) fn remove_current(&mut self, rules: &Rules, no: u8) {
        let older = self.older_side(rules, self.lane(no));
        let lane = self.lane_mut(no);
        let mut side = lane.pinned.take().expect("a lane that is settled has a current message");
        if rules.is(Mutant::WrongHeadPopped) {
            side = older.unwrap_or(Side::First);
        }
        lane.list_mut(side).remove(0);
        (lane.wakes, lane.forgets) = (0, false);
        if rules.is(Mutant::CompleteKeepsItsPin) {
            lane.pinned = Some(side);
        }
    }

    /// A lane whose current message has ended goes on with the next; without one it is in no state.
    pub(crate) fn go_on(&mut self, rules: &Rules, no: u8) {
        if !self.lane(no).is_idle() {
            self.put_last(rules, no);
        }
    }

    pub(crate) fn put_last(&mut self, rules: &Rules, no: u8) {
        if self.is_suspect(rules, no) {
            self.store.suspects.push(no);
        } else {
            self.store.ready.push(no);
        }
    }

    pub(crate) fn put_first(&mut self, rules: &Rules, no: u8) {
        if self.is_suspect(rules, no) {
            self.store.suspects.insert(0, no);
        } else {
            self.store.ready.insert(0, no);
        }
    }

    pub(crate) fn lane(&self, no: u8) -> &Lane {
        &self.store.lanes[usize::from(no)]
    }

    pub(crate) fn lane_mut(&mut self, no: u8) -> &mut Lane {
        &mut self.store.lanes[usize::from(no)]
    }
}
