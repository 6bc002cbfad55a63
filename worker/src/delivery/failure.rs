//! What becomes of a part that could not be sent: its intent is taken back, and the message comes again later, is held, or
//! dies.
//!
//! What a failure means is decided by the protocol's policy table ([`crate::settle`]); here are its effects. A failure of the
//! account concerns all its messages, so it pauses the account for all workers.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use huixin_queue::{Closed as ClosedBy, Progress, Settlement};
use huixin_wechat::{ApiError, CodeClass, UNKNOWN, classify, rule};

use super::{Delivery, Sending, Sent};
use crate::account::{Cause, Interface};
use crate::job::{End, Job, Step};
use crate::media::MediaError;
use crate::metrics;
use crate::rights::{Closed, GONE, REFUSED};
use crate::route::{self, Route, Unsure};
use crate::settle::{self, SendVerdict, Trial, Verdict};

/// How long an answer to a push that opens no right to send is tried.
const NO_WINDOW: Duration = Duration::from_secs(600);
/// Why a part whose send is unsure is held.
pub(super) const NOT_KNOWN: &str = "it is not known whether it was sent";

impl Job {
    /// Decides on a failed send; `None` if the part counts as sent.
    pub(super) async fn send_failed(
        &self,
        sending: &mut Sending<'_>,
        error: &ApiError,
    ) -> Step<Option<Sent>> {
        self.call_failed(sending, Interface::Send, error, &chain(error)).await
    }

    /// Decides on media that could not be had or brought to WeChat. Nothing was sent, and an upload may be made again.
    pub(super) async fn media_failed(
        &self,
        sending: &mut Sending<'_>,
        error: &MediaError,
    ) -> Step<Option<Sent>> {
        let trial = self.trial(sending);
        let verdict = match (error, error.api_error()) {
            (MediaError::Paused { wait, .. }, _) => {
                self.take_back(sending).await?;
                return self.wait_for_uploads(sending, *wait, &error.to_string()).await.map(Some);
            }
            (_, Some(ApiError::Unsure(_))) => settle::again(&trial, SystemTime::now()),
            (_, Some(refused)) => {
                return self.call_failed(sending, Interface::Upload, refused, &chain(error)).await;
            }
            _ if error.class() == CodeClass::Retry => settle::again(&trial, SystemTime::now()),
            _ => SendVerdict::Message(Verdict::Die),
        };
        self.act_on(sending, verdict, None, &chain(error)).await
    }

    async fn call_failed(
        &self,
        sending: &mut Sending<'_>,
        called: Interface,
        error: &ApiError,
        told: &str,
    ) -> Step<Option<Sent>> {
        let account = &sending.delivery.payload.account;
        if settle::is_own(error) {
            self.shared.pauses.passed(account, called).await;
        }
        let told = in_full(told, error.code());
        let mut verdict = settle::after_call(error, called, &self.trial(sending), SystemTime::now());
        if let SendVerdict::Unclear(alone) = verdict {
            // Before it is asked whose fault it is, which may take a moment: it was refused.
            self.take_back(sending).await?;
            let user = &sending.delivery.message.from;
            let code = error.code().unwrap_or_default();
            let proved = pin!(self.shared.pauses.suspect(account, called, code, user));
            verdict = match self.while_current(proved).await? {
                true => SendVerdict::Account(called, Cause::Trouble),
                false => *alone,
            };
        }
        self.act_on(sending, verdict, error.code(), &told).await
    }

    fn trial(&self, sending: &Sending<'_>) -> Trial {
        let Delivery { message, payload, .. } = *sending.delivery;
        Trial {
            failures: self.leased.failures.saturating_sub(sending.answer.before.failures),
            snoozes: self.leased.snoozes.saturating_sub(sending.answer.before.snoozes),
            attempts: sending.delivery.route.map_or(route::ATTEMPTS_DEFAULT, |route| route.attempts),
            hold_up: self.hold_up(sending.delivery.route),
            until: self.until(sending),
            is_open: self.opening(message, payload).is_open(SystemTime::now()),
            refusals: sending.refusals,
        }
    }

