//! One message's way through a worker: read → route → handle → record → send → settle.
//!
//! The decisions are in [`crate::settle`], the effects here. What matters is their order:
//!
//! 1. The replies are recorded before the first is sent, with the intent to send it; before each further part its
//!    intent, which confirms the parts before. So a crash leaves at most one send unsure, and the handler doesn't run
//!    again. (Replies of a `reply` route with one part are computed again instead of recorded; its intent is recorded.)
//! 2. A send that certainly failed takes its intent back before the message is put off, so that it isn't unsure.
//! 3. What becomes of an unsure send is the route's choice, since WeChat's API has no idempotency key. By default it is
//!    made again: an answer twice is better than none. Each is counted.
//! 4. Before each effect the lease must be current by our own clock; the settle proves it by the queue's. A send under
//!    way when the lease is lost is cut, and unsure: it may not have left yet.

mod conclude;
mod end;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::FutureExt as _;
use huixin_queue::{Leased, Memory, Settlement, Standing};
use huixin_wechat::{Message, Trigger};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use crate::answer::Answer;
use crate::call_back::CalledBack;
use crate::condition::Captures;
use crate::delivery::Delivery;
use crate::handler::{Context, Outcome};
use crate::lease::{Held, STEP_MAX};
use crate::memory::Slots;
use crate::metrics;
use crate::payload::{Payload, PayloadError};
use crate::place::Asked;
use crate::rights::{Opening, begins};
use crate::route::{self, Route};
use crate::stored::Unreadable;
use crate::worker::Shared;

pub(crate) use end::{End, Step, Stop};

/// A message that this version can't read is looked at again after this.
const NEWER_PAUSE: Duration = Duration::from_secs(60);
const RECORDED: &str = "the recorded answer";
const CALLED_BACK: &str = "the answer by call back";
const MEMORY: &str = "the user's memory";

/// A message being handled.
pub(crate) struct Job {
    pub(crate) shared: Arc<Shared>,
    /// The worker's, given up while it waits for a place at its handler.
    pub(crate) permit: Mutex<Option<OwnedSemaphorePermit>>,
    pub(crate) leased: Leased,
    /// When it was taken.
    pub(crate) begun: Instant,
    pub(crate) held: Held,
    /// As the last call that tells it did.
    pub(crate) standing: Mutex<Standing>,
    /// The send that was announced last.
    pub(crate) announced: Mutex<Option<u32>>,
    /// Goes with the next record of replies.
    pub(crate) to_remember: Mutex<Option<Memory>>,
}

/// Why a handler gave no outcome.
enum Cut {
    Stop(Stop),
    Later(End),
    Panicked(Box<dyn std::any::Any + Send>),
}

impl Job {
    /// Handles the message to whatever end it has here.
    pub(crate) async fn run(self) -> End {
        let end = match self.steps().await {
            Ok(end) => end,
            Err(Stop::Stopping) => match self.settle(Settlement::Release, End::Released).await {
                Ok(end) => end,
                Err(stop) => self.stopped(stop),
            },
            Err(stop) => self.stopped(stop),
        };
        tracing::debug!(end = end.as_str(), "handled");
        end
    }

    fn stopped(&self, stop: Stop) -> End {
        match stop {
            Stop::Lost | Stop::Stopping => {
                metrics::lease_lost();
                tracing::warn!("the lease is lost: another worker may have the message");
                End::LeaseLost
            }
            Stop::PerhapsDone => {
                tracing::info!(
                    "a repeated call found the lease gone: it was done already, or another worker has the message"
                );
                End::Unsettled
            }
            Stop::Answered => {
                tracing::debug!("an answer by call back has come meanwhile: the message comes again with it");
                End::Waiting
            }
            Stop::Queue(error) => {
                tracing::error!(%error, "the message could not be settled: it comes again when its lease runs out");
                End::Unsettled
            }
        }
    }

