//! How a lane moves between its states.
//!
//! A lane row exists only while the lane has messages, and has exactly one state; the row's own CHECK and the audit
//! hold it to that. Every way back to ready goes through this module: to the *front* what has had its turn begun
//! (a lost lease, a release), to the *end* what has had its turn or its delay. The order among the ready lanes of a
//! class is a number, so both ends cost the same and nothing is renumbered.

use rusqlite::params;

use super::fault::Fault;
use super::job::Step;

/// Puts a lane first in line.
pub(super) fn to_front(step: &mut Step<'_>, lane: i64) -> Result<(), Fault> {
    step.made_ready += step.execute(
        "UPDATE lane SET state = 'ready', due_us = NULL, token = NULL, worker = NULL, position =
            coalesce((SELECT min(r.position) FROM lane r WHERE r.state = 'ready' AND r.class = lane.class) - 1, 0)
         WHERE no = ?1",
        params![lane],
    )?;
    Ok(())
}

/// Puts a lane last in line.
pub(super) fn to_end(step: &mut Step<'_>, lane: i64) -> Result<(), Fault> {
    step.made_ready += step.execute(
        "UPDATE lane SET state = 'ready', due_us = NULL, token = NULL, worker = NULL, position =
            coalesce((SELECT max(r.position) FROM lane r WHERE r.state = 'ready' AND r.class = lane.class) + 1, 0)
         WHERE no = ?1",
        params![lane],
    )?;
    Ok(())
}

/// The number of the lane with this name, made and put last in line if it has no messages yet.
pub(super) fn find_or_make(step: &mut Step<'_>, name: &str, class: &str) -> Result<i64, Fault> {
    let found = step.first("SELECT no FROM lane WHERE name = ?1", params![name], |row| row.get(0))?;
    if let Some(lane) = found {
        return Ok(lane);
    }
    step.made_ready += step.execute(
        "INSERT INTO lane (name, class, state, position) VALUES (?1, ?2, 'ready',
            coalesce((SELECT max(position) FROM lane WHERE state = 'ready' AND class = ?2) + 1, 0))",
        params![name, class],
    )?;
    Ok(step.db.last_insert_rowid())
}

/// Takes the head off its lane, which goes on with its next message, or ends if there is none.
pub(super) fn drop_head(step: &mut Step<'_>, lane: i64, seq: i64) -> Result<(), Fault> {
    step.execute("DELETE FROM message WHERE seq = ?1", params![seq])?;
    step.execute("DELETE FROM head WHERE seq = ?1", params![seq])?;
    let next_class: Option<String> = step.first(
        "SELECT class FROM message WHERE lane_no = ?1 ORDER BY seq LIMIT 1",
        params![lane],
        |row| row.get(0),
    )?;
    let Some(class) = next_class else {
        step.execute("DELETE FROM lane WHERE no = ?1", params![lane])?;
        return Ok(());
    };
    step.execute("UPDATE lane SET class = ?2 WHERE no = ?1 AND class <> ?2", params![lane, class])?;
    to_end(step, lane)
}

/// Moves up to `limit` lanes whose delay is over to the end, the first due first.
pub(super) fn promote_due(step: &mut Step<'_>, limit: usize) -> Result<(), Fault> {
    for lane in due(
        step,
        "SELECT no FROM lane WHERE state = 'delayed' AND due_us <= ?1 ORDER BY due_us LIMIT ?2",
        limit,
    )? {
        to_end(step, lane)?;
    }
    Ok(())
}

/// Moves up to `limit` lanes whose lease has run out to the front, the first to run out foremost, and counts a loss
/// for each of their heads.
pub(super) fn reclaim_expired(step: &mut Step<'_>, limit: usize) -> Result<(), Fault> {
    let expired = due(
        step,
        "SELECT no FROM lane WHERE state = 'leased' AND due_us <= ?1 ORDER BY due_us LIMIT ?2",
        limit,
    )?;
    for lane in expired.into_iter().rev() {
        to_front(step, lane)?;
        step.execute(
            "INSERT INTO head (seq, losses) VALUES ((SELECT min(seq) FROM message WHERE lane_no = ?1), 1)
                ON CONFLICT (seq) DO UPDATE SET losses = losses + 1",
            params![lane],
        )?;
    }
    Ok(())
}

/// Moves all leased lanes to the front: at the start, when no worker of this queue can be alive. No loss is counted,
/// since no worker died of the message. The takes that gave the leases are forgotten with them.
pub(super) fn void_leases(step: &mut Step<'_>) -> Result<(), Fault> {
    let sql =
        "SELECT no FROM lane WHERE state = 'leased' AND due_us IS NOT NULL ORDER BY due_us DESC, no DESC";
    for lane in step.all(sql, [], |row| row.get(0))? {
        to_front(step, lane)?;
    }
    step.execute("DELETE FROM take", [])?;
    Ok(())
}

fn due(step: &Step<'_>, sql: &str, limit: usize) -> Result<Vec<i64>, Fault> {
    Ok(step.all(sql, params![step.now_us, i64::try_from(limit).unwrap_or(i64::MAX)], |row| row.get(0))?)
}
