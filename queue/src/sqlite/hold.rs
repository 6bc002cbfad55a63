//! A leased message waits with its answer: until its user does something, or for the response of an open push.

use rusqlite::params;

use super::current::{Current, after};
use super::ending::Ending;
use super::step_error::StepError;
use super::work::Step;
use super::{held, journal, lane, push, response};
use crate::journal::fitted;
use crate::{Lease, OFFER_LEAST, PushAnswer, Settled};

/// Holds the message until its lane gets a waking one, unless one has come since `wakes`.
pub(super) fn hold(
    step: &mut Step<'_>,
    lease: &Lease,
    current: &Current,
    wakes: u32,
    (until_us, refused): (i64, bool),
    (reason, answer): (&str, Option<&PushAnswer>),
) -> Result<Settled, StepError> {
    let sql = "SELECT 1 FROM head WHERE seq = ?1 AND triggers > ?2";
    if step.exists(sql, params![current.seq, wakes])? {
        lane::to_end(step, current.lane)?;
        return Ok(Settled::ComesAgain);
    }
    if let Some(answer) = answer {
        record_answer(step, lease, current, answer)?;
    }
    let no = held::put(step, lease.lane.as_str(), current.seq, until_us, refused, reason)?;
    journal::keep_note(step, Ending::Held { no }, fitted(&lease.note))?;
    if let Some(answer) = answer {
        response::put(step, &lease.lane, Ending::Held { no }, answer, None)?;
    }
    lane::drop_current(step, current.lane, current.seq)?;
    Ok(Settled::AsAsked)
}

/// Lets the lane wait until the newest push closes, if that stays open for long enough. `None`: the message comes again with its
/// answer by call back.
pub(super) fn offer(
    step: &mut Step<'_>,
    lease: &Lease,
    current: &Current,
    answer: &PushAnswer,
) -> Result<Option<Settled>, StepError> {
    let least_us = after(step, OFFER_LEAST);
    let Some(newest) = push::newest(step, &lease.lane)?.filter(|newest| newest.until_us >= least_us) else {
        return Ok(Some(Settled::NobodyWaits));
    };
    if current.comes_again(step)? {
        return Ok(None);
    }
    record_answer(step, lease, current, answer)?;
    journal::keep_note(step, current.ending(), fitted(&lease.note))?;
    step.execute("UPDATE head SET unanswered = 0, gives_way_us = NULL WHERE seq = ?1", params![current.seq])?;
    response::put(step, &lease.lane, current.ending(), answer, Some(newest.until_us))?;
    current.delay(step, newest.until_us)?;
    Ok(Some(Settled::AsAsked))
}

/// Records what an answer brings besides its parts.
fn record_answer(
    step: &Step<'_>,
    lease: &Lease,
    current: &Current,
    answer: &PushAnswer,
) -> Result<(), StepError> {
    let memory = answer.memory.as_ref().filter(|_| answer.replies.is_some());
    current.remember(step, &lease.lane, memory)?;
    step.run(
        "INSERT INTO head (seq, sent, replies) VALUES (?1, ?2, ?3)
            ON CONFLICT (seq) DO UPDATE SET sent = excluded.sent, replies = coalesce(excluded.replies, replies)",
        params![current.seq, answer.sent, answer.replies.as_deref()],
    )
}
