//! What is done with the rows of a spool, inside a transaction of its file.

use rusqlite::params;

use super::entry::{self, Appended, SpoolCounts, SpoolEntry};
use super::room::Room;
use super::taken::TakenEntries;
use crate::file::now::{loaded, stored};
use crate::file::step_error::StepError;
use crate::file::work::Step;
use crate::{Lane, MessageId, NewMessage};

/// Puts a message at the end, unless its id is here; the text says why there is no room for it.
pub(super) fn append(
    step: &Step<'_>,
    message: &NewMessage,
    room: &Room,
) -> Result<Result<Appended, String>, StepError> {
    let id = message.id.as_str();
    if step.exists("SELECT 1 FROM entry WHERE id = ?1", params![id])? {
        return Ok(Ok(Appended::Duplicate));
    }
    let used: Option<i64> = step.first("SELECT bytes FROM meta", [], |row| row.get(0))?;
    let bytes = entry::size_bytes(message);
    if let Some(refusal) = room.refusal(loaded(used.unwrap_or(0)), bytes) {
        return Ok(Err(refusal));
    }
    let (held, allowed) = entry::numbers_of(message.held);
    step.execute(
        "INSERT INTO entry (id, lane, class, arrived_us, spooled_us, bytes, held, allowed, dead_reason, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            id,
            message.lane.as_str(),
            message.class.as_str(),
            stored(message.arrived_us),
            step.now_us,
            stored(bytes),
            held,
            allowed,
            message.dead_reason,
            &message.payload[..]
        ],
    )?;
    Ok(Ok(Appended::New))
}

/// The first entries behind `after` that aren't taken: at most so many, and no more once so many bytes are reached.
pub(super) fn next(
    step: &Step<'_>,
    taken: &mut TakenEntries,
    after: u64,
    most: usize,
    most_bytes: usize,
    now_us: i64,
) -> Result<Vec<SpoolEntry>, StepError> {
    let sql = format!("SELECT {} FROM entry WHERE seq > ?1 AND refusal IS NULL ORDER BY seq", entry::COLUMNS);
    let mut statement = step.db.prepare_cached(&sql)?;
    let from_the_first = after <= taken.all_up_to();
    let mut rows = statement.query(params![stored(after.max(taken.all_up_to()))])?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while entries.len() < most && bytes < most_bytes {
        let Some(row) = rows.next()? else { break };
        let seq = loaded(row.get(0)?);
        if !taken.contains(seq) {
            let entry = entry::read(row, now_us)?;
            bytes += entry.message.payload.len();
            entries.push(entry);
        } else if entries.is_empty() && from_the_first {
            taken.seen_up_to(seq);
        }
    }
    Ok(entries)
}

/// The entries with these numbers, as far as they are there.
pub(super) fn with_numbers(step: &Step<'_>, seqs: &[u64], now_us: i64) -> Result<Vec<SpoolEntry>, StepError> {
    let sql = format!("SELECT {} FROM entry WHERE seq = ?1", entry::COLUMNS);
    let mut entries = Vec::with_capacity(seqs.len());
    for seq in seqs {
        entries.extend(step.first(&sql, params![stored(*seq)], |row| entry::read(row, now_us))?);
    }
    Ok(entries)
}

/// Removes the entries with these numbers.
pub(super) fn forget(step: &Step<'_>, seqs: &[u64]) -> Result<(), StepError> {
    for seq in seqs {
        step.execute("DELETE FROM entry WHERE seq = ?1", params![stored(*seq)])?;
    }
    Ok(())
}

/// Removes the entries of a lane; how many there were.
pub(super) fn forget_lane(step: &Step<'_>, lane: &Lane) -> Result<u64, StepError> {
    Ok(step.execute("DELETE FROM entry WHERE lane = ?1", params![lane.as_str()])? as u64)
}

/// Whether nothing is here.
pub(super) fn is_empty(step: &Step<'_>) -> Result<bool, StepError> {
    Ok(step.one("SELECT entries + quarantined = 0 FROM meta", [], |row| row.get(0))?)
}

/// Sets an entry aside.
pub(super) fn quarantine(step: &Step<'_>, seq: u64, refusal: &str) -> Result<(), StepError> {
    step.run("UPDATE entry SET refusal = ?2 WHERE seq = ?1", params![stored(seq), refusal])
}

/// Gives every quarantined entry another try; how many there are.
pub(super) fn release_quarantined(step: &Step<'_>) -> Result<usize, StepError> {
    Ok(step.execute("UPDATE entry SET refusal = NULL WHERE refusal IS NOT NULL", [])?)
}

/// The lanes of the entries after `after` that wait for the drain, one for each, with its number.
pub(super) fn lanes(step: &Step<'_>, after: u64, most: usize) -> Result<Vec<(u64, Lane)>, StepError> {
    let lane = |row: &rusqlite::Row<'_>| Ok((loaded(row.get(0)?), Lane::from_stored(row.get(1)?)));
    Ok(step.all(
        "SELECT seq, lane FROM entry WHERE seq > ?1 AND refusal IS NULL ORDER BY seq LIMIT ?2",
        params![stored(after), i64::try_from(most).unwrap_or(i64::MAX)],
        lane,
    )?)
}

/// How much there is.
pub(super) fn counts(db: &rusqlite::Connection, now_us: i64) -> rusqlite::Result<SpoolCounts> {
    let counts = db.prepare_cached("SELECT entries, bytes, quarantined FROM meta")?.query_row([], |row| {
        Ok(SpoolCounts {
            entries: loaded(row.get(0)?),
            bytes: loaded(row.get(1)?),
            quarantined: loaded(row.get(2)?),
            oldest: None,
        })
    })?;
    let first = "SELECT spooled_us FROM entry WHERE refusal IS NULL ORDER BY seq LIMIT 1";
    let mut statement = db.prepare_cached(first)?;
    let mut rows = statement.query([])?;
    let oldest = match rows.next()? {
        Some(row) => Some(entry::age(now_us, row.get(0)?)),
        None => None,
    };
    Ok(SpoolCounts { oldest, ..counts })
}

/// The first quarantined entries.
pub(super) fn quarantined(db: &rusqlite::Connection, most: usize) -> rusqlite::Result<Vec<Quarantined>> {
    let sql =
        "SELECT id, class, arrived_us, refusal FROM entry WHERE refusal IS NOT NULL ORDER BY seq LIMIT ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Quarantined {
            id: MessageId::from_stored(row.get(0)?),
            class: crate::Class::from_stored(row.get(1)?),
            arrived_us: loaded(row.get(2)?),
            reason: row.get(3)?,
        })
    };
    db.prepare_cached(sql)?.query_map(params![i64::try_from(most).unwrap_or(i64::MAX)], read)?.collect()
}

/// An entry that the store refuses for what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The message's id.
    pub id: MessageId,
    /// Its class.
    pub class: crate::Class,
    /// When the receiver got it, in Unix microseconds.
    pub arrived_us: u64,
    /// Why it is refused.
    pub reason: String,
}
