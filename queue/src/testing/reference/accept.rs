//! Messages and answers come in.

use bytes::Bytes;

use super::lane::{Message, Phase};
use super::state::{End, State};
use crate::clock::micros;
use crate::{Accepted, CallBackResult, Closed, DEAD_ON_ARRIVAL_MAX, HeldEffect, Lane, MessageId, NewMessage};

const RIGHT_ENDED: &str = "a later message of its lane ended the right to answer";

impl State {
    /// Stores a message whose call began at `begun_us`, unless it is known or comes too late.
    pub(super) fn accept(&mut self, new: NewMessage, begun_us: u64, window_us: u64) -> Accepted {
        let is_known = self.seen.get(&new.id).is_some_and(|&until_us| until_us > self.now_us);
        if is_known {
            return Accepted::Duplicate;
        }
        let until_us = new.not_after.map(|within| begun_us + micros(within));
        if until_us.is_some_and(|until_us| self.now_us > until_us) {
            return Accepted::Expired;
        }
        self.seen.insert(new.id.clone(), self.now_us + window_us);
        match new.dead_reason.clone() {
            Some(reason) => self.bury_on_arrival(new, &reason),
            None => self.enqueue(new),
        }
    }

    fn bury_on_arrival(&mut self, new: NewMessage, reason: &str) -> Accepted {
        let alike =
            self.dead.values().filter(|(letter, on_arrival)| *on_arrival && letter.class == new.class);
        // A late message was acknowledged long ago, as one that is kept.
        if !new.late && u64::try_from(alike.count()).unwrap_or(u64::MAX) >= DEAD_ON_ARRIVAL_MAX {
            self.dead_uncounted += 1;
            return Accepted::Counted;
        }
        let (id, lane) = (new.id.clone(), new.lane.clone());
        let message = Message::from(new);
        self.write_journal(&lane, &message, Some(reason));
        self.write_letter(&lane, message, reason);
        if let Some((_, on_arrival)) = self.dead.get_mut(&id) {
            *on_arrival = true;
        }
        Accepted::New
    }

    fn enqueue(&mut self, new: NewMessage) -> Accepted {
        let (name, effect, late) = (new.lane.clone(), new.held, new.late);
        let lane = self.lanes.entry(name.clone()).or_default();
        let was_idle = lane.is_idle();
        let message = Message::from(new);
        if late {
            lane.older.push_back(message);
        } else {
            lane.first.push_back(message);
        }
        match effect {
            HeldEffect::Leave => {}
            HeldEffect::Wake(right) => {
                let has_count = lane.current.is_some() || lane.sends > 0 || lane.right.is_some();
                if has_count || !lane.held.is_empty() {
                    lane.widen(right.fitted());
                }
                if let Some(current) = &mut lane.current {
                    current.wakes += 1;
                    if let (Some(at_us), Phase::Delayed { until_us, .. }) =
                        (current.gives_way_us, &mut lane.place)
                    {
                        *until_us = at_us.min(*until_us);
                    }
                }
                while let Some(held) = lane.held.pop_back() {
                    lane.older.push_front(Message { woken: true, response: None, ..held.message });
                }
            }
            HeldEffect::Bury => {
                lane.close(Closed::Ended);
                if let Some(current) = &mut lane.current {
                    current.forgets = true;
                }
                self.memories.remove(&name);
                let lane = self.lanes.entry(name.clone()).or_default();
                for held in std::mem::take(&mut lane.held) {
                    self.end(&name, held.message, Some(RIGHT_ENDED));
                }
            }
        }
        if was_idle {
            self.make_ready(&name, End::Back);
        }
        Accepted::New
    }

    /// Stores an answer by call back, if it is the first and its message is the current one of its lane.
    pub(super) fn answer(
        &mut self,
        name: &Lane,
        id: &MessageId,
        answer: Bytes,
        window_us: u64,
    ) -> CallBackResult {
        if self.answered.get(id).is_some_and(|&until_us| until_us > self.now_us) {
            return CallBackResult::Already;
        }
        let Some(lane) = self.lanes.get_mut(name) else { return CallBackResult::Gone };
        let is_delayed = matches!(lane.place, Phase::Delayed { .. });
        let Some(current) = lane.current.as_mut().filter(|current| current.message.id == *id) else {
            return CallBackResult::Gone;
        };
        let message = &mut current.message;
        if message.progress.replies.is_some() || message.answer.is_some() {
            return CallBackResult::Already;
        }
        message.answer = Some(answer);
        (current.timed_out, current.call_back_pending) = (false, true);
        self.answered.insert(id.clone(), self.now_us + window_us);
        if is_delayed {
            self.make_ready(name, End::Back);
        }
        CallBackResult::First
    }
}
