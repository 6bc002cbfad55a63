//! What becomes of a part that could not be sent: its intent is taken back, and the message comes again later, is held, or
//! dies.
//!
//! What a failure means is decided by the protocol's policy table ([`crate::settle`]); here are its effects. A failure of the
//! account concerns all its messages, so it pauses the account for all workers.

use std::time::{Duration, SystemTime};

use huixin_queue::{Progress, Settlement};
use huixin_wechat::{ApiError, CodeClass, rule};

use super::{Delivery, Sending, Sent};
use crate::account::Cause;
use crate::company::NOTICE;
use crate::job::{End, Job, Step};
use crate::media::MediaError;
use crate::metrics;
use crate::rights::Closed;
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
        let trial = self.trial(sending);
        let verdict = settle::after_send(error, &trial, SystemTime::now());
        // Refused for its own sake: the account can send.
        if matches!(verdict, SendVerdict::Sent | SendVerdict::Hold | SendVerdict::Message(Verdict::Die))
            && error.code().is_some()
        {
            self.shared.pauses.passed(&sending.delivery.payload.account).await;
        }
        self.act_on(sending, verdict, error.code(), &chain(error)).await
    }

    /// Decides on media that could not be had or brought to WeChat. Nothing was sent, and an upload may be made again.
    pub(super) async fn media_failed(
        &self,
        sending: &mut Sending<'_>,
        error: &MediaError,
    ) -> Step<Option<Sent>> {
        let (trial, now) = (self.trial(sending), SystemTime::now());
        let verdict = match error.api_error() {
            Some(ApiError::Unsure(_)) => settle::again(&trial, now),
            Some(refused) => settle::after_send(refused, &trial, now),
            None if error.class() == CodeClass::Retry => settle::again(&trial, now),
            None => SendVerdict::Message(Verdict::Die),
        };
        let code = error.api_error().and_then(ApiError::code);
        self.act_on(sending, verdict, code, &chain(error)).await
    }

    fn trial(&self, sending: &Sending<'_>) -> Trial {
        Trial {
            failures: self.leased.failures.saturating_sub(sending.answer.before.failures),
            snoozes: self.leased.snoozes.saturating_sub(sending.answer.before.snoozes),
            attempts: sending.delivery.route.map_or(route::ATTEMPTS_DEFAULT, |route| route.attempts),
            hold_up: self.hold_up(sending.delivery.route),
            until: self.until(sending),
        }
    }

    /// Until when this answer is tried. A push that opens no right to send may still be answered under an earlier one; but
    /// not for ever.
    pub(super) fn until(&self, sending: &Sending<'_>) -> Option<SystemTime> {
        let Delivery { message, payload, .. } = *sending.delivery;
        self.opening(message, payload).until.or_else(|| self.accepted_at().checked_add(NO_WINDOW))
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
            SendVerdict::Account(cause) => {
                let lasts = self.pause_account(sending.delivery, cause, code, error).await;
                return self.wait_out(sending, lasts, &reason).await.map(Some);
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
                    Unsure::Hold => return self.hold_rest(sending, NOT_KNOWN).await.map(Some),
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
            SendVerdict::Hold => self.hold_rest(sending, &reason).await,
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
            _ => self.hold_rest(sending, reason).await,
        }
    }

    pub(super) async fn stop_short(&self, sending: &mut Sending<'_>, closed: Closed) -> Step<Sent> {
        match closed {
            Closed::ForNow(reason) => self.hold_rest(sending, reason).await,
            Closed::ForGood(reason) => Ok(Sent::Dies { reason: sending.in_words(reason), reachable: false }),
        }
    }

    /// Holds the parts that aren't sent until the user does something.
    pub(super) async fn hold_rest(&self, sending: &mut Sending<'_>, reason: &str) -> Step<Sent> {
        let Delivery { payload, route, .. } = *sending.delivery;
        let reason = sending.in_words(reason);
        let hold_for = Route::holds_for(route, payload.trigger);
        // What the user is told of a failure is worth nothing later.
        if hold_for.is_zero() || sending.answer.dies_of.is_some() {
            return Ok(Sent::Dies { reason, reachable: false });
        }
        let replies = (!sending.stored).then(|| sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: self.noticed() }).await?;
        sending.stored = true;
        tracing::info!(reason, "what is not sent is held until the user writes again");
        let reason = format!("{reason}; it was held, and the user did not write again in time");
        let reason = sending.delivery.told(&reason);
        let trigger = self.standing().trigger;
        self.settle(Settlement::Hold { trigger, hold_for, reason }, End::Held).await.map(Sent::Later)
    }

    /// The announced send was not made. Replies that are not recorded yet are now.
    pub(super) async fn take_back(&self, sending: &mut Sending<'_>) -> Step<()> {
        let announced = if sending.unsure { Some(sending.index) } else { self.noticed() };
        let replies = (!sending.stored).then(|| sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: announced }).await?;
        sending.stored = true;
        Ok(())
    }

    /// A notice that was sent before any part: it isn't taken back with one that wasn't announced yet.
    fn noticed(&self) -> Option<u32> {
        self.announced().filter(|announced| *announced == NOTICE)
    }

    /// Pauses the account for all workers, and says for how long.
    pub(crate) async fn pause_account(
        &self,
        delivery: &Delivery<'_>,
        cause: Cause,
        code: Option<i64>,
        error: &str,
    ) -> Duration {
        let remedy = code.and_then(rule).map_or("", |rule| rule.remedy);
        let told = (code.unwrap_or_default(), error, remedy);
        self.shared.pauses.pause(&delivery.payload.account, cause, told).await
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
