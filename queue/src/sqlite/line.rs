//! The lines of ready lanes, and what puts a lane into one: its head.
//!
//! Each class has a line, and its suspects have one of their own. The order in a line is a number, so both ends cost the
//! same and nothing is renumbered.

use rusqlite::params;

use super::step_error::StepError;
use super::work::Step;
use crate::SUSPECT_LOSSES;

/// A message that stands next in its lane.
pub(super) struct NextMessage {
    pub(super) seq: i64,
    pub(super) class: String,
    arrived_us: i64,
}

/// Where in its line a lane goes.
#[derive(Clone, Copy)]
pub(super) enum Position {
    Front,
    End,
}

/// Class and losses of a lane's current message; without one, of the next.
pub(super) fn current(step: &Step<'_>, lane: i64) -> Result<(String, u32), StepError> {
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

/// Leaves a ready lane in its place if it stands in the line of its head; otherwise puts it last in that line.
pub(super) fn line_up(step: &mut Step<'_>, lane: i64) -> Result<(), StepError> {
    let (class, losses) = current(step, lane)?;
    let sql = "SELECT 1 FROM lane WHERE no = ?1 AND class = ?2 AND suspect = ?3";
    if step.exists(sql, params![lane, class, losses >= SUSPECT_LOSSES])? {
        step.made_ready += 1;
        return Ok(());
    }
    make_ready(step, lane, Position::End, &class, losses)
}

/// Puts a lane into the line of its head's class, or of that class's suspects.
pub(super) fn make_ready(
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