    /// Until when this answer is tried: when the right to send ends is an estimate, so as long after it as the answer may
    /// be held. A push that opens no right may still be answered under an earlier one; but not for ever.
    pub(super) fn until(&self, sending: &Sending<'_>) -> Option<SystemTime> {
        let Delivery { message, payload, route, .. } = *sending.delivery;
        match self.opening(message, payload).until {
            // What the user is told of a failure is worth nothing later.
            Some(until) if sending.answer.dies_of.is_some() => Some(until),
            Some(until) => until.checked_add(Route::holds_for(route, payload.trigger)),
            None => self.accepted_at().checked_add(NO_WINDOW),
        }
    }

    async fn act_on(
        &self,
        sending: &mut Sending<'_>,
        verdict: SendVerdict,
        code: Option<i64>,
        error: &str,
    ) -> Step<Option<Sent>> {
        let reason = format!("part {} of {}: {error}", sending.index + 1, sending.answer.parts.len());
        if !matches!(verdict, SendVerdict::Sent | SendVerdict::Unsure) {
            self.take_back(sending).await?;
        }
        let (verdict, reachable) = match verdict {
            SendVerdict::Sent => return Ok(None),
            SendVerdict::Soon { after } => {
                tracing::warn!(
                    code,
                    reason,
                    "the send was refused too early, it seems: it is made again soon"
                );
                sending.refusals += 1;
                return Ok(Some(Sent::Soon(after)));
            }
            SendVerdict::Account(interface, cause) => {
                let lasts = self.pause_account(sending.delivery, (interface, cause), code, error).await;
                return match interface {
                    Interface::Upload => self.wait_for_uploads(sending, lasts, &reason).await,
                    _ => self.wait_out(sending, lasts, &reason).await,
                }
                .map(Some);
            }
            SendVerdict::Unsure => {
                tracing::warn!(reason, "a send has no answer");
                let again = settle::again(&self.trial(sending), SystemTime::now());
                // One that is made again soon is counted then.
                let soon = matches!(again, SendVerdict::Message(Verdict::Retry { .. }));
                let policy = sending.delivery.unsure();
                if policy != Unsure::Resend || !soon {
                    self.tell_unsure(sending);
                }
                match policy {
                    Unsure::Drop => return Ok(None),
                    Unsure::Hold => return self.hold_rest(sending, NOT_KNOWN, false).await.map(Some),
                    // The answer may be there, and an apology behind it would be odd.
                    Unsure::Resend => (again, false),
                }
            }
            verdict => {
                tracing::warn!(code, reason, "the send failed");
                (verdict, true)
            }
        };
        let end = match verdict {
            SendVerdict::Message(Verdict::Retry { after }) => {
                self.retry(sending.delivery.route, after, reason).await.map(Sent::Later)
            }
            SendVerdict::Message(Verdict::Snooze { after }) => {
                self.snooze(after, &reason).await.map(Sent::Later)
            }
            SendVerdict::Hold => {
                let refused = code.is_some_and(|code| classify(code) == CodeClass::Window);
                self.hold_rest(sending, &reason, refused).await
            }
            // What could be mended was, and didn't help.
            _ => Ok(Sent::Dies { reason: sending.in_words(&reason), reachable }),
        };
        end.map(Some)
    }

    pub(super) fn tell_unsure(&self, sending: &Sending<'_>) {
        let (part, policy) = (sending.index + 1, sending.delivery.unsure().as_str());
        metrics::unsure(&sending.delivery.payload.account, policy);
        tracing::warn!(part, policy, "it is not known whether this part was sent");
    }

    /// Puts the message off until an account can send again; if that is too late for its window, until the user's next.
    pub(super) async fn wait_out(
        &self,
        sending: &mut Sending<'_>,
        wait: Duration,
        reason: &str,
    ) -> Step<Sent> {
        match settle::snooze_until(wait, self.until(sending), SystemTime::now()) {
            Verdict::Snooze { after } => {
                // The handler must not run again only because the account waits, nor a part be sent again.
                self.take_back(sending).await?;
                self.snooze(after, reason).await.map(Sent::Later)
            }
            _ => self.hold_rest(sending, reason, false).await,
        }
    }

