//! All that the reference knows, and how a lane moves.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::lane::{Lane, Message, Phase};
use super::pulse::Pulse;
use crate::clock::micros;
use crate::journal::fitted;
use crate::{
    Class, DeadLetter, Forgotten, JournalRecord, Lane as LaneName, Lease, MessageId, Paused, Scope, Token,
};

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The time of the step under way.
    pub(super) now_us: u64,
    pub(super) lanes: BTreeMap<LaneName, Lane>,
    /// Ready lanes in line, by class; those of suspects apart.
    pub(super) lines: BTreeMap<(Class, bool), VecDeque<LaneName>>,
    /// Until when an id is known.
    pub(super) seen: HashMap<MessageId, u64>,
    /// Until when it is known that a message had its answer.
    pub(super) answered: HashMap<MessageId, u64>,
    /// Dead letters, and whether each was dead on arrival.
    pub(super) dead: BTreeMap<MessageId, (DeadLetter, bool)>,
    pub(super) dead_uncounted: u64,
    pub(super) journal: Vec<JournalRecord>,
    pub(super) no_journal: bool,
    /// The last take that gave something, by the worker's incarnation.
    pub(super) takes: HashMap<String, LastTake>,
    pub(super) takes_made: u64,
    pub(super) paused: BTreeMap<Scope, Paused>,
    pub(super) memories: HashMap<LaneName, Value>,
    pub(super) values: HashMap<String, Value>,
    /// For each limit, when all that it granted will have been earned.
    pub(super) limits: HashMap<String, u64>,
    pub(super) pulse: Pulse,
    /// What is known of pushes.
    pub(super) pushes: HashMap<MessageId, Push>,
    /// The newest push of a lane that its receiver keeps open.
    pub(super) newest: HashMap<LaneName, Newest>,
}

/// A push that was kept open.
#[derive(Debug, Default)]
pub(super) struct Push {
    pub(super) tries: u32,
    /// What went out for it, and whether there was more.
    pub(super) part: Option<(Bytes, bool)>,
    pub(super) until_us: u64,
}

/// A lane's newest open push.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) push: MessageId,
    pub(super) receiver: String,
    pub(super) until_us: u64,
}

/// A take, for its repetition.
#[derive(Clone, Debug)]
pub(super) struct LastTake {
    pub(super) call: u64,
    pub(super) token: Token,
    pub(super) lanes: Vec<LaneName>,
}

/// Bytes with an end.
#[derive(Clone, Debug)]
pub(super) struct Value {
    bytes: Bytes,
    until_us: u64,
}

/// Where in its line a lane goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Front,
    Back,
}

impl Value {
    /// Kept in whole milliseconds, and for one at least.
    pub(super) fn kept(bytes: Bytes, now_us: u64, keep_for: Duration) -> Self {
        let keep_us = (micros(keep_for) / 1_000).max(1) * 1_000;
        Self { bytes, until_us: now_us + keep_us }
    }

    /// The bytes, unless their time is over.
    pub(super) fn at(&self, now_us: u64) -> Option<Bytes> {
        (self.until_us > now_us && !self.bytes.is_empty()).then(|| self.bytes.clone())
    }
}

impl State {
    /// Puts a lane into its line. Without a message it is nowhere.
    pub(super) fn make_ready(&mut self, name: &LaneName, end: End) {
        let lane = self.lanes.entry(name.clone()).or_default();
        let Some(class) = lane.head().map(|head| head.class.clone()) else {
            lane.place = Phase::Nowhere;
            (lane.sends, lane.right, lane.closed) = (0, None, None);
            return;
        };
        lane.place = Phase::Ready;
        let line = self.lines.entry((class, lane.is_suspect())).or_default();
        match end {
            End::Front => line.push_front(name.clone()),
            End::Back => line.push_back(name.clone()),
        }
    }

    /// The current message of a lane is over: the lane goes on with its next one, last in line.
    pub(super) fn go_on(&mut self, name: &LaneName) -> Option<Message> {
        let over = self.lanes.get_mut(name)?.current.take();
        self.make_ready(name, End::Back);
        over.map(|current| Message { losses: current.losses(), ..current.message })
    }

    /// The one place where a message ends. `dies_of`: none if it is answered.
    pub(super) fn end(&mut self, lane: &LaneName, message: Message, dies_of: Option<&str>) {
        self.write_journal(lane, &message, dies_of);
        if let Some(reason) = dies_of {
            self.write_letter(lane, message, reason);
        }
    }

