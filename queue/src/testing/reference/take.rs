//! Messages go out.

use std::time::Duration;

use bytes::Bytes;

use super::lane::{Held, Phase};
use super::pulse::Pulse;
use super::state::{End, LastTake, State};
use crate::clock::micros;
use crate::{
    Buried, Class, LOSSES_MAX, Lane, Lease, Leased, MOVES_PER_TAKE, Scope, TAKEN_BYTES_MAX, TakeRequest,
    Taken, Token,
};

impl State {
    pub(super) fn take(&mut self, request: &TakeRequest) -> Taken {
        self.pulse.beat(self.now_us, Some(request.lease_for));
        let mut taken = Taken::default();
        let last = self.takes.get(request.worker.incarnation()).cloned();
        match last.filter(|last| last.call >= request.call) {
            Some(last) if last.call > request.call => {}
            Some(last) => taken.messages = self.give_again(request, &last),
            None => {
                self.promote_due();
                taken.buried = self.reclaim_expired();
                taken.buried.extend(self.bury_held_too_long());
                taken.messages = self.give(request);
            }
        }
        if taken.messages.len() < request.max {
            taken.next_due = self.next_due();
        }
        taken
    }

    /// What an embedded queue finds when its process is started again.
    pub(super) fn reopen(&mut self) {
        let mut leased = self.leased();
        leased.sort_unstable();
        for (_, name) in leased.into_iter().rev() {
            self.take_back(&name, true);
        }
        self.takes.clear();
        self.pulse = Pulse::default();
    }

    fn give_again(&mut self, request: &TakeRequest, last: &LastTake) -> Vec<Leased> {
        let is_still = |name: &&Lane| {
            let place = self.lanes.get(*name).map(|lane| &lane.place);
            matches!(place, Some(Phase::Leased { token, .. }) if *token == last.token)
        };
        let lanes: Vec<Lane> = last.lanes.iter().filter(is_still).cloned().collect();
        lanes.iter().filter_map(|name| self.lease(name, request, &last.token)).collect()
    }

    fn give(&mut self, request: &TakeRequest) -> Vec<Leased> {
        let token = Token::from_stored(format!("{}.{}", self.takes_made + 1, request.worker.incarnation()));
        let (mut classes, turn) = request.classes_in_order();
        classes.to_mut().rotate_left(turn);
        classes.to_mut().retain(|class| self.is_open(class));
        let mut given = Vec::new();
        if request.suspect && request.max > 0 {
            let suspect = classes.iter().find_map(|class| self.next_in_line(class, true));
            given.extend(suspect);
        }
        // One lane of each class in turn.
        while given.len() < request.max {
            let before = given.len();
            for class in &*classes {
                let bytes: usize = given.iter().map(|name| self.bytes_of(name)).sum();
                if given.len() < request.max && bytes < TAKEN_BYTES_MAX {
                    given.extend(self.next_in_line(class, false));
                }
            }
            if given.len() == before {
                break;
            }
        }
        if given.is_empty() {
            return Vec::new();
        }
        self.takes_made += 1;
        let last = LastTake { call: request.call, token: token.clone(), lanes: given.clone() };
        self.takes.insert(request.worker.incarnation().to_owned(), last);
        let confirmed = given.iter().filter_map(|name| {
            let lane = self.lanes.get_mut(name)?;
            lane.pin();
            let followed = !lane.first.is_empty() || !lane.older.is_empty();
            let current = lane.current.as_mut()?;
            (current.confirmed, current.followed) = (false, followed);
            Some(name)
        });
        let given: Vec<Lane> = confirmed.cloned().collect();
        given.iter().filter_map(|name| self.lease(name, request, &token)).collect()
    }

    /// The next lane in a line that isn't paused. Paused lanes are parked. A lane whose head is now of another class goes to
    /// the end of that class's line.
    fn next_in_line(&mut self, class: &Class, suspect: bool) -> Option<Lane> {
        while let Some(name) = self.lines.get_mut(&(class.clone(), suspect))?.pop_front() {
            let lane = self.lanes.get_mut(&name)?;
            if self.paused.contains_key(&Scope::Lane(name.clone())) {
                lane.place = Phase::Parked;
            } else if lane.head().is_some_and(|head| head.class != *class) {
                self.make_ready(&name, End::Back);
            } else {
                return Some(name);
            }
        }
        None
    }

    /// The bytes of a lane's head that count towards the limit of a take.
    fn bytes_of(&self, name: &Lane) -> usize {
        let head = self.lanes.get(name).and_then(|lane| lane.head());
        let memory = self.memories.get(name).and_then(|memory| memory.at(self.now_us));
        let known = head.into_iter().flat_map(|head| [&head.progress.replies, &head.answer]).flatten();
        let bytes = known.chain(&memory).map(Bytes::len).sum::<usize>();
        bytes + head.map_or(0, |head| head.payload.len())
    }