    /// The same for uploads: the account can send, so the user's later messages wait no longer than for an attempt that
    /// failed. What has kept them waiting so long is held.
    async fn wait_for_uploads(&self, sending: &mut Sending<'_>, wait: Duration, reason: &str) -> Step<Sent> {
        let route = sending.delivery.route;
        match settle::snooze_until(wait, self.until(sending), SystemTime::now()) {
            Verdict::Snooze { after } if !self.hold_up(route).is_over() => {
                // It waits like an attempt that failed, but is none.
                sending.answer.before.failures = sending.answer.before.failures.saturating_add(1);
                sending.stored = false;
                self.take_back(sending).await?;
                self.retry(route, after, reason.to_owned()).await.map(Sent::Later)
            }
            _ => self.hold_rest(sending, reason, false).await,
        }
    }

    pub(super) async fn stop_short(&self, sending: &mut Sending<'_>, closed: Closed) -> Step<Sent> {
        match closed {
            Closed::ForNow(reason) => self.hold_rest(sending, reason, reason == REFUSED).await,
            Closed::ForGood(reason) => Ok(Sent::Dies { reason: sending.in_words(reason), reachable: false }),
        }
    }

    /// Holds the parts that aren't sent until the user does something; so are those of his next messages, if WeChat has
    /// `refused` one.
    pub(super) async fn hold_rest(
        &self,
        sending: &mut Sending<'_>,
        reason: &str,
        refused: bool,
    ) -> Step<Sent> {
        let Delivery { payload, route, .. } = *sending.delivery;
        let reason = sending.in_words(reason);
        let hold_for = Route::holds_for(route, payload.trigger);
        // What the user is told of a failure is worth nothing later.
        if hold_for.is_zero() || sending.answer.dies_of.is_some() {
            return Ok(Sent::Dies { reason, reachable: false });
        }
        sending.answer.was_held = true;
        let replies = Some(sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: self.aside() }).await?;
        sending.stored = true;
        if self.standing().closed == Some(ClosedBy::Ended) {
            return Ok(Sent::Dies { reason: sending.in_words(GONE), reachable: false });
        }
        tracing::info!(reason, "what is not sent is held until the user writes again");
        let reason = format!("{reason}; it was held, and the user did not write again in time");
        let reason = sending.delivery.told(&reason);
        // What has come since then is news: it comes again with that.
        let trigger = sending.trigger;
        self.settle(Settlement::Hold { trigger, hold_for, refused, reason }, End::Held).await.map(Sent::Later)
    }

    /// The announced send was not made. Replies that are not recorded yet are now.
    pub(super) async fn take_back(&self, sending: &mut Sending<'_>) -> Step<()> {
        // What was said beside the answer isn't taken back with a part that wasn't announced yet.
        let announced = if sending.unsure { Some(sending.index) } else { self.aside() };
        let replies = (!sending.stored).then(|| sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: announced }).await?;
        sending.stored = true;
        Ok(())
    }

    /// Pauses an interface of the account for all workers, and says for how long.
    pub(crate) async fn pause_account(
        &self,
        delivery: &Delivery<'_>,
        why: (Interface, Cause),
        code: Option<i64>,
        error: &str,
    ) -> Duration {
        let remedy = code.map_or("", |code| rule(code).unwrap_or(&UNKNOWN).remedy);
        let told = (code.unwrap_or_default(), error, remedy);
        self.shared.pauses.pause(&delivery.payload.account, why, told).await
    }
}

impl Sending<'_> {
    /// The reason for people, with which part it is about; if the message dies of another, that first.
    fn in_words(&self, reason: &str) -> String {
        let parts = self.answer.parts.len();
        let reason = match reason.starts_with("part ") || parts == 1 {
            true => reason.to_owned(),
            false => format!("part {} of {parts}: {reason}", self.index + 1),
        };
        match &self.answer.dies_of {
            Some(first) => format!("{first}; the failure reply could not be sent: {reason}"),
            None => reason,
        }
    }
}

/// What WeChat said, what it means and what helps: whoever reads it has no table beside it.
fn in_full(told: &str, code: Option<i64>) -> String {
    let Some(rule) = code.map(|code| rule(code).unwrap_or(&UNKNOWN)) else { return told.to_owned() };
    let (blank, remedy) = if rule.remedy.is_empty() { ("", "") } else { (": ", rule.remedy) };
    format!("{told}; {}{blank}{remedy}", rule.meaning)
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
