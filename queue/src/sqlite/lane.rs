//! How a lane moves between its states.
//!
//! A lane row exists only while the lane has current or waiting messages, and has exactly one state; the row's own CHECK and
//! the audit see to that. Every way back to ready goes through this module: a lane whose turn had begun (a lost lease, a
//! release) goes to the *front*, a lane that has had its turn or its delay to the *end*.

use rusqlite::params;

use super::line::{Position, current, make_ready, next};
use super::mend::{mend, with_lane};
use super::step_error::StepError;
use super::work::Step;
use crate::Closed;

/// Puts a lane first in line.
pub(super) fn to_front(step: &mut Step<'_>, lane: i64) -> Result<(), StepError> {
    to(step, lane, Position::Front)
}

/// Puts a lane last in line.
pub(super) fn to_end(step: &mut Step<'_>, lane: i64) -> Result<(), StepError> {
    to(step, lane, Position::End)
}

fn to(step: &mut Step<'_>, lane: i64, place: Position) -> Result<(), StepError> {
    match step.apart(|step| current(step, lane))? {
        Ok((class, losses)) => make_ready(step, lane, place, &class, losses),
        Err(problem) => mend(step, lane, &problem),
    }
}

/// A lane that gets one more message.
pub(super) struct FoundLane {
    pub(super) no: i64,
    /// Whether a message of it is being handled.
    pub(super) has_current: bool,
    /// Whether it keeps what may be sent.
    pub(super) has_right: bool,
}

/// The lane with this name, made and put last in line if it has no messages yet.
pub(super) fn find_or_make(step: &mut Step<'_>, name: &str, class: &str) -> Result<FoundLane, StepError> {
    let sql = "SELECT no, current IS NOT NULL, current IS NOT NULL OR sends > 0 OR allowed IS NOT NULL
        FROM lane WHERE name = ?1";
    let found = step.first(sql, params![name], |row| {
        Ok(FoundLane { no: row.get(0)?, has_current: row.get(1)?, has_right: row.get(2)? })
    })?;
    if let Some(lane) = found {
        return Ok(lane);
    }
    step.made_ready += step.execute(
        "INSERT INTO lane (name, class, state, suspect, position) VALUES (?1, ?2, 'ready', 0,
            coalesce((SELECT max(position) FROM lane WHERE state = 'ready' AND class = ?2 AND suspect = 0) + 1, 0))",
        params![name, class],
    )?;
    Ok(FoundLane { no: step.db.last_insert_rowid(), has_current: false, has_right: false })
}

/// What a lane has besides its answers that may go out in responses.
pub(super) struct ResponseState {
    /// Whether its current message may be offered.
    pub(super) may_offer: bool,
    /// Whether it has messages that have no such answer yet.
    pub(super) has_unanswered: bool,
}

/// Where a lane stands, if it has current or waiting messages.
pub(super) fn standing(step: &Step<'_>, name: &str) -> Result<Option<ResponseState>, StepError> {
    let sql = "SELECT state = 'delayed' AND closed IS NOT 'ended',
            (current IS NOT NULL AND NOT EXISTS (SELECT 1 FROM response WHERE response.seq = lane.current))
            OR EXISTS (SELECT 1 FROM message WHERE lane_no = lane.no AND second IS NULL AND seq IS NOT lane.current)
            OR EXISTS (SELECT 1 FROM message WHERE lane_no = lane.no AND second IS NOT NULL AND seq IS NOT lane.current)
        FROM lane WHERE name = ?1";
    let read =
        |row: &rusqlite::Row<'_>| Ok(ResponseState { may_offer: row.get(0)?, has_unanswered: row.get(1)? });
    Ok(step.first(sql, params![name], read)?)
}

/// Nothing may be sent in a lane any more, until a waking message comes.
pub(super) fn close(step: &Step<'_>, lane: i64, by: Closed) -> Result<(), StepError> {
    let sql = "UPDATE lane SET allowed = 0, until_s = 0, closed = ?2 WHERE no = ?1";
    step.run(sql, params![lane, by.as_str()])
}

/// The current message is over: its lane goes on with its next one, or ends if there is none.
pub(super) fn drop_current(step: &mut Step<'_>, lane: i64, seq: i64) -> Result<(), StepError> {
    step.execute("DELETE FROM message WHERE seq = ?1", params![seq])?;
    step.execute("DELETE FROM head WHERE seq = ?1", params![seq])?;
    // The end of the message stands, whatever comes next.
    match step.apart(|step| next(step, lane))? {
        Ok(Some(next)) => {
            make_ready(step, lane, Position::End, &next.class, 0)?;
            step.run("UPDATE lane SET current = NULL WHERE no = ?1", params![lane])
        }
        Ok(None) => step.run("DELETE FROM lane WHERE no = ?1", params![lane]),
        Err(problem) => mend(step, lane, &problem),
    }
}

/// Moves up to `limit` lanes whose delay is over to the end, the first due first; to the front those whose offer or claim is
/// over, since they have had their turn.
pub(super) fn promote_due(step: &mut Step<'_>, limit: usize) -> Result<(), StepError> {
    let due: Vec<i64> = step.all(
        "SELECT no FROM lane WHERE state = 'delayed' AND due_us <= ?1 ORDER BY due_us, name LIMIT ?2",
        params![step.now_us, i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| row.get(0),
    )?;
    for lane in due {
        with_lane(step, lane, |step| {
            step.execute(
                "UPDATE head SET awaiting = 0, unanswered = 1
                 WHERE seq = (SELECT current FROM lane WHERE no = ?1) AND awaiting = 1",
                params![lane],
            )?;
            let sql = "DELETE FROM response WHERE seq = (SELECT current FROM lane WHERE no = ?1)";
            match step.execute(sql, params![lane])? {
                0 => to_end(step, lane),
                _ => to_front(step, lane),
            }
        })?;
    }
    Ok(())
}
