//! The JSON of the queue: what `--json` prints and the admin listener answers. Times are RFC 3339, durations have their
//! unit in the name.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use huixin_queue::{DeadCursor, DeadLetter, DeadPage, LaneState, Paused, Scope, Violation};
use huixin_wechat::Message;
use huixin_worker::{AccountPause, Interface, Payload};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::queue_look::QueueLook;

/// What [`PausedView::what`] calls all accounts together.
pub const EVERYTHING: &str = "everything";

/// How many messages are in which state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueStatus {
    /// The queue, without credentials.
    pub queue: String,
    /// Messages not yet at their end, by account.
    pub open: BTreeMap<String, u64>,
    /// Of these, being handled now.
    pub running: u64,
    /// Of these, waiting for their next attempt.
    pub delayed: u64,
    /// Of these, held until their user writes again.
    pub held: u64,
    /// Users whose turn it was while they are paused.
    pub parked: u64,
    /// What is paused.
    pub paused: Vec<PausedView>,
    /// Accounts with messages here to which WeChat has said that they can't send.
    pub cannot_send: Vec<CannotSend>,
    /// Dead letters.
    pub dead: u64,
    /// Pushes that could not be understood and were only counted, because 1,000 such letters lie there already.
    pub dead_uncounted: u64,
    /// Age of the message that is next in line.
    pub next_age_ms: Option<u64>,
}

/// Something that is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PausedView {
    /// `everything`, an account's name, or an account, a slash, and an OpenID.
    pub what: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// Why, as the one who paused it said.
    pub reason: String,
}

/// An account that can't send: its workers have paused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CannotSend {
    /// What it can't do: `send`, or only `upload` media, fetch a `token`, or show that somebody is `typing`.
    pub interface: String,
    /// The account's name.
    pub account: String,
    /// WeChat's `errcode`.
    pub code: i64,
    /// What WeChat said.
    pub reason: String,
    /// What a person can do; empty if there is nothing.
    pub remedy: String,
    /// When a send is tried again.
    #[schema(format = DateTime)]
    pub until: String,
}

/// A page of dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LettersView {
    /// How many there are in all, whatever was asked for.
    pub total: u64,
    /// Those asked for, the youngest first; none doesn't mean the end.
    pub letters: Vec<LetterView>,
    /// What to give as `after` for the next page; null at the end.
    pub next: Option<String>,
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LetterView {
    /// The message's id.
    pub id: String,
    /// The account's name.
    pub account: String,
    /// The user's OpenID; empty if the push had none.
    pub user: String,
    /// `MsgType`, or for an event its name; empty if it can't be read.
    pub kind: String,
    /// Why it died.
    pub reason: String,
    /// When it came.
    #[schema(format = DateTime)]
    pub accepted_at: String,
    /// When it died.
    #[schema(format = DateTime)]
    pub died_at: String,
    /// Attempts that had failed before the one that ended it.
    pub failures: u32,
    /// Leases on it that were lost.
    pub losses: u32,
    /// The push as it came, at most 64 KiB; what isn't UTF-8 is replaced. Absent if it isn't asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub body: Option<String>,
}

/// One user's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LaneView {
    /// `ready`, `leased`, `delayed`, `awaiting` an answer by call back, `parked` because it is paused, or `idle`: with
    /// messages that are held at most.
    pub state: String,
    /// Whether this user is paused. (The account, or everything, may be too.)
    pub paused: bool,
    /// Ids of the messages, the first in line first; at most 200.
    pub waiting: Vec<String>,
    /// Ids of those that are held until the user writes again.
    pub held: Vec<String>,
    /// When the next attempt is due, or the wait for an answer ends.
    #[schema(format = DateTime)]
    pub due_at: Option<String>,
    /// Why the last attempt failed, if one did.
    pub last_error: Option<String>,
}

/// Breaches of the invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violations {
    /// Each with its lane and what is wrong. Empty is right.
    pub violations: Vec<String>,
}

impl QueueStatus {
    pub(super) fn of(place: &str, look: &QueueLook) -> Self {
        let counts = &look.counts;
        Self {
            queue: place.to_owned(),
            open: counts.open.iter().map(|(class, open)| (class.to_string(), *open)).collect(),
            running: counts.running,
            delayed: counts.delayed,
            held: counts.held,
            parked: counts.parked,
            paused: look.paused.iter().map(PausedView::of).collect(),
            cannot_send: CannotSend::all(look).collect(),
            dead: counts.dead,
            dead_uncounted: counts.dead_uncounted,
            next_age_ms: counts.next_age_us().map(|us| us / 1000),
        }
    }
}

