//! What happened to each message, and whether that was right: the checker of tests with faults.
//!
//! A test writes down what it has seen from outside: that a message was pushed and acked, that a handler started with it,
//! that its answer arrived. The lines are only ever added, each with a time of the one clock that all share, and judged
//! when all is over. What a fault leaves open (an ack that was lost, a push that was refused and yet stored) is no line,
//! and so proves nothing against anybody.
//!
//! **Order** is that of real time: a message whose ack came before another of the same user was pushed must be handled
//! first. Two that were under way together may go either way; no server could tell.
//!
//! Rejected: comparing the answers with the list of what was sent, which can't say what a retry excuses.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::SystemTime;

/// One message, as the tests name it: its user, and its number among the user's messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) user: usize,
    pub(crate) number: usize,
}

/// What happened to a message. In this order, where the clock shows the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Its answer came to its user.
    Answered,
    /// Its first push began.
    Pushed,
    /// A push of it was acked.
    Acked,
    /// A handler started with it, under this id.
    Started { id: String },
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Vec<(u64, Step, Name)>);

/// What is wrong with a history, and what was excused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) pushed: usize,
    pub(crate) acked: usize,
    pub(crate) answered: usize,
    /// Acked, and never answered.
    pub(crate) lost: Vec<Name>,
    /// Answered without having been pushed.
    pub(crate) invented: Vec<Name>,
    /// Stored a second time: handled under two ids, or handled anew after its answer had come.
    pub(crate) accepted_twice: Vec<Name>,
    /// The second was pushed after the first was acked, and handled before it.
    pub(crate) inversions: Vec<(Name, Name)>,
    /// The second was started while the first of the same user was not yet answered.
    pub(crate) overlaps: Vec<(Name, Name)>,
    /// Starts of handlers beyond the first of each message.
    pub(crate) repeated_starts: usize,
    /// Answers beyond the first of each message.
    pub(crate) repeated_answers: usize,
}

impl Name {
    /// The message that the first word of a text names.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (user, number) = text.split_whitespace().next()?.split_once('/')?;
        Some(Self { user: user.parse().ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.number)
    }
}

impl History {
    /// Adds what happened at this time, in microseconds since 1970.
    pub(crate) fn add(&mut self, at_us: u64, name: Name, what: Step) {
        self.0.push((at_us, what, name));
    }

    /// How many messages had a handler at this time: started, and not answered yet.
    pub(crate) fn in_hand(&self, at_us: u64) -> usize {
        let mut lines: Vec<_> = self.0.iter().filter(|(at, ..)| *at <= at_us).collect();
        lines.sort();
        let mut in_hand = BTreeSet::new();
        for (_, what, name) in lines {
            match what {
                Step::Started { .. } => in_hand.insert(name),
                Step::Answered => in_hand.remove(name),
                _ => false,
            };
        }
        in_hand.len()
    }

    /// Judges it.
    pub(crate) fn judge(&self) -> Verdict {
        let mut lines = self.0.clone();
        lines.sort();
        let mut users: BTreeMap<usize, BTreeMap<usize, Message>> = BTreeMap::new();
        let mut verdict = Verdict::default();
        let mut in_hand: BTreeMap<usize, Name> = BTreeMap::new();
        for (at_us, what, name) in lines {
            let message = users.entry(name.user).or_default().entry(name.number).or_default();
            match what {
                Step::Pushed => message.pushed_us = message.pushed_us.or(Some(at_us)),
                Step::Acked => message.acked_us = message.acked_us.or(Some(at_us)),
                Step::Started { id } => {
                    if let Some(other) = in_hand.insert(name.user, name).filter(|other| *other != name) {
                        verdict.overlaps.push((other, name));
                    }
                    message.ids.insert(id);
                    message.starts += 1;
                    message.started_us = message.started_us.or(Some(at_us));
                    message.reopened |= message.answers > 0;
                }
                Step::Answered => {
                    message.answers += 1;
                    if in_hand.get(&name.user) == Some(&name) {
                        in_hand.remove(&name.user);
                    }
                }
            }
        }
        for (user, messages) in &users {
            for (number, message) in messages {
                verdict.count(Name { user: *user, number: *number }, message);
            }
            verdict.inversions.extend(inversions(*user, messages));
        }
        verdict
    }
}

#[derive(Default)]
struct Message {
    pushed_us: Option<u64>,
    acked_us: Option<u64>,
    started_us: Option<u64>,
    starts: usize,
    answers: usize,
    ids: BTreeSet<String>,
    /// A handler started after an answer had come.
    reopened: bool,
}

impl Verdict {
    /// Panics unless nothing is wrong. What is only counted is for the test to judge, since it knows its faults.
    pub(crate) fn assert_right(&self) {
        assert!(self.acked > 0, "nothing was acked: {self}");
        assert!(self.lost.is_empty(), "acked and never answered: {self}: {:?}", some(&self.lost));
        assert!(self.invented.is_empty(), "never pushed: {self}: {:?}", some(&self.invented));
        assert!(self.accepted_twice.is_empty(), "accepted twice: {self}: {:?}", some(&self.accepted_twice));
        assert!(self.overlaps.is_empty(), "two of one user at once: {self}: {:?}", some(&self.overlaps));
    }

    /// Panics if any user's messages were handled in another order than he wrote them.
    pub(crate) fn assert_in_order(&self) {
        assert!(self.inversions.is_empty(), "out of order: {self}: {:?}", some(&self.inversions));
    }

    fn count(&mut self, name: Name, message: &Message) {
        self.pushed += usize::from(message.pushed_us.is_some());
        self.acked += usize::from(message.acked_us.is_some());
        self.answered += usize::from(message.answers > 0);
        self.repeated_starts += message.starts.saturating_sub(1);
        self.repeated_answers += message.answers.saturating_sub(1);
        if message.acked_us.is_some() && message.answers == 0 {
            self.lost.push(name);
        }
        if message.pushed_us.is_none() {
            self.invented.push(name);
        }
        if message.ids.len() > 1 || message.reopened {
            self.accepted_twice.push(name);
        }
    }
}

/// The first few: thousands would hide what the test says.
fn some<T>(all: &[T]) -> &[T] {
    &all[..all.len().min(20)]
}

/// Pairs of one user's messages of which the first was acked before the second was pushed, and handled after it.
fn inversions(user: usize, messages: &BTreeMap<usize, Message>) -> Vec<(Name, Name)> {
    let mut found = Vec::new();
    for (first, one) in messages {
        let (Some(acked), Some(started)) = (one.acked_us, one.started_us) else { continue };
        for (second, other) in messages {
            let later = other.pushed_us.is_some_and(|pushed| pushed > acked);
            if later && other.started_us.is_some_and(|before| before < started) {
                found.push((Name { user, number: *first }, Name { user, number: *second }));
            }
        }
    }
    found
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "pushed {}, acked {}, answered {}, lost {}, accepted twice {}, inversions {}, overlaps {}, repeated starts {}, \
             repeated answers {}",
            self.pushed,
            self.acked,
            self.answered,
            self.lost.len(),
            self.accepted_twice.len(),
            self.inversions.len(),
            self.overlaps.len(),
            self.repeated_starts,
            self.repeated_answers
        )
    }
}

/// The time by the clock that all processes and the pretend WeChat share.
pub(crate) fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or_default()
}
