//! Damage costs nobody else: what is damaged is set aside, into a table of its own, and everything beside it goes on.
//!
//! A row is damaged if it can't be read (a text that is no UTF-8, a number beyond its range), or if what it stands for isn't
//! there. Nothing searches for such rows. A step that meets one has changed nothing yet ([`Step::apart`]). It has the lane
//! mended, and tries again.

use rusqlite::params;

use super::step_error::StepError;
use super::text::text;
use super::work::Step;
use super::{head, line};
use crate::Damaged;

/// How many of a lane's messages one step sets aside, and how many one take reports.
const MENDED_MAX: usize = 20;

/// Does something with a lane. If that meets damage, the lane is mended and it is done once more.
pub(super) fn with_lane<T>(
    step: &mut Step<'_>,
    lane: i64,
    part: impl Fn(&mut Step<'_>) -> Result<T, StepError>,
) -> Result<Option<T>, StepError> {
    match step.apart(&part)? {
        Ok(done) => Ok(Some(done)),
        Err(problem) => {
            mend(step, lane, &problem)?;
            Ok(None)
        }
    }
}

/// Sets aside the heads of a lane until there is one that can be read: the lane is ready then, or gone if nothing is left.
pub(super) fn mend(step: &mut Step<'_>, lane: i64, problem: &str) -> Result<(), StepError> {
    for _ in 0..MENDED_MAX {
        // From here on it is a lane between two messages.
        step.execute(
            "UPDATE lane SET current = CASE WHEN EXISTS (SELECT 1 FROM message WHERE seq = current AND lane_no = no) THEN current END,
                sends = CASE WHEN sends BETWEEN 0 AND 4294967295 THEN sends ELSE 0 END,
                allowed = CASE WHEN typeof(allowed) = 'integer' AND allowed BETWEEN 0 AND 4294967295 THEN allowed END,
                until_s = CASE WHEN typeof(until_s) = 'integer' AND until_s >= 0 THEN until_s END,
                closed = CASE WHEN closed IN ('refused', 'ended') THEN closed END,
                state = 'ready', suspect = CASE state WHEN 'ready' THEN suspect ELSE 0 END, due_us = NULL, token = NULL, worker = NULL,
                position = CASE state WHEN 'ready' THEN position ELSE coalesce((SELECT max(r.position)
                    FROM lane r WHERE r.state = 'ready' AND r.class = lane.class AND r.suspect = 0) + 1, 0) END
             WHERE no = ?1",
            params![lane],
        )?;
        step.execute(
            "DELETE FROM response WHERE seq = (SELECT current FROM lane WHERE no = ?1)",
            params![lane],
        )?;
        let left = "DELETE FROM lane WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE lane_no = no AND second IS NULL)
            AND NOT EXISTS (SELECT 1 FROM message WHERE lane_no = no AND second IS NOT NULL)";
        if step.execute(left, params![lane])? > 0 {
            return Ok(());
        }
        let Some(head) = unreadable(step, lane)? else {
            if step.apart(|step| line::line_up(step, lane))?.is_ok() {
                return Ok(());
            }
            continue;
        };
        step.execute(
            "INSERT INTO damaged (since_us, name, problem, lane, id, class, replies, payload)
             SELECT ?2, 'message ' || message.seq, ?3, CAST(lane.name AS BLOB), CAST(message.id AS BLOB),
                CAST(message.class AS BLOB), head.replies, message.payload
             FROM message JOIN lane ON lane.no = message.lane_no LEFT JOIN head ON head.seq = message.seq WHERE message.seq = ?1",
            params![head, step.now_us, problem],
        )?;
        step.execute("UPDATE lane SET current = NULL WHERE no = ?1 AND current = ?2", params![lane, head])?;
        step.execute("DELETE FROM head WHERE seq = ?1", params![head])?;
        step.execute("DELETE FROM message WHERE seq = ?1", params![head])?;
    }
    Ok(())
}

/// The current message of a lane, or one of those that may be next, if it can't be read.
fn unreadable(step: &mut Step<'_>, lane: i64) -> Result<Option<i64>, StepError> {
    for sql in [
        "SELECT current FROM lane WHERE no = ?1 AND current IS NOT NULL",
        "SELECT seq FROM message WHERE lane_no = ?1 AND second IS NOT NULL ORDER BY second LIMIT 1",
        "SELECT seq FROM message WHERE lane_no = ?1 AND second IS NULL ORDER BY seq LIMIT 1",
    ] {
        let seq: Option<i64> = step.first(sql, params![lane], |row| row.get(0))?;
        if let Some(seq) = seq
            && step.apart(|step| head::of(step, seq).map(|_| ()))?.is_err()
        {
            return Ok(Some(seq));
        }
    }
    Ok(None)
}

/// Sets a held message aside.
pub(super) fn set_held_aside(step: &Step<'_>, no: i64, problem: &str) -> Result<(), StepError> {
    step.execute(
        "INSERT INTO damaged (since_us, name, problem, lane, id, class, replies, payload)
         SELECT ?2, 'held ' || no, ?3, CAST(lane AS BLOB), CAST(id AS BLOB), CAST(class AS BLOB), replies, payload
         FROM held WHERE no = ?1",
        params![no, step.now_us, problem],
    )?;
    step.run("DELETE FROM held WHERE no = ?1", params![no])
}

/// What was set aside and not reported yet: reported now.
pub(super) fn untold(step: &Step<'_>) -> Result<Vec<Damaged>, StepError> {
    let sql = "SELECT no, name, problem FROM damaged WHERE told = 0 ORDER BY no LIMIT 20";
    let untold = step.all(sql, [], |row| {
        Ok((row.get::<_, i64>(0)?, Damaged { name: text(row, 1)?, problem: text(row, 2)? }))
    })?;
    for (no, _) in &untold {
        step.execute("UPDATE damaged SET told = 1 WHERE no = ?1", params![no])?;
    }
    Ok(untold.into_iter().map(|(_, damaged)| damaged).collect())
}
