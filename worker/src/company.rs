//! What the user sees while a handler is slow: that somebody is typing, a notice that the answer will come, and before the time
//! to answer ends, how they get it all the same.
//!
//! WeChat shows "is typing" for 15 seconds, refuses to show it anew meanwhile, and takes it only within 30 seconds of an
//! exchange. So it is begun when a handler has run for a second, renewed after 15, and given up when the exchange is too
//! old. It is an ornament: its errors change nothing, and where many handlers are slow at once it comes later, or not at all:
//! only so many calls are under way.
//!
//! The notice is a message like any other. It uses one of the sends that the user's action allows, so it is only sent when
//! one is left for the answer; its intent is recorded, so that it isn't sent again by the next worker; and an answer that is
//! ready meanwhile waits for it, so that the two keep their order.
//!
//! **The last call.** A tap on a menu can be answered for a minute. What comes later is held until its user writes, and
//! they don't know that. So a few seconds before the end they are told, once: with the notice if it wasn't due yet, else with
//! the route's `failure_reply`, else with a line of our own. Nothing has to be left for the answer, which is too late.
//!
//! The calls themselves are boxed: thousands of messages wait for their handlers here, and few of them make one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use huixin_queue::Progress;
use huixin_wechat::{ApiError, Outgoing};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::account::{Cause, Interface};
use crate::delivery::{Delivery, chain};
use crate::handler::Outcome;
use crate::job::{Job, Step};
use crate::metrics;
use crate::rights::Opening;
use crate::route::Route;
use crate::settle;
use crate::text;

/// The numbers under which a notice and the last call are announced: no answer has so many parts.
const NOTICE: u32 = u32::MAX;
const LAST_CALL: u32 = u32::MAX - 1;
/// How long before the end of a window its last call is sent.
const BEFORE_THE_END: Duration = Duration::from_secs(5);
const IS_HELD: &str = "还在处理中，暂时没有结果。请稍后再发一条消息，届时会把结果发给您。";
const IS_LOST: &str = "处理时间过长，暂时没有结果。请稍后再试一次。";
/// A handler that is faster than this isn't worth a call.
const TYPING_AFTER: Duration = Duration::from_secs(1);
/// How long WeChat shows it, and a little more.
const TYPING_EVERY: Duration = Duration::from_millis(15_200);
/// How long after an exchange WeChat takes it.
const EXCHANGE_LASTS: Duration = Duration::from_secs(29);

/// How the company stands.
#[derive(Default)]
struct State {
    /// The user sees somebody typing.
    typing: AtomicBool,
    /// A notice is on its way.
    telling: AtomicBool,
    told: Notify,
}

impl Job {
    /// Runs the handler's work, and keeps its user company meanwhile.
    pub(crate) async fn in_company<E>(
        &self,
        delivery: &Delivery<'_>,
        route: &Route,
        work: impl Future<Output = Result<Outcome, E>>,
    ) -> Result<Outcome, E> {
        if route.handler.is_cheap() {
            return work.await;
        }
        let state = State::default();
        let company = async {
            tokio::join!(self.type_on(delivery, route, &state), self.tell(delivery, route, &state));
            std::future::pending::<std::convert::Infallible>().await
        };
        tokio::pin!(work, company);
        let outcome = tokio::select! {
            biased;
            outcome = &mut work => outcome,
            never = &mut company => match never {},
        };
        while state.telling.load(Ordering::Relaxed) {
            tokio::select! {
                biased;
                () = state.told.notified() => {}
                never = &mut company => match never {},
            }
        }
        // A message ends it; what isn't followed by one is ended here, and nobody waits for that.
        let replies = matches!(
            &outcome,
            Ok(Outcome::Reply(parts) | Outcome::Remember { replies: parts, .. }) if !parts.is_empty()
        );
        if state.typing.load(Ordering::Relaxed) && !replies {
            let (client, user) = (delivery.account.client.clone(), delivery.message.from.clone());
            tokio::spawn(async move { client.typing(&user, false).await });
        }
        outcome
    }