    fn lease(&mut self, name: &Lane, request: &TakeRequest, token: &Token) -> Option<Leased> {
        let lane = self.lanes.get_mut(name)?;
        let until_us = self.now_us + micros(request.lease_for);
        let worker = request.worker.name().to_owned();
        lane.place = Phase::Leased { token: token.clone(), worker, until_us };
        let send_state = lane.send_state()?;
        let current = lane.current.as_mut()?;
        current.call_back_pending = false;
        let message = &current.message;
        Some(Leased {
            lease: Lease {
                lane: name.clone(),
                id: message.id.clone(),
                token: token.clone(),
                note: Bytes::new(),
            },
            class: message.class.clone(),
            payload: message.payload.clone(),
            arrived_us: message.arrived_us,
            failures: message.failures,
            losses: current.losses(),
            snoozes: message.snoozes,
            failing_for: current.failing_since_us.map(|us| Duration::from_micros(self.now_us - us)),
            last_error: message.last_error.clone(),
            progress: message.progress.clone(),
            send_state,
            memory: self.memories.get(name).and_then(|memory| memory.at(self.now_us)),
            answer: message.answer.clone(),
            timed_out: current.timed_out,
        })
    }

    fn is_open(&self, class: &Class) -> bool {
        let is_paused = |scope| self.paused.contains_key(&scope);
        !is_paused(Scope::All) && !is_paused(Scope::Class(class.clone()))
    }

    /// Lanes whose delay is over, the first due first.
    fn promote_due(&mut self) {
        let delayed = self.lanes.iter().filter_map(|(name, lane)| match lane.place {
            Phase::Delayed { until_us, awaiting } => Some((until_us, name.clone(), awaiting)),
            _ => None,
        });
        let mut due: Vec<_> = delayed.filter(|&(until_us, ..)| until_us <= self.now_us).collect();
        due.sort_unstable();
        for (_, name, awaiting) in due.into_iter().take(MOVES_PER_TAKE) {
            let mut end = End::Back;
            if let Some(current) = self.lanes.get_mut(&name).and_then(|lane| lane.current.as_mut()) {
                current.timed_out |= awaiting;
                // An offer or a claim is over: the lane has had its turn.
                if current.message.response.take().is_some() {
                    end = End::Front;
                }
            }
            self.make_ready(&name, end);
        }
    }

    /// Lanes whose lease has run out, the longest expired first.
    fn reclaim_expired(&mut self) -> Vec<Buried> {
        if self.now_us < self.pulse.quiet_us {
            return Vec::new();
        }
        let mut expired = self.leased();
        expired.retain(|&(until_us, _)| until_us <= self.now_us);
        expired.sort_unstable();
        expired.truncate(MOVES_PER_TAKE);
        let lost = expired.into_iter().rev();
        lost.filter_map(|(until_us, name)| self.take_back(&name, until_us > self.pulse.quiet_us)).collect()
    }

    fn leased(&self) -> Vec<(u64, Lane)> {
        let leased = self.lanes.iter().filter_map(|(name, lane)| match lane.place {
            Phase::Leased { until_us, .. } => Some((until_us, name.clone())),
            _ => None,
        });
        leased.collect()
    }

    /// Puts a lane whose worker is gone first in line, or buries its head if it has now lost too many workers.
    fn take_back(&mut self, name: &Lane, counts: bool) -> Option<Buried> {
        let lane = self.lanes.get_mut(name)?;
        let Phase::Leased { worker, .. } = lane.place.clone() else { return None };
        let current = lane.current.as_mut()?;
        if counts && (current.losses() == 0 || current.confirmed) {
            current.lost_by.push(worker);
        }
        let losses = current.losses();
        if losses >= LOSSES_MAX {
            let reason =
                format!("{losses} workers died while they handled it: {}", current.lost_by.join(", "));
            let message = self.go_on(name)?;
            let buried =
                Buried { id: message.id.clone(), class: message.class.clone(), reason: reason.clone() };
            self.end(name, message, Some(&reason));
            return Some(buried);
        }
        self.make_ready(name, End::Front);
        None
    }

    fn bury_held_too_long(&mut self) -> Vec<Buried> {
        let mut buried = Vec::new();
        for name in self.lanes.keys().cloned().collect::<Vec<_>>() {
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            let (over, held): (Vec<Held>, Vec<Held>) =
                std::mem::take(&mut lane.held).into_iter().partition(|held| held.until_us <= self.now_us);
            lane.held = held.into();
            for held in over {
                let (id, class) = (held.message.id.clone(), held.message.class.clone());
                buried.push(Buried { id, class, reason: held.reason.clone() });
                self.end(&name, held.message, Some(&held.reason));
            }
        }
        buried
    }

    /// How long until a delay, a lease or a hold ends.
    fn next_due(&self) -> Option<Duration> {
        let places = self.lanes.values().filter_map(|lane| match lane.place {
            Phase::Leased { until_us, .. } => Some(until_us.max(self.pulse.quiet_us)),
            Phase::Delayed { until_us, .. } => Some(until_us),
            _ => None,
        });
        let holds = self.lanes.values().flat_map(|lane| lane.held.iter().map(|held| held.until_us));
        let next_us = places.chain(holds).min()?;
        Some(Duration::from_micros(next_us.saturating_sub(self.now_us)))
    }
}
