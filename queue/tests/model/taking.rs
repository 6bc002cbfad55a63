//! How messages go out: the take of an engine, with all that it does before it gives something.

use crate::actions::{Given, Reply};
use crate::mutants::Mutant;
use crate::rules::Rules;
use crate::state::{Batch, Hand, Lane, Lease, Message, Side, State, Token};

/// A message that has cost this many workers their lives runs beside no other such message.
pub(crate) const SUSPECT_LOSSES: u8 = 2;
/// A message that has cost this many is dead.
pub(crate) const DEADLY_LOSSES: u8 = 3;

impl State {
    /// A worker asks for what it has room for. Its call number rises, unless the answer to the last call got
    /// lost: then it is the same call again, and gives the same batch.
    pub(crate) fn take(&mut self, rules: &Rules, worker: u8, heard: bool) -> Reply {
        let asking = self.worker(worker).asking;
        if !asking {
            self.store.batches[usize::from(worker)] = None;
            self.worker_mut(worker).call += u8::from(rules.setup.tail_loss);
        }
        let batch = self.store.batches[usize::from(worker)].clone();
        let given = match batch {
            Some(batch) if !rules.is(Mutant::RepeatedTakeTakesAnew) => self.give_again(&batch),
            _ => self.give(rules, worker),
        };
        self.worker_mut(worker).asking = !heard;
        if heard {
            self.store.batches[usize::from(worker)] = None;
            self.worker_mut(worker).hands.extend(given.iter().copied());
        }
        Reply::Given { given, again: asking }
    }

    /// A take with a number lower than the worker's last, over a connection that was given up.
    pub(crate) fn take_late(&mut self, rules: &Rules, worker: u8) -> Reply {
        if rules.is(Mutant::LateTakeTakes) {
            self.give(rules, worker);
        }
        Reply::Nothing
    }

    /// The same batch, without what has been settled or lost; the leases run anew.
    fn give_again(&mut self, batch: &Batch) -> Given {
        let mut given = Given::new();
        for &lane in &batch.lanes {
            if self.lane(lane).token == Some(batch.token) && self.lane(lane).lease.is_some() {
                self.lane_mut(lane).lease = Some(Lease::Running);
                given.extend(self.hand(lane, batch.token));
            }
        }
        given
    }

    fn give(&mut self, rules: &Rules, worker: u8) -> Given {
        if rules.is(Mutant::DamageStopsTake) && self.store.lanes.iter().any(|lane| lane.damaged) {
            return Given::new();
        }
        // Damage that it meets is set aside.
        self.store.lanes.iter_mut().for_each(|lane| lane.damaged = false);
        self.promote_due(rules);
        self.reclaim_expired(rules);
        let token = self.fresh_token(rules, worker);
        let room = rules.setup.hands - self.worker(worker).hands.len();
        let mut given = Given::new();
        if self.store.gate_closed && !rules.is(Mutant::PausedClassIsTaken) {
            return given;
        }
        // Look before pop: a suspect's lane is left where it is, unless this worker has no other.
        let has_suspect = self.worker(worker).hands.iter().any(|hand| hand.suspect);
        let may_have_one = !has_suspect || rules.is(Mutant::SuspectsRunTogether);
        if may_have_one && !self.store.suspects.is_empty() && !rules.is(Mutant::SuspectsAreNeverTaken) {
            let lane = self.store.suspects.remove(0);
            given.extend(self.lease(rules, lane, token));
        }
        for _ in 0..self.store.ready.len() {
            if given.len() >= room {
                break;
            }
            let lane = self.store.ready.remove(0);
            if self.is_suspect(rules, lane) {
                self.store.suspects.push(lane);
                continue;
            }
            given.extend(self.lease(rules, lane, token));
        }
        if !given.is_empty() {
            self.store.counter += u8::from(rules.setup.tail_loss);
            let lanes = given.iter().map(|hand| hand.lane).collect();
            self.store.batches[usize::from(worker)] = Some(Batch { token, lanes });
        }
        given
    }

    /// What is due goes to the end: it waits for its turn like everybody, except after an offer.
    fn promote_due(&mut self, rules: &Rules) {
        for lane in 0..rules.setup.lanes {
            let Some(delay) = self.lane(lane).delay.filter(|delay| delay.due) else { continue };
            let is_offer = self.lane(lane).current().is_some_and(|m| self.answer_of(m).response.is_some());
            if is_offer && rules.is(Mutant::OfferNeverEnds) {
                continue;
            }
            self.lane_mut(lane).delay = None;
            if is_offer {
                self.offer_is_over(rules, lane);
            } else if !(delay.awaiting && rules.is(Mutant::AwaitingForgottenAtItsTime)) {
                self.put_last(rules, lane);
            }
            if self.lane(lane).paused && rules.is(Mutant::DuePausedLaneIsReadyTwice) {
                self.put_last(rules, lane);
            }
        }
    }