impl CannotSend {
    /// Of all accounts.
    pub(super) fn all(look: &QueueLook) -> impl Iterator<Item = Self> {
        let paused = look.troubles.iter();
        paused.filter_map(|((account, interface), trouble)| {
            trouble.pause.as_ref().map(|pause| Self::of(account, *interface, pause))
        })
    }

    fn of(account: &str, interface: Interface, pause: &AccountPause) -> Self {
        Self {
            account: account.to_owned(),
            interface: interface.as_str().to_owned(),
            code: pause.code,
            reason: pause.reason.clone(),
            remedy: pause.remedy.clone(),
            until: rfc3339(pause.until_ms.saturating_mul(1000)),
        }
    }
}

impl PausedView {
    fn of(paused: &Paused) -> Self {
        let what = match &paused.scope {
            Scope::All => EVERYTHING.to_owned(),
            Scope::Class(class) => class.to_string(),
            Scope::Lane(lane) => lane.to_string(),
        };
        Self { what, since: rfc3339(paused.since_us), reason: paused.reason.clone() }
    }
}

impl LettersView {
    pub(super) fn of(page: &DeadPage) -> Self {
        Self {
            total: page.total,
            letters: page.letters.iter().map(LetterView::of).collect(),
            next: page.next.as_ref().map(position),
        }
    }
}

/// A position in the list of dead letters.
pub(super) fn position(next: &DeadCursor) -> String {
    format!("{}-{}", next.died_us, next.id)
}

impl LetterView {
    /// The same, without what the user wrote.
    pub(super) fn without_body(self) -> Self {
        Self { body: None, ..self }
    }

    pub(crate) fn of(letter: &DeadLetter) -> Self {
        const BODY_MAX_BYTES: usize = 64 * 1024;
        let body = Payload::decode(&letter.payload).map(|payload| payload.body).unwrap_or_default();
        let message = Message::parse(&body).ok();
        let kind =
            message.as_ref().map(|message| message.event().unwrap_or_else(|| message.msg_type()).to_owned());
        Self {
            id: letter.id.to_string(),
            account: letter.class.to_string(),
            user: message.map(|message| message.from).unwrap_or_default(),
            kind: kind.unwrap_or_default(),
            reason: letter.reason.clone(),
            accepted_at: rfc3339(letter.arrived_us),
            died_at: rfc3339(end_us(letter.died_us, letter.arrived_us)),
            failures: letter.failures,
            losses: letter.losses,
            body: Some(String::from_utf8_lossy(&body[..body.len().min(BODY_MAX_BYTES)]).into_owned()),
        }
    }
}

impl LaneView {
    pub(super) fn of(lane: &huixin_queue::LaneSnapshot) -> Self {
        let (state, due_us) = match lane.state {
            LaneState::Ready => ("ready", None),
            LaneState::Leased => ("leased", None),
            LaneState::Delayed { due_us } => ("delayed", Some(due_us)),
            LaneState::Awaiting { until_us } => ("awaiting", Some(until_us)),
            LaneState::Parked => ("parked", None),
            LaneState::Idle => ("idle", None),
            _ => ("unknown to this version", None),
        };
        Self {
            state: state.to_owned(),
            paused: lane.paused,
            waiting: lane.waiting.iter().map(ToString::to_string).collect(),
            held: lane.held.iter().map(ToString::to_string).collect(),
            due_at: due_us.map(rfc3339),
            last_error: lane.last_error.clone(),
        }
    }
}

impl Violations {
    pub(super) fn of(found: &[Violation]) -> Self {
        Self { violations: found.iter().map(|v| format!("lane `{}`: {}", v.lane, v.problem)).collect() }
    }
}

/// When a message ended, for people: not before it came. The queue's clock says the one and a receiver's clock the
/// other, and clocks differ.
pub(super) fn end_us(ended_us: u64, arrived_us: u64) -> u64 {
    ended_us.max(arrived_us)
}

/// A time for people and programs.
pub(crate) fn rfc3339(us: u64) -> String {
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(us);
    humantime::format_rfc3339_millis(at).to_string()
}
