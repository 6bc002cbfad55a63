//! Sends the parts of an answer, one after the other.
//!
//! The intent to send a part is recorded before it, with all the replies before the first: see the order of effects in
//! [`crate::process`]. What the record tells of the lane ([`SendState`](huixin_queue::SendState)) is the newest there is: how many
//! sends its user's last action has left, and whether they have written again or gone. WeChat decides whether a part may
//! go out. A part is held back without asking WeChat in one case: it would use the send that the answer to a newer message needs.
//!
//! This file is the way of an answer's parts. [`clearance`] says when a part may go out, `unsent` what becomes of one that
//! could not be sent.
//!
//! A send that certainly failed takes its intent back. One whose fate nobody knows keeps it, and the route says what becomes
//! of it ([`Unsure`]).

pub(crate) mod clearance;
mod unsent;

use std::time::{Duration, Instant};

use huixin_queue::Progress;
use huixin_wechat::{Client, CodeClass, Content, Media};
use tracing::Instrument as _;

use crate::account::Interface;
use crate::answer::Answer;
use crate::attempt::Attempt;
use crate::conclude::last_words;
use crate::lease::STEP_MAX;
use crate::media::{MediaError, ReadyMessage};
use crate::message_end::{Done, End, StepResult, Stop};
use crate::metrics;
use crate::recorder::Recorder;
use crate::route::Unsure;
use crate::trace;
use crate::witness::WitnessEvent;

const NO_API: &str = "the account answers in the response to a push, and never by the API";

/// Sends the parts that aren't sent yet, and says how the message ends.
pub(crate) async fn deliver(
    recorder: &mut Recorder<'_>,
    mut answer: Answer,
    mut progress: Progress,
) -> StepResult<Done> {
    let attempt = recorder.attempt;
    let Some(client) = attempt.account.api() else {
        return Ok(Done::bury(answer.dies_of.unwrap_or_else(|| attempt.with_route(NO_API))));
    };
    loop {
        let sending = Sending::new(recorder, client, &mut answer, &progress);
        let (reason, reachable) = match sending.run(&progress).await? {
            PartEnd::Sent => return Ok(delivered(recorder.attempt, answer)),
            // `send_part` waits for it itself. An answer that isn't sent must never count as delivered.
            PartEnd::Soon(after) => return Ok(Done::snooze(after, "WeChat refuses the send for the moment")),
            PartEnd::Later(done) => return Ok(done),
            // This reason already names the route.
            PartEnd::Dies { reason, reachable } if answer.dies_of.is_some() => (reason, reachable),
            PartEnd::Dies { reason, reachable } => (recorder.attempt.with_route(&reason), reachable),
        };
        match last_words(recorder, &reason) {
            Some(last) if reachable && answer.dies_of.is_none() => {
                (answer, progress) = (last, Progress::default());
            }
            _ => return Ok(Done::bury(reason)),
        }
    }
}

fn delivered(attempt: &Attempt<'_>, answer: Answer) -> Done {
    match answer.dies_of {
        Some(reason) => Done::bury(reason),
        None if answer.parts.is_empty() => Done::complete(End::NoReply),
        None => {
            metrics::replied(&attempt.payload.account, attempt.leased.arrived_us);
            Done::complete(End::Answered)
        }
    }
}

/// What came of a part.
enum PartEnd {
    /// It is sent, or counts as sent.
    Sent,
    /// Not yet: it is tried again here.
    Soon(Duration),
    /// Not here: what becomes of the message.
    Later(Done),
    /// Never: the message dies of this. Whether its user can still hear of it.
    Dies { reason: String, reachable: bool },
}

/// An answer on its way.
struct Sending<'a, 'q> {
    attempt: &'q Attempt<'q>,
    recorder: &'a mut Recorder<'q>,
    client: &'q Client,
    answer: &'a mut Answer,
    /// The part that is next, counted from 0.
    index: u32,
    /// It was announced before, by a worker that could not say how it ended.
    unsure: bool,
    /// The replies are recorded, or need not be.
    stored: bool,
    /// How often this part was refused in a window that should be open.
    refusals: u32,
    /// `wakes` of the lane's send state when it was decided whether to send this part.
    wakes: u32,
}

impl<'a, 'q> Sending<'a, 'q> {
    fn new(
        recorder: &'a mut Recorder<'q>,
        client: &'q Client,
        answer: &'a mut Answer,
        progress: &Progress,
    ) -> Self {
        let attempt = recorder.attempt;
        // A fixed single reply costs nothing to compute again.
        let is_single = answer.parts.len() == 1 && answer.dies_of.is_none();
        let worth_storing = !is_single || !attempt.is_cheap() || recorder.to_remember.is_some();
        let stored = progress.replies.is_some() || !worth_storing;
        let index = progress.sent;
        Self { attempt, recorder, client, answer, index, unsure: false, stored, refusals: 0, wakes: 0 }
    }

    /// Sends all parts, or as many as can be.
    async fn run(mut self, progress: &Progress) -> StepResult<PartEnd> {
        let parts = u32::try_from(self.answer.parts.len()).unwrap_or(u32::MAX);
        while self.index < parts {
            self.unsure = progress.sending == Some(self.index);
            match self.send_part().await? {
                PartEnd::Sent => {}
                unsent => return Ok(unsent),
            }
            self.index += 1;
            self.refusals = 0;
        }
        Ok(PartEnd::Sent)
    }

