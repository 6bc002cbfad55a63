//! Plays the steps of a scenario, one after the other, against the transcript of the pretend WeChat.
//!
//! What a user is shown is a queue: each `expect` takes its next entry, so that answers are expected in their order and none is
//! passed over. What is left at the end, nobody expected. Refusals are no queue, since a worker tries again as often as it
//! likes: each `expect` takes the first with its code.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use huixin_sandbox::{AccountRules, OpenId, Push, PushKind, Sandbox, TranscriptEntry, TryOutcome, What};
use tokio::time::{Instant, timeout_at};

use super::step::{Expectation, ScenarioStep, StepAction, TokenEnd, WantedAnswer};

/// How long a user's next deed waits for the ack of the one before: nobody writes faster, and it keeps their order.
const BETWEEN_DEEDS: Duration = Duration::from_secs(1);
/// How many of the latest events a failure shows.
const SHOWN: usize = 8;

/// Plays one scenario.
pub(super) struct Player<'a> {
    sandbox: &'a Sandbox,
    news: BoxStream<'static, Arc<TranscriptEntry>>,
    /// What happened and was not yet expected.
    left: VecDeque<Arc<TranscriptEntry>>,
    /// The push of each user's last deed.
    last_deeds: HashMap<(String, String), String>,
    /// The same in words, the latest at the end.
    events: VecDeque<String>,
}

/// What was expected and didn't come.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// In a sentence.
    pub(super) what: String,
    /// The text that was wanted, whole, if one was.
    pub(super) expected: Option<String>,
    /// What was there in its place.
    pub(super) got: Option<String>,
    /// What happened before, the latest at the end.
    pub(super) events: Vec<String>,
}

impl<'a> Player<'a> {
    pub(super) fn new(sandbox: &'a Sandbox) -> Self {
        let transcript = sandbox.transcript();
        let news = transcript.subscribe(transcript.newest()).boxed();
        let (left, last_deeds, events) = (VecDeque::new(), HashMap::new(), VecDeque::new());
        Self { sandbox, news, left, last_deeds, events }
    }

    /// Plays a step to its end.
    pub(super) async fn play(&mut self, step: &ScenarioStep) -> Result<(), Missed> {
        let account = self.account(step)?;
        let faults = self.sandbox.faults();
        let ordered = match &step.action {
            StepAction::Does(kind) => return self.does(account, &step.user, kind.clone()).await,
            StepAction::Expects(expected) => return self.expects(&account, &step.user, expected).await,
            StepAction::Fault(order) => faults.order(order.clone()).is_some(),
            StepAction::HangUps(how, times) => faults.hang_up(*how, *times),
            StepAction::LoseAcks(times) => {
                faults.lose_acks(*times);
                true
            }
            StepAction::ForgetFaults => {
                faults.clear();
                true
            }
            StepAction::Clock(by) => {
                self.sandbox.move_clock(*by);
                true
            }
            StepAction::Token(end) => {
                match end {
                    TokenEnd::Expire => self.sandbox.expire_token(&account),
                    TokenEnd::Revoke => self.sandbox.revoke_token(&account),
                }
                true
            }
            StepAction::MaySend(may_send) => {
                let rules = self.sandbox.rules(&account).unwrap_or_default();
                self.sandbox.set_rules(&account, AccountRules { may_send: *may_send, ..rules });
                true
            }
            StepAction::Wait(time) => {
                tokio::time::sleep(*time).await;
                true
            }
        };
        if ordered { Ok(()) } else { Err(self.missed("too many faults are ordered already")) }
    }

    /// What users were shown and no step expected.
    pub(super) fn end(mut self) -> Result<(), Missed> {
        while let Some(Some(entry)) = futures::FutureExt::now_or_never(self.news.next()) {
            self.keep(entry);
        }
        let shown: Vec<String> = self.left.iter().filter_map(|entry| shown(entry)).collect();
        if shown.is_empty() {
            return Ok(());
        }
        let what = "a user was shown what no step expects";
        Err(Missed { got: Some(shown.join("\n")), ..self.missed(what) })
    }

