//! Sends the parts of an answer, one after the other, and decides on each failure.
//!
//! The intent to send a part is recorded before it, with all the replies before the first: see the order of effects in
//! [`crate::job`].

use std::time::{Duration, Instant, SystemTime};

use huixin_queue::Progress;
use huixin_wechat::{ApiError, Client, CodeClass, Message};

use crate::answer::Answer;
use crate::job::{End, Job, Step, Stop};
use crate::metrics;
use crate::payload::Payload;
use crate::route::{self, Route};
use crate::settle::{self, SendVerdict, Verdict};

/// How long an answer to a push that opens no right to send is tried.
const NO_WINDOW: Duration = Duration::from_secs(600);

/// What is sent with, and about what.
pub(crate) struct Delivery<'a> {
    pub(crate) client: &'a Client,
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

/// One send that was announced to the queue.
struct Intent {
    part: u32,
    /// What was announced before, by a worker that could not say how it ended.
    unsure: Option<u32>,
}

impl Job {
    /// What the user is told of a message that dies, while WeChat takes an answer.
    pub(crate) fn last_words(&self, delivery: &Delivery<'_>, reason: &str) -> Option<Answer> {
        let text = delivery.route?.failure_reply.as_deref()?.trim();
        let open = self
            .reply_until(delivery.message, delivery.payload)
            .is_some_and(|until| SystemTime::now() < until);
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
            let (reason, reachable) = match self.send_parts(delivery, &answer, &progress).await? {
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

    async fn send_parts(&self, delivery: &Delivery<'_>, answer: &Answer, progress: &Progress) -> Step<Sent> {
        let account = &delivery.payload.account;
        let mut stored = progress.replies.is_some();
        // A fixed single reply costs nothing to compute again.
        let cheap = delivery.route.is_some_and(|route| route.handler.is_cheap());
        let worth_storing = answer.parts.len() > 1 || answer.dies_of.is_some() || !cheap;
        let first = usize::try_from(progress.sent).unwrap_or(usize::MAX);
        for (number, part) in answer.parts.iter().enumerate().skip(first) {
            let index = u32::try_from(number).unwrap_or(u32::MAX);
            let unsure = progress.sending.filter(|sending| *sending == index);
            let replies = (!stored && worth_storing).then(|| answer.encode());
            self.record(Progress { replies, sent: index, sending: Some(index) }).await?;
            stored = true;
            if !self.held.is_current() {
                return Err(Stop::Lost);
            }
            if self.shared.stop_now.is_cancelled() {
                self.record(Progress { replies: None, sent: index, sending: unsure }).await?;
                return Err(Stop::Stopping);
            }
            if unsure.is_some() {
                metrics::unsure_resent(account);
                tracing::warn!(part = index, "it is not known whether this part was sent: sending it again");
            }
            let started = Instant::now();
            let sent = tokio::select! {
                biased;
                () = self.held.lost().cancelled() => return Err(Stop::Lost),
                sent = delivery.client.send(&delivery.message.from, part) => sent,
            };
            metrics::sent(account, started.elapsed(), &sent);
            if let Err(error) = sent
                && let Some(end) =
                    self.send_failed(delivery, answer, &Intent { part: index, unsure }, &error).await?
            {
                return Ok(end);
            }
        }
        Ok(Sent::All)
    }

    /// Decides on a failed send; `None` if the part counts as sent.
    async fn send_failed(
        &self,
        delivery: &Delivery<'_>,
        answer: &Answer,
        intent: &Intent,
        error: &ApiError,
    ) -> Step<Option<Sent>> {
        let &Delivery { message, payload, route, .. } = delivery;
        let reason = format!("part {} of {}: {}", intent.part + 1, answer.parts.len(), chain(error));
        let failures = self.leased.failures.saturating_sub(answer.failures);
        let attempts = route.map_or(route::ATTEMPTS_DEFAULT, |route| route.attempts);
        // A push that opens no right to send may still be answered under an earlier one; but not for ever.
        let until = self.reply_until(message, payload).or_else(|| self.accepted_at().checked_add(NO_WINDOW));
        let verdict =
            settle::after_send(error, failures, self.leased.snoozes, attempts, until, SystemTime::now());
        if !matches!(error, ApiError::Unsure(_)) && verdict != SendVerdict::Sent {
            self.record(Progress { replies: None, sent: intent.part, sending: intent.unsure }).await?;
        }
        let (verdict, reachable) = match verdict {
            SendVerdict::Sent => return Ok(None),
            SendVerdict::AccountTrouble(verdict) => {
                tracing::error!(
                    account = payload.account,
                    code = error.code(),
                    reason,
                    "the account can't send"
                );
                (verdict, false)
            }
            SendVerdict::Message(verdict) => {
                tracing::warn!(code = error.code(), reason, "the send failed");
                // After an unsure send the answer may be there, and an apology behind it would be odd.
                (verdict, error.class() != CodeClass::Window && !matches!(error, ApiError::Unsure(_)))
            }
        };
        let reason = match &answer.dies_of {
            Some(first) => format!("{first}; the failure reply could not be sent: {reason}"),
            None => reason,
        };
        Ok(Some(match verdict {
            Verdict::Retry { after } => Sent::Later(self.retry(after, &reason).await?),
            Verdict::Snooze { after } => Sent::Later(self.snooze(after, &reason).await?),
            Verdict::Die => Sent::Dies { reason, reachable },
        }))
    }
}

/// An error with its causes, in one line.
fn chain(error: &ApiError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
