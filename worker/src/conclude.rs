//! What follows from a handler's outcome, or from an answer that came by call back: a reply, another attempt, a wait, the end.

use std::time::{Duration, SystemTime};

use huixin_queue::Progress;
use huixin_wechat::Outgoing;

use crate::answer::{Answer, Before};
use crate::call_back::CalledBack;
use crate::execute::notice;
use crate::handler::Outcome;
use crate::memory::{MemoryError, Slots};
use crate::message_end::{Done, End, StepResult};
use crate::policy::{self, Verdict};
use crate::recorder::Recorder;
use crate::reply;
use crate::route::Route;
use crate::text;

const NO_CALL_BACKS: &str =
    "the handler answers by call back, but no address is configured: set `callback.base_url`";

/// What follows.
pub(crate) enum Conclusion {
    /// The parts that aren't sent yet are sent.
    Send(Answer, Progress),
    /// The handling ends.
    End(Done),
}

/// What follows from an outcome.
pub(crate) async fn conclude(
    recorder: &mut Recorder<'_>,
    route: &Route,
    slots: Slots,
    outcome: Outcome,
) -> StepResult<Conclusion> {
    let attempt = recorder.attempt;
    // The replies of a cheap handler are computed again on every attempt and may never be stored. Such a handler doesn't
    // fail, so all failures so far were of sends.
    let before = if attempt.is_cheap() { Before::default() } else { attempt.before() };
    match outcome {
        Outcome::NoReply => without_reply(recorder, End::NoReply).await,
        Outcome::Remember { replies, memory } => {
            match slots.with(&route.memory, memory, route.memory_for, SystemTime::now()) {
                Ok(memory) => recorder.to_remember = Some(memory),
                Err(error @ MemoryError::TooLarge(_)) => {
                    return die(recorder, &error.to_string()).await;
                }
                // Other routes have filled it, and the user still gets the answer.
                Err(error @ MemoryError::Full) => {
                    tracing::warn!(route = route.name, %error, "the memory of this message could not be stored");
                }
            }
            reply(recorder, route, replies, before).await
        }
        Outcome::Reply(parts) => reply(recorder, route, parts, before).await,
        Outcome::Later { within } => {
            if attempt.calls.shared.call_backs.is_none() {
                return die(recorder, NO_CALL_BACKS).await;
            }
            let within = within.unwrap_or(route.answer_within);
            notice::tell_of_wait(recorder, route, within).await?;
            Ok(Conclusion::End(Done::wait_for_answer(within)))
        }
        Outcome::Retry { after, reason } => try_again(recorder, route, after, reason).await,
        Outcome::Fail { reason } => {
            tracing::debug!(route = route.name, reason, "the handler gave up on the message");
            die(recorder, &reason).await
        }
    }
}

/// What follows from an attempt that failed.
async fn try_again(
    recorder: &mut Recorder<'_>,
    route: &Route,
    after: Option<Duration>,
    reason: String,
) -> StepResult<Conclusion> {
    let attempt = recorder.attempt;
    let failures = attempt.leased.failures;
    let hold_up = attempt.hold_up(recorder.send_state());
    let (name, number, attempts) = (route.name.as_str(), failures.saturating_add(1), route.attempts);
    // The operator learns of the first failure here and of the last from the dead letter; those between would only repeat it.
    if failures == 0 {
        tracing::warn!(route = name, reason, attempt = number, attempts, "an attempt failed");
    } else {
        tracing::debug!(route = name, reason, attempt = number, attempts, "an attempt failed");
    }
    let verdict = |recorder: &Recorder<'_>| {
        let until = recorder.opening().until;
        policy::after_handler(failures, attempts, &hold_up, after, until, SystemTime::now())
    };
    let has_attempts = number < attempts;
    let mut decided = verdict(recorder);
    if decided == Verdict::Die && has_attempts && !hold_up.is_over() {
        // It is too late by what was known at the start, but the user may have written since.
        recorder.look().await?;
        decided = verdict(recorder);
    }
    match decided {
        Verdict::Retry { after } => {
            notice::tell_if_late(recorder, route, after).await?;
            Ok(Conclusion::End(Done::retry(after, attempt.patience(), reason)))
        }
        Verdict::Snooze { after } => Ok(Conclusion::End(Done::snooze(after, reason))),
        Verdict::Die if has_attempts && hold_up.is_over() => die(recorder, &hold_up.in_words(&reason)).await,
        Verdict::Die => die(recorder, &reason).await,
    }
}

