//! One message's way through a worker: read → route → handle → record → send → settle.
//!
//! The decisions are in [`crate::policy`], the effects in what is called here. What matters is their order:
//!
//! 1. The replies are recorded before the first is sent, with the intent to send it; before each further part its
//!    intent, which confirms the parts before. So a crash leaves at most one send unsure, and the handler doesn't run
//!    again. (Replies of a `reply` route with one part are computed again instead of recorded; its intent is recorded.)
//! 2. A send that certainly failed takes its intent back before the message is put off, so that it isn't unsure.
//! 3. What becomes of an unsure send is the route's choice, since WeChat's API has no idempotency key. By default it is
//!    made again: an answer twice is better than none. Each is counted.
//! 4. Before each effect the lease must be current by our own clock; the settle proves it by the queue's. A send under
//!    way when the lease is lost is cut, and unsure: it may not have left yet.

use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use huixin_queue::{Leased, Memory, Progress, QueueError, Settled, Settlement};
use huixin_wechat::Trigger;
use tokio::sync::OwnedSemaphorePermit;

use crate::admission::Admitted;
use crate::answer::Answer;
use crate::attempt::{Attempt, NEWER_PAUSE};
use crate::call_back::CalledBack;
use crate::conclude::{Conclusion, after_answer_for_nobody, conclude, die, without_reply};
use crate::deliver::deliver;
use crate::execute::notice::{self, Notices};
use crate::execute::{Execution, WorkEvent, handle};
use crate::handler::Outcome;
use crate::lease::LeaseGuard;
use crate::lease_calls::Calls;
use crate::memory::Slots;
use crate::message_end::{Done, End, StepResult, Stop};
use crate::note::Note;
use crate::recorder::Recorder;
use crate::respond::{self, WayOut};
use crate::route::Route;
use crate::stored_json::Unreadable;
use crate::witness::{Eyes, WitnessEvent};
use crate::worker_context::WorkerContext;

const RECORDED: &str = "the recorded answer";
const CALLED_BACK: &str = "the answer by call back";
const MEMORY: &str = "the user's memory";
const CROWDED: &str = "too many messages wait for its route";

/// Handles a message to whatever end it has here. `permit` is the worker's.
pub(crate) async fn process(
    shared: &WorkerContext,
    leased: &Leased,
    guard: LeaseGuard,
    permit: OwnedSemaphorePermit,
    begun: Instant,
) -> End {
    let calls = Calls { shared, lease: &leased.lease, guard: &guard };
    let (mut permit, mut has_open_push, mut note) = (Some(permit), false, Note::of(leased, &shared.name));
    let mut eyes = Eyes::default();
    let done = match Attempt::read(calls, leased, begun) {
        Ok(attempt) => {
            if let Some(route) = attempt.route {
                guard.is_of(&route.name);
            }
            has_open_push = attempt.has_open_push();
            eyes = attempt.eyes.clone();
            let mut recorder = Recorder::new(&attempt);
            let done = match steps(&mut recorder, &mut permit).await {
                // Boxed, so that a message whose handler runs doesn't hold the room for its sending.
                Ok(next) => Box::pin(finish(&mut recorder, next)).await,
                Err(stop) => Err(stop),
            };
            note = recorder.note;
            done
        }
        Err(done) => Ok(done),
    };
    let done = match done {
        Err(Stop::Stopping) => Ok(Done::release()),
        done => done,
    };
    let (end, reason) = match done {
        Ok(done) => {
            let end = settle(calls, &done, note).await;
            (end.unwrap_or_else(Stop::end), done.into_reason())
        }
        Err(stop) => (stop.end(), None),
    };
    if has_open_push && end.is_last() {
        // No answer comes any more, so its push needs to wait no longer.
        if let Err(error) = shared.queue.announce(&leased.lease.lane).await {
            tracing::debug!(%error, "no push learns that its message has ended: an open one waits until its time is over");
        }
    }
    eyes.saw(&WitnessEvent::Ended { end: end.into(), reason: reason.as_deref() });
    tracing::debug!(end = <&str>::from(end), "handled");
    end
}

