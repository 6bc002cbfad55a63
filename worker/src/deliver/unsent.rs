//! What becomes of a part that could not be sent: its intent is taken back, and the message comes again later, is held, or
//! dies.
//!
//! What a failure means is decided by the protocol's policy table ([`crate::policy`]); here are its effects. A failure of the
//! account concerns all its messages, so it pauses the account for all workers.

use std::time::{Duration, SystemTime};

use huixin_queue::{Closed as ClosedBy, Settlement};
use huixin_wechat::{ApiError, CodeClass, classify};

use super::{PartEnd, Sending};
use crate::account::{Interface, PauseCause};
use crate::error_text::{chain, in_full};
use crate::execute::notice;
use crate::media::MediaError;
use crate::message_end::{Done, End, StepResult};
use crate::metrics;
use crate::policy::{self, SendVerdict, Trial, Verdict};
use crate::rights::{GONE, REFUSED, SendRefusal};
use crate::route::{self, Unsure};

/// How long an answer to a push that opens no right to send is tried.
const NO_WINDOW: Duration = Duration::from_secs(600);
/// Why a part whose send is unsure is held.
const NOT_KNOWN: &str = "it is not known whether it was sent";

impl Sending<'_, '_> {
    /// Decides on a failed send.
    pub(super) async fn send_failed(&mut self, error: &ApiError) -> StepResult<PartEnd> {
        self.call_failed(Interface::Send, error, &chain(error)).await
    }

    /// Decides on media that could not be fetched or brought to WeChat. Nothing was sent, and an upload may be made again.
    pub(super) async fn media_failed(&mut self, error: &MediaError) -> StepResult<PartEnd> {
        let trial = self.trial();
        let verdict = match (error, error.api_error()) {
            (MediaError::Paused { wait, .. }, _) => {
                self.take_back().await?;
                return self.wait_for_uploads(*wait, &error.to_string()).await;
            }
            (_, Some(ApiError::Unsure(_))) => policy::again(&trial, SystemTime::now()),
            (_, Some(refused)) => {
                return self.call_failed(Interface::Upload, refused, &chain(error)).await;
            }
            _ if error.class() == CodeClass::Retry => policy::again(&trial, SystemTime::now()),
            _ => SendVerdict::Message(Verdict::Die),
        };
        self.act_on(verdict, None, &chain(error)).await
    }

    async fn call_failed(&mut self, called: Interface, error: &ApiError, text: &str) -> StepResult<PartEnd> {
        let (attempt, calls) = (self.attempt, self.attempt.calls);
        let (pauses, account) = (&calls.shared.pauses, &attempt.payload.account);
        self.recorder.note.refused(error);
        if policy::is_own(error) {
            pauses.passed(account, called).await;
        }
        let text = in_full(text, error.code());
        let mut verdict = policy::after_call(error, called, &self.trial(), SystemTime::now());
        if let SendVerdict::Unclear(alone) = verdict {
            // Taken back before asking whose fault it is, which may take a moment: it was certainly refused.
            self.take_back().await?;
            let code = error.code().unwrap_or_default();
            let proved = pauses.suspect(account, called, code, &attempt.message.from);
            verdict = match calls.while_current(proved).await? {
                true => SendVerdict::Account(called, PauseCause::Trouble),
                false => *alone,
            };
        }
        self.act_on(verdict, error.code(), &text).await
    }

    fn trial(&self) -> Trial {
        let (attempt, send_state) = (self.attempt, self.recorder.send_state());
        let before = self.answer.before;
        Trial {
            failures: attempt.leased.failures.saturating_sub(before.failures),
            snoozes: attempt.leased.snoozes.saturating_sub(before.snoozes),
            attempts: attempt.route.map_or(route::ATTEMPTS_DEFAULT, |route| route.attempts),
            hold_up: attempt.hold_up(send_state),
            until: self.until(),
            is_open: self.recorder.opening().is_open(SystemTime::now()),
            refusals: self.refusals,
        }
    }

