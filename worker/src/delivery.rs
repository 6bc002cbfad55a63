//! Sends the parts of an answer, one after the other, and decides on each failure.
//!
//! The intent to send a part is recorded before it, with all the replies before the first: see the order of effects in
//! [`crate::job`]. What the record tells of the lane ([`Standing`](huixin_queue::Standing)) is the newest there is: how many
//! sends its user's last action has left, and whether he has written again or gone. So a part that WeChat would refuse is
//! held back without asking it. What WeChat refuses all the same is decided by the protocol's policy table
//! ([`crate::settle`]).
//!
//! A send that certainly failed takes its intent back. One of which nobody knows keeps it, and the route says what becomes
//! of it ([`Unsure`]).

use std::time::{Duration, Instant, SystemTime};

use huixin_queue::{Hold, Progress};
use huixin_wechat::{ApiError, CodeClass, Message, Outgoing, rule};

use crate::answer::Answer;
use crate::job::{End, Job, Step, Stop};
use crate::metrics;
use crate::payload::Payload;
use crate::rights::Closed;
use crate::route::{self, Route, Unsure};
use crate::settle::{self, SendVerdict, Verdict};
use crate::worker::Account;

/// How long an answer to a push that opens no right to send is tried.
const NO_WINDOW: Duration = Duration::from_secs(600);

/// What is sent with, and about what.
pub(crate) struct Delivery<'a> {
    pub(crate) account: &'a Account,
    pub(crate) message: &'a Message,
    pub(crate) payload: &'a Payload,
    /// `None` when no route is for the message any more, and an answer of an earlier configuration is sent.
    pub(crate) route: Option<&'a Route>,
}

/// How the sending of an answer ended.
enum Sent {
    All,
    Later(End),
    /// The message dies of this. Whether its user can still be told something.
    Dies {
        reason: String,
        reachable: bool,
    },
}

/// An answer on its way.
struct Sending<'a> {
    delivery: &'a Delivery<'a>,
    answer: &'a mut Answer,
    /// The part that is next, counted from 0.
    index: u32,
    /// It was announced before, by a worker that could not say how it ended.
    unsure: bool,
    /// The replies are recorded, or need not be.
    stored: bool,
}

impl Delivery<'_> {
    fn unsure(&self) -> Unsure {
        self.route.map(|route| route.unsure).unwrap_or_default()
    }
}

impl Job {
    /// What the user is told of a message that dies, while WeChat takes an answer.
    pub(crate) fn last_words(&self, delivery: &Delivery<'_>, reason: &str) -> Option<Answer> {
        let text = delivery.route?.failure_reply.as_deref()?.trim();
        let opening = self.opening(delivery.message, delivery.payload);
        let open = opening.until.is_some() && opening.gate(self.standing().sends, SystemTime::now()).is_ok();
        (open && !text.is_empty()).then(|| Answer::last_words(text, self.leased.failures, reason.to_owned()))
    }

    /// Sends the parts that aren't sent yet, and ends the message.
    pub(crate) async fn send(
        &self,
        delivery: &Delivery<'_>,
        mut answer: Answer,
        mut progress: Progress,
    ) -> Step<End> {
        loop {
            let (reason, reachable) = match self.send_parts(delivery, &mut answer, &progress).await? {
                Sent::Later(end) => return Ok(end),
                Sent::Dies { reason, reachable } => (reason, reachable),
                Sent::All => match &answer.dies_of {
                    Some(reason) => return self.bury(reason).await,
                    None => {
                        metrics::replied(&delivery.payload.account, self.leased.arrived_us);
                        return self.complete(End::Answered).await;
                    }
                },
            };
            match self.last_words(delivery, &reason) {
                Some(last) if reachable && answer.dies_of.is_none() => {
                    (answer, progress) = (last, Progress::default());
                }
                _ => return self.bury(&reason).await,
            }
        }
    }

    async fn send_parts(
        &self,
        delivery: &Delivery<'_>,
        answer: &mut Answer,
        progress: &Progress,
    ) -> Step<Sent> {
        // A fixed single reply costs nothing to compute again.
        let cheap = delivery.route.is_some_and(|route| route.handler.is_cheap());
        let worth_storing = answer.parts.len() > 1 || answer.dies_of.is_some() || !cheap;
        let stored = progress.replies.is_some() || !worth_storing;
        let parts = u32::try_from(answer.parts.len()).unwrap_or(u32::MAX);
        let mut sending = Sending { delivery, answer, index: progress.sent, unsure: false, stored };
        while sending.index < parts {
            sending.unsure = progress.sending == Some(sending.index);
            if let Some(end) = self.send_part(&mut sending).await? {
                return Ok(end);
            }
            sending.index += 1;
        }
        Ok(Sent::All)
    }

