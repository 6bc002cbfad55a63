//! What became of a round of messages whose worker was killed, and whether that was right.
//!
//! Under each policy only some orders of the two parts can be explained; any other is a failure of the test. Of two copies
//! the first must have been the last send that the killed worker made of its message.

use huixin_sandbox::What;

use super::killed::{Seen, USERS, Unsure};
use crate::harness::{Backend, Stack};

/// A round with its kill.
pub(super) struct Killed {
    /// The last lines of the transcript before the round, and when the worker was dead.
    pub(super) before: u64,
    pub(super) at: u64,
    pub(super) at_us: u64,
    /// What the worker had logged.
    pub(super) log: String,
}

impl Killed {
    /// Judges the answers of the round, and what the heir counted as unsure. Panics if anything is wrong.
    pub(super) fn judge(
        &self,
        stack: &Stack,
        backend: &Backend,
        (policy, round): (Unsure, u64),
        unsure: usize,
        seen: &mut Seen,
    ) {
        let (mut certainly_unsure, mut perhaps_unsure) = (0, 0);
        for user in 0..USERS {
            let name = format!("oUser{user}");
            let content = format!("{round}/{user}");
            let (came, accepted) = self.at_the_kill(stack, &name);
            let asked = backend.requests_for(&content);
            let (begun, id) = (asked[0].at_us, &asked[0].id);
            // The log names messages by their ids.
            let done =
                self.log.lines().any(|line| line.contains(id) && line.contains("handled end=\"answered\""));
            certainly_unsure += usize::from(came > accepted);
            perhaps_unsure += usize::from(!done && begun < self.at_us);
            seen.done += usize::from(done);
            let parts = self.parts(stack, &name, &content);
            let what =
                format!("{content} under {policy:?}: parts {parts:?}, {came} requests before the kill");
            match (policy, &parts[..]) {
                (_, [1, 2]) => {}
                // The part was the last that the killed worker asked WeChat to take.
                (Unsure::Resend, [1, 1, 2]) if came <= 1 && !done => seen.twice += 1,
                (Unsure::Resend, [1, 2, 2]) if !done => seen.twice += 1,
                (Unsure::Drop, [2]) if came <= 1 && !done => seen.missing += 1,
                (Unsure::Drop, [1]) if came >= 1 && !done => seen.missing += 1,
                (Unsure::Hold, [] | [1]) if !done => {}
                _ => panic!("{what}, done: {done}"),
            }
            assert!(asked.len() <= if came > 0 { 1 } else { 2 }, "{what}: asked {} times", asked.len());
            seen.asked_again += asked.len() - 1;
            seen.answers += 1;
        }
        assert!(
            (certainly_unsure..=perhaps_unsure).contains(&unsure),
            "round {round}: {unsure} unsure, of {certainly_unsure} requests without an answer, and {perhaps_unsure} \
             open messages"
        );
    }

    /// Judges the answers once more when the held parts have come.
    pub(super) fn judge_after_the_next_message(&self, stack: &Stack, round: u64, seen: &mut Seen) {
        for user in 0..USERS {
            let (name, content) = (format!("oUser{user}"), format!("{round}/{user}"));
            let parts = self.parts(stack, &name, &content);
            match parts[..] {
                [1, 2] => {}
                [1, 1, 2] | [1, 2, 2] => seen.twice += 1,
                _ => panic!("{content}: after the next message the parts are {parts:?}"),
            }
            assert_eq!(self.parts(stack, &name, &format!("{content} again")), [1, 2]);
            let texts = stack.texts_to(&name);
            let held = texts.iter().rposition(|text| text.starts_with(&format!("{content}: ")));
            let new = texts.iter().position(|text| text.starts_with(&format!("{content} again: ")));
            assert!(held < new, "what was held comes first: {texts:?}");
        }
    }

    /// How many sends to the user had come to WeChat when the worker was dead, and how many of them were accepted.
    fn at_the_kill(&self, stack: &Stack, user: &str) -> (usize, usize) {
        let entries = stack.sandbox.sandbox.transcript().entries_after(self.before);
        let of_user = entries.iter().filter(|entry| entry.user == user && entry.seq <= self.at);
        let (mut came, mut accepted) = (0, 0);
        for entry in of_user {
            came += usize::from(matches!(entry.what, What::Faulted { .. }));
            accepted += usize::from(matches!(entry.what, What::Sent { .. }));
        }
        (came, accepted)
    }

    /// The numbers of the parts of a message's answer, as they came.
    fn parts(&self, stack: &Stack, user: &str, content: &str) -> Vec<u32> {
        let texts = stack.texts_to(user);
        let of_content = texts.iter().filter_map(|text| text.strip_prefix(content)?.strip_prefix(": part "));
        of_content.map(|part| part.parse().expect("parts are numbered")).collect()
    }
}
