//! How a lane moves between its states.
//!
//! A lane row exists only while the lane has current or waiting messages, and has exactly one state; the row's own CHECK
//! and the audit hold it to that. Every way back to ready goes through this module: to the *front* what has had its turn
//! begun (a lost lease, a release), to the *end* what has had its turn or its delay. The order among the ready lanes of a
//! class is a number, so both ends cost the same and nothing is renumbered. Suspects have an order of their own.

use rusqlite::params;

use super::end::{Ending, end};
use super::mend::{mend, with_lane};
use super::step_error::StepError;
use super::work::Step;
use crate::{Buried, Closed, LOSSES_MAX, SUSPECT_LOSSES};

/// A message that stands next in its lane.
pub(super) struct NextMessage {
    pub(super) seq: i64,
    pub(super) class: String,
    arrived_us: i64,
}

/// Where in its line a lane goes.
#[derive(Clone, Copy)]
enum Position {
    Front,
    End,
}

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

/// Class and losses of a lane's current message; without one, of the next.
fn current(step: &Step<'_>, lane: i64) -> Result<(String, u32), StepError> {
    let current = step.first(
        "SELECT message.class, coalesce(head.losses, 0) FROM lane JOIN message ON message.seq = lane.current
            LEFT JOIN head ON head.seq = lane.current WHERE lane.no = ?1",
        params![lane],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)),
    )?;
    match current {
        Some(current) => Ok(current),
        // A lane is there only while it has messages.
        None => Ok((next(step, lane)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?.class, 0)),
    }
}

/// Leaves a ready lane in its place if that is in the line of its head, and else puts it last there.
pub(super) fn line_up(step: &mut Step<'_>, lane: i64) -> Result<(), StepError> {
    let (class, losses) = current(step, lane)?;
    let sql = "SELECT 1 FROM lane WHERE no = ?1 AND class = ?2 AND suspect = ?3";
    if step.first(sql, params![lane, class, losses >= SUSPECT_LOSSES], |_| Ok(()))?.is_some() {
        step.made_ready += 1;
        return Ok(());
    }
    make_ready(step, lane, Position::End, &class, losses)
}

/// Puts a lane into the line of its head's class, or of that class's suspects.
fn make_ready(
    step: &mut Step<'_>,
    lane: i64,
    place: Position,
    class: &str,
    losses: u32,
) -> Result<(), StepError> {
    let sql = match place {
        Position::Front => {
            "UPDATE lane SET state = 'ready', class = ?2, suspect = ?3, due_us = NULL, token = NULL, worker = NULL,
                position = coalesce((SELECT min(r.position) FROM lane r
                    WHERE r.state = 'ready' AND r.class = ?2 AND r.suspect = ?3) - 1, 0)
             WHERE no = ?1"
        }
        Position::End => {
            "UPDATE lane SET state = 'ready', class = ?2, suspect = ?3, due_us = NULL, token = NULL, worker = NULL,
                position = coalesce((SELECT max(r.position) FROM lane r
                    WHERE r.state = 'ready' AND r.class = ?2 AND r.suspect = ?3) + 1, 0)
             WHERE no = ?1"
        }
    };
    step.made_ready += step.execute(sql, params![lane, class, losses >= SUSPECT_LOSSES])?;
    Ok(())
}

/// What stands next in a lane without a current message: the older of the heads of its two lists.
pub(super) fn next(step: &Step<'_>, lane: i64) -> Result<Option<NextMessage>, StepError> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok(NextMessage { seq: row.get(0)?, class: row.get(1)?, arrived_us: row.get(2)? })
    };
    let first = step.first(
        "SELECT seq, class, arrived_us FROM message WHERE lane_no = ?1 AND second IS NULL ORDER BY seq LIMIT 1",
        params![lane],
        read,
    )?;
    let second = step.first(
        "SELECT seq, class, arrived_us FROM message WHERE lane_no = ?1 AND second IS NOT NULL
            ORDER BY second LIMIT 1",
        params![lane],
        read,
    )?;
    Ok(match (first, second) {
        (Some(first), Some(second)) if first.arrived_us < second.arrived_us => Some(first),
        (first, second) => second.or(first),
    })
}

/// The number of the lane with this name, made and put last in line if it has no messages yet.
pub(super) fn find_or_make(step: &mut Step<'_>, name: &str, class: &str) -> Result<i64, StepError> {
    let found = step.first("SELECT no FROM lane WHERE name = ?1", params![name], |row| row.get(0))?;
    if let Some(lane) = found {
        return Ok(lane);
    }
    step.made_ready += step.execute(
        "INSERT INTO lane (name, class, state, suspect, position) VALUES (?1, ?2, 'ready', 0,
            coalesce((SELECT max(position) FROM lane WHERE state = 'ready' AND class = ?2 AND suspect = 0) + 1, 0))",
        params![name, class],
    )?;
    Ok(step.db.last_insert_rowid())
}

