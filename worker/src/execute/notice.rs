//! What the user gets while a handler is slow: a notice that the answer will come and, before the time to answer ends, how
//! to get it all the same.
//!
//! The notice is a message like any other. It uses one of the sends that the user's action allows, so it is only sent when
//! one is left for the answer; its intent is recorded, so that it isn't sent again by the next worker; and an answer that is
//! ready in the meantime waits for it, so that the two keep their order.
//!
//! **The last call.** A tap on a menu can be answered for a minute. A later answer is held until the user writes, but they
//! don't know that. So they hear it once, a few seconds before the end: by the notice if it wasn't due yet, otherwise by the
//! route's `failure_reply`, otherwise by a line of our own. No send has to be left for the answer, which is too late.
//!
//! An account that answers in the responses to pushes sends neither: its receiver has words of its own for a slow answer.

use std::time::{Duration, SystemTime};

use huixin_queue::Progress;
use huixin_wechat::{ApiError, Outgoing};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::typing::TYPING_AFTER;
use crate::account::Interface;
use crate::attempt::Attempt;
use crate::deliver::clearance;
use crate::error_text::chain;
use crate::message_end::StepResult;
use crate::metrics;
use crate::policy;
use crate::recorder::Recorder;
use crate::rights::Opening;
use crate::route::{Notice, Route};
use crate::text;

/// The numbers under which a notice and the last call are announced: no answer has so many parts.
const NOTICE: u32 = u32::MAX;
const LAST_CALL: u32 = u32::MAX - 1;
/// How long before the end of a window its last call is sent.
const BEFORE_THE_END: Duration = Duration::from_secs(5);
const IS_HELD: &str = "还在处理中，暂时没有结果。请稍后再发一条消息，届时会把结果发给您。";
const IS_LOST: &str = "处理时间过长，暂时没有结果。请稍后再试一次。";

/// What a user gets in addition to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// That the answer takes time.
    Notice,
    /// That the time to answer ends, and what becomes of the answer.
    LastCall,
}

/// The notices still due while a handler works.
pub(crate) struct Notices<'a> {
    began: Instant,
    route: &'a Route,
    /// The route's notice, unless it was sent.
    notice: Option<&'a Notice>,
    is_over: bool,
}

impl<'a> Notices<'a> {
    pub(crate) fn new(route: &'a Route, recorder: &Recorder<'_>) -> Self {
        let notice = route.notice.as_ref().filter(|_| notice_sent(recorder).is_none());
        let is_over = route.handler.is_cheap() || recorder.attempt.account.api().is_none();
        Self { began: Instant::now(), route, notice, is_over }
    }

    /// What is sent next, and how long until then.
    pub(super) fn next(&self, recorder: &Recorder<'_>) -> Option<(Duration, NoticeKind)> {
        if self.is_over {
            return None;
        }
        let elapsed = self.began.elapsed();
        let notice = self.notice.map(|notice| notice.after.saturating_sub(elapsed));
        // As for typing: a handler that is fast isn't worth a call.
        let last = until_last_call(recorder);
        let last = last.map(|last| last.max(TYPING_AFTER.saturating_sub(elapsed)));
        match (notice, last) {
            (Some(notice), last) if last.is_none_or(|last| notice < last) => {
                Some((notice, NoticeKind::Notice))
            }
            (_, last) => Some((last?, NoticeKind::LastCall)),
        }
    }

    /// Tells the user what is due.
    pub(crate) async fn tell(&mut self, kind: NoticeKind, recorder: &mut Recorder<'_>) -> StepResult<()> {
        let was_all = match (kind, self.notice) {
            (NoticeKind::LastCall, _) => self.last_call(recorder).await,
            (NoticeKind::Notice, None) => return Ok(()),
            (NoticeKind::Notice, Some(notice)) => {
                self.notice = None;
                send(recorder, kind, &notice.text).await.map(|()| false)
            }
        };
        self.is_over = !matches!(was_all, Ok(false));
        was_all.map(drop)
    }

    /// Makes the last call, unless it isn't time yet because the user has acted again, which only the record tells. Says
    /// whether no last call is left to make.
    async fn last_call(&self, recorder: &mut Recorder<'_>) -> StepResult<bool> {
        let text = match (self.notice, notice_sent(recorder), &self.route.failure_reply) {
            (Some(notice), ..) => &notice.text,
            (None, None, Some(failure_reply)) => failure_reply.as_str(),
            _ => what_becomes(recorder.attempt),
        };
        recorder.look().await?;
        match until_last_call(recorder) {
            Some(Duration::ZERO) => send(recorder, NoticeKind::LastCall, text).await.map(|()| true),
            left => Ok(left.is_none()),
        }
    }
}

