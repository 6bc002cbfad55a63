//! Sends the parts of an answer, one after the other.
//!
//! The intent to send a part is recorded before it, with all the replies before the first: see the order of effects in
//! [`crate::job`]. What the record tells of the lane ([`Standing`](huixin_queue::Standing)) is the newest there is: how many
//! sends its user's last action has left, and whether they have written again or gone. WeChat decides whether a part may
//! go out; held back without asking it is only what would take the send that a newer message's own answer needs.
//!
//! Here is the way of an answer's parts; when one may go out is in `turn`, and what becomes of one that could not be sent in
//! `failure`.
//!
//! A send that certainly failed takes its intent back. One of which nobody knows keeps it, and the route says what becomes
//! of it ([`Unsure`]).

mod failure;
mod turn;

use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use huixin_queue::Progress;
use huixin_wechat::{CodeClass, Media, Message};

use self::failure::NOT_KNOWN;
pub(crate) use self::failure::chain;
use crate::account::Interface;
use crate::answer::Answer;
use crate::job::{End, Job, Step, Stop};
use crate::lease::STEP_MAX;
use crate::media::{MediaError, Ready};
use crate::metrics;
use crate::payload::Payload;
use crate::route::{Route, Unsure};
use crate::worker::Account;

/// What is sent with, and about what.
pub(crate) struct Delivery<'a> {
    pub(crate) account: &'a Account,
    pub(crate) message: &'a Message,
    pub(crate) payload: &'a Payload,
    /// `None` when no route is for the message any more, and an answer of an earlier configuration is sent.
    pub(crate) route: Option<&'a Route>,
}

impl Delivery<'_> {
    /// Why a message dies, with its route: whoever reads it among the dead letters has no log beside it.
    pub(crate) fn told(&self, reason: &str) -> String {
        self.route.map_or_else(|| reason.to_owned(), |route| format!("route `{}`: {reason}", route.name))
    }
}

/// How the sending of an answer ended.
enum Sent {
    All,
    Later(End),
    /// Not yet: the same part is tried again here.
    Soon(Duration),
    /// The message dies of this. Whether its user can still be told something.
    Dies {
        reason: String,
        reachable: bool,
    },
}

/// An answer on its way.
struct Sending<'a> {
    delivery: &'a Delivery<'a>,
    answer: &'a mut Answer,
    /// The part that is next, counted from 0.
    index: u32,
    /// It was announced before, by a worker that could not say how it ended.
    unsure: bool,
    /// The replies are recorded, or need not be.
    stored: bool,
    /// How often this part was refused in a window that should be open.
    refusals: u32,
    /// What the lane's standing named when it was decided to send this part, or not to.
    trigger: u32,
}

impl Delivery<'_> {
    fn unsure(&self) -> Unsure {
        self.route.map(|route| route.unsure).unwrap_or_default()
    }
}

impl Job {
    /// What the user is told of a message that dies, while WeChat takes an answer.
    pub(crate) fn last_words(&self, delivery: &Delivery<'_>, reason: &str) -> Option<Answer> {
        let text = delivery.route?.failure_reply.as_deref()?;
        let opening = self.opening(delivery.message, delivery.payload);
        // Who was told that it comes too late hears no more, unless they have written again.
        let has_heard = self.was_called_last() && self.standing().trigger == 0;
        Answer::last_words(text, self.so_far(), reason.to_owned())
            .filter(|_| opening.is_open(SystemTime::now()) && !has_heard)
    }

    /// Sends the parts that aren't sent yet, and ends the message.
    pub(crate) async fn send(
        &self,
        delivery: &Delivery<'_>,
        mut answer: Answer,
        mut progress: Progress,
    ) -> Step<End> {
        loop {
            // Boxed, so that a message whose handler runs doesn't hold the room for its sending meanwhile.
            let sent = Box::pin(self.send_parts(delivery, &mut answer, &progress)).await?;
            let (reason, reachable) = match sent {
                Sent::Later(end) => return Ok(end),
                // Only a part ends like this: see `send_part`.
                Sent::Soon(_) => continue,
                // What it dies of already has its route.
                Sent::Dies { reason, reachable } if answer.dies_of.is_some() => (reason, reachable),
                Sent::Dies { reason, reachable } => (delivery.told(&reason), reachable),
                Sent::All => match &answer.dies_of {
                    Some(reason) => return self.bury(reason).await,
                    None if answer.parts.is_empty() => return self.complete(End::NoReply).await,
                    None => {
                        metrics::replied(&delivery.payload.account, self.leased.arrived_us);
                        return self.complete(End::Answered).await;
                    }
                },
            };
            match self.last_words(delivery, &reason) {
                Some(last) if reachable && answer.dies_of.is_none() => {
                    (answer, progress) = (last, Progress::default());
                }
                _ => return self.bury(&reason).await,
            }
        }
    }

    async fn send_parts(
        &self,
        delivery: &Delivery<'_>,
        answer: &mut Answer,
        progress: &Progress,
    ) -> Step<Sent> {
        // A fixed single reply costs nothing to compute again.
        let cheap = delivery.route.is_some_and(|route| route.handler.is_cheap());
        let worth_storing = answer.parts.len() > 1 || answer.dies_of.is_some() || !cheap || self.remembers();
        let stored = progress.replies.is_some() || !worth_storing;
        let parts = u32::try_from(answer.parts.len()).unwrap_or(u32::MAX);
        let mut sending = Sending {
            delivery,
            answer,
            index: progress.sent,
            unsure: false,
            stored,
            refusals: 0,
            trigger: 0,
        };
        while sending.index < parts {
            sending.unsure = progress.sending == Some(sending.index);
            if let Some(end) = self.send_part(&mut sending).await? {
                return Ok(end);
            }
            sending.index += 1;
            sending.refusals = 0;
        }
        Ok(Sent::All)
    }