    /// Sends the part that is next. Nothing: it is sent, or counts as sent.
    async fn send_part(&self, sending: &mut Sending<'_>) -> Step<Option<Sent>> {
        let Delivery { account, message, payload, .. } = *sending.delivery;
        if sending.unsure {
            let policy = sending.delivery.unsure();
            let part = sending.index + 1;
            metrics::unsure(&payload.account, policy.as_str());
            tracing::warn!(part, policy = policy.as_str(), "it is not known whether this part was sent");
            match policy {
                Unsure::Resend => {}
                Unsure::Drop => return Ok(None),
                Unsure::Hold => return self.put_aside(sending, NOT_KNOWN).await.map(Some),
            }
        }
        if let Some(end) = self.wait_for_turn(sending).await? {
            return Ok(Some(end));
        }
        let announced = u32::from(sending.unsure);
        if let Err(closed) = self.gate(sending, self.standing().sends.saturating_sub(announced)) {
            return self.stop_short(sending, closed).await.map(Some);
        }
        let mut part = match self.ready(sending).await? {
            Ok(part) => part,
            Err(end) => return Ok(Some(end)),
        };
        let replies = (!sending.stored).then(|| sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: Some(sending.index) }).await?;
        sending.stored = true;
        if !self.held.is_current() {
            return Err(Stop::Lost);
        }
        if self.shared.stop_now.is_cancelled() {
            self.take_back(sending).await?;
            return Err(Stop::Stopping);
        }
        // The record is the newest there is: he may have written again, or gone, since the message was taken.
        if let Err(closed) = self.gate(sending, self.standing().sends.saturating_sub(1)) {
            self.take_back(sending).await?;
            return self.stop_short(sending, closed).await.map(Some);
        }
        let mut mended = false;
        loop {
            let started = Instant::now();
            let sent = tokio::select! {
                biased;
                () = self.held.lost().cancelled() => return Err(Stop::Lost),
                sent = account.client.send(&message.from, &part) => sent,
            };
            metrics::sent(&payload.account, started.elapsed(), &sent);
            let error = match sent {
                Ok(()) => {
                    self.shared.pauses.passed(&payload.account).await;
                    return Ok(None);
                }
                Err(error) => error,
            };
            // What can be mended is mended once, under the same intent: WeChat has not taken it.
            match (&error, error.class()) {
                (ApiError::Refused { .. }, CodeClass::Agent) if !mended && part.kf_account.is_some() => {
                    tracing::warn!(code = error.code(), "the agent can't be used: sending without");
                    part.kf_account = None;
                }
                (ApiError::Refused { .. }, CodeClass::Media) if !mended && self.can_upload_again(sending) => {
                    tracing::warn!(code = error.code(), "the media is gone: uploading it anew");
                    self.forget_media(sending).await;
                    part = match self.ready(sending).await? {
                        Ok(part) => part,
                        Err(end) => {
                            self.take_back(sending).await?;
                            return Ok(Some(end));
                        }
                    };
                }
                _ => return self.send_failed(sending, &error).await,
            }
            mended = true;
        }
    }

    /// Decides on a failed send; `None` if the part counts as sent.
    async fn send_failed(&self, sending: &mut Sending<'_>, error: &ApiError) -> Step<Option<Sent>> {
        let Delivery { message, payload, route, .. } = *sending.delivery;
        let reason =
            format!("part {} of {}: {}", sending.index + 1, sending.answer.parts.len(), chain(error));
        let failures = self.leased.failures.saturating_sub(sending.answer.failures);
        let attempts = route.map_or(route::ATTEMPTS_DEFAULT, |route| route.attempts);
        // A push that opens no right to send may still be answered under an earlier one; but not for ever.
        let until = self.opening(message, payload).until;
        let until = until.or_else(|| self.accepted_at().checked_add(NO_WINDOW));
        let now = SystemTime::now();
        let verdict = settle::after_send(error, failures, self.leased.snoozes, attempts, until, now);
        if !matches!(verdict, SendVerdict::Sent | SendVerdict::Unsure) {
            self.take_back(sending).await?;
        }
        let (verdict, reachable) = match verdict {
            SendVerdict::Sent => return Ok(None),
            SendVerdict::Account(cause) => {
                let remedy = error.code().and_then(rule).map_or("", |rule| rule.remedy);
                let told = (error.code().unwrap_or_default(), chain(error));
                let pauses = &self.shared.pauses;
                let lasts = pauses.pause(&payload.account, cause, (told.0, &told.1, remedy)).await;
                return self.wait_out(sending, lasts, &reason).await.map(Some);
            }
            SendVerdict::Unsure => {
                let policy = sending.delivery.unsure();
                metrics::unsure(&payload.account, policy.as_str());
                tracing::warn!(
                    reason,
                    policy = policy.as_str(),
                    "it is not known whether this part was sent"
                );
                match policy {
                    Unsure::Drop => return Ok(None),
                    Unsure::Hold => return self.put_aside(sending, NOT_KNOWN).await.map(Some),
                    // The answer may be there, and an apology behind it would be odd.
                    Unsure::Resend => (settle::again(failures, attempts, until, now), false),
                }
            }
            verdict => {
                tracing::warn!(code = error.code(), reason, "the send failed");
                (verdict, true)
            }
        };
        match verdict {
            SendVerdict::Message(Verdict::Retry { after }) => {
                self.retry(after, &reason).await.map(Sent::Later)
            }
            SendVerdict::Message(Verdict::Snooze { after }) => {
                self.snooze(after, &reason).await.map(Sent::Later)
            }
            SendVerdict::Hold => self.put_aside(sending, &reason).await,
            // What could be mended was, and didn't help.
            _ => Ok(Sent::Dies { reason: sending.in_words(&reason), reachable }),
        }
        .map(Some)
    }

    /// Waits until the account may send, by its pauses and its rate. Something: not in the time that one waits here.
    async fn wait_for_turn(&self, sending: &mut Sending<'_>) -> Step<Option<Sent>> {
        let Delivery { account, payload, .. } = *sending.delivery;
        if let Some(wait) = self.settle(|| self.shared.pauses.admit(&payload.account)).await? {
            return self.wait_out(sending, wait, "the account is paused").await.map(Some);
        }
        let Some(rate) = account.send_rate else { return Ok(None) };
        let name = format!("sends/{}", payload.account);
        loop {
            let wait = self.settle(|| self.queue().limit(&name, rate.sends, rate.per)).await?;
            if wait.is_zero() {
                return Ok(None);
            }
            tokio::select! {
                () = self.held.lost().cancelled() => return Err(Stop::Lost),
                () = self.shared.stop_now.cancelled() => return Err(Stop::Stopping),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Puts the message off until an account can send again; if that is too late for its window, until the user's next.
    async fn wait_out(&self, sending: &mut Sending<'_>, wait: Duration, reason: &str) -> Step<Sent> {
        let until = self.opening(sending.delivery.message, sending.delivery.payload).until;
        let until = until.or_else(|| self.accepted_at().checked_add(NO_WINDOW));
        match settle::snooze_until(wait, until, SystemTime::now()) {
            Verdict::Snooze { after } => {
                if !sending.stored {
                    // The handler must not run again only because the account waits.
                    let replies = Some(sending.answer.encode());
                    self.record(Progress { replies, sent: sending.index, sending: None }).await?;
                    sending.stored = true;
                }
                self.snooze(after, reason).await.map(Sent::Later)
            }
            _ => self.put_aside(sending, reason).await,
        }
    }

    /// Whether the next part may go out, after so many sends of the lane.
    fn gate(&self, sending: &Sending<'_>, sent: u32) -> Result<(), Closed> {
        self.opening(sending.delivery.message, sending.delivery.payload).gate(sent, SystemTime::now())
    }

    async fn stop_short(&self, sending: &mut Sending<'_>, closed: Closed) -> Step<Sent> {
        match closed {
            Closed::ForNow(reason) => self.put_aside(sending, reason).await,
            Closed::ForGood(reason) => Ok(Sent::Dies { reason: sending.in_words(reason), reachable: false }),
        }
    }

    /// Holds the parts that aren't sent until the user does something.
    async fn put_aside(&self, sending: &mut Sending<'_>, reason: &str) -> Step<Sent> {
        let Delivery { payload, route, .. } = *sending.delivery;
        let reason = sending.in_words(reason);
        let hold_for = Route::holds_for(route, payload.trigger);
        // What the user is told of a failure is worth nothing later.
        if hold_for.is_zero() || sending.answer.dies_of.is_some() {
            return Ok(Sent::Dies { reason, reachable: false });
        }
        let replies = (!sending.stored).then(|| sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: None }).await?;
        sending.stored = true;
        tracing::info!(reason, "what is not sent is held until the user writes again");
        let reason = format!("{reason}; it was held, and the user did not write again in time");
        let trigger = self.standing().trigger;
        let held = self.settle(|| self.queue().hold(&self.leased.lease, trigger, hold_for, &reason)).await?;
        Ok(Sent::Later(match held {
            Hold::Held => End::Held,
            Hold::Waiting => End::Waiting,
        }))
    }

    /// The announced send was not made.
    async fn take_back(&self, sending: &Sending<'_>) -> Step<()> {
        let announced = sending.unsure.then_some(sending.index);
        self.record(Progress { replies: None, sent: sending.index, sending: announced }).await
    }

    /// The part that is next, with its media uploaded.
    async fn ready(&self, sending: &mut Sending<'_>) -> Step<Result<Outgoing, Sent>> {
        Ok(Ok(sending.part().clone()))
    }

    fn can_upload_again(&self, _sending: &Sending<'_>) -> bool {
        false
    }

    async fn forget_media(&self, _sending: &Sending<'_>) {}
}

const NOT_KNOWN: &str = "it is not known whether it was sent";

impl Sending<'_> {
    fn part(&self) -> &Outgoing {
        &self.answer.parts[self.index as usize]
    }

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
