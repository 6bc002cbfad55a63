//! A scenario as it is written: what users do, what trouble there is, and what must come of it, in the order of a TOML file.
//!
//! ```toml
//! step = [
//!   { say = "?18-546" },
//!   { expect = { acked = "1s" } },
//!   { expect = { contains = "车体新厂房3号", within = "20s" } },
//! ]
//! ```
//!
//! `[[step]]` is the same. A step is one thing. What can't be read is refused with its line before anything is played.

use std::path::Path;
use std::time::Duration;

use huixin_sandbox::{Push, PushKind};
use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;

use super::step::{Expectation, ScenarioStep, StepAction, TokenEnd, WantedAnswer};
use super::trouble;
use crate::report::{ExitCode, Failure};

/// How long an answer may take, where the step doesn't say it.
const WITHIN: Duration = Duration::from_secs(10);
/// The longest time that can be written.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Who does what is done, where nobody is named.
const USER: &str = "oXiaoming";

/// A file, as it is played.
pub(super) struct Scenario {
    /// What it shows.
    pub(super) about: Option<String>,
    pub(super) steps: Vec<ScenarioStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScenario {
    about: Option<String>,
    account: Option<String>,
    user: Option<String>,
    step: Vec<Spanned<WrittenStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    account: Option<String>,
    user: Option<String>,
    say: Option<String>,
    click: Option<String>,
    view: Option<String>,
    scan: Option<String>,
    voice: Option<String>,
    #[serde(default)]
    picture: bool,
    #[serde(default)]
    follow: bool,
    #[serde(default)]
    unfollow: bool,
    push: Option<toml::Table>,
    expect: Option<WrittenExpectation>,
    fault: Option<toml::Table>,
    #[serde(default)]
    forget_faults: bool,
    #[serde(default, deserialize_with = "time")]
    clock: Option<Duration>,
    token: Option<TokenEnd>,
    may_send: Option<bool>,
    #[serde(default, deserialize_with = "time")]
    wait: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenExpectation {
    text: Option<String>,
    contains: Option<String>,
    #[serde(default, deserialize_with = "pattern")]
    matches: Option<Regex>,
    kind: Option<String>,
    #[serde(default)]
    fault_notice: bool,
    #[serde(default, deserialize_with = "time")]
    acked: Option<Duration>,
    refused: Option<i64>,
    #[serde(default, deserialize_with = "time")]
    silence: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    within: Option<Duration>,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// With exit code 2: the line, and what to write instead.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| unreadable(format!("cannot read the scenario `{}`: {error}", path.display())))?;
        Self::parse(&text).map_err(|(line, why)| unreadable(format!("{}:{line}: {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let line_at = |offset: usize| 1 + text.get(..offset).unwrap_or(text).matches('\n').count();
        let written: WrittenScenario = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(span.start));
            (line, error.message().to_owned())
        })?;
        let WrittenScenario { about, account, user, step } = written;
        let steps = step.into_iter().map(|step| {
            let line = line_at(step.span().start);
            let mut step = step.into_inner();
            let (account, user) =
                (step.account.take().or(account.clone()), step.user.take().or(user.clone()));
            let action = step.understood().map_err(|why| (line, why))?;
            Ok(ScenarioStep { line, account, user: user.unwrap_or(USER.to_owned()), action })
        });
        Ok(Self { about, steps: steps.collect::<Result<_, _>>()? })
    }
}

impl WrittenStep {
    fn understood(self) -> Result<StepAction, String> {
        let mut found = Vec::new();
        let mut does = |kind: Option<PushKind>| found.extend(kind.map(StepAction::Does));
        does(self.say.map(|content| PushKind::Text { content, menu_id: None }));
        does(self.click.map(|key| PushKind::Click { key }));
        does(self.view.map(|url| PushKind::View { url }));
        does(self.scan.map(|scene| PushKind::Scan { scene }));
        does(self.follow.then_some(PushKind::Subscribe { scene: None }));
        does(self.unfollow.then_some(PushKind::Unsubscribe));
        does(self.voice.map(|heard| Push::voice("", USER, Some(&heard)).kind));
        does(self.picture.then(|| Push::image("", USER).kind));
        does(self.push.map(|push| named("push", trouble::exact(push))).transpose()?);
        found.extend(self.expect.map(WrittenExpectation::understood).transpose()?.map(StepAction::Expects));
        found.extend(self.fault.map(|fault| named("fault", trouble::understood(fault))).transpose()?);
        found.extend(self.forget_faults.then_some(StepAction::ForgetFaults));
        found.extend(self.clock.map(StepAction::Clock));
        found.extend(self.token.map(StepAction::Token));
        found.extend(self.may_send.map(StepAction::MaySend));
        found.extend(self.wait.map(StepAction::Wait));
        only(found).map_err(|count| {
            format!("a step is one thing, and this has {count}: write `say`, `click`, `expect`, `fault` …; docs/sandbox.md lists all")
        })
    }
}

impl WrittenExpectation {
    fn understood(self) -> Result<Expectation, String> {
        let within = self.within.unwrap_or(WITHIN);
        let mut found = Vec::new();
        let mut shown = |wanted: Option<WantedAnswer>| {
            found.extend(wanted.map(|wanted| Expectation::Shown(wanted, within)));
        };
        shown(self.text.map(WantedAnswer::Text));
        shown(self.contains.map(WantedAnswer::Contains));
        shown(self.matches.map(WantedAnswer::Matches));
        shown(self.kind.map(WantedAnswer::Kind));
        shown(self.fault_notice.then_some(WantedAnswer::FaultNotice));
        found.extend(self.refused.map(|code| Expectation::Refused(code, within)));
        if self.within.is_some() && (self.acked.is_some() || self.silence.is_some()) {
            return Err("`acked` and `silence` are times themselves: leave `within` out".to_owned());
        }
        found.extend(self.acked.map(Expectation::Acked));
        found.extend(self.silence.map(Expectation::Silence));
        only(found).map_err(|count| {
            let keys =
                "`text`, `contains`, `matches`, `kind`, `fault_notice`, `acked`, `refused` or `silence`";
            format!("`expect` has {count} of these, and needs one: {keys}")
        })
    }
}

fn named<T>(key: &str, read: Result<T, String>) -> Result<T, String> {
    read.map_err(|why| format!("`{key}`: {why}"))
}

fn only<T>(mut found: Vec<T>) -> Result<T, usize> {
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(0),
        (Some(_), others) => Err(others + 1),
    }
}