    async fn type_on(&self, delivery: &Delivery<'_>, route: &Route, state: &State) {
        if !route.typing {
            return;
        }
        tokio::time::sleep(TYPING_AFTER).await;
        while !self.exchange_is_old(delivery) && self.held.is_current() {
            let (pauses, name) = (&self.shared.pauses, &delivery.payload.account);
            if pauses.is_in_trouble(name) || pauses.remaining(name, Interface::Typing).is_some() {
                return;
            }
            let Ok(line) = delivery.account.typing_lines.try_acquire() else {
                tokio::time::sleep(TYPING_AFTER).await;
                continue;
            };
            let began = Instant::now();
            match Box::pin(delivery.account.client.typing(&delivery.message.from, true)).await {
                Ok(()) => state.typing.store(true, Ordering::Relaxed),
                Err(error) => {
                    tracing::debug!(%error, "typing could not be shown");
                    if let Some(why @ (_, Cause::Limit(_))) =
                        settle::of_the_account(&error, Interface::Typing)
                    {
                        self.pause_account(delivery, why, error.code(), &chain(&error)).await;
                    }
                }
            }
            drop(line);
            tokio::time::sleep_until(began + TYPING_EVERY).await;
            state.typing.store(false, Ordering::Relaxed);
        }
    }

    fn exchange_is_old(&self, delivery: &Delivery<'_>) -> bool {
        let age = SystemTime::now().duration_since(self.pushed_at(delivery.message));
        age.is_ok_and(|age| age >= EXCHANGE_LASTS)
    }

    /// Tells the user that the answer comes after a wait of so long, if nothing told them yet and that is news: there is a
    /// notice, or the time to answer is over before.
    pub(crate) async fn tell_of_wait(
        &self,
        delivery: &Delivery<'_>,
        route: &Route,
        wait: Duration,
    ) -> Step<()> {
        let is_last = self.until_last_call(delivery).is_some_and(|left| left < wait);
        let notice = route.notice.as_ref().filter(|_| self.aside().is_none());
        let (number, text) = match notice {
            Some(notice) => (if is_last { LAST_CALL } else { NOTICE }, notice.text.as_str()),
            None if is_last => (LAST_CALL, what_becomes(delivery, route)),
            None => return Ok(()),
        };
        Box::pin(self.say_aside(delivery, number, text)).await
    }

    /// The same before a wait in which nobody makes the last call.
    pub(crate) async fn tell_if_late(
        &self,
        delivery: &Delivery<'_>,
        route: &Route,
        wait: Duration,
    ) -> Step<()> {
        match self.until_last_call(delivery) {
            Some(left) if left < wait => self.tell_of_wait(delivery, route, wait).await,
            _ => Ok(()),
        }
    }

    /// Tells the user, once, that the answer takes time, and before the time to answer ends what becomes of it.
    async fn tell(&self, delivery: &Delivery<'_>, route: &Route, state: &State) {
        let began = Instant::now();
        let mut notice = route.notice.as_ref().filter(|_| self.aside().is_none());
        loop {
            let due = notice.map(|notice| notice.after.saturating_sub(began.elapsed()));
            // As for typing: a handler that is fast isn't worth a call.
            let last = self.until_last_call(delivery);
            let last = last.map(|last| last.max(TYPING_AFTER.saturating_sub(began.elapsed())));
            let is_last = last.is_some_and(|last| due.is_none_or(|due| last <= due));
            let Some(wait) = (if is_last { last } else { due }) else { return };
            tokio::time::sleep(wait).await;
            state.telling.store(true, Ordering::Relaxed);
            let said = if is_last {
                let text = match (notice, self.aside()) {
                    (Some(notice), _) => &notice.text,
                    (None, None) => route.failure_reply.as_deref().unwrap_or(what_becomes(delivery, route)),
                    (None, Some(_)) => what_becomes(delivery, route),
                };
                Box::pin(self.call_last(delivery, text)).await
            } else {
                let text = notice.take().map_or("", |notice| &notice.text);
                Box::pin(self.say_aside(delivery, NOTICE, text)).await.map(|()| false)
            };
            state.telling.store(false, Ordering::Relaxed);
            state.told.notify_one();
            match said {
                Ok(is_called) if is_called => return,
                Ok(_) => {}
                // The lease is lost or the queue is away: those who settle the message say so.
                Err(error) => return tracing::debug!(?error, "the user could not be told of the wait"),
            }
        }
    }

