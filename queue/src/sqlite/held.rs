//! Messages that are held until their lane gets a waking one.
//!
//! They lie in a table of their own, since their lane may have no other message, and a lane without one is in no state.

use rusqlite::params;

use super::end::end;
use super::ending::Ending;
use super::mend::set_held_aside;
use super::step_error::StepError;
use super::text::text;
use super::work::Step;
use crate::{Buried, HELD_MAX};

const RIGHT_ENDED: &str = "a later message of its lane ended the right to answer";
const TOO_MANY: &str = "too many messages of its lane were held";

/// Holds the current message of a lane, with what was recorded, but without its losses: it has been handled, and is no
/// suspect any more. The lane is left to the caller. Gives the number of what is held.
pub(super) fn put(
    step: &mut Step<'_>,
    lane: &str,
    seq: i64,
    until_us: i64,
    refused: bool,
    reason: &str,
) -> Result<i64, StepError> {
    let held = numbers(step, lane)?;
    if held.len() >= HELD_MAX {
        bury(step, held[0], TOO_MANY)?;
    }
    step.execute(
        "INSERT INTO held (lane, id, class, arrived_us, until_us, reason, refused, failures, snoozes, last_error, sent,
            sending, replies, answer, payload)
         SELECT ?2, id, class, arrived_us, ?3, ?4, ?5, coalesce(failures, 0), coalesce(snoozes, 0), last_error,
            coalesce(sent, 0), sending, replies, answer, payload
         FROM message LEFT JOIN head USING (seq) WHERE seq = ?1",
        params![seq, lane, until_us, reason, refused],
    )?;
    Ok(step.db.last_insert_rowid())
}

/// Whether a message of the lane is held because a send was refused.
pub(super) fn is_refused(step: &Step<'_>, lane: &str) -> Result<bool, StepError> {
    let sql = "SELECT 1 FROM held WHERE lane = ?1 AND refused = 1 LIMIT 1";
    step.exists(sql, params![lane])
}

/// Puts all held messages of a lane back to waiting, in their order and in front. The message that woke them gets an answer
/// of its own. Gives whether there were any.
pub(super) fn wake(step: &Step<'_>, name: &str, lane: i64) -> Result<bool, StepError> {
    let numbers = numbers(step, name)?;
    for &no in numbers.iter().rev() {
        step.execute(
            "INSERT INTO message (lane_no, second, id, class, arrived_us, payload)
             SELECT ?2, coalesce((SELECT min(second) FROM message WHERE lane_no = ?2 AND second IS NOT NULL) - 1, 0),
                id, class, arrived_us, payload
             FROM held WHERE no = ?1",
            params![no, lane],
        )?;
        step.execute(
            "INSERT INTO head (seq, failures, snoozes, last_error, sent, sending, replies, answer, triggers)
             SELECT ?2, failures, snoozes, last_error, sent, sending, replies, answer, 1 FROM held WHERE no = ?1",
            params![no, step.db.last_insert_rowid()],
        )?;
        step.execute("DELETE FROM held WHERE no = ?1", params![no])?;
    }
    Ok(!numbers.is_empty())
}

/// Buries all held messages of a lane.
pub(super) fn bury_all(step: &mut Step<'_>, lane: &str) -> Result<(), StepError> {
    for no in numbers(step, lane)? {
        bury(step, no, RIGHT_ENDED)?;
    }
    Ok(())
}

/// Buries up to `limit` messages whose time is over.
pub(super) fn bury_expired(step: &mut Step<'_>, limit: usize) -> Result<Vec<Buried>, StepError> {
    let expired: Vec<(i64, String)> = step.all(
        "SELECT no, reason FROM held WHERE until_us <= ?1 ORDER BY until_us, no LIMIT ?2",
        params![step.now_us, i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| Ok((row.get(0)?, text(row, 1)?)),
    )?;
    let mut buried = Vec::new();
    for (no, reason) in expired {
        buried.extend(bury(step, no, &reason)?);
    }
    Ok(buried)
}

/// Ends one whose answer went out.
pub(super) fn end_answered(step: &mut Step<'_>, no: i64, dies_of: Option<&str>) -> Result<(), StepError> {
    match dies_of {
        Some(reason) => bury(step, no, reason).map(|_| ()),
        None => end(step, Ending::Held { no }, None, &[]).map(|_| ()),
    }
}

/// Buries one, or sets it aside if it can't be read.
fn bury(step: &mut Step<'_>, no: i64, reason: &str) -> Result<Option<Buried>, StepError> {
    match step.apart(|step| end(step, Ending::Held { no }, Some(reason), &[]))? {
        Ok(buried) => Ok(buried),
        Err(problem) => set_held_aside(step, no, &problem).map(|()| None),
    }
}

/// The held messages of a lane, in their order.
fn numbers(step: &Step<'_>, lane: &str) -> Result<Vec<i64>, StepError> {
    Ok(step.all("SELECT no FROM held WHERE lane = ?1 ORDER BY no", params![lane], |row| row.get(0))?)
}