    /// Until when this answer is tried. The end of the right to send is an estimate, so tries go on after it for as long
    /// as the answer may be held. A push that opens no right may still be answered under an earlier one, but not for
    /// ever.
    fn until(&self) -> Option<SystemTime> {
        match self.recorder.opening().until {
            // Words about a failure are worth nothing later.
            Some(until) if self.answer.dies_of.is_some() => Some(until),
            Some(until) => until.checked_add(self.attempt.holds_for()),
            None => self.attempt.accepted_at().checked_add(NO_WINDOW),
        }
    }

    async fn act_on(&mut self, verdict: SendVerdict, code: Option<i64>, error: &str) -> StepResult<PartEnd> {
        let reason = format!("part {} of {}: {error}", self.index + 1, self.answer.parts.len());
        if !matches!(verdict, SendVerdict::Sent | SendVerdict::Unsure) {
            self.take_back().await?;
        }
        match verdict {
            SendVerdict::Sent => Ok(PartEnd::Sent),
            SendVerdict::Soon { after } => {
                tracing::warn!(
                    code,
                    reason,
                    "the send was refused although it seems allowed: trying again soon"
                );
                self.refusals += 1;
                Ok(PartEnd::Soon(after))
            }
            SendVerdict::Account(interface, cause) => {
                let (pauses, account) = (&self.attempt.calls.shared.pauses, &self.attempt.payload.account);
                let lasts = pauses.pause(account, (interface, cause), code, error).await;
                match interface {
                    Interface::Upload => self.wait_for_uploads(lasts, &reason).await,
                    _ => self.wait_out(lasts, &reason).await,
                }
            }
            SendVerdict::Unsure => self.after_unsure(reason).await,
            verdict => {
                tracing::warn!(code, reason, "the send failed");
                self.after_failure(verdict, code, reason, true).await
            }
        }
    }

    /// What becomes of a part whose send got no response.
    async fn after_unsure(&mut self, reason: String) -> StepResult<PartEnd> {
        tracing::warn!(reason, "WeChat did not answer a send");
        let again = policy::again(&self.trial(), SystemTime::now());
        // A send that is made again soon is counted then.
        let soon = matches!(again, SendVerdict::Message(Verdict::Retry { .. }));
        let is_resent = self.attempt.unsure() == Unsure::Resend;
        if !is_resent || !soon {
            self.report_unsure();
        }
        match is_resent {
            // The answer may be there, and an apology behind it would be odd.
            true => self.after_failure(again, None, reason, false).await,
            false => self.give_up_unsure().await,
        }
    }

    /// What becomes of a part that may have been sent and isn't sent again.
    pub(super) async fn give_up_unsure(&mut self) -> StepResult<PartEnd> {
        match self.attempt.unsure() {
            Unsure::Drop => Ok(PartEnd::Sent),
            Unsure::Hold | Unsure::Resend => self.hold_rest(NOT_KNOWN, false).await,
        }
    }

    async fn after_failure(
        &mut self,
        verdict: SendVerdict,
        code: Option<i64>,
        reason: String,
        reachable: bool,
    ) -> StepResult<PartEnd> {
        Ok(match verdict {
            SendVerdict::Message(Verdict::Retry { after }) => {
                PartEnd::Later(Done::retry(after, self.attempt.patience(), reason))
            }
            SendVerdict::Message(Verdict::Snooze { after }) => PartEnd::Later(Done::snooze(after, reason)),
            SendVerdict::Hold => {
                let refused = code.is_some_and(|code| classify(code) == CodeClass::Window);
                return self.hold_rest(&reason, refused).await;
            }
            // Everything that could be put right was, and it didn't help.
            _ => PartEnd::Dies { reason: self.in_words(&reason), reachable },
        })
    }

    pub(super) fn report_unsure(&self) {
        let (part, policy) = (self.index + 1, self.attempt.unsure().as_str());
        metrics::unsure(&self.attempt.payload.account, policy);
        tracing::warn!(part, policy, "it is not known whether this part was sent");
    }

