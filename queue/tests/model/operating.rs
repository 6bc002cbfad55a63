//! What happens to the queue apart from messages coming and going: answers by call back, operators, time, and accidents.

use crate::actions::Reply;
use crate::mutants::Mutant;
use crate::rules::Rules;
use crate::state::{Lease, Message, Record, State, Worker};

impl State {
    /// A service answers a message by call back. The first answer wins, whatever the state of its message, as long as that is
    /// the current one of its lane. Replies that a handler has recorded are an answer too.
    pub(crate) fn answer(&mut self, rules: &Rules, message: Message, value: u8) -> Reply {
        let no = rules.push(message).lane;
        let known = self.store.records[usize::from(message)].answer.is_some();
        if known && !rules.is(Mutant::SecondAnswerWins) {
            return Reply::Already;
        }
        if self.lane(no).current() != Some(message) {
            return Reply::Gone;
        }
        if self.store.records[usize::from(message)].replies {
            return Reply::Already;
        }
        self.store.records[usize::from(message)].answer = Some(value);
        self.store.records[usize::from(message)].answer_given = false;
        if self.lane(no).delay.is_some() && !rules.is(Mutant::AnswerLeavesTheLaneAsleep) {
            self.lane_mut(no).delay = None;
            self.put_last(rules, no);
        }
        Reply::Done
    }

    /// Held for too long.
    pub(crate) fn let_held_die(&mut self, lane: u8) {
        let oldest = self.lane_mut(lane).held.remove(0);
        self.store.dead.add(oldest);
    }

    pub(crate) fn resume_lane(&mut self, rules: &Rules, no: u8) {
        let lane = self.lane_mut(no);
        lane.paused = false;
        let was_parked = std::mem::take(&mut lane.parked);
        if was_parked || (rules.is(Mutant::ResumeReadiesWhatIsNotParked) && !self.lane(no).is_idle()) {
            self.put_last(rules, no);
        }
    }

    /// A dead letter lives again, at the end of its lane, as if it had just come.
    pub(crate) fn revive(&mut self, rules: &Rules, message: Message) -> Reply {
        if !self.store.dead.remove(message) {
            return Reply::Gone;
        }
        if !rules.is(Mutant::RevivedKeepsItsRecord) {
            self.store.records[usize::from(message)] = Record::default();
        }
        let no = rules.push(message).lane;
        let was_idle = self.lane(no).is_idle();
        self.lane_mut(no).first.push(message);
        if was_idle {
            self.put_last(rules, no);
        }
        Reply::Done
    }

    /// The store was away, and nothing is reclaimed until its users have had the time to renew. What ran out
    /// in between is nobody's fault.
    pub(crate) fn have_a_gap(&mut self) {
        self.store.pausing = true;
        for lane in &mut self.store.lanes {
            if lane.lease == Some(Lease::RanOut) {
                lane.lease = Some(Lease::Excused);
            }
        }
    }

    pub(crate) fn run_out(&mut self, no: u8) {
        let lease = if self.store.pausing { Lease::Excused } else { Lease::RanOut };
        self.lane_mut(no).lease = Some(lease);
    }

    /// A worker dies and is started again: a new incarnation, which knows nothing of the old one's messages.
    pub(crate) fn crash(&mut self, worker: u8) {
        self.store.batches[usize::from(worker)] = None;
        *self.worker_mut(worker) = Worker::default();
    }

    /// The embedded engine is opened again: all leases are void. The workers were in the same process, so its
    /// end is a loss like any other; the model lets them come back with their old tokens, which is harder.
    pub(crate) fn reopen(&mut self, rules: &Rules) {
        for no in (0..rules.setup.lanes).rev() {
            let token = self.lane(no).token;
            if self.lane(no).lease.is_some() {
                self.take_back(rules, no, true);
            }
            if rules.is(Mutant::ReopeningKeepsTokens) {
                self.lane_mut(no).token = token;
            }
        }
        self.store.batches = Default::default();
        for worker in &mut self.workers {
            worker.asking = false;
        }
    }

    /// The store comes back as it was when it was last saved. Its users don't.
    pub(crate) fn lose_tail(&mut self) {
        if let Some(saved) = self.saved.take() {
            (self.store, self.history) = *saved;
            self.tail_lost = true;
        }
    }

    pub(crate) fn worker(&self, worker: u8) -> &Worker {
        &self.workers[usize::from(worker)]
    }

    pub(crate) fn worker_mut(&mut self, worker: u8) -> &mut Worker {
        &mut self.workers[usize::from(worker)]
    }
}
