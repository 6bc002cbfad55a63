//! What is wrong with a history, and what was excused.

use std::fmt;
use std::time::Duration;

use super::excuses::Excuses;
use super::{Message, Name};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) pushed: usize,
    pub(crate) acked: usize,
    pub(crate) answered: usize,
    /// Among the dead letters.
    pub(crate) died: usize,
    /// Acked, never answered, and not among the dead letters.
    pub(crate) lost: Vec<Name>,
    /// Answered without having been pushed.
    pub(crate) invented: Vec<Name>,
    /// Stored a second time: handled under two ids, or handled anew after its end.
    pub(crate) accepted_twice: Vec<Name>,
    /// Handled again although no fault had struck.
    pub(crate) started_twice: Vec<Name>,
    /// Answered again although no fault had struck, or more often than its send was unsure.
    pub(crate) answered_twice: Vec<Name>,
    /// The second was pushed after the first was acked, and handled before it.
    pub(crate) inversions: Vec<(Name, Name)>,
    /// The second was started while the first of the same user was not yet answered.
    pub(crate) overlaps: Vec<(Name, Name)>,
    /// Acked messages for whose users nothing happened for this long, although the queue worked.
    pub(crate) still: Vec<(Name, Duration)>,
    /// Starts of handlers beyond the first of each message.
    pub(crate) repeated_starts: usize,
    /// Of these, those by a worker that had stood still, of a message that was no longer its own.
    pub(crate) late_starts: usize,
    /// Answers beyond the first of each message.
    pub(crate) repeated_answers: usize,
    /// Sends that a worker may or may not have made.
    pub(crate) unsure: usize,
}

impl Verdict {
    /// All that is wrong, each kind with the first few: order and standstill are for the test to ask about.
    pub(crate) fn wrongs(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        if self.acked == 0 {
            wrongs.push("nothing was acked".to_owned());
        }
        tell(&mut wrongs, "acked and never answered", &self.lost);
        tell(&mut wrongs, "never pushed", &self.invented);
        tell(&mut wrongs, "accepted twice", &self.accepted_twice);
        tell(&mut wrongs, "handled again without a fault", &self.started_twice);
        tell(&mut wrongs, "answered again, and not by a fault and an unsure send", &self.answered_twice);
        tell(&mut wrongs, "two of one user at once", &self.overlaps);
        wrongs
    }

    /// Users whose messages were handled in another order than they wrote them.
    pub(crate) fn out_of_order(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        tell(&mut wrongs, "out of order", &self.inversions);
        wrongs
    }

    /// Users whose messages stood still.
    pub(crate) fn standing_still(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        tell(&mut wrongs, "stood still", &self.still);
        wrongs
    }

    /// Panics unless nothing is wrong. What is only counted is for the test to judge, since it knows its faults.
    pub(crate) fn assert_right(&self) {
        assert!(self.wrongs().is_empty(), "{self}: {:?}", self.wrongs());
    }

    /// Panics if any user's messages were handled in another order than they wrote them.
    pub(crate) fn assert_in_order(&self) {
        assert!(self.inversions.is_empty(), "{self}: {:?}", self.out_of_order());
    }

    /// The messages that something is wrong with, each once.
    pub(crate) fn suspects(&self) -> Vec<Name> {
        let pairs = self.inversions.iter().chain(&self.overlaps).flat_map(|(first, second)| [first, second]);
        let alone =
            [&self.lost, &self.invented, &self.accepted_twice, &self.started_twice, &self.answered_twice];
        let still = self.still.iter().map(|(name, _)| name);
        let mut suspects: Vec<_> = alone.into_iter().flatten().chain(pairs).chain(still).copied().collect();
        suspects.sort_unstable();
        suspects.dedup();
        suspects
    }

    pub(super) fn count(&mut self, name: Name, message: &Message, excuses: &Excuses<'_>) {
        let (starts, answers) = (&message.started_us, &message.answered_us);
        let repeated_answers = answers.len().saturating_sub(1);
        self.pushed += usize::from(message.pushed_us.is_some());
        self.acked += usize::from(message.acked_us.is_some());
        self.answered += usize::from(!answers.is_empty());
        self.died += usize::from(message.died);
        self.repeated_starts += starts.len().saturating_sub(1);
        self.repeated_answers += repeated_answers;
        self.unsure += message.unsure;
        let mut find = |found: bool, list: fn(&mut Self) -> &mut Vec<Name>| {
            if found {
                list(self).push(name);
            }
        };
        find(message.acked_us.is_some() && !message.has_ended(), |this| &mut this.lost);
        find(message.pushed_us.is_none(), |this| &mut this.invented);
        find(message.ids.len() > 1 || message.reopened, |this| &mut this.accepted_twice);
        find(excuses.unexcused(starts) > 0, |this| &mut this.started_twice);
        let is_told = repeated_answers <= message.unsure;
        find(!is_told || excuses.unexcused(answers) > 0, |this| &mut this.answered_twice);
    }
}

/// The first few: thousands would hide what the test says.
fn tell<T: fmt::Debug>(wrongs: &mut Vec<String>, what: &str, all: &[T]) {
    if !all.is_empty() {
        wrongs.push(format!("{what}: {} such as {:?}", all.len(), &all[..all.len().min(20)]));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "pushed {}, acked {}, answered {}, dead {}, lost {}, accepted twice {}, inversions {}, overlaps {}, stood still \
             {}, repeated starts {} ({} late), repeated answers {} of {} unsure sends",
            self.pushed,
            self.acked,
            self.answered,
            self.died,
            self.lost.len(),
            self.accepted_twice.len(),
            self.inversions.len(),
            self.overlaps.len(),
            self.still.len(),
            self.repeated_starts,
            self.late_starts,
            self.repeated_answers,
            self.unsure
        )
    }
}