    /// Sends the part that is next. Nothing: it is sent, or counts as sent.
    async fn send_part(&self, sending: &mut Sending<'_>) -> Step<Option<Sent>> {
        loop {
            let mut sent = self.send_part_unless_stopped(sending).await;
            if let Ok(Some(Sent::Soon(after))) = sent {
                match self.wait_here(after).await {
                    Ok(()) => continue,
                    Err(stop) => sent = Err(stop),
                }
            }
            if matches!(sent, Err(Stop::Stopping)) {
                // Before it is handed back: that the parts before it are sent, and this one is not.
                self.take_back(sending).await?;
            }
            return sent;
        }
    }

    async fn send_part_unless_stopped(&self, sending: &mut Sending<'_>) -> Step<Option<Sent>> {
        let Delivery { account, message, payload, .. } = *sending.delivery;
        self.held.begins("a part of its answer", STEP_MAX);
        sending.trigger = self.standing().trigger;
        if sending.unsure {
            match sending.delivery.unsure() {
                Unsure::Resend => {}
                Unsure::Drop => {
                    self.tell_unsure(sending);
                    return Ok(None);
                }
                Unsure::Hold => {
                    self.tell_unsure(sending);
                    return self.hold_rest(sending, NOT_KNOWN, false).await.map(Some);
                }
            }
        }
        // Before its turn: what can't be sent must not take one from others.
        let announced = u32::from(sending.unsure);
        if self.closed(sending, announced).is_some() {
            // By what was known when the message was taken, or its last part was announced.
            self.take_back(sending).await?;
            sending.trigger = self.standing().trigger;
            if let Some(closed) = self.closed(sending, announced) {
                return self.stop_short(sending, closed).await.map(Some);
            }
        }
        if let Some(end) = self.wait_for_turn(sending).await? {
            return Ok(Some(end));
        }
        let mut ready = match self.ready(sending).await? {
            Ok(ready) => ready,
            Err(error) => return self.media_failed(sending, &error).await,
        };
        // Before it is announced: a send that waits for others must not look unsure.
        let _line = self.line(account).await?;
        let replies = (!sending.stored).then(|| sending.answer.encode());
        self.record(Progress { replies, sent: sending.index, sending: Some(sending.index) }).await?;
        sending.stored = true;
        sending.trigger = self.standing().trigger;
        if self.shared.stop_now.is_cancelled() {
            return Err(Stop::Stopping);
        }
        // The record is the newest there is: he may have written again, or gone, since the message was taken.
        if let Some(closed) = self.closed(sending, 1) {
            self.take_back(sending).await?;
            return self.stop_short(sending, closed).await.map(Some);
        }
        if sending.unsure {
            self.tell_unsure(sending);
        }
        let mut mended = false;
        loop {
            let started = Instant::now();
            self.held.begins("a send", STEP_MAX);
            let sent = self.while_current(pin!(account.client.send(&message.from, &ready.message))).await?;
            metrics::sent(&payload.account, started.elapsed(), &sent);
            let error = match sent {
                Ok(()) => {
                    self.shared.pauses.passed(&payload.account, Interface::Send).await;
                    return Ok(None);
                }
                Err(error) => error,
            };
            // What can be mended is mended once, under the same intent: WeChat has not taken it.
            let class = if mended { CodeClass::Permanent } else { error.class() };
            mended = true;
            if class == CodeClass::Agent && ready.message.kf_account.take().is_some() {
                tracing::warn!(code = error.code(), "the agent can't be used: sending without");
            } else if class == CodeClass::Media && self.shared.media.forget(self.queue(), &ready).await {
                tracing::warn!(code = error.code(), "the media is gone: uploading it anew");
                ready = match self.ready(sending).await? {
                    Ok(ready) => ready,
                    Err(error) => return self.media_failed(sending, &error).await,
                };
            } else {
                return self.send_failed(sending, &error).await;
            }
        }
    }

    /// The part that is next, with its media uploaded.
    async fn ready(&self, sending: &Sending<'_>) -> Step<Result<Ready, MediaError>> {
        let Delivery { account, payload, .. } = *sending.delivery;
        let (pauses, name) = (&self.shared.pauses, &payload.account);
        let part = &sending.answer.parts[sending.index as usize];
        let needs_upload = part.media().any(|(_, media)| !matches!(media, Media::Id(_)));
        let wait = match needs_upload {
            true => self.insist(|| pauses.admit(name, Interface::Upload)).await?,
            false => None,
        };
        let ready = tokio::select! {
            biased;
            () = self.held.lost().cancelled() => return Err(Stop::Lost),
            () = self.shared.stop_now.cancelled() => return Err(Stop::Stopping),
            ready = self.shared.media.ready(self.queue(), name, &account.client, part, wait) => ready,
        };
        if ready.as_ref().is_ok_and(|ready| ready.is_uploaded) {
            pauses.passed(name, Interface::Upload).await;
        }
        Ok(ready)
    }
}
