//! One attempt to handle a message: the facts, which don't change while it lasts, and the calls that can be made in it.

use std::time::{Duration, Instant, SystemTime};

use huixin_queue::{Leased, SendState};
use huixin_wechat::{Message, Trigger};

use crate::account::{Account, AnswerBy};
use crate::answer::Before;
use crate::condition::Captures;
use crate::handler::Context;
use crate::lease_calls::Calls;
use crate::message_end::Done;
use crate::payload::{Payload, PayloadError};
use crate::policy::HoldUp;
use crate::rights::{Opening, begins};
use crate::route::{self, HOLD_FOR_ACTION, HOLD_FOR_DEFAULT, PATIENCE_DEFAULT, Route, Unsure};
use crate::witness::{Eyes, WitnessEvent, WitnessedMessage};

/// A message that this version can't read is looked at again after this.
pub(crate) const NEWER_PAUSE: Duration = Duration::from_secs(60);

/// For how long a handler may take where answers go out in responses.
const FETCHED_WITHIN: Duration = Duration::from_secs(48 * 3600);

/// What is handled, for whom, and how.
pub(crate) struct Attempt<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) leased: &'a Leased,
    pub(crate) payload: Payload,
    pub(crate) message: Message,
    pub(crate) account: &'a Account,
    /// `None` when no route takes the message, or its route is gone.
    pub(crate) route: Option<&'a Route>,
    /// What the route's text pattern captured.
    captures: Captures,
    /// When it was taken.
    begun: Instant,
    pub(crate) eyes: Eyes,
}

impl<'a> Attempt<'a> {
    /// Reads what was taken. The error says what becomes of a message that this worker can't read.
    pub(crate) fn read(calls: Calls<'a>, leased: &'a Leased, begun: Instant) -> Result<Self, Done> {
        let shared = calls.shared;
        let payload = match Payload::decode(&leased.payload) {
            Ok(payload) => payload,
            Err(error @ PayloadError::Newer(_)) => {
                tracing::error!(%error, "the message is left for a newer worker");
                return Err(Done::snooze(NEWER_PAUSE, error.to_string()));
            }
            Err(error) => return Err(Done::bury(error.to_string())),
        };
        let message = Message::parse(&payload.body)
            .map_err(|error| Done::bury(format!("the message can't be read: {error}")))?;
        let Some(account) = shared.accounts.get(&payload.account) else {
            tracing::error!(account = payload.account, "the message's account is not configured here");
            let reason = format!("account `{}` is not configured in this worker", payload.account);
            return Err(Done::snooze(NEWER_PAUSE, reason));
        };
        let (route, captures) = route::find(&shared.routes, &payload.account, &message).unzip();
        let captures = captures.unwrap_or_default();
        let eyes = Eyes::of(shared.witness.as_ref(), || WitnessedMessage {
            id: leased.lease.id.to_string(),
            account: payload.account.clone(),
            attempt: number_of(leased),
            message: message.clone(),
            body: payload.body.clone(),
        });
        eyes.saw(&WitnessEvent::Taken);
        Ok(Self { calls, leased, payload, message, account, route, captures, begun, eyes })
    }

    /// What the handler gets besides the message.
    pub(crate) fn context(
        &self,
        route: &Route,
        memory: Option<serde_json::Value>,
        send_state: &SendState,
    ) -> Context {
        let (leased, opening) = (self.leased, self.opening(send_state));
        let lease = &leased.lease;
        let call_backs = self.calls.shared.call_backs.as_ref();
        Context {
            id: lease.id.to_string(),
            account: self.payload.account.clone(),
            route: route.name.clone(),
            attempt: number_of(leased),
            accepted_at: self.accepted_at(),
            reply_until: opening.until,
            sends_left: opening.left(send_state),
            captures: self.captures.clone(),
            memory,
            callback_url: call_backs.and_then(|at| at.url(&self.payload.account, &lease.lane, &lease.id)),
        }
    }

    pub(crate) fn accepted_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.leased.arrived_us)
    }

    /// As [`pushed_at`].
    pub(crate) fn pushed_at(&self) -> SystemTime {
        pushed_at(&self.message, self.leased.arrived_us)
    }

    /// The right under which the message is answered, in a lane with this send state. An answer that goes out in responses
    /// needs no right: its user may fetch it until it has been held for too long.
    pub(crate) fn opening(&self, send_state: &SendState) -> Opening {
        let opening = self.calls.shared.rights.opening(self.payload.trigger, self.pushed_at(), send_state);
        match self.account.answer_by() {
            AnswerBy::Push => Opening { until: self.pushed_at().checked_add(FETCHED_WITHIN), ..opening },
            AnswerBy::Api | AnswerBy::Either => opening,
        }
    }

    /// Whether a push may still be open for an answer.
    pub(crate) fn may_have_open_push(&self) -> bool {
        self.accepted_at().elapsed().is_ok_and(|age| age < self.account.open_for())
    }

    /// Whether one is probably open, in an account that keeps all of them open.
    pub(crate) fn has_open_push(&self) -> bool {
        self.account.answer_by() != AnswerBy::Api && self.may_have_open_push()
    }

    /// The failures and waits of the message so far, now that there is an answer.
    pub(crate) fn before(&self) -> Before {
        Before { failures: self.leased.failures, snoozes: self.leased.snoozes }
    }

    /// How long the message, which has failed again, may hold up others, and how long it already has.
    pub(crate) fn hold_up(&self, send_state: &SendState) -> HoldUp {
        let before = self.leased.failing_for.map(|before| before.saturating_add(self.begun.elapsed()));
        HoldUp {
            has_followers: send_state.has_followers,
            failing_for: before.unwrap_or_default(),
            patience: self.patience(),
        }
    }

    pub(crate) fn patience(&self) -> Duration {
        self.route.map_or(PATIENCE_DEFAULT, |route| route.patience)
    }

    pub(crate) fn unsure(&self) -> Unsure {
        self.route.map(|route| route.unsure).unwrap_or_default()
    }

    /// How long its answer is held.
    pub(crate) fn holds_for(&self) -> Duration {
        self.route.and_then(|route| route.hold_for).unwrap_or(match self.payload.trigger {
            Trigger::Click | Trigger::Scan | Trigger::Subscribe => HOLD_FOR_ACTION,
            Trigger::Message | Trigger::Unsubscribe | Trigger::Silent => HOLD_FOR_DEFAULT,
        })
    }

    /// Whether its handler can run again instead of its replies being recorded.
    pub(crate) fn is_cheap(&self) -> bool {
        self.route.is_some_and(|route| route.handler.is_cheap())
    }

    /// Why a message dies, with its route: the reader of the dead letters has no log beside it.
    pub(crate) fn with_route(&self, reason: &str) -> String {
        self.route.map_or_else(|| reason.to_owned(), |route| format!("route `{}`: {reason}", route.name))
    }
}

/// Which attempt it is, from 1.
fn number_of(leased: &Leased) -> u32 {
    leased.failures.saturating_add(leased.losses).saturating_add(1)
}

/// When the right of a message begins.
pub(crate) fn pushed_at(message: &Message, arrived_us: u64) -> SystemTime {
    begins(message.created_at, SystemTime::UNIX_EPOCH + Duration::from_micros(arrived_us))
}
