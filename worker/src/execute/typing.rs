//! Shows a user that somebody is typing while a handler is slow.
//!
//! WeChat shows it for 15 seconds, refuses to show it anew in that time, and takes it only within 30 seconds of an exchange.
//! So it is begun when a handler has run for a second, renewed after 15, and given up when the exchange is too old. It is an
//! ornament: its errors change nothing, and where many handlers are slow at once it comes later or not at all, since only so
//! many calls are under way at once.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use huixin_wechat::Client;
use tokio::time::Instant;

use crate::account::{Interface, PauseCause};
use crate::attempt::Attempt;
use crate::error_text::chain;
use crate::policy;

/// A handler that is faster than this isn't worth a call.
pub(super) const TYPING_AFTER: Duration = Duration::from_secs(1);
/// How long WeChat shows it, and a little more.
const TYPING_EVERY: Duration = Duration::from_millis(15_200);
/// How long after an exchange WeChat takes it.
const EXCHANGE_LASTS: Duration = Duration::from_secs(29);

/// Shows it as long as WeChat takes it, and says in `is_shown` whether the user sees it. Never ends.
pub(super) async fn show(attempt: &Attempt<'_>, client: &Client, is_shown: Arc<AtomicBool>) -> Infallible {
    let mut pause = TYPING_AFTER;
    loop {
        tokio::time::sleep(pause).await;
        is_shown.store(false, Ordering::Relaxed);
        pause = match run_once(attempt, client, &is_shown).await {
            ControlFlow::Continue(pause) => pause,
            ControlFlow::Break(()) => std::future::pending().await,
        };
    }
}

/// One call, and how long to wait for the next.
async fn run_once(
    attempt: &Attempt<'_>,
    client: &Client,
    is_shown: &AtomicBool,
) -> ControlFlow<(), Duration> {
    let (pauses, name) = (&attempt.calls.shared.pauses, &attempt.payload.account);
    let age = SystemTime::now().duration_since(attempt.pushed_at());
    if age.is_ok_and(|age| age >= EXCHANGE_LASTS)
        || !attempt.calls.guard.is_current()
        || pauses.is_in_trouble(name)
        || pauses.remaining(name, Interface::Typing).is_some()
    {
        return ControlFlow::Break(());
    }
    let Ok(_line) = attempt.account.typing_lines.try_acquire() else {
        return ControlFlow::Continue(TYPING_AFTER);
    };
    let began = Instant::now();
    match Box::pin(client.typing(&attempt.message.from, true)).await {
        Ok(()) => is_shown.store(true, Ordering::Relaxed),
        Err(error) => {
            tracing::debug!(%error, "typing could not be shown");
            if let Some(why @ (_, PauseCause::Limit(_))) = policy::of_the_account(&error, Interface::Typing) {
                pauses.pause(name, why, error.code(), &chain(&error)).await;
            }
        }
    }
    ControlFlow::Continue(TYPING_EVERY.saturating_sub(began.elapsed()))
}
