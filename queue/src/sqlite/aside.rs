//! Messages for which the order was given up: put aside after a failed attempt, until their time has come.
//!
//! They lie in a table of their own, since their lane may have no other message, and a lane without one is in no state. The
//! lane's count of sends lies there with them meanwhile: unlike a held message, one that is aside comes back without a waking
//! message, which would begin the count anew. A message that waits again keeps its number, by which it may still be answered.

use std::collections::HashMap;

use rusqlite::params;

use super::fault::Fault;
use super::job::Step;
use super::lane;
use crate::{ASIDE_MAX, Lane, MessageId, SUSPECT_LOSSES};

/// One to which an answer by call back may come.
pub(super) struct Answerable {
    no: i64,
    /// Once it waits again, its `message.seq`.
    seq: Option<i64>,
    pub(super) is_answered: bool,
}

/// Whether the current message of a lane is to be retried in its place: an answer lies there that its handler has not had, it
/// is a suspect, or its lane has as many aside as it may.
pub(super) fn must_stay(step: &Step<'_>, name: &str, lane: i64, seq: i64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM head WHERE seq = ?1 AND (unheard = 1 OR losses >= ?2)";
    if step.first(sql, params![seq, SUSPECT_LOSSES], |_| Ok(()))?.is_some() {
        return Ok(true);
    }
    let aside = step.first(
        "SELECT (SELECT count(*) FROM aside WHERE lane = ?1)
            + (SELECT count(*) FROM message WHERE lane_no = ?2 AND back IS NOT NULL AND seq <> ?3)",
        params![name, lane, seq],
        |row| row.get::<_, i64>(0),
    )?;
    Ok(aside.is_some_and(|aside| aside >= i64::try_from(ASIDE_MAX).unwrap_or(i64::MAX)))
}

/// Puts the current message of a lane aside, with all that is known of it. The lane is left to the caller.
pub(super) fn put(step: &Step<'_>, name: &str, seq: i64, due_us: i64, reason: &str) -> Result<(), Fault> {
    step.execute(
        "INSERT INTO aside (lane, sends, id, class, arrived_us, due_us, failures, losses, lost_by, snoozes, last_error,
            sent, sending, replies, answer, note, payload)
         SELECT ?2, 0, id, class, arrived_us, ?3, coalesce(failures, 0) + 1, coalesce(losses, 0), lost_by,
            coalesce(snoozes, 0), ?4, coalesce(sent, 0), sending, replies, answer, note, payload
         FROM message LEFT JOIN head USING (seq) WHERE seq = ?1",
        params![seq, name, due_us, reason],
    )?;
    Ok(())
}

/// Puts up to `limit` messages back to waiting whose time has come. What comes back together keeps the order of its times, in
/// its lane and among the lanes.
pub(super) fn come_back_due(step: &mut Step<'_>, limit: usize) -> Result<(), Fault> {
    let due: Vec<(i64, String, String)> = step.all(
        "SELECT no, lane, class FROM aside WHERE due_us <= ?1 ORDER BY due_us, no LIMIT ?2",
        params![step.now_us, i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let mut lanes = HashMap::new();
    for (_, name, class) in &due {
        if !lanes.contains_key(name) {
            lanes.insert(name, lane::find_or_make(step, name, class)?);
        }
    }
    for (no, name, _) in due.iter().rev() {
        come_back(step, *no, lanes[name])?;
    }
    Ok(())
}

/// Leaves a note with the messages of a lane that are aside.
pub(super) fn tell(step: &Step<'_>, name: &str, note: u64) -> Result<(), Fault> {
    step.execute("UPDATE aside SET note = ?2 WHERE lane = ?1", params![name, note.cast_signed()])?;
    Ok(())
}

/// The message with this id that is aside, or waits again and isn't current yet; of several the one put aside first.
pub(super) fn answerable(step: &Step<'_>, lane: &Lane, id: &MessageId) -> Result<Option<Answerable>, Fault> {
    let found = step.first(
        "SELECT no, NULL, replies IS NOT NULL OR answer IS NOT NULL FROM aside WHERE lane = ?1 AND id = ?2
         UNION ALL
         SELECT back, message.seq, head.replies IS NOT NULL OR head.answer IS NOT NULL FROM lane
            JOIN message ON message.lane_no = lane.no AND message.back IS NOT NULL
            LEFT JOIN head ON head.seq = message.seq
         WHERE lane.name = ?1 AND message.id = ?2 AND message.seq IS NOT lane.current
         ORDER BY 1 LIMIT 1",
        params![lane.as_str(), id.as_str()],
        |row| Ok(Answerable { no: row.get(0)?, seq: row.get(1)?, is_answered: row.get(2)? }),
    )?;
    Ok(found)
}

impl Answerable {
    /// Stores its answer. If it is aside it comes back with it.
    pub(super) fn answer(&self, step: &mut Step<'_>, answer: &[u8]) -> Result<(), Fault> {
        if let Some(seq) = self.seq {
            step.execute("UPDATE head SET answer = ?2 WHERE seq = ?1", params![seq, answer])?;
            return Ok(());
        }
        step.execute("UPDATE aside SET answer = ?2 WHERE no = ?1", params![self.no, answer])?;
        let sql = "SELECT lane, class FROM aside WHERE no = ?1";
        let found = step.first(sql, params![self.no], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (name, class): (String, String) = found.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let lane = lane::find_or_make(step, &name, &class)?;
        come_back(step, self.no, lane)
    }
}

/// Puts a message back to waiting, at the front of its lane's second list.
fn come_back(step: &Step<'_>, no: i64, lane: i64) -> Result<(), Fault> {
    step.execute(
        "INSERT INTO message (lane_no, second, back, id, class, arrived_us, payload)
         SELECT ?2, coalesce((SELECT min(second) FROM message WHERE lane_no = ?2 AND second IS NOT NULL) - 1, 0),
            no, id, class, arrived_us, payload
         FROM aside WHERE no = ?1",
        params![no, lane],
    )?;
    step.execute(
        "INSERT INTO head (seq, failures, losses, lost_by, snoozes, last_error, sent, sending, replies, answer, note)
         SELECT ?2, failures, losses, lost_by, snoozes, last_error, sent, sending, replies, answer, note
         FROM aside WHERE no = ?1",
        params![no, step.db.last_insert_rowid()],
    )?;
    step.execute("DELETE FROM aside WHERE no = ?1", params![no])?;
    Ok(())
}
