//! What the user sees while a handler is slow: that somebody is typing, and a notice that the answer will come.
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
//! The calls themselves are boxed: thousands of messages wait for their handlers here, and few of them make one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use huixin_queue::Progress;
use huixin_wechat::{ApiError, Outgoing};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::delivery::{Delivery, chain};
use crate::handler::Outcome;
use crate::job::{Job, Step};
use crate::metrics;
use crate::route::{Notice, Route};
use crate::settle;
use crate::text;

/// The number under which a notice is announced: no answer has so many parts.
pub(crate) const NOTICE: u32 = u32::MAX;
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
            tokio::join!(
                self.type_on(delivery, route, &state),
                self.tell(delivery, route.notice.as_ref(), &state)
            );
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
            if self.shared.pauses.is_in_trouble(&delivery.payload.account) {
                return;
            }
            let Ok(line) = delivery.account.typing_lines.try_acquire() else {
                tokio::time::sleep(TYPING_AFTER).await;
                continue;
            };
            let began = Instant::now();
            match Box::pin(delivery.account.client.typing(&delivery.message.from, true)).await {
                Ok(()) => state.typing.store(true, Ordering::Relaxed),
                Err(error) => tracing::debug!(%error, "typing could not be shown"),
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

    /// Tells the user that the answer takes time, if he wasn't told: it comes by call back.
    pub(crate) async fn tell_of_later(&self, delivery: &Delivery<'_>, route: &Route) -> Step<()> {
        match &route.notice {
            Some(notice) if self.announced() != Some(NOTICE) => {
                Box::pin(self.send_notice(delivery, notice)).await
            }
            _ => Ok(()),
        }
    }

    /// Tells the user, once, that the answer takes time.
    async fn tell(&self, delivery: &Delivery<'_>, notice: Option<&Notice>, state: &State) {
        let told_before = self.leased.progress.sending == Some(NOTICE);
        let Some(notice) = notice.filter(|_| !told_before) else { return };
        tokio::time::sleep(notice.after).await;
        state.telling.store(true, Ordering::Relaxed);
        if let Err(error) = Box::pin(self.send_notice(delivery, notice)).await {
            // The lease is lost or the queue is away: those who settle the message say so.
            tracing::debug!(?error, "the notice was not sent");
        }
        state.telling.store(false, Ordering::Relaxed);
        state.told.notify_one();
    }

    async fn send_notice(&self, delivery: &Delivery<'_>, notice: &Notice) -> Step<()> {
        let opening = self.opening(delivery.message, delivery.payload);
        // One more must be left, for the answer itself.
        let is_left = opening.is_open(SystemTime::now()) && opening.left(&self.standing()) > 1;
        let account = &delivery.payload.account;
        let part = text::fit(vec![Outgoing::text(&notice.text)], false).into_iter().next();
        let Some(part) = part.filter(|_| is_left) else { return Ok(()) };
        // It isn't worth a wait, nor the one send that tries whether an account is well again.
        if self.shared.pauses.is_in_trouble(account) || !self.is_granted(delivery).await? {
            return Ok(());
        }
        let _line = self.line(delivery.account).await?;
        self.record(Progress { replies: None, sent: 0, sending: Some(NOTICE) }).await?;
        if !self.held.is_current() {
            return Ok(());
        }
        match delivery.account.client.send(&delivery.message.from, &part).await {
            Ok(()) => metrics::notice_sent(account),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "the notice could not be sent");
                if let Some(cause) = settle::of_the_account(&error) {
                    self.pause_account(delivery, cause, error.code(), &chain(&error)).await;
                }
                if !matches!(error, ApiError::Unsure(_)) {
                    self.record(Progress { replies: None, sent: 0, sending: None }).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether the account's rate has a send left right now.
    async fn is_granted(&self, delivery: &Delivery<'_>) -> Step<bool> {
        match delivery.account.send_rate {
            None => Ok(true),
            Some(rate) => self.ask_rate(&delivery.payload.account, rate).await.map(|wait| wait.is_zero()),
        }
    }
}
