//! What has been answered, and how often.
//!
//! Two queues that refuse everything agree on everything. So a run counts what it has met, and fails if
//! something that it is meant to meet was never there.

use std::collections::BTreeMap;
use std::fmt;

use huixin_queue::{ClaimOutcome, Closed, Progress, Settlement};

use super::ask::Reply;
use super::operation::Operation;

/// What a run must have met, or it compares little. The rarest of these comes a dozen times in the short
/// form.
const MUST_BE_MET: &[&str] = &[
    "Accept Ok(New)",
    "Accept Ok(Duplicate)",
    "Take something",
    "Take nothing",
    "TakeAgain something",
    "TakeLate",
    "Renew Lost",
    "Record Ok",
    "Record Ok with right",
    "Record Ok with sends",
    "Record Err(LeaseLost)",
    "Complete Ok(AsAsked)",
    "Complete Err(LeaseLost)",
    "Complete Err(CallBackPending)",
    "Retry Ok(AsAsked)",
    "Retry Err(LeaseLost)",
    "Snooze Ok(AsAsked)",
    "Release Ok(AsAsked)",
    "Bury Ok(AsAsked)",
    "Hold Ok(AsAsked)",
    "Hold Ok(ComesAgain)",
    "Await Ok(AsAsked)",
    "Await Ok(ComesAgain)",
    "Hold with an answer Ok(AsAsked)",
    "Hold with an answer Ok(ComesAgain)",
    "Offer Ok(AsAsked)",
    "Offer Ok(NobodyWaits)",
    "Offer Err(LeaseLost)",
    "Open first",
    "Open again",
    "Claim Part",
    "Claim Part with more",
    "Claim NotYet",
    "Claim Idle",
    "Claim Superseded",
    "Claim unsure",
    "Confirm true with an effect",
    "Confirm false with an effect",
    "Announce to somebody",
    "given after its claim ran out",
    "AnswerLeased Ok(First)",
    "AnswerLeased Ok(Already)",
    "AnswerLeased Ok(Gone)",
    "Revive some",
    "Drop some",
    "Resume Ok(true)",
    "Crash",
    "Damage",
    "buried by a take",
    "given with losses",
    "given with suspect",
    "given with answer",
    "given with unanswered",
    "given with memory",
    "given with replies",
    "given with trigger",
    "given with followers",
    "given with a failure",
    "given with right",
    "given with refused",
    "given with ended",
    "given with sends",
    "given with sends of an earlier message",
];

/// Counts of answers, by operation and kind.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, usize>);

impl Tally {
    /// Counts what another has counted.
    pub(crate) fn merge(&mut self, other: Self) {
        for (answer, count) in other.0 {
            *self.0.entry(answer).or_default() += count;
        }
    }

    pub(crate) fn count(&mut self, operation: &Operation, reply: &Reply) {
        let operation_text = match operation {
            Operation::Settle { settlement, .. } => format!("{settlement:?}"),
            _ => format!("{operation:?}"),
        };
        let answers = matches!(
            operation,
            Operation::Settle { settlement: Settlement::Hold { answer: Some(_), .. }, .. }
        );
        let name = operation_text.split(' ').next().unwrap_or_default();
        let answer = match operation {
            Operation::Take { .. } | Operation::TakeAgain { .. } if reply.given.is_empty() => "nothing",
            Operation::Take { .. } | Operation::TakeAgain { .. } => "something",
            Operation::Revive { .. } | Operation::Drop { .. } if reply.text.contains("true") => "some",
            Operation::Renew { .. } if reply.text.contains("Lost") => "Lost",
            Operation::Revive { .. } | Operation::Drop { .. } | Operation::Renew { .. } => "none",
            Operation::Record { .. } if reply.text.starts_with("Ok") => "Ok",
            Operation::Get | Operation::Limit { .. } | Operation::Dead { .. } => "",
            Operation::TakeLate { .. } | Operation::Confirm { .. } => "",
            Operation::Open { .. } if reply.opened == Some(1) => "first",
            Operation::Open { .. } => "again",
            Operation::Claim { .. } => outcome(reply),
            Operation::Announce { .. } if reply.text.contains("[Lane") => "to somebody",
            Operation::Announce { .. } => "to nobody",
            Operation::Settle { .. } => reply.text.split(" receiver").next().unwrap_or_default(),
            _ => &reply.text,
        };
        let with = if answers { " with an answer" } else { "" };
        self.add(format!("{name}{with} {answer}").trim_end().to_owned());
        if reply.claimed.as_ref().is_some_and(|claimed| claimed.unsure > 0) {
            self.add("Claim unsure".to_owned());
        }
        if matches!(operation, Operation::Record { .. }) && reply.text.starts_with("Ok") {
            for (kind, is) in
                [("right", reply.text.contains("Some(Right")), ("sends", !reply.text.contains("sends: 0"))]
            {
                if is {
                    self.add(format!("Record Ok with {kind}"));
                }
            }
        }
        for leased in &reply.given {
            let send_state = leased.send_state;
            let untouched = leased.progress == Progress::default();
            let kinds = [
                ("losses", leased.losses > 0),
                ("suspect", leased.losses > 1),
                ("answer", leased.answer.is_some()),
                ("unanswered", leased.timed_out),
                ("memory", leased.memory.is_some()),
                ("replies", leased.progress.replies.is_some()),
                ("trigger", send_state.wakes > 0),
                ("followers", send_state.has_followers),
                ("a failure", leased.failing_for.is_some()),
                ("right", send_state.right.is_some()),
                ("refused", send_state.closed == Some(Closed::Refused)),
                ("ended", send_state.closed == Some(Closed::Ended)),
                ("sends", send_state.sends > 0),
                ("sends of an earlier message", send_state.sends > 0 && untouched),
            ];
            for (kind, _) in kinds.iter().filter(|(_, is)| *is) {
                self.add(format!("given with {kind}"));
            }
        }
        for _ in 0..reply.buried {
            self.add("buried by a take".to_owned());
        }
    }

    /// What should have been met and wasn't.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        MUST_BE_MET.iter().filter(|&&what| !self.0.contains_key(what)).copied().collect()
    }

    pub(crate) fn add(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.0.iter().map(|(what, times)| format!("{what}: {times}")).collect();
        f.write_str(&counts.join("; "))
    }
}

fn outcome(reply: &Reply) -> &'static str {
    match reply.claimed.as_ref().map(|claimed| &claimed.outcome) {
        Some(ClaimOutcome::Part { more: true, .. }) => "Part with more",
        Some(ClaimOutcome::Part { more: false, .. }) => "Part",
        Some(ClaimOutcome::NotYet) => "NotYet",
        Some(ClaimOutcome::Idle) => "Idle",
        Some(ClaimOutcome::Superseded) => "Superseded",
        None => "Err",
    }
}