    /// Puts the message off until an account can send again; if that is too late for its window, until the user's next action.
    pub(super) async fn wait_out(&mut self, wait: Duration, reason: &str) -> StepResult<PartEnd> {
        match policy::snooze_until(wait, self.until(), SystemTime::now()) {
            Verdict::Snooze { after } => {
                // The handler must not run again only because the account waits, nor a part be sent again.
                self.take_back().await?;
                Ok(PartEnd::Later(Done::snooze(after, reason)))
            }
            _ => self.hold_rest(reason, false).await,
        }
    }

    /// The same for uploads: the account can send, so the user's later messages wait no longer than for an attempt that
    /// failed. An answer that has kept them waiting that long is held.
    async fn wait_for_uploads(&mut self, wait: Duration, reason: &str) -> StepResult<PartEnd> {
        let hold_up = self.attempt.hold_up(self.recorder.send_state());
        match policy::snooze_until(wait, self.until(), SystemTime::now()) {
            Verdict::Snooze { after } if !hold_up.is_over() => {
                // It waits like an attempt that failed, but isn't one.
                self.answer.before.failures = self.answer.before.failures.saturating_add(1);
                self.stored = false;
                self.take_back().await?;
                Ok(PartEnd::Later(Done::retry(after, hold_up.patience, reason.to_owned())))
            }
            _ => self.hold_rest(reason, false).await,
        }
    }

    /// Why WeChat isn't asked to take the next part, counting all sends of the lane except this part's own.
    pub(super) fn closed(&self, own: u32) -> Option<SendRefusal> {
        let (mut opening, send_state) = (self.recorder.opening(), self.recorder.send_state());
        if let Some(right) = send_state.right.filter(|_| self.answer.was_held) {
            opening.sends = Some(right.sends);
        }
        opening.gate(send_state.sends.saturating_sub(own)).err()
    }

    pub(super) async fn stop_short(&mut self, closed: SendRefusal) -> StepResult<PartEnd> {
        match closed {
            SendRefusal::ForNow(reason) => self.hold_rest(reason, reason == REFUSED).await,
            SendRefusal::ForGood(reason) => {
                Ok(PartEnd::Dies { reason: self.in_words(reason), reachable: false })
            }
        }
    }

    /// Holds the parts that aren't sent until the user does something. If WeChat has `refused` one, the answers to their
    /// next messages are held too.
    pub(super) async fn hold_rest(&mut self, reason: &str, refused: bool) -> StepResult<PartEnd> {
        let reason = self.in_words(reason);
        let hold_for = self.attempt.holds_for();
        // Words about a failure are worth nothing later.
        if hold_for.is_zero() || self.answer.dies_of.is_some() {
            return Ok(PartEnd::Dies { reason, reachable: false });
        }
        (self.answer.was_held, self.stored) = (true, false);
        self.record(notice::notice_sent(self.recorder)).await?;
        if self.recorder.send_state().closed == Some(ClosedBy::Ended) {
            return Ok(PartEnd::Dies { reason: self.in_words(GONE), reachable: false });
        }
        tracing::info!(reason, "the unsent parts are held until the user writes again");
        let reason = format!("{reason}; it was held, and the user did not write again in time");
        let reason = self.attempt.with_route(&reason);
        // If the user has written since then, the message comes again instead.
        let wakes = self.wakes;
        let settlement = Settlement::Hold { wakes, hold_for, refused, reason, answer: None };
        Ok(PartEnd::Later(Done { settlement, end: End::Held }))
    }

    /// Records that the announced send was not made, with the replies if they aren't recorded yet.
    pub(super) async fn take_back(&mut self) -> StepResult<()> {
        // A notice that was sent isn't taken back together with a part that wasn't announced yet.
        let sending = if self.unsure { Some(self.index) } else { notice::notice_sent(self.recorder) };
        self.record(sending).await
    }

    /// The reason for people, with the part that it is about. If the message dies of another reason, that one comes first.
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
