//! Runs a message's handler, and reports each [`WorkEvent`]: a notice is due, the time to answer ends, or the work is
//! finished. The caller acts on an event, since it alone may record; the work goes on during that.
//!
//! Rejected: a task beside the handler that sends notices by itself. It shared the last record with the task that sends
//! the answer, behind locks.
//!
//! Thousands of messages wait for their handlers here, and few do anything else, so everything else is boxed.

pub(crate) mod notice;
mod typing;

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tracing::Instrument as _;

use self::notice::{NoticeKind, Notices};
use crate::admission::Slot;
use crate::attempt::Attempt;
use crate::handler::{Context, Outcome};
use crate::lease::STEP_MAX;
use crate::metrics;
use crate::recorder::Recorder;
use crate::route::Route;

/// What happens while work for a message is under way.
pub(crate) enum WorkEvent<T> {
    /// It is time for a notice.
    Due(NoticeKind),
    /// The work is finished.
    Finished(T),
}

/// What the user sees while a handler works.
pub(crate) struct Execution<'a> {
    attempt: &'a Attempt<'a>,
    /// Never ends.
    typing: Pin<Box<dyn Future<Output = Infallible> + Send + 'a>>,
    /// The user sees somebody typing.
    is_typing: Arc<AtomicBool>,
}

impl<'a> Execution<'a> {
    pub(crate) fn new(attempt: &'a Attempt<'a>, route: &Route) -> Self {
        let is_typing = Arc::<AtomicBool>::default();
        let client = attempt.account.api().filter(|_| route.typing && !route.handler.is_cheap());
        let typing: Pin<Box<dyn Future<Output = _> + Send>> = match client {
            Some(client) => Box::pin(typing::show(attempt, client, is_typing.clone())),
            None => Box::pin(std::future::pending()),
        };
        Self { attempt, typing, is_typing }
    }

    /// Waits for what happens next while `work` goes on.
    pub(crate) async fn next<T>(
        &mut self,
        work: Pin<&mut impl Future<Output = T>>,
        notices: &Notices<'_>,
        recorder: &Recorder<'_>,
    ) -> WorkEvent<T> {
        let due = async {
            match notices.next(recorder) {
                Some((wait, kind)) => {
                    tokio::time::sleep(wait).await;
                    kind
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            finished = work => WorkEvent::Finished(finished),
            never = &mut self.typing => match never {},
            kind = due => WorkEvent::Due(kind),
        }
    }

    /// Does something else while `work` goes on. Gives its result, and that of the work if it has finished.
    pub(crate) async fn beside<T, U>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = T>>,
        other: impl Future<Output = U>,
    ) -> (U, Option<T>) {
        let (mut other, mut finished) = (pin!(other), None);
        loop {
            tokio::select! {
                biased;
                other = &mut other => return (other, finished),
                work = &mut work, if finished.is_none() => finished = Some(work),
                never = &mut self.typing => match never {},
            }
        }
    }

    /// Ends what the user sees. A message ends the typing by itself; without one it is ended here, and nobody waits for
    /// that call.
    pub(crate) fn end(self, outcome: &Outcome) {
        let replies = matches!(
            outcome,
            Outcome::Reply(parts) | Outcome::Remember { replies: parts, .. } if !parts.is_empty()
        );
        let client = self.attempt.account.api();
        if let Some(client) = client.filter(|_| self.is_typing.load(Ordering::Relaxed) && !replies) {
            let (client, user) = (client.clone(), self.attempt.message.from.clone());
            tokio::spawn(async move { client.typing(&user, false).await });
        }
    }
}

/// Runs the handler.
pub(crate) async fn handle(
    attempt: &Attempt<'_>,
    route: &Route,
    context: Context,
    slot: Option<Slot<'_>>,
) -> Outcome {
    metrics::started(attempt.leased.arrived_us);
    let at_most = route.handler.takes_at_most().map_or(Duration::MAX, |takes| takes + STEP_MAX);
    attempt.calls.guard.begins("its handler", at_most);
    let started = Instant::now();
    let run = AssertUnwindSafe(async { route.handler.handle(&attempt.message, &context).await });
    let span = tracing::debug_span!("handler", route = route.name);
    // In place: moving it would give a future that keeps room for it twice.
    let mut run = pin!(run.catch_unwind().instrument(span));
    let outcome = poll_fn(|context| attempt.eyes.within(|| run.as_mut().poll(context))).await;
    if let Some(slot) = slot {
        slot.took(started.elapsed());
    }
    metrics::handled(&attempt.payload.account, &route.name, started.elapsed());
    outcome.unwrap_or_else(|panic| {
        // The panic's words may quote the user: for debugging only, like the text itself.
        tracing::debug!(panic = panic_text(&*panic), "the handler's panic message");
        tracing::error!("the handler panicked");
        Outcome::Retry { after: None, reason: "the handler panicked".to_owned() }
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