fn time<'de, D: Deserializer<'de>>(written: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(written)?;
    let time = humantime::parse_duration(&text).ok().filter(|time| *time <= LONGEST);
    let hint = "write a number and its unit, like \"10s\", and at most \"30days\"";
    time.map(Some).ok_or_else(|| D::Error::custom(format!("`{text}` is no time: {hint}")))
}

fn pattern<'de, D: Deserializer<'de>>(written: D) -> Result<Option<Regex>, D::Error> {
    let text = String::deserialize(written)?;
    Regex::new(&text).map(Some).map_err(|error| D::Error::custom(format!("no pattern: {error}")))
}

fn unreadable(what: String) -> Failure {
    Failure { code: ExitCode::Usage, ..Failure::failed(what, "docs/sandbox.md says what is in a scenario") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let (line, why) = Scenario::parse(text).err().unwrap_or_default();
        format!("{line}: {why}")
    }

    #[test]
    fn both_forms_of_a_list_are_the_same_and_a_step_knows_its_line() {
        for text in [
            "step = [\n  { say = 'a' },\n  { click = 'b' },\n]",
            "[[step]]\nsay = 'a'\n[[step]]\nclick = 'b'",
        ] {
            let steps = Scenario::parse(text).unwrap_or_else(|(line, why)| panic!("{line}: {why}")).steps;
            let shown: Vec<String> = steps.iter().map(ToString::to_string).collect();
            assert_eq!(shown, ["oXiaoming says a", "oXiaoming taps b"]);
            assert!(steps[0].line < steps[1].line, "{} {}", steps[0].line, steps[1].line);
        }
    }

    #[test]
    fn the_user_and_the_account_of_a_step_win_over_those_of_the_scenario() {
        let text = "user = 'oA'\naccount = 'shop'\nstep = [{ say = 'a' }, { say = 'b', user = 'oB', account = 'main' }]";
        let steps = Scenario::parse(text).map_err(|(_, why)| why).unwrap().steps;
        let whose: Vec<_> = steps.iter().map(|step| (step.user.as_str(), step.account.as_deref())).collect();
        assert_eq!(whose, [("oA", Some("shop")), ("oB", Some("main"))]);
    }

    #[test]
    fn what_cannot_be_read_has_a_line_and_says_what_to_write() {
        let steps =
            |step: &str| refused(&format!("about = 'a'\nstep = [\n  {{ follow = true }},\n  {step},\n]"));
        for (step, part) in [
            ("{ sya = 'hi' }", "4: unknown field `sya`, expected one of `account`, `user`, `say`"),
            ("{ say = 'a', click = 'b' }", "4: a step is one thing, and this has 2: write `say`"),
            ("{ user = 'oA' }", "4: a step is one thing, and this has 0"),
            ("{ wait = 3 }", "4: invalid type: integer `3`, expected a string"),
            ("{ wait = '3' }", "4: `3` is no time: write a number and its unit, like \"10s\""),
            ("{ expect = { within = '1s' } }", "4: `expect` has 0 of these, and needs one: `text`"),
            ("{ expect = { text = 'a', kind = 'image' } }", "4: `expect` has 2 of these"),
            ("{ expect = { acked = '1s', within = '1s' } }", "leave `within` out"),
            ("{ expect = { matches = '(' } }", "4: no pattern: regex parse error"),
            ("{ push = { kind = 'scan', scene = 'a', tcket = 'b' } }", "4: `push`: this kind has no `tcket`"),
            ("{ push = { kind = 'skan' } }", "4: `push`: unknown variant `skan`, expected one of `text`"),
            ("{ fault = { on = 'sned', fault = 'cut' } }", "`on` is one of all, tokens, push, send, typing"),
            ("{ fault = { on = 'send', fault = 'code' } }", "4: `fault`: missing field `code`"),
            ("{ fault = { on = 'send', fault = 'cut', code = 1 } }", "4: `fault`: this kind has no `code`"),
            ("{ fault = { on = 'send', fault = 'cut', times = 0 } }", "4: `fault`: it never acts"),
            (
                "{ fault = { on = 'send', fault = 'lost_ack' } }",
                "4: `fault`: `lost_ack` and `hang_up` are `on = \"push\"`",
            ),
            (
                "{ fault = { on = 'send', fault = 'cut', evry = 2 } }",
                "4: `fault`: unknown field `evry`, expected one of `on`, `times`",
            ),
        ] {
            assert!(steps(step).contains(part), "{step}: {}", steps(step));
        }
        assert_eq!(refused("step = [\n  { say = }\n]").split(':').next(), Some("2"));
        assert!(refused("about = 'a'").contains("missing field `step`"));
    }
}