    /// How long until the last call; none if there is nothing to tell: it was made, or the window is over, or there is none.
    fn until_last_call(&self, delivery: &Delivery<'_>) -> Option<Duration> {
        let until = self.opening(delivery.message, delivery.payload).until?;
        let left = until.duration_since(SystemTime::now()).ok()?;
        (self.aside() != Some(LAST_CALL)).then(|| left.saturating_sub(BEFORE_THE_END))
    }

    /// Makes the last call. False: it isn't time yet, since the user has acted meanwhile, which only the record tells.
    async fn call_last(&self, delivery: &Delivery<'_>, text: &str) -> Step<bool> {
        self.look().await?;
        match self.until_last_call(delivery) {
            Some(Duration::ZERO) => self.say_aside(delivery, LAST_CALL, text).await.map(|()| true),
            left => Ok(left.is_none()),
        }
    }

    /// What was said beside the answer, if that is what was announced last.
    pub(crate) fn aside(&self) -> Option<u32> {
        self.announced().filter(|announced| *announced >= LAST_CALL)
    }

    /// Whether the user was told that the answer comes too late.
    pub(crate) fn was_called_last(&self) -> bool {
        self.announced() == Some(LAST_CALL)
    }

    async fn say_aside(&self, delivery: &Delivery<'_>, number: u32, text: &str) -> Step<()> {
        let opening = self.opening(delivery.message, delivery.payload);
        // One more must be left for the answer itself, if that can still come.
        let keep = u32::from(number == NOTICE);
        let is_left = opening.is_open(SystemTime::now()) && opening.left(&self.standing()) > keep;
        let account = &delivery.payload.account;
        let part = text::fit(vec![Outgoing::text(text)], false).into_iter().next();
        let Some(part) = part.filter(|_| is_left) else { return Ok(()) };
        // It isn't worth the one send that tries whether an account is well again.
        if self.shared.pauses.is_in_trouble(account) || !self.is_granted(delivery, number, &opening).await? {
            return Ok(());
        }
        let _line = self.line(delivery.account).await?;
        let before = self.announced();
        self.record(Progress { replies: None, sent: 0, sending: Some(number) }).await?;
        if !self.held.is_current() {
            return Ok(());
        }
        match delivery.account.client.send(&delivery.message.from, &part).await {
            Ok(()) => {
                metrics::notice_sent(account);
                self.shared.pauses.passed(account, Interface::Send).await;
            }
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "the notice could not be sent");
                if let Some(why) = settle::of_the_account(&error, Interface::Send) {
                    self.pause_account(delivery, why, error.code(), &chain(&error)).await;
                }
                if !matches!(error, ApiError::Unsure(_)) {
                    // Taken back first: the queue would count what was said before as one more.
                    self.record(Progress::default()).await?;
                    if before.is_some() {
                        self.record(Progress { sending: before, ..Progress::default() }).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the account's rate has a send left: right now, since a notice isn't worth a wait; for the last call until it is
    /// too late.
    async fn is_granted(&self, delivery: &Delivery<'_>, number: u32, opening: &Opening) -> Step<bool> {
        let Some(rate) = delivery.account.send_rate else { return Ok(true) };
        if number == NOTICE {
            return self.ask_rate(&delivery.payload.account, rate).await.map(|wait| wait.is_zero());
        }
        let left = opening.until.and_then(|until| until.duration_since(SystemTime::now()).ok());
        match tokio::time::timeout(left.unwrap_or_default(), self.wait_for_rate(delivery)).await {
            Ok(granted) => granted.map(|()| true),
            Err(_) => Ok(false),
        }
    }
}

/// What the user is told when the answer comes too late and the route has no words for that.
fn what_becomes(delivery: &Delivery<'_>, route: &Route) -> &'static str {
    match Route::holds_for(Some(route), delivery.payload.trigger) {
        Duration::ZERO => IS_LOST,
        _ => IS_HELD,
    }
}
