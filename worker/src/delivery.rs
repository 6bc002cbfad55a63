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
use huixin_wechat::{ApiError, CodeClass, Message, rule};
use tokio::sync::SemaphorePermit;

use crate::account::Cause;
use crate::answer::Answer;
use crate::company::NOTICE;
use crate::job::{End, Job, Step, Stop};
use crate::media::{MediaError, Ready};
use crate::metrics;
use crate::payload::Payload;
use crate::rights::{Closed, OVER};
use crate::route::{self, Route, Unsure};
use crate::settle::{self, SendVerdict, Trial, Verdict};
use crate::worker::{Account, SendRate};

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
        let text = delivery.route?.failure_reply.as_deref()?;
        let opening = self.opening(delivery.message, delivery.payload);
        let open = opening.until.is_some() && opening.gate(self.standing().sends, SystemTime::now()).is_ok();
        Answer::last_words(text, self.leased.failures, reason.to_owned()).filter(|_| open)
    }

    /// Sends the parts that aren't sent yet, and ends the message.
    pub(crate) async fn send(
        &self,
        delivery: &Delivery<'_>,
        mut answer: Answer,
        mut progress: Progress,
    ) -> Step<End> {
        loop {
            // Boxed, so that a message whose handler runs doesn't hold the room for its sending meanwhile.
            let sent = Box::pin(self.send_parts(delivery, &mut answer, &progress)).await?;
            let (reason, reachable) = match sent {
                Sent::Later(end) => return Ok(end),
                Sent::Dies { reason, reachable } => (reason, reachable),
                Sent::All => match &answer.dies_of {
                    Some(reason) => return self.bury(reason).await,
                    None if answer.parts.is_empty() => return self.complete(End::NoReply).await,
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
        let worth_storing = answer.parts.len() > 1 || answer.dies_of.is_some() || !cheap || self.remembers();
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
        let sent = self.send_part_unless_stopped(sending).await;
        if matches!(sent, Err(Stop::Stopping)) {
            // Before it is handed back: that the parts before it are sent, and this one is not.
            self.take_back(sending).await?;
        }
        sent
    }

    async fn send_part_unless_stopped(&self, sending: &mut Sending<'_>) -> Step<Option<Sent>> {
        let Delivery { account, message, payload, .. } = *sending.delivery;
        if sending.unsure {
            match sending.delivery.unsure() {
                Unsure::Resend => {}
                Unsure::Drop => {
                    self.tell_unsure(sending);
                    return Ok(None);
                }
                Unsure::Hold => {
                    self.tell_unsure(sending);
                    return self.put_aside(sending, NOT_KNOWN).await.map(Some);
                }
            }
        }
        // Before its turn: what can't be sent must not take one from others.
        let announced = u32::from(sending.unsure);
        if let Some(closed) = self.closed(sending, self.standing().sends.saturating_sub(announced)).await? {
            return self.stop_short(sending, closed).await.map(Some);
        }
        if let Some(end) = self.wait_for_turn(sending).await? {
            return Ok(Some(end));
        }
        let mut ready = match self.ready(sending).await? {
            Ok(ready) => ready,
            Err(error) => return self.media_failed(sending, &error).await,
        };
        // Before it is announced: a send that waits for others must not look unsure.
        let _line = self.line(account).await?;
        let replies = (!sending.stored).then(|| sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: Some(sending.index) }).await?;
        sending.stored = true;
        if self.shared.stop_now.is_cancelled() {
            return Err(Stop::Stopping);
        }
        // The record is the newest there is: he may have written again, or gone, since the message was taken.
        if let Some(closed) = self.closed(sending, self.standing().sends.saturating_sub(1)).await? {
            self.take_back(sending).await?;
            return self.stop_short(sending, closed).await.map(Some);
        }
        if sending.unsure {
            self.tell_unsure(sending);
        }
        let mut mended = false;
        loop {
            if !self.held.is_current() {
                return Err(Stop::Lost);
            }
            let started = Instant::now();
            let sent = tokio::select! {
                biased;
                () = self.held.lost().cancelled() => return Err(Stop::Lost),
                sent = account.client.send(&message.from, &ready.message) => sent,
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
            let class = if mended { CodeClass::Permanent } else { error.class() };
            mended = true;
            if class == CodeClass::Agent && ready.message.kf_account.take().is_some() {
                tracing::warn!(code = error.code(), "the agent can't be used: sending without");
            } else if class == CodeClass::Media && self.shared.media.forget(self.queue(), &ready).await {
                tracing::warn!(code = error.code(), "the media is gone: uploading it anew");
                ready = match self.ready(sending).await? {
                    Ok(ready) => ready,
                    Err(error) => return self.media_failed(sending, &error).await,
                };
            } else {
                return self.send_failed(sending, &error).await;
            }
        }
    }

    /// Decides on a failed send; `None` if the part counts as sent.
    async fn send_failed(&self, sending: &mut Sending<'_>, error: &ApiError) -> Step<Option<Sent>> {
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
    async fn media_failed(&self, sending: &mut Sending<'_>, error: &MediaError) -> Step<Option<Sent>> {
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
            failures: self.leased.failures.saturating_sub(sending.answer.failures),
            snoozes: self.leased.snoozes,
            attempts: sending.delivery.route.map_or(route::ATTEMPTS_DEFAULT, |route| route.attempts),
            until: self.until(sending),
        }
    }

    /// Until when this answer is tried. A push that opens no right to send may still be answered under an earlier one; but
    /// not for ever.
    fn until(&self, sending: &Sending<'_>) -> Option<SystemTime> {
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
                    Unsure::Hold => return self.put_aside(sending, NOT_KNOWN).await.map(Some),
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
                self.retry(after, &reason).await.map(Sent::Later)
            }
            SendVerdict::Message(Verdict::Snooze { after }) => {
                self.snooze(after, &reason).await.map(Sent::Later)
            }
            SendVerdict::Hold => self.put_aside(sending, &reason).await,
            // What could be mended was, and didn't help.
            _ => Ok(Sent::Dies { reason: sending.in_words(&reason), reachable }),
        };
        end.map(Some)
    }

    /// Waits until the account may send, by its pauses and its rate. Something: not in the time that one waits here.
    async fn wait_for_turn(&self, sending: &mut Sending<'_>) -> Step<Option<Sent>> {
        let Delivery { account, payload, .. } = *sending.delivery;
        if let Some(wait) = self.settle(|| self.shared.pauses.admit(&payload.account)).await? {
            return self.wait_out(sending, wait, "the account is paused").await.map(Some);
        }
        let Some(rate) = account.send_rate else { return Ok(None) };
        let granted = async {
            let _turn = account.turn.lock().await;
            loop {
                match self.ask_rate(&payload.account, rate).await? {
                    Duration::ZERO => return Ok(None),
                    wait => tokio::time::sleep(wait).await,
                }
            }
        };
        tokio::select! {
            biased;
            () = self.held.lost().cancelled() => Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => Err(Stop::Stopping),
            granted = granted => granted,
        }
    }

    /// Asks for one send of an account's rate: nothing, or how long until there may be one.
    pub(crate) async fn ask_rate(&self, account: &str, rate: SendRate) -> Step<Duration> {
        let name = format!("sends/{account}");
        self.settle(|| self.queue().limit(&name, rate.sends, rate.per)).await
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

    fn tell_unsure(&self, sending: &Sending<'_>) {
        let (part, policy) = (sending.index + 1, sending.delivery.unsure().as_str());
        metrics::unsure(&sending.delivery.payload.account, policy);
        tracing::warn!(part, policy, "it is not known whether this part was sent");
    }

    /// A line to WeChat, held until the send has ended.
    pub(crate) async fn line<'a>(&self, account: &'a Account) -> Step<SemaphorePermit<'a>> {
        tokio::select! {
            biased;
            () = self.held.lost().cancelled() => Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => Err(Stop::Stopping),
            line = account.lines.acquire() => Ok(line.expect("the lines are never closed")),
        }
    }

    /// Puts the message off until an account can send again; if that is too late for its window, until the user's next.
    async fn wait_out(&self, sending: &mut Sending<'_>, wait: Duration, reason: &str) -> Step<Sent> {
        match settle::snooze_until(wait, self.until(sending), SystemTime::now()) {
            Verdict::Snooze { after } => {
                // The handler must not run again only because the account waits, nor a part be sent again.
                self.take_back(sending).await?;
                self.snooze(after, reason).await.map(Sent::Later)
            }
            _ => self.put_aside(sending, reason).await,
        }
    }

    /// Why the next part may not go out, after so many sends of the lane.
    async fn closed(&self, sending: &Sending<'_>, sent: u32) -> Step<Option<Closed>> {
        let Delivery { message, payload, .. } = *sending.delivery;
        match self.opening(message, payload).gate(sent, SystemTime::now()) {
            Ok(()) => Ok(None),
            // What stands behind it in its lane came while it waited, and may have opened a right that nothing told of
            // yet. Held, it would miss that: WeChat is asked instead.
            Err(Closed::ForNow(OVER)) if self.standing().note.is_none() && self.has_followers().await? => {
                Ok(None)
            }
            Err(closed) => Ok(Some(closed)),
        }
    }

    /// Whether other messages of its user wait behind it.
    async fn has_followers(&self) -> Step<bool> {
        let lease = &self.leased.lease;
        let lane = self.settle(|| self.queue().lane(&lease.lane)).await?;
        Ok(lane.is_some_and(|lane| lane.waiting.iter().any(|id| *id != lease.id)))
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
        self.record(Progress { replies, sent: sending.index, sending: self.noticed() }).await?;
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

    /// The announced send was not made. Replies that are not recorded yet are now.
    async fn take_back(&self, sending: &mut Sending<'_>) -> Step<()> {
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

    /// The part that is next, with its media uploaded.
    async fn ready(&self, sending: &Sending<'_>) -> Step<Result<Ready, MediaError>> {
        let Delivery { account, payload, .. } = *sending.delivery;
        let part = &sending.answer.parts[sending.index as usize];
        tokio::select! {
            biased;
            () = self.held.lost().cancelled() => Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => Err(Stop::Stopping),
            ready = self.shared.media.ready(self.queue(), &payload.account, &account.client, part) => Ok(ready),
        }
    }
}

const NOT_KNOWN: &str = "it is not known whether it was sent";

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