/// Sends an answer that came by call back for a route that is gone: its service has heard that it is taken.
pub(crate) fn after_answer_for_nobody(recorder: &Recorder<'_>, answer: CalledBack) -> Conclusion {
    let attempt = recorder.attempt;
    let parts = match answer.into_outcome() {
        Outcome::Reply(replies) | Outcome::Remember { replies, .. } => {
            text::fit(replies, false, attempt.account.text_max_bytes())
        }
        _ => Vec::new(),
    };
    if parts.is_empty() {
        return Conclusion::End(Done::complete(End::NoReply));
    }
    let progress = Progress { sending: recorder.announced(), ..Progress::default() };
    Conclusion::Send(Answer::new(parts, attempt.before()), progress)
}

/// Sends what a handler says, and remembers what it wants remembered.
async fn reply(
    recorder: &mut Recorder<'_>,
    route: &Route,
    mut parts: Vec<Outgoing>,
    before: Before,
) -> StepResult<Conclusion> {
    route.ai_label.put_to(&mut parts);
    let parts = text::fit(parts, route.markdown, recorder.attempt.account.text_max_bytes());
    // What a service or the configuration says was checked when it was read; a handler in Rust can say anything.
    let checked = reply::check(&parts).and_then(|()| match recorder.attempt.account.api() {
        Some(_) => Ok(()),
        None => reply::check_for_response(&parts),
    });
    if let Err(error) = checked {
        recorder.to_remember = None;
        return die(recorder, &format!("the handler's reply can't be sent: {error}")).await;
    }
    if parts.is_empty() {
        return without_reply(recorder, End::NoReply).await;
    }
    let progress = Progress { sending: recorder.announced(), ..Progress::default() };
    Ok(Conclusion::Send(Answer::new(parts, before), progress))
}

/// Completes a message that gets no reply, once the memory is recorded.
pub(crate) async fn without_reply(recorder: &mut Recorder<'_>, end: End) -> StepResult<Conclusion> {
    record_memory(recorder, None).await?;
    Ok(Conclusion::End(Done::complete(end)))
}

/// Tells the user, if there is something to tell and they can hear it; then buries the message.
pub(crate) async fn die(recorder: &mut Recorder<'_>, reason: &str) -> StepResult<Conclusion> {
    let reason = recorder.attempt.with_route(reason);
    if notice::was_called_last(recorder) {
        recorder.look().await?;
    }
    if let Some(answer) = last_words(recorder, &reason) {
        return Ok(Conclusion::Send(answer, Progress::default()));
    }
    record_memory(recorder, Some(&reason)).await?;
    Ok(Conclusion::End(Done::bury(reason)))
}

/// Records what a route wants remembered, with an answer that says nothing.
async fn record_memory(recorder: &mut Recorder<'_>, dies_of: Option<&str>) -> StepResult<()> {
    if recorder.to_remember.is_none() {
        return Ok(());
    }
    let attempt = recorder.attempt;
    let mut nothing = Answer::new(Vec::new(), attempt.before());
    nothing.dies_of = dies_of.map(str::to_owned);
    let (replies, sent) = (Some(nothing.encode()), attempt.leased.progress.sent);
    recorder.record(Progress { replies, sent, sending: recorder.announced() }).await
}

/// What the user gets for a message that dies, if WeChat still takes an answer.
pub(crate) fn last_words(recorder: &Recorder<'_>, reason: &str) -> Option<Answer> {
    let attempt = recorder.attempt;
    let text = attempt.route?.failure_reply.as_deref()?;
    let opening = recorder.opening();
    // A user who knows that the answer comes too late hears no more, unless they have written again.
    let has_heard = notice::was_called_last(recorder) && recorder.send_state().wakes == 0;
    Answer::last_words(text, attempt.account.text_max_bytes(), attempt.before(), reason.to_owned())
        .filter(|_| opening.is_open(SystemTime::now()) && !has_heard)
}
