//! The other way out: an answer in the response of a push.
//!
//! A receiver may keep a push open until there is an answer. The worker never meets it. It gives the parts to the queue, as
//! they go into a response, and the queue gives them to the push that waits: see [`huixin_queue::Responder`]. Which answers go
//! that way is the account's choice, [`AnswerBy`]:
//!
//! * *push*: all of them. The message is held with its parts until its user's pushes have fetched them.
//! * *either*: the answer of a young message, if it has one part and a push is still open for it. Otherwise the API.
//! * *api*: none, but a reply that hands the conversation to a person has no other way out, whatever the choice.
//!
//! A part whose send is unsure isn't offered: the route says what becomes of it, by the API.

use std::time::Duration;

use bytes::Bytes;
use huixin_queue::{MAX_PAYLOAD_BYTES, Progress, PushAnswer, Settlement};
use huixin_wechat::passive::Form;
use huixin_wechat::{Content, Outgoing};

use crate::account::AnswerBy;
use crate::answer::Answer;
use crate::attempt::Attempt;
use crate::message_end::{Done, End};
use crate::metrics;
use crate::recorder::Recorder;
use crate::route::Unsure;

/// An answer that is held for responses is held for this long at least, since WeChat may push its message twice more.
const HOLD_LEAST: Duration = Duration::from_secs(20);
const NOT_FETCHED: &str = "its answer was held, and its user did not fetch it in time";
const TOO_LATE: &str = "its user could not be handed to a person: that is only possible in the response to their push, which \
    was answered before. Set `may_transfer = true` on the route, and answer faster";

const NOT_KNOWN: &str =
    "it is not known whether its user was handed to a person: nobody has confirmed the response";

/// How the next part of an answer goes out.
pub(crate) enum WayOut {
    /// By the API.
    Api,
    /// In the response of a push that is still open; if none is, as [`without_push`] says.
    Offer(Settlement),
    /// In responses, whenever there are any: this settles the message.
    Hold(Done),
    /// It can't go out: the message dies of this.
    Never(String),
}

/// Decides how an answer goes out.
pub(crate) fn way(recorder: &Recorder<'_>, answer: &Answer, progress: &Progress) -> WayOut {
    let attempt = recorder.attempt;
    let index = progress.sent as usize;
    let Some(next) = answer.parts.get(index) else {
        return match attempt.account.answer_by() {
            AnswerBy::Push => WayOut::Hold(nothing_left(answer)),
            AnswerBy::Api | AnswerBy::Either => WayOut::Api,
        };
    };
    let is_last = index + 1 == answer.parts.len();
    match attempt.account.answer_by() {
        AnswerBy::Push => match forms(attempt, &answer.parts[index..]) {
            Ok(parts) => WayOut::Hold(hold(recorder, push_answer(recorder, answer, progress, parts))),
            Err(why) => WayOut::Never(why),
        },
        // What follows it by the API could overtake it: a written response isn't seen yet. So only what nothing follows.
        AnswerBy::Either if is_last && is_offered(attempt, progress) => {
            match forms(attempt, std::slice::from_ref(next)) {
                Ok(parts) => offer(recorder, answer, progress, parts),
                Err(_) if next.content != Content::Transfer => WayOut::Api,
                Err(why) => WayOut::Never(why),
            }
        }
        AnswerBy::Api | AnswerBy::Either if next.content == Content::Transfer => {
            match forms(attempt, std::slice::from_ref(next)) {
                Ok(parts) if is_offered(attempt, progress) => offer(recorder, answer, progress, parts),
                Ok(_) if progress.sending == Some(progress.sent) => unsure_transfer(attempt),
                Ok(_) => WayOut::Never(TOO_LATE.to_owned()),
                Err(why) => WayOut::Never(why),
            }
        }
        AnswerBy::Api | AnswerBy::Either => WayOut::Api,
    }
}