    fn account(&self, step: &ScenarioStep) -> Result<String, Missed> {
        let mut names = self.sandbox.config().accounts.iter().map(|account| account.name.as_str());
        let wanted = step.account.as_deref();
        let found = names.find(|name| wanted.is_none_or(|wanted| wanted == *name)).map(str::to_owned);
        found.ok_or_else(|| self.missed(format!("there is no account `{}`", wanted.unwrap_or_default())))
    }

    async fn does(&mut self, account: String, user: &str, kind: PushKind) -> Result<(), Missed> {
        let whose = (account, user.to_owned());
        if let Some(last) = self.last_deeds.get(&whose).cloned() {
            self.find(BETWEEN_DEEDS, |entry| is_end_of(entry, &last)).await;
        }
        let push = Push::new(whose.0.as_str(), user, kind);
        self.last_deeds.insert(whose, push.msg_id.clone());
        match self.sandbox.push_in_background(push) {
            true => Ok(()),
            false => Err(self.missed("too many pushes are in progress")),
        }
    }

    async fn expects(&mut self, account: &str, user: &str, expected: &Expectation) -> Result<(), Missed> {
        let user = OpenId::from(user);
        let is_his = |entry: &TranscriptEntry| entry.account == account && entry.user == user;
        match expected {
            Expectation::Shown(wanted, within) => {
                let place = self.find(*within, |entry| is_his(entry) && shown(entry).is_some()).await;
                let entry = place.and_then(|place| self.left.remove(place));
                let got = entry.as_deref().and_then(shown);
                if entry.is_some_and(|entry| wanted.fits(&entry)) {
                    return Ok(());
                }
                let what = match &got {
                    Some(_) => "something else was shown".to_owned(),
                    None => format!("nothing was shown in {}", humantime::format_duration(*within)),
                };
                Err(Missed { expected: Some(wanted.to_string()), got, ..self.missed(what) })
            }
            Expectation::Silence(time) => {
                let place = self.find(*time, |entry| is_his(entry) && shown(entry).is_some()).await;
                let got = place.and_then(|place| shown(&self.left[place]));
                got.map_or(Ok(()), |got| {
                    Err(Missed { got: Some(got), ..self.missed("the user was shown something") })
                })
            }
            Expectation::Acked(within) => self.expects_ack(account, user.as_str(), *within).await,
            Expectation::Refused(code, within) => {
                // A call with a dead token names no account.
                let is_of = |entry: &TranscriptEntry| entry.account.is_empty() || entry.account == account;
                let place = self.find(*within, |entry| is_of(entry) && refusal(entry) == Some(*code)).await;
                let what =
                    format!("no call was refused with {code} in {}", humantime::format_duration(*within));
                place.and_then(|place| self.left.remove(place)).map_or(Err(self.missed(what)), |_| Ok(()))
            }
        }
    }

    async fn expects_ack(&mut self, account: &str, user: &str, within: Duration) -> Result<(), Missed> {
        let Some(push) = self.last_deeds.get(&(account.to_owned(), user.to_owned())).cloned() else {
            return Err(self.missed("the user has done nothing that could be acked"));
        };
        let place = self.find(within, |entry| is_end_of(entry, &push)).await;
        match place.map(|place| &self.left[place].what) {
            Some(What::Acked { ms, .. }) if *ms <= within.as_secs_f64() * 1000.0 => Ok(()),
            Some(What::Acked { ms, .. }) => {
                let what = format!("it was acked after {ms:.0} ms");
                Err(self.missed(what))
            }
            Some(_) => Err(self.missed("no try of it was acked")),
            None => Err(self.missed(format!("it was not acked in {}", humantime::format_duration(within)))),
        }
    }

