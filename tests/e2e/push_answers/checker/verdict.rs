//! What is wrong, and what was excused.

use std::collections::BTreeSet;
use std::fmt;

use huixin_sandbox::TryOutcome;

use super::super::words::Part;
use super::Facts;
use super::trace::Trace;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) messages: usize,
    /// Parts that somebody saw, each counted once, and how many of them in the response to the first, second … try.
    pub(crate) shown: usize,
    pub(crate) in_try: [usize; 4],
    /// Seen by nobody, without an excuse.
    pub(crate) lost: Vec<Part>,
    /// Seen once too often, without an excuse.
    pub(crate) doubled: Vec<Part>,
    /// Shown to somebody else.
    pub(crate) foreign: Vec<Part>,
    /// Nobody had asked for it.
    pub(crate) invented: Vec<Part>,
    /// The first belongs before the second.
    pub(crate) inversions: Vec<(Part, Part)>,
    /// Responses that WeChat can't read, and error statuses.
    pub(crate) bad: Vec<String>,
    /// Pushes that were left without any response although none was cut, by when they were said.
    pub(crate) left_alone: Vec<u64>,
    /// What the processes call unsure, and how many lost or doubled parts it excuses.
    pub(crate) unsure: usize,
    pub(crate) excused_by_unsure: usize,
    /// Lost with a response that was cut.
    pub(crate) unknowable: usize,
    /// Messages that died, and those that were never taken in.
    pub(crate) died: usize,
    pub(crate) never_taken: usize,
    pub(crate) fault_notices: usize,
}

impl Verdict {
    /// All that is wrong, each kind with the first few.
    pub(crate) fn wrongs(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        if self.messages == 0 {
            wrongs.push("nothing was said".to_owned());
        }
        tell(&mut wrongs, "seen by nobody", &self.lost);
        tell(&mut wrongs, "seen once too often", &self.doubled);
        tell(&mut wrongs, "shown to somebody else", &self.foreign);
        tell(&mut wrongs, "nobody had asked for it", &self.invented);
        tell(&mut wrongs, "out of order", &self.inversions);
        tell(&mut wrongs, "bad responses", &self.bad);
        tell(&mut wrongs, "never answered and never cut, said at", &self.left_alone);
        wrongs
    }

    /// The users that something is wrong with.
    pub(crate) fn suspects(&self) -> BTreeSet<usize> {
        let pairs = self.inversions.iter().flat_map(|(first, second)| [first, second]);
        let alone = [&self.lost, &self.doubled, &self.foreign, &self.invented];
        alone.into_iter().flatten().chain(pairs).map(|part| part.name.user).collect()
    }

    pub(crate) fn assert_right(&self) {
        assert!(self.wrongs().is_empty(), "{self}: {:#?}", self.wrongs());
    }

    /// What each try shows by itself.
    pub(super) fn faults(&mut self, trace: &Trace, facts: &Facts) {
        self.fault_notices = trace.fault_notices;
        for push in &trace.pushes {
            for one in &push.tries {
                match &one.outcome {
                    TryOutcome::BadReply(why) => self.bad.push(why.clone()),
                    TryOutcome::Status(status) => self.bad.push(format!("{status}")),
                    _ => {}
                }
            }
            if !push.is_acked && !push.was_cut() && !facts.was_away(push.said_ms, push.ended_ms()) {
                self.left_alone.push(push.said_ms);
            }
        }
        for shown in &trace.shown {
            let place = shown.push.map_or(0, |_| shown.n as usize);
            self.in_try[place.min(3)] += 1;
        }
    }

    /// Unsure parts may be lost or doubled: as many as there are.
    pub(super) fn excuse_unsure(&mut self) {
        let odd = self.lost.len() + self.doubled.len();
        if odd <= self.unsure {
            self.excused_by_unsure = odd;
            self.lost.clear();
            self.doubled.clear();
        }
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
        let [by_api, first, second, later] = self.in_try;
        write!(
            f,
            "{} messages, {} parts seen: {by_api} by the API, {first} in first tries, {second} in second ones, {later} later; \
             lost {}, doubled {}, inversions {}; excused: {} of {} unsure, {} unknowable, {} died, {} never taken in; {} fault \
             notices",
            self.messages,
            self.shown,
            self.lost.len(),
            self.doubled.len(),
            self.inversions.len(),
            self.excused_by_unsure,
            self.unsure,
            self.unknowable,
            self.died,
            self.never_taken,
            self.fault_notices
        )
    }
}