    /// Records how far the answer has got, with its parts unless they are recorded.
    async fn record(&mut self, sending: Option<u32>) -> StepResult<()> {
        let replies = (!self.stored).then(|| self.answer.encode());
        let is_first = replies.is_some() || sending == Some(0);
        self.recorder.record(Progress { replies, sent: self.index, sending }).await?;
        if is_first {
            self.attempt.eyes.saw(&WitnessEvent::Recorded { parts: self.answer.parts.len() });
        }
        self.stored = true;
        Ok(())
    }

    /// Sends the part that is next, as soon as that can be.
    async fn send_part(&mut self) -> StepResult<PartEnd> {
        loop {
            let mut part = self.try_part().await;
            if let Ok(PartEnd::Soon(after)) = part {
                match self.attempt.calls.wait_for(tokio::time::sleep(after)).await {
                    Ok(()) => continue,
                    Err(stop) => part = Err(stop),
                }
            }
            if matches!(part, Err(Stop::Stopping)) {
                // Recorded before it is handed back: the parts before this one are sent, and this one is not.
                self.take_back().await?;
            }
            return part;
        }
    }

    async fn try_part(&mut self) -> StepResult<PartEnd> {
        let calls = self.attempt.calls;
        if self.answer.parts[self.index as usize].content == Content::Transfer {
            // The parts before it are sent. It goes out in the response of a push, which is decided when it is taken again.
            self.take_back().await?;
            return Ok(PartEnd::Later(Done::snooze(Duration::ZERO, "its next part goes out in a response")));
        }
        calls.guard.begins("a part of its answer", STEP_MAX);
        self.wakes = self.recorder.send_state().wakes;
        if self.unsure && self.attempt.unsure() != Unsure::Resend {
            self.report_unsure();
            return self.give_up_unsure().await;
        }
        // Asked before its turn: a part that can't be sent must not take a turn from others.
        let announced = u32::from(self.unsure);
        if self.closed(announced).is_some() {
            // By what was known when the message was taken, or its last part was announced.
            self.take_back().await?;
            self.wakes = self.recorder.send_state().wakes;
            if let Some(closed) = self.closed(announced) {
                return self.stop_short(closed).await;
            }
        }
        if let Some((wait, reason)) = clearance::wait_for_turn(self.attempt).await? {
            return self.wait_out(wait, reason).await;
        }
        let ready = match self.ready().await? {
            Ok(ready) => ready,
            Err(error) => return self.media_failed(&error).await,
        };
        // Before it is announced: a send that waits for others must not look unsure.
        let _line = clearance::line(self.attempt).await?;
        self.record(Some(self.index)).await?;
        self.wakes = self.recorder.send_state().wakes;
        if calls.shared.stop_now.is_cancelled() {
            return Err(Stop::Stopping);
        }
        // The record is the newest there is: the user may have written again, or gone, since the message was taken.
        if let Some(closed) = self.closed(1) {
            self.take_back().await?;
            return self.stop_short(closed).await;
        }
        if self.unsure {
            self.report_unsure();
        }
        self.transmit(ready).await
    }

    /// Sends a part whose intent is recorded. A failure that can be put right is, once, under the same intent: WeChat has not
    /// taken the part.
    async fn transmit(&mut self, mut ready: ReadyMessage) -> StepResult<PartEnd> {
        let attempt = self.attempt;
        let (calls, name) = (attempt.calls, &attempt.payload.account);
        let mut is_second = false;
        loop {
            let started = Instant::now();
            calls.guard.begins("a send", STEP_MAX);
            self.recorder.note.sending(self.answer.parts.len());
            let span = trace::send(self.index);
            let sent = self.client.send(&attempt.message.from, &ready.message).instrument(span.clone());
            let sent = calls.while_current(sent).await?;
            trace::sent(&span, &sent);
            metrics::sent(name, started.elapsed(), &sent);
            let Err(error) = sent else {
                let part = self.index as usize + 1;
                self.attempt.eyes.saw(&WitnessEvent::Sent { part, of: self.answer.parts.len() });
                calls.shared.pauses.passed(name, Interface::Send).await;
                return Ok(PartEnd::Sent);
            };
            let class = if is_second { CodeClass::Permanent } else { error.class() };
            is_second = true;
            if class == CodeClass::Agent && ready.message.kf_account.take().is_some() {
                tracing::warn!(
                    code = error.code(),
                    "WeChat refuses the customer-service agent: sending without it"
                );
            } else if class == CodeClass::Media && calls.shared.media.forget(calls.queue(), &ready).await {
                tracing::warn!(code = error.code(), "the media id is no longer valid: uploading again");
                ready = match self.ready().await? {
                    Ok(ready) => ready,
                    Err(error) => return self.media_failed(&error).await,
                };
            } else {
                return self.send_failed(&error).await;
            }
        }
    }

    /// The part that is next, with its media uploaded.
    async fn ready(&self) -> StepResult<Result<ReadyMessage, MediaError>> {
        let (attempt, calls) = (self.attempt, self.attempt.calls);
        let (pauses, name) = (&calls.shared.pauses, &attempt.payload.account);
        let part = &self.answer.parts[self.index as usize];
        let needs_upload = part.media().any(|(_, media)| !matches!(media, Media::Id(_)));
        let wait = match needs_upload {
            true => calls.insist(|| pauses.admit(name, Interface::Upload)).await?,
            false => None,
        };
        let ready = calls.shared.media.ready(calls.queue(), name, self.client, part, wait);
        let ready = calls.wait_for(ready).await?;
        if ready.as_ref().is_ok_and(|ready| ready.is_uploaded) {
            pauses.passed(name, Interface::Upload).await;
        }
        Ok(ready)
    }
}