/// Makes the one call that settles a message.
async fn settle(calls: Calls<'_>, done: &Done, mut note: Note) -> StepResult<End> {
    if let Settlement::Bury { reason } = &done.settlement {
        tracing::error!(reason, "the message is dead");
    }
    note.leaves(done.end);
    let lease = note.on(calls.lease);
    let settle = || calls.queue().settle(&lease, done.settlement.clone());
    Ok(match calls.insist(settle).await? {
        Settled::AsAsked => {
            if done.end.is_last() {
                note.log();
            }
            done.end
        }
        Settled::ComesAgain | Settled::NobodyWaits => End::Waiting,
    })
}

/// Everything up to the answer, or to an end without one.
async fn steps(
    recorder: &mut Recorder<'_>,
    permit: &mut Option<OwnedSemaphorePermit>,
) -> StepResult<Conclusion> {
    let attempt = recorder.attempt;
    let leased = attempt.leased;
    // What an earlier configuration answered is still sent. And running the handler again would send again what was sent.
    if let Some(replies) = &leased.progress.replies {
        let answer = match Answer::decode(replies) {
            Ok(answer) => answer,
            Err(why) => return unreadable(recorder, RECORDED, why).await,
        };
        recorder.confirm().await?;
        return Ok(Conclusion::Send(answer, leased.progress.clone()));
    }
    let is_unsubscribe = attempt.payload.trigger == Trigger::Unsubscribe;
    if is_unsubscribe && leased.memory.is_some() {
        // The memory was written after the push had come, by messages before it.
        recorder.to_remember = Some(Memory { bytes: Bytes::new(), keep_for: Duration::ZERO });
    }
    let called_back = match leased.answer.as_deref().map(CalledBack::decode).transpose() {
        Ok(answer) => answer,
        Err(why) => return unreadable(recorder, CALLED_BACK, why).await,
    };
    let Some(route) = attempt.route else {
        let Some(answer) = called_back else { return without_reply(recorder, End::Unmatched).await };
        recorder.confirm().await?;
        return Ok(after_answer_for_nobody(recorder, answer));
    };
    let slots = match Slots::decode(leased.memory.as_deref().filter(|_| !is_unsubscribe)) {
        Ok(slots) => slots,
        Err(why @ Unreadable::Newer) => return unreadable(recorder, MEMORY, why).await,
        Err(Unreadable::Damaged) => {
            let route = route.name.as_str();
            tracing::error!(route, "the user's memory is damaged: going on without it");
            Slots::empty()
        }
    };
    let outcome = if let Some(answer) = called_back {
        recorder.confirm().await?;
        answer.into_outcome()
    } else if leased.timed_out {
        let reason = format!("no answer by call back came within {:?}", route.answer_within);
        Outcome::Retry { after: None, reason }
    } else {
        match execute(recorder, route, &slots, permit).await? {
            Ok(outcome) => outcome,
            Err(put_off) => return Ok(Conclusion::End(put_off)),
        }
    };
    conclude(recorder, route, slots, outcome).await
}

/// Sends what there is to send. An answer that the queue can't store is a reason to die, and its user hears of it.
async fn finish(recorder: &mut Recorder<'_>, next: Conclusion) -> StepResult<Done> {
    let next = match next {
        Conclusion::Send(answer, progress) => match send(recorder, answer, progress).await {
            Err(Stop::Queue(QueueError::Invalid(problem))) => {
                die(recorder, &format!("the handler's replies can't be recorded: {problem}")).await?
            }
            Ok(Sent::Never(reason)) => die(recorder, &reason).await?,
            Ok(Sent::Done(done)) => return Ok(done),
            Err(stop) => return Err(stop),
        },
        next => next,
    };
    match next {
        Conclusion::Send(last_words, progress) => match send(recorder, last_words, progress).await? {
            Sent::Done(done) => Ok(done),
            Sent::Never(reason) => Ok(Done::bury(reason)),
        },
        Conclusion::End(done) => Ok(done),
    }
}

/// What came of sending an answer.
enum Sent {
    Done(Done),
    /// It can't go out at all, for this reason.
    Never(String),
}