    /// Takes back leases that have run out, except for a while after a gap.
    fn reclaim_expired(&mut self, rules: &Rules) {
        if self.store.pausing && !rules.is(Mutant::PauseIsIgnored) {
            return;
        }
        for lane in (0..rules.setup.lanes).rev() {
            if let Some(lease) = self.lane(lane).lease.filter(|&lease| lease != Lease::Running) {
                let counts = lease == Lease::RanOut || rules.is(Mutant::GapCountsAsLoss);
                self.take_back(rules, lane, counts);
            }
        }
    }

    /// A leased lane whose worker is gone goes to the front: its turn had begun. Or its head dies with that
    /// worker.
    pub(crate) fn take_back(&mut self, rules: &Rules, no: u8, counts: bool) {
        let message = self.lane(no).current();
        let confirmed = self.lane(no).confirmed;
        self.unlease(no);
        if let Some(message) = message.filter(|_| counts && rules.setup.poison) {
            let record = &mut self.store.records[usize::from(message)];
            if confirmed || record.losses == 0 || rules.is(Mutant::UnconfirmedTakeCountsAsLoss) {
                record.losses += 1;
            }
            if record.losses >= DEADLY_LOSSES && !rules.is(Mutant::ThirdLossDoesNotKill) {
                self.remove_current(rules, no);
                self.store.dead.add(message);
                self.go_on(rules, no);
                return;
            }
        }
        match rules.mutant {
            Some(Mutant::ExpiryForgetsReady) => {}
            Some(Mutant::ExpiryGoesToTheEnd) => self.put_last(rules, no),
            _ => self.put_first(rules, no),
        }
    }

    /// Leases a lane that was popped, or parks it.
    fn lease(&mut self, rules: &Rules, no: u8, token: Token) -> Option<Hand> {
        if self.lane(no).paused && !rules.is(Mutant::PausedLaneIsTaken) {
            self.lane_mut(no).parked = true;
            if rules.is(Mutant::ParkedLaneStaysReady) {
                self.put_last(rules, no);
            }
            return None;
        }
        let side = self.head_side(rules, no)?;
        let lane = self.lane_mut(no);
        lane.pinned = Some(side);
        lane.lease = Some(Lease::Running);
        lane.token = Some(token);
        lane.confirmed = false;
        self.hand(no, token)
    }

    /// What a worker hears of the current message of a leased lane.
    fn hand(&mut self, no: u8, token: Token) -> Option<Hand> {
        let message = self.lane(no).current()?;
        let record = &mut self.store.records[usize::from(message)];
        record.answer_given = record.answer.is_some();
        let suspect = record.losses >= SUSPECT_LOSSES;
        let unsure = self.answer_of(message).sending;
        Some(Hand { lane: no, message, token, wakes: self.lane(no).wakes, suspect, unsure, woken: false })
    }

    /// The list whose head comes next: the current message's, otherwise the one with the older head.
    pub(crate) fn head_side(&self, rules: &Rules, no: u8) -> Option<Side> {
        let lane = self.lane(no);
        lane.pinned.or_else(|| self.older_side(rules, lane))
    }

    /// The list with the older head; if both are as old, the spooled one.
    pub(crate) fn older_side(&self, rules: &Rules, lane: &Lane) -> Option<Side> {
        let stamp = |message: &Message| self.store.stamps[usize::from(*message)];
        let (first, second) = (lane.first.first().map(stamp), lane.second.first().map(stamp));
        match (first, second) {
            (Some(first), Some(second)) if first < second => Some(Side::First),
            (Some(_), Some(_)) if rules.is(Mutant::SpooledComesLast) => Some(Side::First),
            (_, Some(_)) => Some(Side::Second),
            (Some(_), None) => Some(Side::First),
            (None, None) => None,
        }
    }

    pub(crate) fn is_suspect(&self, rules: &Rules, no: u8) -> bool {
        let head = self.head_side(rules, no).and_then(|side| self.lane(no).list(side).first());
        head.is_some_and(|&head| self.store.records[usize::from(head)].losses >= SUSPECT_LOSSES)
    }
}