    async fn steps(&self) -> Step<End> {
        let payload = match Payload::decode(&self.leased.payload) {
            Ok(payload) => payload,
            Err(error @ PayloadError::Newer(_)) => {
                tracing::error!(%error, "the message is left for a newer worker");
                return self.snooze(NEWER_PAUSE, &error.to_string()).await;
            }
            Err(error) => return self.bury(&error.to_string()).await,
        };
        let message = match Message::parse(&payload.body) {
            Ok(message) => message,
            Err(error) => return self.bury(&format!("the message can't be read: {error}")).await,
        };
        let Some(account) = self.shared.accounts.get(&payload.account) else {
            let reason = format!("account `{}` is not configured in this worker", payload.account);
            tracing::error!(account = payload.account, "the message's account is not configured here");
            return self.snooze(NEWER_PAUSE, &reason).await;
        };
        let (route, captures) = route::find(&self.shared.routes, &payload.account, &message).unzip();
        let delivery = Delivery { account, message: &message, payload: &payload, route };
        // What an earlier configuration answered is still sent. And running the handler again would send again what was sent.
        if let Some(replies) = &self.leased.progress.replies {
            return match Answer::decode(replies) {
                Ok(answer) => {
                    self.begin().await?;
                    self.send(&delivery, answer, self.leased.progress.clone()).await
                }
                Err(why) => self.unreadable(&delivery, RECORDED, why).await,
            };
        }
        if payload.trigger == Trigger::Unsubscribe && self.leased.memory.is_some() {
            // What was written after the push had come, by messages before it.
            let nothing = Memory { bytes: Bytes::new(), keep_for: Duration::ZERO };
            *self.to_remember.lock().unwrap_or_else(PoisonError::into_inner) = Some(nothing);
        }
        let called_back = match self.leased.answer.as_deref().map(CalledBack::decode).transpose() {
            Ok(answer) => answer,
            Err(why) => return self.unreadable(&delivery, CALLED_BACK, why).await,
        };
        let (Some(route), Some(captures)) = (route, captures) else {
            let Some(answer) = called_back else { return self.end_without_reply(End::Unmatched).await };
            self.begin().await?;
            // Its service was told that it is taken.
            return self.send_called_back(&delivery, answer).await;
        };
        let remembered = self.leased.memory.as_deref().filter(|_| payload.trigger != Trigger::Unsubscribe);
        let slots = match Slots::decode(remembered) {
            Ok(slots) => slots,
            Err(why @ Unreadable::Newer) => return self.unreadable(&delivery, MEMORY, why).await,
            Err(why @ Unreadable::Damaged) => {
                tracing::error!(
                    route = route.name,
                    "{MEMORY} {why}: going on without, until something is remembered anew"
                );
                Slots::empty()
            }
        };
        if let Some(answer) = called_back {
            self.begin().await?;
            return self.conclude(&delivery, route, slots, answer.into_outcome()).await;
        }
        if self.leased.unanswered {
            let reason = format!("no answer by call back came within {:?}", route.answer_within);
            return self.conclude(&delivery, route, slots, Outcome::Retry { after: None, reason }).await;
        }
        match self.handle(&delivery, route, captures, &slots).await? {
            Ok(outcome) => self.conclude(&delivery, route, slots, outcome).await,
            Err(later) => Ok(later),
        }
    }

    /// Something stored with the message can't be read: by this worker, or by anybody.
    async fn unreadable(&self, delivery: &Delivery<'_>, what: &str, why: Unreadable) -> Step<End> {
        match why {
            Unreadable::Newer => {
                tracing::error!("{what} {why}: the message is left for a newer worker");
                self.snooze(NEWER_PAUSE, &format!("{what} {why}")).await
            }
            Unreadable::Damaged => {
                self.begin().await?;
                let remedy = "retry the dead letter to have its message handled anew";
                self.die(delivery, format!("{what} {why} and can't be read: {remedy}")).await
            }
        }
    }