/// Sends an answer, in the response of a push or by the API.
async fn send(recorder: &mut Recorder<'_>, answer: Answer, progress: Progress) -> StepResult<Sent> {
    let calls = recorder.attempt.calls;
    let mut way = respond::way(recorder, &answer, &progress);
    recorder.note.parts = u32::try_from(answer.parts.len()).unwrap_or(u32::MAX);
    if let WayOut::Offer(offer) = way {
        recorder.note.leaves(End::Offered);
        let lease = recorder.note.on(calls.lease);
        let settle = || calls.queue().settle(&lease, offer.clone());
        way = match calls.insist(settle).await? {
            Settled::NobodyWaits => respond::without_push(&answer, &progress),
            Settled::AsAsked | Settled::ComesAgain => {
                recorder.attempt.eyes.saw(&WitnessEvent::Recorded { parts: answer.parts.len() });
                return Err(Stop::Offered);
            }
        };
    }
    match way {
        WayOut::Never(reason) => Ok(Sent::Never(reason)),
        WayOut::Hold(done) => Ok(Sent::Done(done)),
        WayOut::Api | WayOut::Offer(_) => deliver(recorder, answer, progress).await.map(Sent::Done),
    }
}

/// Something stored with the message can't be read: by this worker, or by anybody.
async fn unreadable(recorder: &mut Recorder<'_>, what: &str, why: Unreadable) -> StepResult<Conclusion> {
    match why {
        Unreadable::Newer => {
            tracing::error!(what, "stored data has a newer format: the message is left for a newer worker");
            Ok(Conclusion::End(Done::snooze(NEWER_PAUSE, format!("{what} {why}"))))
        }
        Unreadable::Damaged => {
            recorder.confirm().await?;
            let remedy = "retry the dead letter to handle its message again";
            die(recorder, &format!("{what} {why} and can't be read: {remedy}")).await
        }
    }
}

/// Runs the handler when its route admits the message. `Err`: the message comes again.
async fn execute(
    recorder: &mut Recorder<'_>,
    route: &Route,
    slots: &Slots,
    permit: &mut Option<OwnedSemaphorePermit>,
) -> StepResult<Result<Outcome, Done>> {
    let attempt = recorder.attempt;
    let (calls, losses) = (attempt.calls, attempt.leased.losses);
    let mut execution = Execution::new(attempt, route);
    let mut notices = Notices::new(route, recorder);
    let mut slot = None;
    if let Some(admission) = &route.admission {
        calls.guard.begins("a slot at its route", Duration::MAX);
        // Boxed: few messages wait here.
        let (guard, stopping) = (calls.guard, &calls.shared.stopping);
        let admit = Box::pin(admission.admit(guard, stopping, &route.name, losses, permit));
        slot = match attend(&mut execution, &mut notices, recorder, admit).await?? {
            Admitted::Now(slot) => Some(slot),
            Admitted::PutOff(wait) => {
                notice::tell_if_late(recorder, route, wait).await?;
                return Ok(Err(Done::snooze(wait, CROWDED)));
            }
        };
    }
    recorder.confirm().await?;
    let memory = slots.get(&route.memory, SystemTime::now()).cloned();
    let context = attempt.context(route, memory, recorder.send_state());
    let (queueing, started) = (attempt.accepted_at().elapsed().unwrap_or_default(), Instant::now());
    let handling = handle(attempt, route, context, slot);
    attempt.eyes.saw(&WitnessEvent::Handling { route: &route.name });
    let outcome = attend(&mut execution, &mut notices, recorder, handling).await?;
    recorder.note.handled(queueing, started.elapsed());
    attempt.eyes.saw(&WitnessEvent::Handled { took: started.elapsed(), failure: outcome.failure() });
    execution.end(&outcome);
    Ok(Ok(outcome))
}

/// Waits for work under way, and does what is due for the user in that time. An answer that is ready waits for a notice that is
/// on its way.
async fn attend<T>(
    execution: &mut Execution<'_>,
    notices: &mut Notices<'_>,
    recorder: &mut Recorder<'_>,
    work: impl Future<Output = T>,
) -> StepResult<T> {
    let calls = recorder.attempt.calls;
    let mut work = pin!(work);
    let attended = async {
        loop {
            let (notice_sent, finished) = match execution.next(work.as_mut(), notices, recorder).await {
                WorkEvent::Finished(finished) => return finished,
                WorkEvent::Due(kind) => {
                    let telling = Box::pin(notices.tell(kind, recorder));
                    execution.beside(work.as_mut(), telling).await
                }
            };
            // The lease is lost or the queue is away: what settles the message says so.
            if let Err(error) = notice_sent {
                tracing::debug!(?error, "the notice could not be sent");
            }
            if let Some(finished) = finished {
                return finished;
            }
        }
    };
    tokio::select! {
        biased;
        () = calls.shared.stop_now.cancelled() => Err(Stop::Stopping),
        finished = calls.while_current(attended) => finished,
    }
}