    pub(super) fn write_journal(&mut self, lane: &LaneName, message: &Message, dies_of: Option<&str>) {
        if self.no_journal {
            return;
        }
        self.journal.push(JournalRecord {
            id: message.id.clone(),
            lane: lane.clone(),
            class: message.class.clone(),
            arrived_us: message.arrived_us,
            ended_ms: self.now_us / 1_000,
            dies_of: dies_of.map(ToOwned::to_owned),
            failures: message.failures,
            losses: message.losses,
            sent: message.progress.sent,
            note: message.note.clone(),
        });
    }

    /// Buries a message, in place of a letter with the same id from an earlier life.
    pub(super) fn write_letter(&mut self, lane: &LaneName, message: Message, reason: &str) {
        let letter = DeadLetter {
            id: message.id.clone(),
            lane: lane.clone(),
            class: message.class,
            payload: message.payload,
            arrived_us: message.arrived_us,
            died_us: self.now_us,
            reason: reason.to_owned(),
            failures: message.failures,
            losses: message.losses,
        };
        self.dead.insert(message.id, (letter, false));
    }

    /// Gives a dead letter another life, at the end of its lane.
    pub(super) fn revive(&mut self, id: &MessageId) -> bool {
        let Some((letter, _)) = self.dead.remove(id) else { return false };
        // It may be answered again.
        self.answered.remove(id);
        let lane = self.lanes.entry(letter.lane.clone()).or_default();
        let was_idle = lane.is_idle();
        lane.first.push_back(Message {
            id: letter.id,
            class: letter.class,
            payload: letter.payload,
            arrived_us: letter.arrived_us,
            failures: 0,
            losses: 0,
            note: Bytes::new(),
            snoozes: 0,
            last_error: None,
            progress: crate::Progress::default(),
            answer: None,
            woken: false,
            response: None,
        });
        if was_idle {
            self.make_ready(&letter.lane, End::Back);
        }
        true
    }

    pub(super) fn pause(&mut self, scope: &Scope, reason: &str) {
        let paused = Paused { scope: scope.clone(), since_us: self.now_us, reason: reason.to_owned() };
        self.paused.insert(scope.clone(), paused);
    }

    /// Ends a pause; a lane that was parked is last in line.
    pub(super) fn resume(&mut self, scope: &Scope) -> bool {
        let was_paused = self.paused.remove(scope).is_some();
        if let Scope::Lane(name) = scope
            && self.lanes.get(name).is_some_and(|lane| lane.place == Phase::Parked)
        {
            self.make_ready(name, End::Back);
        }
        was_paused
    }

    /// Removes a lane and its dead letters, whatever state it is in.
    pub(super) fn forget(&mut self, name: &LaneName) -> Forgotten {
        let lane = self.lanes.remove(name).unwrap_or_default();
        self.lines.values_mut().for_each(|line| line.retain(|ready| ready != name));
        let messages = lane.first.len() + lane.older.len() + usize::from(lane.current.is_some());
        let newest = self.newest.remove(name);
        newest.map(|newest| self.pushes.remove(&newest.push));
        let before = self.dead.len();
        self.dead.retain(|_, (letter, _)| letter.lane != *name);
        let now_us = self.now_us;
        Forgotten {
            messages: messages as u64,
            held: lane.held.len() as u64,
            dead: (before - self.dead.len()) as u64,
            journal: 0,
            memory: self.memories.remove(name).is_some_and(|memory| memory.at(now_us).is_some()),
            paused: self.paused.remove(&Scope::Lane(name.clone())).is_some(),
        }
    }

    pub(super) fn set(&mut self, name: &str, bytes: Bytes, keep_for: Duration) {
        self.values.insert(name.to_owned(), Value::kept(bytes, self.now_us, keep_for));
    }

    /// The generic cell rate algorithm, with a whole period's worth as the burst.
    pub(super) fn limit(&mut self, name: &str, n: u32, per: Duration) -> Duration {
        let one_us = micros(per) / u64::from(n.max(1));
        let known_us = self.limits.entry(name.to_owned()).or_default();
        *known_us = (*known_us).min(self.now_us + micros(per));
        let earned_us = (*known_us).max(self.now_us) + one_us;
        let wait_us = (earned_us - self.now_us).saturating_sub(micros(per));
        if wait_us == 0 {
            self.limits.insert(name.to_owned(), earned_us);
        }
        Duration::from_micros(wait_us)
    }
}

/// A lease's note, as it is kept.
pub(super) fn noted(lease: &Lease) -> Bytes {
    Bytes::copy_from_slice(fitted(&lease.note))
}
