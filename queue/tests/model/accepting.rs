//! How a message comes in: the store's accept, and the receivers before it with their spools.
//!
//! Two ways, by configuration. Without spools a push is one step: it is applied, and its answer is heard or
//! lost, in which case WeChat pushes again, here or at another receiver. With spools the call is taken apart,
//! because all that can go wrong there lies between its parts: sent, applied, given up, and applied after it
//! was given up.

use crate::actions::Reply;
use crate::mutants::Mutant;
use crate::rules::{Effect, Rules};
use crate::state::{Door, Message, Side, State};

impl State {
    /// One push from beginning to end, except that its answer may get lost.
    pub(crate) fn push(&mut self, rules: &Rules, message: Message, heard: bool) -> Reply {
        let reply = self.accept(rules, message, false);
        if heard && reply != Reply::Damaged {
            self.doors[usize::from(message)] = Door::Done;
        }
        reply
    }

    /// The accept of an engine.
    pub(crate) fn accept(&mut self, rules: &Rules, message: Message, late: bool) -> Reply {
        if !self.store.seen.add(message) {
            return Reply::Duplicate;
        }
        if self.lane(rules.push(message).lane).damaged && rules.is(Mutant::DamageLeavesItsMark) {
            return Reply::Damaged;
        }
        self.lane_mut(rules.push(message).lane).damaged = false;
        self.enqueue(rules, message, late);
        Reply::New
    }

    /// The second half of accept, a step of its own only for the mutant whose dedup isn't atomic.
    pub(crate) fn enqueue(&mut self, rules: &Rules, message: Message, late: bool) {
        let push = rules.push(message);
        if push.effect == Effect::Unreadable {
            self.store.dead.add(message);
            return;
        }
        let was_idle = self.lane(push.lane).is_idle();
        match push.effect {
            Effect::Wake => self.wake(rules, push.lane),
            Effect::Bury => {
                let lane = self.lane_mut(push.lane);
                lane.forgets = lane.pinned.is_some() && !rules.is(Mutant::MemoryWrittenBack);
                if !rules.is(Mutant::MemoryOutlivesItsUser) {
                    lane.memory = None;
                }
                for held in std::mem::take(&mut self.lane_mut(push.lane).held) {
                    self.store.dead.add(held);
                }
            }
            Effect::Leave | Effect::Unreadable | Effect::Fetch => {}
        }
        let side = if late { Side::Second } else { Side::First };
        self.lane_mut(push.lane).list_mut(side).push(message);
        if rules.is(Mutant::LateOvertakesTheCurrentOne) && self.lane(push.lane).pinned.is_some() {
            self.lane_mut(push.lane).pinned = self.older_side(rules, self.lane(push.lane));
        }
        if was_idle || rules.is(Mutant::AcceptMakesABusyLaneReady) {
            self.put_last(rules, push.lane);
        }
    }

    /// Held messages go back to waiting, in the second list, in front of all that wait. The current one isn't
    /// waiting.
    fn wake(&mut self, rules: &Rules, no: u8) {
        let lane = self.lane_mut(no);
        if lane.pinned.is_some() {
            lane.wakes += 1;
        }
        let mut at = usize::from(lane.pinned == Some(Side::Second));
        let woken = std::mem::take(&mut lane.held);
        for held in woken {
            if let Some(answer) = self.answer_mut(held) {
                answer.response = None;
            }
            let lane = self.lane_mut(no);
            match rules.mutant {
                Some(Mutant::WokenGoesToTheEnd) => lane.first.push(held),
                Some(Mutant::WokenOvertakesTheCurrentOne) => lane.first.insert(0, held),
                _ => lane.second.insert(at, held),
            }
            at += usize::from(!rules.is(Mutant::WakeReordersHeld));
        }
    }

    /// A receiver with a spool calls the store, or spools at once what comes behind a spooled message of its lane. The
    /// message is stamped now: if it waited behind an undecided one, it must not count as older than what the store has taken
    /// since.
    pub(crate) fn send(&mut self, rules: &Rules, message: Message) {
        self.stamp(message);
        if rules.is(Mutant::StampedBeforeItWaited) {
            for later in message + 1..rules.messages() {
                if rules.share_order(message, later) {
                    self.stamp(later);
                }
            }
        }
        let behind = (0..message).any(|earlier| {
            rules.share_order(earlier, message) && self.doors[usize::from(earlier)] == Door::Spooled
        });
        self.doors[usize::from(message)] =
            if behind && !rules.is(Mutant::NotQueuedBehindTheSpool) { Door::Spooled } else { Door::Calling };
    }

    /// The call reaches the store in time.
    pub(crate) fn arrive(&mut self, rules: &Rules, message: Message) -> Reply {
        self.doors[usize::from(message)] = Door::Stored;
        self.accept(rules, message, false)
    }

    /// The receiver's budget is over: it spools and acknowledges. Its `not_after` passes with its budget, so
    /// a call that wasn't applied by now is refused when it is, however late.
    pub(crate) fn give_up(&mut self, message: Message) {
        if self.doors[usize::from(message)] == Door::Calling {
            self.strays.add(message);
        }
        self.doors[usize::from(message)] = Door::Spooled;
    }

    /// A call that was given up reaches the store.
    pub(crate) fn arrive_late(&mut self, rules: &Rules, message: Message) -> Reply {
        self.strays.remove(message);
        match rules.mutant {
            Some(Mutant::NotAfterIgnored) => self.accept(rules, message, false),
            Some(Mutant::ExpiredLeavesItsMark) => {
                self.store.seen.add(message);
                Reply::Expired
            }
            _ if self.store.seen.has(message) => Reply::Duplicate,
            _ => Reply::Expired,
        }
    }

    /// The drainer brings a receiver's oldest spooled message of a lane to the store.
    pub(crate) fn drain(&mut self, rules: &Rules, message: Message, heard: bool) -> Reply {
        if rules.is(Mutant::ForgottenBeforeItWasTaken) && !heard && !self.store.seen.has(message) {
            self.doors[usize::from(message)] = Door::Done;
            return Reply::Nothing;
        }
        if heard {
            self.doors[usize::from(message)] = Door::Done;
        }
        self.accept(rules, message, true)
    }

    fn stamp(&mut self, message: Message) {
        let next = self.store.stamps.iter().filter(|&&stamp| stamp > 0).count() + 1;
        let stamp = &mut self.store.stamps[usize::from(message)];
        if *stamp == 0 {
            *stamp = u8::try_from(next).expect("there are few messages");
        }
    }
}