    /// Runs the handler when it has a place, and keeps the user company from now on. `Err`: the message comes again.
    async fn handle(
        &self,
        delivery: &Delivery<'_>,
        route: &Route,
        captures: Captures,
        slots: &Slots,
    ) -> Step<Result<Outcome, End>> {
        let &Delivery { message, payload, .. } = delivery;
        let work = async {
            self.held.begins("a place at its route", Duration::MAX);
            // Boxed: few messages wait here.
            let place = match Box::pin(self.place(delivery, route)).await.map_err(Cut::Stop)? {
                Asked::At(place) => place,
                Asked::Later(end) => return Err(Cut::Later(end)),
            };
            self.begin().await.map_err(Cut::Stop)?;
            let memory = slots.get(&route.memory, SystemTime::now()).cloned();
            let context = Context { memory, ..self.context(message, payload, route, captures) };
            metrics::started(self.leased.arrived_us);
            let at_most = route.handler.takes_at_most().map_or(Duration::MAX, |takes| takes + STEP_MAX);
            self.held.begins("its handler", at_most);
            let started = Instant::now();
            let run = AssertUnwindSafe(async { route.handler.handle(message, &context).await });
            let outcome = run.catch_unwind().await;
            place.took(started.elapsed());
            metrics::handled(&payload.account, &route.name, started.elapsed());
            outcome.map_err(Cut::Panicked)
        };
        let handled = pin!(self.in_company(delivery, route, work));
        let outcome = tokio::select! {
            biased;
            () = self.shared.stop_now.cancelled() => return Err(Stop::Stopping),
            outcome = self.while_current(handled) => outcome?,
        };
        match outcome {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(Cut::Stop(stop)) => Err(stop),
            Err(Cut::Later(end)) => Ok(Err(end)),
            Err(Cut::Panicked(panic)) => {
                // What it said may quote the user: for debugging only, like the text itself.
                tracing::debug!(panic = panic_text(&*panic), "what the handler's panic said");
                tracing::error!("the handler panicked");
                Ok(Ok(Outcome::Retry { after: None, reason: "the handler panicked".to_owned() }))
            }
        }
    }

    /// Does something, and cuts it when the lease is lost. The lease is looked at in each step: a process that was stopped goes
    /// on in the middle of one, before anything has told it of the loss.
    pub(crate) async fn while_current<T>(&self, mut work: Pin<&mut impl Future<Output = T>>) -> Step<T> {
        let work = poll_fn(|context| match self.held.is_current() {
            true => work.as_mut().poll(context).map(Ok),
            false => Poll::Ready(Err(Stop::Lost)),
        });
        tokio::select! {
            biased;
            () = self.held.lost().cancelled() => Err(Stop::Lost),
            done = work => done,
        }
    }

    /// Confirms the lease of a message that has lost one before: what begins now may end this worker.
    async fn begin(&self) -> Step<()> {
        if self.leased.losses == 0 {
            return Ok(());
        }
        tracing::warn!(
            losses = self.leased.losses,
            "a worker that had the message is gone: handling it anew"
        );
        self.confirm().await
    }

    fn context(&self, message: &Message, payload: &Payload, route: &Route, captures: Captures) -> Context {
        let leased = &self.leased;
        let opening = self.opening(message, payload);
        Context {
            id: leased.lease.id.to_string(),
            account: payload.account.clone(),
            route: route.name.clone(),
            attempt: leased.failures.saturating_add(leased.losses).saturating_add(1),
            accepted_at: self.accepted_at(),
            reply_until: opening.until,
            sends_left: opening.left(&self.standing()),
            captures,
            memory: None,
            callback_url: self.callback_url(&payload.account),
        }
    }

    fn callback_url(&self, account: &str) -> Option<Url> {
        let lease = &self.leased.lease;
        self.shared.call_backs.as_ref()?.url(account, &lease.lane, &lease.id)
    }

    pub(crate) fn accepted_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.leased.arrived_us)
    }

    /// The right under which the message is answered now.
    pub(crate) fn opening(&self, message: &Message, payload: &Payload) -> Opening {
        self.shared.rights.opening(payload.trigger, self.pushed_at(message), &self.standing())
    }

    /// As [`pushed_at`].
    pub(crate) fn pushed_at(&self, message: &Message) -> SystemTime {
        pushed_at(message, self.leased.arrived_us)
    }
}

/// When the right of a message begins.
pub(crate) fn pushed_at(message: &Message, arrived_us: u64) -> SystemTime {
    begins(message.created_at, SystemTime::UNIX_EPOCH + Duration::from_micros(arrived_us))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// A user as logs show him: enough to tell two apart, too little to look one up.
pub(crate) fn shortened(lane: &str) -> String {
    let mut end = lane.chars().rev().take(4).collect::<Vec<_>>();
    end.reverse();
    format!("…{}", end.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_show_the_end_of_a_user_only() {
        assert_eq!(shortened("main/oFakeOpenId_0123456789abcdef"), "…cdef");
        assert_eq!(shortened("é"), "…é");
    }
}
