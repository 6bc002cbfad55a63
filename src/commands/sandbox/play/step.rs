//! A step of a scenario, as it is played: something that is done, or something that must happen.

use std::time::Duration;

use huixin_sandbox::{FaultOrder, HangUp, PushKind};
use regex::Regex;
use serde::Deserialize;

/// One step.
pub(super) struct ScenarioStep {
    pub(super) line: usize,
    /// By name; the first account without one.
    pub(super) account: Option<String>,
    pub(super) user: String,
    pub(super) action: StepAction,
}

/// What is in a step.
pub(super) enum StepAction {
    /// The user does something.
    Does(PushKind),
    /// This must happen.
    Expects(Expectation),
    /// The next calls of the API meet this.
    Fault(FaultOrder),
    /// The next pushes lose their acks.
    LoseAcks(u32),
    /// WeChat hangs up in the next tries.
    HangUps(HangUp, u32),
    /// There is no trouble any more.
    ForgetFaults,
    /// WeChat's clock goes on.
    Clock(Duration),
    /// The access tokens become unusable.
    Token(TokenEnd),
    /// The account has the right to send, or hasn't.
    MaySend(bool),
    /// Nothing is done for a time.
    Wait(Duration),
}

/// What must happen.
pub(super) enum Expectation {
    /// This is the next that the user is shown, within a time.
    Shown(WantedAnswer, Duration),
    /// What the user did last is acked so soon.
    Acked(Duration),
    /// WeChat refuses a call with this code, within a time.
    Refused(i64, Duration),
    /// For so long the user is shown nothing.
    Silence(Duration),
}

/// What the user is shown.
pub(super) enum WantedAnswer {
    Text(String),
    Contains(String),
    Matches(Regex),
    /// A message of this type.
    Kind(String),
    /// The words that clients show when an account's server fails.
    FaultNotice,
}

/// How access tokens end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenEnd {
    /// By time: 42001.
    Expire,
    /// They are not known any more: 40001.
    Revoke,
}