/// Nothing may be sent in a lane any more, until a waking message comes.
pub(super) fn close(step: &Step<'_>, lane: i64, by: Closed) -> Result<(), StepError> {
    let sql = "UPDATE lane SET allowed = 0, until_s = 0, closed = ?2 WHERE no = ?1";
    step.execute(sql, params![lane, by.as_str()])?;
    Ok(())
}

/// The current message is over: its lane goes on with its next one, or ends if there is none.
pub(super) fn drop_current(step: &mut Step<'_>, lane: i64, seq: i64) -> Result<(), StepError> {
    step.execute("DELETE FROM message WHERE seq = ?1", params![seq])?;
    step.execute("DELETE FROM head WHERE seq = ?1", params![seq])?;
    // Its end stands, whatever comes next.
    match step.apart(|step| next(step, lane))? {
        Ok(Some(next)) => {
            make_ready(step, lane, Position::End, &next.class, 0)?;
            step.execute("UPDATE lane SET current = NULL WHERE no = ?1", params![lane])?;
            Ok(())
        }
        Ok(None) => {
            step.execute("DELETE FROM lane WHERE no = ?1", params![lane])?;
            Ok(())
        }
        Err(problem) => mend(step, lane, &problem),
    }
}

/// Moves up to `limit` lanes whose delay is over to the end, the first due first.
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
            to_end(step, lane)
        })?;
    }
    Ok(())
}

/// Takes up to `limit` lanes back whose lease has run out, the first to run out foremost. What ran out by `quiet_us`
/// costs its message nothing. What was buried with its last worker.
pub(super) fn reclaim_expired(
    step: &mut Step<'_>,
    quiet_us: i64,
    limit: usize,
) -> Result<Vec<Buried>, StepError> {
    let mut buried = Vec::new();
    if step.now_us < quiet_us {
        return Ok(buried);
    }
    let expired: Vec<(i64, i64)> = step.all(
        "SELECT no, due_us FROM lane WHERE state = 'leased' AND due_us <= ?1 ORDER BY due_us, name LIMIT ?2",
        params![step.now_us, i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (lane, due_us) in expired.into_iter().rev() {
        let reclaimed = with_lane(step, lane, |step| reclaim(step, lane, due_us > quiet_us))?;
        buried.extend(reclaimed.flatten());
    }
    Ok(buried)
}

/// Takes all leased lanes back: at the start, when no worker of this queue can be alive. A worker and its queue are one
/// process here, so its end is a loss like any other. The takes that gave the leases are forgotten with them.
pub(super) fn void_leases(step: &mut Step<'_>) -> Result<(), StepError> {
    let sql =
        "SELECT no FROM lane WHERE state = 'leased' AND due_us IS NOT NULL ORDER BY due_us DESC, name DESC";
    for lane in step.all(sql, [], |row| row.get(0))? {
        let reclaimed = with_lane(step, lane, |step| reclaim(step, lane, true))?;
        if let Some(Buried { id, class, reason }) = reclaimed.flatten() {
            tracing::error!(id = id.as_str(), account = class.as_str(), reason, "the message is dead");
        }
    }
    step.execute("DELETE FROM take", [])?;
    Ok(())
}

/// Puts a lane whose worker is gone first in line, or buries its head if that was one worker too many.
fn reclaim(step: &mut Step<'_>, lane: i64, counts: bool) -> Result<Option<Buried>, StepError> {
    let counted = step.first(
        "SELECT lane.current, coalesce(head.losses, 0) + 1, coalesce(head.lost_by || ', ', '') || lane.worker
         FROM lane LEFT JOIN head ON head.seq = lane.current
         WHERE lane.no = ?1 AND ?2 AND (coalesce(head.losses, 0) = 0 OR head.confirmed = 1)",
        params![lane, counts],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, String>(2)?)),
    )?;
    if let Some((seq, losses, lost_by)) = counted {
        step.execute(
            "INSERT INTO head (seq, losses, lost_by) VALUES (?1, ?2, ?3)
                ON CONFLICT (seq) DO UPDATE SET losses = excluded.losses, lost_by = excluded.lost_by",
            params![seq, losses, lost_by],
        )?;
        if losses >= LOSSES_MAX {
            let reason = format!("{losses} workers died while they handled it: {lost_by}");
            return end(step, Ending::Current { lane, seq }, Some(&reason));
        }
    }
    to_front(step, lane)?;
    Ok(None)
}
