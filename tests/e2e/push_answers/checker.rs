//! Once, and in order: what the transcript of the pretend WeChat must show of answers in responses.
//!
//! It knows nothing of Huixin: it reads what users said, how each try of a push ended, and what each user saw, in a response or
//! by the API. A message's text says how many parts its answer has, and each part names its message (see `words`), so the
//! expectation is in the transcript too. Only a few facts come from elsewhere: what the processes' logs call unsure, what died,
//! which handlers started, and when the queue was away.
//!
//! **Lost.** A part that nobody saw is excused by one push of its user, said before or after, one of whose responses was cut and
//! that showed no part afterwards: nobody can know whether the part was in the response. So each such push excuses one part. A
//! push that came again and was acked without a part excuses one only if the queue was away at that time. A message that was
//! never acked and that no handler saw was never taken in.
//!
//! **Unsure.** Parts that were seen twice, and lost ones without another excuse, are no more than the logs call unsure.
//!
//! **Order** is that of real time: a message that was acked before the next one of its user was said, or was said a second
//! before it, comes first, unless the queue was away then, because messages wait in a spool for it. A part whose response was cut
//! and that came in a later try may come late.
//!
//! Rejected: asking the queue or the receivers' metrics what went out. They are what is tested.

#[cfg(test)]
mod tests;
mod trace;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use huixin_sandbox::TranscriptEntry;

use self::trace::{PushTrace, Trace};
pub(super) use self::verdict::Verdict;
use super::words::Part;
use crate::harness::Name;

/// A message that was said so long before another one is stored before it.
const STORED_WITHIN_MS: u64 = 1_000;
/// A receiver notices so long after its end that an outage is over.
const NOTICED_WITHIN_MS: u64 = 1_500;
/// What was put into a spool is in the queue so long after the end of an outage.
const CARRIED_WITHIN_MS: u64 = 10_000;

/// What the transcript doesn't show.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// How many parts may have gone out or not, by the processes' own word.
    pub(super) unsure: usize,
    /// Messages among the dead letters.
    pub(super) died: BTreeSet<Name>,
    /// Messages with which a handler started.
    pub(super) started: BTreeSet<Name>,
    /// From when to when the queue was away, in milliseconds since 1970.
    pub(super) outages_ms: Vec<(u64, u64)>,
}

impl Facts {
    /// Whether receivers found the queue away in this time.
    fn was_away(&self, from_ms: u64, to_ms: u64) -> bool {
        self.outages_ms.iter().any(|away| away.0 <= to_ms && away.1 + NOTICED_WITHIN_MS >= from_ms)
    }
}

/// Judges all that happened.
pub(super) fn judge<'a>(entries: impl IntoIterator<Item = &'a TranscriptEntry>, facts: &Facts) -> Verdict {
    let trace = Trace::read(entries);
    let mut verdict = Verdict { unsure: facts.unsure, ..Verdict::default() };
    verdict.faults(&trace, facts);
    let mut seen: BTreeMap<Part, usize> = BTreeMap::new();
    for shown in &trace.shown {
        match trace.message(shown.part.name) {
            Some(message) if message.user != shown.user => verdict.foreign.push(shown.part),
            Some(message) if message.ask.is_some_and(|ask| ask.answer().any(|part| part == shown.part)) => {
                *seen.entry(shown.part).or_default() += 1;
            }
            _ => verdict.invented.push(shown.part),
        }
    }
    verdict.shown = seen.len();
    verdict.doubled.extend(seen.iter().flat_map(|(part, times)| std::iter::repeat_n(*part, times - 1)));
    lost(&trace, facts, &seen, &mut verdict);
    verdict.excuse_unsure();
    verdict.inversions = inversions(&trace, facts);
    verdict
}

/// The parts that nobody saw, less those that have an excuse.
fn lost(trace: &Trace, facts: &Facts, seen: &BTreeMap<Part, usize>, verdict: &mut Verdict) {
    let mut excuses: BTreeMap<&trace::User, Vec<u64>> = BTreeMap::new();
    for push in trace.pushes.iter().filter(|push| may_have_lost_one(push, facts)) {
        excuses.entry(&push.user).or_default().push(push.ended_ms());
    }
    for message in &trace.pushes {
        let Some(ask) = message.ask else { continue };
        verdict.messages += 1;
        if facts.died.contains(&ask.name) {
            verdict.died += 1;
            continue;
        }
        if !message.is_acked && !facts.started.contains(&ask.name) {
            verdict.never_taken += 1;
            continue;
        }
        for part in ask.answer().filter(|part| !seen.contains_key(part)) {
            let of_user = excuses.get_mut(&message.user);
            let excuse = of_user.and_then(|ends| {
                let later = ends.iter().position(|ended_ms| *ended_ms >= message.said_ms)?;
                Some(ends.remove(later))
            });
            match excuse {
                Some(_) => verdict.unknowable += 1,
                None => verdict.lost.push(part),
            }
        }
    }
}

/// Whether a part may have been in a response of this push that was cut, and didn't come again.
fn may_have_lost_one(push: &PushTrace, facts: &Facts) -> bool {
    let unheard = push.tries.last().is_some_and(|last| facts.was_away(last.began_ms, last.ended_ms));
    push.was_cut() && push.shown.is_none() && (!push.is_acked || unheard)
}

/// Pairs of parts of one user: the first belongs before the second, and was seen after it.
fn inversions(trace: &Trace, facts: &Facts) -> Vec<(Part, Part)> {
    let mut users: BTreeMap<&trace::User, Vec<Part>> = BTreeMap::new();
    let mut found = Vec::new();
    for shown in &trace.shown {
        let earlier = users.entry(&shown.user).or_default();
        if earlier.contains(&shown.part) {
            continue;
        }
        let came_late = shown.push.is_some_and(|push| trace.pushes[push].was_cut_before(shown.n));
        let passed = earlier.iter().filter(|part| !came_late && is_before(trace, facts, shown.part, **part));
        found.extend(passed.map(|part| (shown.part, *part)));
        earlier.push(shown.part);
    }
    found
}

/// Whether a part must be seen before another one of its user.
fn is_before(trace: &Trace, facts: &Facts, one: Part, other: Part) -> bool {
    if one.name == other.name {
        return one.index < other.index;
    }
    let (Some(first), Some(second)) = (trace.message(one.name), trace.message(other.name)) else {
        return false;
    };
    let in_time = first.said_ms + STORED_WITHIN_MS <= second.said_ms && !first.failed_at_first();
    let stored = first.is_acked_before(second.said_ms) || in_time;
    let is_spooled = facts.outages_ms.iter().any(|(from_ms, to_ms)| {
        first.ended_ms() >= *from_ms
            && first.said_ms <= to_ms + STORED_WITHIN_MS
            && second.said_ms <= to_ms + CARRIED_WITHIN_MS
    });
    stored && !is_spooled
}