/// What follows when no push is open for an offer.
pub(crate) fn without_push(answer: &Answer, progress: &Progress) -> WayOut {
    match answer.parts.get(progress.sent as usize) {
        Some(next) if next.content == Content::Transfer => WayOut::Never(TOO_LATE.to_owned()),
        _ => WayOut::Api,
    }
}

/// Its response may be written or not, and another one can't be had.
fn unsure_transfer(attempt: &Attempt<'_>) -> WayOut {
    let policy = attempt.unsure();
    metrics::unsure(&attempt.payload.account, policy.as_str());
    tracing::warn!(policy = policy.as_str(), "it is not known whether the user was handed to a person");
    match policy {
        Unsure::Drop => WayOut::Hold(Done::complete(End::Answered)),
        Unsure::Resend | Unsure::Hold => WayOut::Never(NOT_KNOWN.to_owned()),
    }
}

/// Whether a push may still be open for the message, and its next part is not unsure.
fn is_offered(attempt: &Attempt<'_>, progress: &Progress) -> bool {
    attempt.may_have_open_push() && progress.sending != Some(progress.sent)
}

/// These parts as they go into responses.
fn forms(attempt: &Attempt<'_>, parts: &[Outgoing]) -> Result<Vec<Bytes>, String> {
    let to_event = attempt.message.is_event();
    let form = |(n, part): (usize, &Outgoing)| {
        let form = Form::from_outgoing(part, to_event).map_err(|error| error.to_string());
        let bytes = form.and_then(|form| serde_json::to_vec(&form).map_err(|error| error.to_string()));
        bytes.map(Bytes::from).map_err(|why| match parts.len() {
            1 => why,
            _ => format!("reply {}: {why}", n + 1),
        })
    };
    let forms: Vec<Bytes> = parts.iter().enumerate().map(form).collect::<Result<_, _>>()?;
    match forms.iter().map(Bytes::len).sum::<usize>() {
        bytes if bytes > MAX_PAYLOAD_BYTES => {
            Err(format!("its parts have {bytes} bytes, more than {MAX_PAYLOAD_BYTES}"))
        }
        _ => Ok(forms),
    }
}

fn push_answer(
    recorder: &Recorder<'_>,
    answer: &Answer,
    progress: &Progress,
    parts: Vec<Bytes>,
) -> Box<PushAnswer> {
    let replies = progress.replies.is_none().then(|| answer.encode());
    // It stays with the recorder, for the case that nobody waits for the offer.
    let memory = replies.as_ref().and_then(|_| recorder.to_remember.clone());
    Box::new(PushAnswer {
        replies,
        memory,
        sent: progress.sent,
        parts,
        total: u32::try_from(answer.parts.len()).unwrap_or(u32::MAX),
        dies_of: answer.dies_of.clone(),
        resend: recorder.attempt.unsure() != Unsure::Drop,
    })
}

fn offer(recorder: &Recorder<'_>, answer: &Answer, progress: &Progress, parts: Vec<Bytes>) -> WayOut {
    WayOut::Offer(Settlement::Offer { answer: push_answer(recorder, answer, progress, parts) })
}

fn hold(recorder: &Recorder<'_>, answer: Box<PushAnswer>) -> Done {
    let attempt = recorder.attempt;
    let reason = answer.dies_of.clone().unwrap_or_else(|| attempt.with_route(NOT_FETCHED));
    let (wakes, hold_for) = (recorder.send_state().wakes, attempt.holds_for().max(HOLD_LEAST));
    let settlement = Settlement::Hold { wakes, hold_for, refused: false, reason, answer: Some(answer) };
    Done { settlement, end: End::Held }
}

fn nothing_left(answer: &Answer) -> Done {
    match &answer.dies_of {
        Some(reason) => Done::bury(reason.clone()),
        None if answer.parts.is_empty() => Done::complete(End::NoReply),
        None => Done::complete(End::Answered),
    }
}
