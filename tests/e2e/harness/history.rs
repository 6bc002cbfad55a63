//! What happened to each message, and whether that was right: the checker of tests with faults.
//!
//! A test writes down what it has seen from outside: that a message was pushed and acked, that a handler started with it,
//! that its answer arrived, and which faults struck. The lines are only ever added, each with a time of the one clock that
//! all share, and judged when all is over. What a fault leaves open (an ack that was lost, a push that was refused and yet
//! stored) is no line, and so proves nothing against anybody.
//!
//! **Order** is that of real time: a message whose ack came before another of the same user was pushed must be handled
//! first. Two that were under way together may go either way; no server could tell.
//!
//! **Twice.** A handler that starts again is excused by a fault between the two starts; an answer that comes again, by such
//! a fault *and* a worker's log line that the send of this very message was unsure. The log outlives a killed worker, its
//! metrics don't. See [`Excuses`].
//!
//! Rejected: comparing the answers with the list of what was sent, which can't say what a retry excuses.

mod excuses;
mod name;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use self::excuses::Excuses;
pub(crate) use self::excuses::{Blow, Strike};
pub(crate) use self::name::Name;
pub(crate) use self::verdict::Verdict;

/// A user's messages stand still if nothing happens to any of them for this long, although one is acked and the queue
/// works. Four leases of five seconds: a message may lose three and then die of it.
const STANDS_STILL_AFTER: Duration = Duration::from_secs(20);

/// What happened to a message. Steps at the same time sort in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Its answer came to its user.
    Answered,
    /// It went to the dead letters.
    Died,
    /// Its first push began.
    Pushed,
    /// A push of it was acked.
    Acked,
    /// A worker's log says that it is not known whether its answer was sent, and that it is sent again.
    Unsure,
    /// A handler started with it, under this id.
    Started { id: String },
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    lines: Vec<(u64, Step, Name)>,
    strikes: Vec<Strike>,
}

impl History {
    /// Adds what happened at this time, in microseconds since 1970.
    pub(crate) fn add(&mut self, at_us: u64, name: Name, what: Step) {
        self.lines.push((at_us, what, name));
    }

    /// Adds a fault.
    pub(crate) fn strike(&mut self, strike: Strike) {
        self.strikes.push(strike);
    }

    /// What happened to one message, in order.
    pub(crate) fn of(&self, name: Name) -> Vec<(u64, Step)> {
        let lines = self.lines.iter().filter(|(.., of)| *of == name);
        let mut lines: Vec<_> = lines.map(|(at_us, step, _)| (*at_us, step.clone())).collect();
        lines.sort();
        lines
    }

    /// The faults that lasted into this time or began in it, in order.
    pub(crate) fn strikes_in(&self, from_us: u64, to_us: u64) -> Vec<&Strike> {
        let within = |strike: &&Strike| strike.from_us <= to_us && strike.to_us >= from_us;
        let mut strikes: Vec<_> = self.strikes.iter().filter(within).collect();
        strikes.sort_by_key(|strike| strike.from_us);
        strikes
    }

    /// Judges it.
    pub(crate) fn judge(&self) -> Verdict {
        let excuses = Excuses::of(&self.strikes);
        let mut lines = self.lines.clone();
        lines.sort();
        let end_us = lines.last().map_or(0, |(at_us, ..)| *at_us);
        let mut users: BTreeMap<usize, User> = BTreeMap::new();
        let mut verdict = Verdict::default();
        for (at_us, what, name) in lines {
            let user = users.entry(name.user).or_default();
            user.look_at(at_us, &what, name, &excuses, &mut verdict);
            user.step(at_us, what, name, &excuses, &mut verdict);
        }
        for user in users.values_mut() {
            user.moved(end_us, &excuses, &mut verdict);
            for (name, message) in &user.messages {
                verdict.count(*name, message, &excuses);
            }
            verdict.inversions.extend(inversions(&user.messages));
        }
        verdict
    }
}

/// What is known of a user while their lines are read.
#[derive(Default)]
struct User {
    messages: BTreeMap<Name, Message>,
    in_hand: Option<Name>,
    /// Acked and at no end.
    open: BTreeSet<Name>,
    /// When something last happened to a message of theirs, or the first of `open` was acked.
    moved_us: u64,
}

/// What is known of a message.
#[derive(Default)]
struct Message {
    pushed_us: Option<u64>,
    acked_us: Option<u64>,
    started_us: Vec<u64>,
    answered_us: Vec<u64>,
    unsure: usize,
    ids: BTreeSet<String>,
    died: bool,
    /// A handler started after an answer had come.
    reopened: bool,
}

impl User {
    /// Sees whether their messages stood still until this line.
    fn look_at(&mut self, at_us: u64, what: &Step, name: Name, excuses: &Excuses<'_>, verdict: &mut Verdict) {
        match what {
            Step::Acked if !self.messages.get(&name).is_some_and(Message::has_ended) => {
                if self.open.is_empty() {
                    self.moved_us = at_us;
                }
                self.open.insert(name);
            }
            Step::Started { .. } => self.moved(at_us, excuses, verdict),
            Step::Answered | Step::Died => {
                self.moved(at_us, excuses, verdict);
                self.open.remove(&name);
            }
            _ => {}
        }
    }

    fn moved(&mut self, at_us: u64, excuses: &Excuses<'_>, verdict: &mut Verdict) {
        let stood = excuses.worked(self.moved_us, at_us);
        if let Some(name) = self.open.first().filter(|_| stood > STANDS_STILL_AFTER) {
            verdict.still.push((*name, stood));
        }
        self.moved_us = at_us;
    }

    fn step(&mut self, at_us: u64, what: Step, name: Name, excuses: &Excuses<'_>, verdict: &mut Verdict) {
        let message = self.messages.entry(name).or_default();
        match what {
            Step::Pushed => message.pushed_us = message.pushed_us.or(Some(at_us)),
            Step::Acked => message.acked_us = message.acked_us.or(Some(at_us)),
            Step::Unsure => message.unsure += 1,
            Step::Started { id } => {
                let other = self.in_hand.filter(|other| *other != name);
                let ended = message.has_ended();
                message.ids.insert(id);
                let is_late = ended || (other.is_some() && !message.started_us.is_empty());
                message.started_us.push(at_us);
                if is_late && excuses.was_asleep(at_us) {
                    verdict.late_starts += 1;
                    return;
                }
                message.reopened |= ended;
                verdict.overlaps.extend(other.map(|other| (other, name)));
                self.in_hand = Some(name);
            }
            Step::Answered | Step::Died => {
                message.died |= what == Step::Died;
                message.answered_us.extend((what == Step::Answered).then_some(at_us));
                self.in_hand = self.in_hand.filter(|in_hand| *in_hand != name);
            }
        }
    }
}

impl Message {
    fn has_ended(&self) -> bool {
        self.died || !self.answered_us.is_empty()
    }
}

/// Pairs of one user's messages where the first was acked before the second was pushed, and handled after it.
fn inversions(messages: &BTreeMap<Name, Message>) -> Vec<(Name, Name)> {
    let mut found = Vec::new();
    for (first, one) in messages {
        let (Some(acked), Some(started)) = (one.acked_us, one.started_us.first()) else { continue };
        for (second, other) in messages {
            let later = other.pushed_us.is_some_and(|pushed| pushed > acked);
            if later && other.started_us.first().is_some_and(|before| before < started) {
                found.push((*first, *second));
            }
        }
    }
    found
}

/// The time by the clock that all processes and the pretend WeChat share.
pub(crate) fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or_default()
}
