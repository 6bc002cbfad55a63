//! What follows from a handler's outcome, or from an answer that came by call back: a reply, another attempt, a wait, the end.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use huixin_queue::{Progress, QueueError, Settlement};
use huixin_wechat::Outgoing;

use super::{End, Job, Step, Stop};
use crate::answer::{Answer, Before};
use crate::call_back::CalledBack;
use crate::delivery::Delivery;
use crate::handler::Outcome;
use crate::memory::{MemoryError, Slots};
use crate::reply;
use crate::route::Route;
use crate::settle::{self, Verdict};
use crate::text;

const NO_CALL_BACKS: &str =
    "the handler answers by call back, and there is no address for it: give `callback.base_url`";

impl Job {
    /// What follows from a handler's outcome, or from an answer that came by call back.
    pub(super) async fn conclude(
        &self,
        delivery: &Delivery<'_>,
        route: &Route,
        slots: Slots,
        outcome: Outcome,
    ) -> Step<End> {
        // What a cheap handler answers is computed again on every attempt and may never be stored; it doesn't fail itself, so
        // all failures so far were of sends.
        let before = if route.handler.is_cheap() { Before::default() } else { self.so_far() };
        match outcome {
            Outcome::NoReply => self.end_without_reply(End::NoReply).await,
            Outcome::Remember { replies, memory } => {
                match slots.with(&route.memory, memory, route.memory_for, SystemTime::now()) {
                    Ok(memory) => {
                        *self.to_remember.lock().unwrap_or_else(PoisonError::into_inner) = Some(memory);
                    }
                    Err(error @ MemoryError::TooLarge(_)) => {
                        return self.die(delivery, error.to_string()).await;
                    }
                    // Others have filled it, and the user has an answer coming.
                    Err(error @ MemoryError::Full) => {
                        tracing::warn!(route = route.name, %error, "nothing is remembered of this message");
                    }
                }
                self.reply(delivery, route, replies, before).await
            }
            Outcome::Reply(parts) => self.reply(delivery, route, parts, before).await,
            Outcome::Later { within } => {
                if self.shared.call_backs.is_none() {
                    return self.die(delivery, NO_CALL_BACKS.to_owned()).await;
                }
                let within = within.unwrap_or(route.answer_within);
                self.tell_of_wait(delivery, route, within).await?;
                self.settle(Settlement::Await { within }, End::Awaiting).await
            }
            Outcome::Retry { after, reason } => self.try_again(delivery, route, after, reason).await,
            Outcome::Fail { reason } => {
                tracing::debug!(route = route.name, reason, "the handler gave the message up");
                self.die(delivery, reason).await
            }
        }
    }

    /// What follows from an attempt that failed.
    async fn try_again(
        &self,
        delivery: &Delivery<'_>,
        route: &Route,
        after: Option<Duration>,
        reason: String,
    ) -> Step<End> {
        let &Delivery { message, payload, .. } = delivery;
        let (failures, hold_up) = (self.leased.failures, self.hold_up(Some(route)));
        // The first tells the operator, and the dead letter if it comes to that; those between would only repeat it.
        if failures == 0 {
            tracing::warn!(route = route.name, reason, "attempt 1 of {} failed", route.attempts);
        } else {
            tracing::debug!(
                route = route.name,
                reason,
                "attempt {} of {} failed",
                failures + 1,
                route.attempts
            );
        }
        let verdict = |until| {
            let now = SystemTime::now();
            settle::after_handler(failures, route.attempts, &hold_up, after, until, now)
        };
        let has_attempts = failures.saturating_add(1) < route.attempts;
        let mut decided = verdict(self.opening(message, payload).until);
        if decided == Verdict::Die && has_attempts && !hold_up.is_over() {
            // Too late by what was known when it began; he may have written since.
            self.look().await?;
            decided = verdict(self.opening(message, payload).until);
        }
        match decided {
            Verdict::Retry { after } => {
                self.tell_if_late(delivery, route, after).await?;
                self.retry(Some(route), after, reason).await
            }
            Verdict::Snooze { after } => self.snooze(after, &reason).await,
            Verdict::Die if has_attempts && hold_up.is_over() => {
                self.die(delivery, hold_up.in_words(&reason)).await
            }
            Verdict::Die => self.die(delivery, reason).await,
        }
    }

    /// Sends an answer that came by call back, for a route that is gone.
    pub(super) async fn send_called_back(&self, delivery: &Delivery<'_>, answer: CalledBack) -> Step<End> {
        let parts = match answer.into_outcome() {
            Outcome::Reply(replies) | Outcome::Remember { replies, .. } => text::fit(replies, false),
            _ => Vec::new(),
        };
        if parts.is_empty() {
            return self.complete(End::NoReply).await;
        }
        let progress = Progress { sending: self.announced(), ..Progress::default() };
        self.send(delivery, Answer::new(parts, self.so_far()), progress).await
    }

    /// Sends what a handler says, and remembers what it wants remembered.
    pub(super) async fn reply(
        &self,
        delivery: &Delivery<'_>,
        route: &Route,
        mut parts: Vec<Outgoing>,
        before: Before,
    ) -> Step<End> {
        route.ai_label.put_to(&mut parts);
        let parts = text::fit(parts, route.markdown);
        // What a service or the configuration says was checked when it was read; a handler in Rust can say anything.
        if let Err(error) = reply::check(&parts) {
            self.to_remember.lock().unwrap_or_else(PoisonError::into_inner).take();
            return self.die(delivery, format!("the handler's reply can't be sent: {error}")).await;
        }
        let sending = self.announced();
        if parts.is_empty() {
            return self.end_without_reply(End::NoReply).await;
        }
        let progress = Progress { sending, ..Progress::default() };
        match self.send(delivery, Answer::new(parts, before), progress).await {
            // Nothing was recorded, and nothing sent.
            Err(Stop::Queue(QueueError::Invalid(problem))) => {
                self.to_remember.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.die(delivery, format!("the handler's replies can't be recorded: {problem}")).await
            }
            end => end,
        }
    }

    /// Completes a message that gets no reply, when what is to be remembered is.
    pub(super) async fn end_without_reply(&self, end: End) -> Step<End> {
        if self.remembers() {
            let replies = Some(Answer::new(Vec::new(), self.so_far()).encode());
            self.record(Progress { replies, sent: 0, sending: self.announced() }).await?;
        }
        self.complete(end).await
    }

    /// What the message has behind it, now that there is an answer.
    pub(crate) fn so_far(&self) -> Before {
        Before { failures: self.leased.failures, snoozes: self.leased.snoozes }
    }

    /// Whether something waits to be remembered with the replies.
    pub(crate) fn remembers(&self) -> bool {
        self.to_remember.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Tells the user, if there is something to tell and he can be told; then buries the message.
    pub(super) async fn die(&self, delivery: &Delivery<'_>, reason: String) -> Step<End> {
        let reason = delivery.told(&reason);
        if self.was_called_last() {
            self.look().await?;
        }
        match self.last_words(delivery, &reason) {
            Some(answer) => self.send(delivery, answer, Progress::default()).await,
            None => {
                if self.remembers() {
                    let answer = Answer::new(Vec::new(), self.so_far()).that_dies_of(reason.clone());
                    let sent = self.leased.progress.sent;
                    let replies = Some(answer.encode());
                    self.record(Progress { replies, sent, sending: self.announced() }).await?;
                }
                self.bury(&reason).await
            }
        }
    }
}