/// Tells the user that the answer comes after this wait, if they weren't told yet and the route has a notice, or the
/// time to answer ends before.
pub(crate) async fn tell_of_wait(
    recorder: &mut Recorder<'_>,
    route: &Route,
    wait: Duration,
) -> StepResult<()> {
    let is_last = until_last_call(recorder).is_some_and(|left| left < wait);
    let kind = if is_last { NoticeKind::LastCall } else { NoticeKind::Notice };
    let text = match route.notice.as_ref().filter(|_| notice_sent(recorder).is_none()) {
        Some(notice) => notice.text.as_str(),
        None if is_last => what_becomes(recorder.attempt),
        None => return Ok(()),
    };
    let calls = recorder.attempt.calls;
    calls.while_current(Box::pin(send(recorder, kind, text))).await?
}

/// The same before a wait in which nobody makes the last call.
pub(crate) async fn tell_if_late(
    recorder: &mut Recorder<'_>,
    route: &Route,
    wait: Duration,
) -> StepResult<()> {
    match until_last_call(recorder) {
        Some(left) if left < wait => tell_of_wait(recorder, route, wait).await,
        _ => Ok(()),
    }
}

/// How long until the last call; `None` if it was made, the window is over, or there is no window.
fn until_last_call(recorder: &Recorder<'_>) -> Option<Duration> {
    let until = recorder.opening().until?;
    let left = until.duration_since(SystemTime::now()).ok()?;
    (notice_sent(recorder) != Some(LAST_CALL)).then(|| left.saturating_sub(BEFORE_THE_END))
}

/// The number of the notice or last call, if that was announced last.
pub(crate) fn notice_sent(recorder: &Recorder<'_>) -> Option<u32> {
    recorder.announced().filter(|announced| *announced >= LAST_CALL)
}

/// Whether the user knows that the answer comes too late.
pub(crate) fn was_called_last(recorder: &Recorder<'_>) -> bool {
    recorder.announced() == Some(LAST_CALL)
}

async fn send(recorder: &mut Recorder<'_>, kind: NoticeKind, text: &str) -> StepResult<()> {
    let attempt = recorder.attempt;
    let Some(client) = attempt.account.api() else { return Ok(()) };
    let (name, pauses) = (&attempt.payload.account, &attempt.calls.shared.pauses);
    let opening = recorder.opening();
    let (number, keep) = match kind {
        // One more must be left for the answer itself.
        NoticeKind::Notice => (NOTICE, 1),
        NoticeKind::LastCall => (LAST_CALL, 0),
    };
    let is_left = opening.is_open(SystemTime::now()) && opening.left(recorder.send_state()) > keep;
    let part = text::fit(vec![Outgoing::text(text)], false, text::MAX_BYTES).into_iter().next();
    let Some(part) = part.filter(|_| is_left) else { return Ok(()) };
    // It isn't worth the single send that tests whether an account is well again.
    if pauses.is_in_trouble(name) || !is_granted(attempt, kind, &opening).await? {
        return Ok(());
    }
    let _line = clearance::line(attempt).await?;
    let before = recorder.announced();
    recorder.record(Progress { replies: None, sent: 0, sending: Some(number) }).await?;
    if !attempt.calls.guard.is_current() {
        return Ok(());
    }
    let span = tracing::debug_span!("notice", otel.kind = "client");
    match client.send(&attempt.message.from, &part).instrument(span).await {
        Ok(()) => {
            metrics::notice_sent(name);
            pauses.passed(name, Interface::Send).await;
        }
        Err(error) => {
            tracing::warn!(code = error.code(), %error, "the notice could not be sent");
            if let Some(why) = policy::of_the_account(&error, Interface::Send) {
                pauses.pause(name, why, error.code(), &chain(&error)).await;
            }
            if !matches!(error, ApiError::Unsure(_)) {
                // Taken back first: otherwise the queue would count the send before as one more.
                recorder.record(Progress::default()).await?;
                if before.is_some() {
                    recorder.record(Progress { sending: before, ..Progress::default() }).await?;
                }
            }
        }
    }
    Ok(())
}

/// Whether the account's rate has a send left. A notice isn't worth a wait; the last call waits until it is too late.
async fn is_granted(attempt: &Attempt<'_>, kind: NoticeKind, opening: &Opening) -> StepResult<bool> {
    if kind == NoticeKind::Notice {
        return Ok(clearance::ask_rate(attempt).await?.is_zero());
    }
    let left = opening.until.and_then(|until| until.duration_since(SystemTime::now()).ok());
    match tokio::time::timeout(left.unwrap_or_default(), clearance::wait_for_rate(attempt)).await {
        Ok(granted) => granted.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// What the user gets when the answer comes too late and the route has no words for that.
fn what_becomes(attempt: &Attempt<'_>) -> &'static str {
    match attempt.holds_for() {
        Duration::ZERO => IS_LOST,
        _ => IS_HELD,
    }
}
