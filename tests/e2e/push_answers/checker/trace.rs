//! What the transcript says, push by push.

use std::collections::{BTreeMap, HashMap};

use huixin_sandbox::{OpenId, TranscriptEntry, TryOutcome, What};

use super::super::words::{Ask, Part};
use crate::harness::Name;

/// A user of an account.
pub(super) type User = (String, OpenId);

/// Everything, in order.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) pushes: Vec<PushTrace>,
    pub(super) shown: Vec<Shown>,
    /// How often users saw the fault notice.
    pub(super) fault_notices: usize,
    by_id: HashMap<String, usize>,
    by_name: BTreeMap<Name, usize>,
}

/// One push.
pub(super) struct PushTrace {
    pub(super) user: User,
    /// Unless it only fetches, or is something else.
    pub(super) ask: Option<Ask>,
    pub(super) said_ms: u64,
    pub(super) tries: Vec<Try>,
    pub(super) is_acked: bool,
    /// The part that its response showed.
    pub(super) shown: Option<Part>,
}

/// One try of a push.
pub(super) struct Try {
    pub(super) n: u32,
    pub(super) began_ms: u64,
    pub(super) ended_ms: u64,
    pub(super) outcome: TryOutcome,
}

/// A part that a user saw.
pub(super) struct Shown {
    pub(super) user: User,
    pub(super) part: Part,
    /// In the response to which push; none: by the API.
    pub(super) push: Option<usize>,
    /// To which try.
    pub(super) n: u32,
}

impl Trace {
    pub(super) fn read<'a>(entries: impl IntoIterator<Item = &'a TranscriptEntry>) -> Self {
        let mut trace = Self::default();
        for entry in entries {
            trace.add(entry);
        }
        trace
    }

    /// The push of this message.
    pub(super) fn message(&self, name: Name) -> Option<&PushTrace> {
        Some(&self.pushes[*self.by_name.get(&name)?])
    }

    fn add(&mut self, entry: &TranscriptEntry) {
        let user = (entry.account.clone(), entry.user.clone());
        let known = entry.what.msg_id().and_then(|id| self.by_id.get(id).copied());
        match (&entry.what, known) {
            (What::Said { msg_id, content, .. }, None) => {
                self.said(entry.at_ms, msg_id, user, Ask::of(content));
            }
            (What::Tried { n, took_ms, outcome, .. }, Some(push)) => {
                let began_ms = entry.at_ms.saturating_sub(*took_ms as u64);
                let outcome = outcome.clone();
                self.pushes[push].tries.push(Try { n: *n, began_ms, ended_ms: entry.at_ms, outcome });
            }
            (What::Acked { .. }, Some(push)) => self.pushes[push].is_acked = true,
            (What::FaultNotice { .. }, _) => self.fault_notices += 1,
            (What::Replied { n, text, .. }, push) => self.show(user, text.as_deref(), push, *n),
            (What::Sent { text, .. }, _) => self.show(user, text.as_deref(), None, 0),
            _ => {}
        }
    }

    fn said(&mut self, said_ms: u64, msg_id: &str, user: User, ask: Option<Ask>) {
        let place = self.pushes.len();
        self.by_id.insert(msg_id.to_owned(), place);
        if let Some(ask) = ask {
            self.by_name.insert(ask.name, place);
        }
        self.pushes.push(PushTrace { user, ask, said_ms, tries: Vec::new(), is_acked: false, shown: None });
    }

    fn show(&mut self, user: User, text: Option<&str>, push: Option<usize>, n: u32) {
        let Some(part) = text.and_then(Part::of) else { return };
        if let Some(push) = push {
            self.pushes[push].shown = Some(part);
        }
        self.shown.push(Shown { user, part, push, n });
    }
}

impl PushTrace {
    /// When its last try ended, as far as it had one.
    pub(super) fn ended_ms(&self) -> u64 {
        self.tries.last().map_or(self.said_ms, |last| last.ended_ms)
    }

    pub(super) fn is_acked_before(&self, at_ms: u64) -> bool {
        self.is_acked && self.ended_ms() < at_ms
    }

    /// Whether its first try came to nothing: then it may have been stored later. (One that waits for its answer is stored.)
    pub(super) fn failed_at_first(&self) -> bool {
        let failed = |one: &Try| matches!(one.outcome, TryOutcome::Unreachable(_) | TryOutcome::Timeout);
        self.tries.first().is_some_and(failed)
    }

    /// Whether one of its tries was cut, by WeChat or by the end of a process.
    pub(super) fn was_cut(&self) -> bool {
        self.was_cut_before(u32::MAX)
    }

    pub(super) fn was_cut_before(&self, n: u32) -> bool {
        self.tries.iter().any(|one| one.n < n && matches!(one.outcome, TryOutcome::Unreachable(_)))
    }
}
