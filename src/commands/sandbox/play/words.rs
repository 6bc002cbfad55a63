//! Steps and failures in words, for the terminal.

use std::fmt::{self, Write as _};

use huixin_sandbox::{Fault, PushKind, When};
use similar::{ChangeTag, TextDiff};

use super::player::Missed;
use super::step::{Expectation, ScenarioStep, StepAction, WantedAnswer};

/// The longest part of a text that a step's line shows.
const SHOWN_CHARS: usize = 60;

impl fmt::Display for ScenarioStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = &self.user;
        match &self.action {
            StepAction::Does(kind) => write!(f, "{user} {}", deed(kind)),
            StepAction::Expects(Expectation::Shown(wanted, _)) => {
                write!(f, "{user} is shown {}", beginning(&wanted.to_string()))
            }
            StepAction::Expects(Expectation::Acked(within)) => {
                write!(f, "it is acked within {}", humantime::format_duration(*within))
            }
            StepAction::Expects(Expectation::Refused(code, _)) => {
                write!(f, "WeChat refuses a call with {code}")
            }
            StepAction::Expects(Expectation::Silence(time)) => {
                write!(f, "{user} is shown nothing for {}", humantime::format_duration(*time))
            }
            StepAction::Fault(order) => {
                let on: Vec<&str> = order.on.iter().map(|endpoint| endpoint.as_str()).collect();
                write!(f, "{} for {} of {}", trouble(&order.fault), which(order.when), on.join(", "))
            }
            StepAction::LoseAcks(times) => write!(f, "the acks of the next {times} tries get lost"),
            StepAction::HangUps(_, times) => write!(f, "WeChat hangs up in the next {times} tries"),
            StepAction::ForgetFaults => f.write_str("no trouble any more"),
            StepAction::Clock(by) => {
                write!(f, "WeChat's clock goes on by {}", humantime::format_duration(*by))
            }
            StepAction::Token(_) => f.write_str("the access tokens end"),
            StepAction::MaySend(true) => f.write_str("the account may send"),
            StepAction::MaySend(false) => f.write_str("the account may not send"),
            StepAction::Wait(time) => write!(f, "{} pass", humantime::format_duration(*time)),
        }
    }
}

/// What is wanted, as it can be laid beside what came.
impl fmt::Display for WantedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Contains(part) => write!(f, "…{part}…"),
            Self::Matches(pattern) => write!(f, "/{pattern}/"),
            Self::Kind(kind) => write!(f, "[{kind}]"),
            Self::FaultNotice => f.write_str(huixin_sandbox::FAULT_NOTICE),
        }
    }
}

fn trouble(fault: &Fault) -> String {
    match fault {
        Fault::Code(code) => format!("code {code}"),
        Fault::Delay(time) => format!("{} of delay", humantime::format_duration(*time)),
        Fault::Hang => "no answer".to_owned(),
        Fault::Cut => "a cut connection".to_owned(),
        Fault::CutAfterAccept => "a connection cut behind the effect".to_owned(),
        Fault::Status(status) => format!("status {status}"),
        Fault::Html => "a page of HTML".to_owned(),
    }
}

fn which(when: When) -> String {
    match when {
        When::Next(1) => "the next call".to_owned(),
        When::Next(times) => format!("the next {times} calls"),
        When::Every(nth) => format!("one in {nth} calls"),
        When::Share { share, .. } => format!("{:.0} % of the calls", share * 100.0),
    }
}

fn deed(kind: &PushKind) -> String {
    match kind {
        PushKind::Text { content, .. } => format!("says {}", beginning(content)),
        PushKind::Click { key } => format!("taps {key}"),
        PushKind::Subscribe { .. } => "follows".to_owned(),
        PushKind::Unsubscribe => "leaves".to_owned(),
        PushKind::Scan { scene } => format!("scans {scene}"),
        PushKind::View { url } => format!("opens {url}"),
        PushKind::Voice { recognition, .. } => {
            format!("speaks {}", recognition.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
        PushKind::Image { .. } => "sends a picture".to_owned(),
        PushKind::Video { .. } | PushKind::ShortVideo { .. } => "sends a video".to_owned(),
        PushKind::Location { label, .. } => format!("sends the place {label}"),
        PushKind::Link { title, .. } => format!("sends the link {title}"),
        PushKind::LocationEvent { .. } => "is somewhere".to_owned(),
        PushKind::Raw { .. } => "sends something else".to_owned(),
    }
}

fn beginning(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(SHOWN_CHARS).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// A failure in lines, the difference of two texts by line.
pub(super) fn explained(missed: &Missed) -> String {
    let mut text = format!("{}\n", missed.what);
    match (&missed.expected, &missed.got) {
        (Some(expected), Some(got)) => {
            text += "- expected, + got:\n";
            text += &difference(expected, got);
        }
        (Some(expected), None) => text += &prefixed(expected, "- "),
        (None, Some(got)) => text += &prefixed(got, "+ "),
        (None, None) => {}
    }
    if !missed.events.is_empty() {
        text += "before:\n";
        text += &prefixed(&missed.events.join("\n"), "  ");
    }
    text
}

/// By line; a line that is in both stands once.
pub(super) fn difference(expected: &str, got: &str) -> String {
    let (expected, got) = (format!("{expected}\n"), format!("{got}\n"));
    let mut text = String::new();
    for change in TextDiff::from_lines(&expected, &got).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        writeln!(text, "{sign} {}", change.value().trim_end_matches('\n')).expect("a string takes all");
    }
    text
}

fn prefixed(text: &str, prefix: &str) -> String {
    text.lines().map(|line| format!("{prefix}{line}\n")).collect()
}