    /// The place among what is left of the first entry that is wanted, when it comes within the time.
    async fn find(&mut self, within: Duration, wants: impl Fn(&TranscriptEntry) -> bool) -> Option<usize> {
        let deadline = Instant::now() + within;
        let mut looked_at = 0;
        loop {
            if let Some(place) = self.left.iter().skip(looked_at).position(|entry| wants(entry)) {
                return Some(looked_at + place);
            }
            looked_at = self.left.len();
            let entry = timeout_at(deadline, self.news.next()).await.ok()??;
            self.keep(entry);
        }
    }

    fn keep(&mut self, entry: Arc<TranscriptEntry>) {
        self.events.extend(in_words(&entry));
        while self.events.len() > SHOWN {
            self.events.pop_front();
        }
        self.left.push_back(entry);
    }

    fn missed(&self, what: impl Into<String>) -> Missed {
        Missed { what: what.into(), events: self.events.iter().cloned().collect(), ..Missed::default() }
    }
}

impl WantedAnswer {
    fn fits(&self, entry: &TranscriptEntry) -> bool {
        let got = shown(entry).unwrap_or_default();
        let is_notice = matches!(entry.what, What::FaultNotice { .. });
        match self {
            Self::FaultNotice => is_notice,
            _ if is_notice => false,
            Self::Text(text) => entry.what.text() == Some(text),
            Self::Contains(part) => got.contains(part),
            Self::Matches(pattern) => pattern.is_match(&got),
            Self::Kind(wanted) => {
                matches!(&entry.what, What::Sent { kind, .. } | What::Replied { kind, .. } if kind == wanted)
            }
        }
    }
}

/// What the user sees: a text, the JSON of another message, or the notice.
fn shown(entry: &TranscriptEntry) -> Option<String> {
    match &entry.what {
        What::Sent { text: Some(text), .. } | What::Replied { text: Some(text), .. } => Some(text.clone()),
        What::Sent { message, .. } | What::Replied { message, .. } => Some(format!("{message:#}")),
        What::FaultNotice { .. } => Some(huixin_sandbox::FAULT_NOTICE.to_owned()),
        _ => None,
    }
}

fn refusal(entry: &TranscriptEntry) -> Option<i64> {
    match entry.what {
        What::Refused { code, .. } | What::CallRefused { code, .. } => Some(code),
        _ => None,
    }
}

fn is_end_of(entry: &TranscriptEntry, push: &str) -> bool {
    let ends = matches!(
        entry.what,
        What::Acked { .. } | What::FaultNotice { .. } | What::GivenUp { .. } | What::Withheld { .. }
    );
    ends && entry.what.msg_id() == Some(push)
}

/// An entry that may explain a failure, in a line.
fn in_words(entry: &TranscriptEntry) -> Option<String> {
    let user = &entry.user;
    match &entry.what {
        What::Said { kind, content, .. } => {
            Some(format!("{user} does: {kind} {content}").trim_end().to_owned())
        }
        What::Tried { n, took_ms, outcome, .. } => {
            Some(format!("try {n} of the push: {}, after {took_ms:.0} ms", ended(outcome)))
        }
        What::Refused { reason, code, .. } => Some(format!("a send is refused: {code} {reason}")),
        What::CallRefused { on, reason, code } => Some(format!("a call of {on} is refused: {code} {reason}")),
        What::Faulted { on, .. } => Some(format!("a fault is met by a call of {on}")),
        What::Unmatched { kind, content } => {
            Some(format!("no route takes it: {kind} {content}").trim_end().to_owned())
        }
        What::Stopped { .. } => {
            Some("WeChat stops pushing, since too many tries were not answered".to_owned())
        }
        _ => shown(entry).map(|text| format!("{user} is shown: {}", text.lines().next().unwrap_or_default())),
    }
}

fn ended(outcome: &TryOutcome) -> String {
    match outcome {
        TryOutcome::Acked => "acked".to_owned(),
        TryOutcome::PassiveReply(_) => "answered in its response".to_owned(),
        TryOutcome::Status(status) => format!("status {status}"),
        TryOutcome::Timeout => "no answer in time".to_owned(),
        TryOutcome::Unreachable(why) => format!("no connection: {why}"),
        TryOutcome::BadReply(why) => format!("a faulty reply: {why}"),
    }
}
