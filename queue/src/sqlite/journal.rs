//! The journal in a table: a row for each end, written in the step that ends the message.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Row, params};

use super::ending::Ending;
use super::now::{loaded, stored};
use super::step_error::StepError;
use super::text::text;
use super::work::Step;
use crate::clock::micros;
use crate::{
    Class, JOURNAL_SCAN_MAX, JournalCursor, JournalFilter, JournalPage, JournalRecord, JournalSize, Lane,
    MessageId, NewMessage,
};

/// Rows that one call takes away at most.
const TRIMMED_TOGETHER: i64 = 10_000;
/// Rows that tell what one takes.
const SAMPLE: u32 = 64;

/// What a record is made of; the parameters are the message, the time, what it dies of, and a note that replaces the kept one, or none.
const CURRENT: &str = "INSERT INTO journal (ended_us, id, lane, class, arrived_us, dies_of, failures, losses, sent, note)
    SELECT ?2, message.id, lane.name, message.class, message.arrived_us, ?3, coalesce(head.failures, 0),
        coalesce(head.losses, 0), coalesce(head.sent, 0), coalesce(?4, (SELECT bytes FROM note WHERE note.seq = message.seq))
    FROM message JOIN lane ON lane.no = message.lane_no LEFT JOIN head ON head.seq = message.seq
    WHERE message.seq = ?1 AND NOT EXISTS (SELECT 1 FROM no_journal)";
const HELD: &str = "INSERT INTO journal (ended_us, id, lane, class, arrived_us, dies_of, failures, losses, sent, note)
    SELECT ?2, id, lane, class, arrived_us, ?3, failures, 0, sent, coalesce(?4, (SELECT bytes FROM note WHERE note.held = held.no))
    FROM held WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM no_journal)";

/// Writes how a message that is still there ends.
pub(super) fn write(
    step: &Step<'_>,
    ending: Ending,
    dies_of: Option<&str>,
    note: &[u8],
) -> Result<(), StepError> {
    let (message, sql) = match ending {
        Ending::Current { seq, .. } => (seq, CURRENT),
        Ending::Held { no } => (no, HELD),
    };
    let note = Some(note).filter(|note| !note.is_empty());
    step.run(sql, params![message, step.now_us, dies_of, note])
}

/// Writes how a message ends that is dead on arrival.
pub(super) fn write_arrived(step: &Step<'_>, message: &NewMessage, reason: &str) -> Result<(), StepError> {
    let NewMessage { id, lane, class, arrived_us, .. } = message;
    step.run(
        "INSERT INTO journal (ended_us, id, lane, class, arrived_us, dies_of, failures, losses, sent)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM no_journal)",
        params![step.now_us, id.as_str(), lane.as_str(), class.as_str(), stored(*arrived_us), reason],
    )
}

/// Keeps the note of a message that the queue may end later.
pub(super) fn keep_note(step: &Step<'_>, of: Ending, note: &[u8]) -> Result<(), StepError> {
    if note.is_empty() {
        return Ok(());
    }
    let (seq, held) = match of {
        Ending::Current { seq, .. } => (Some(seq), None),
        Ending::Held { no } => (None, Some(no)),
    };
    step.run("INSERT OR REPLACE INTO note (seq, held, bytes) VALUES (?1, ?2, ?3)", params![seq, held, note])
}

/// A page of the records that match, the youngest first.
pub(super) fn page(
    step: &Step<'_>,
    filter: &JournalFilter,
    after: Option<&JournalCursor>,
    limit: usize,
) -> Result<JournalPage, StepError> {
    let before: i64 = after.and_then(|after| after.0.parse().ok()).unwrap_or(i64::MAX);
    let sql =
        "SELECT no, id, lane, class, arrived_us, ended_us, dies_of, failures, losses, sent, note FROM journal
        WHERE no < ?1 ORDER BY no DESC LIMIT ?2";
    let scanned = i64::try_from(JOURNAL_SCAN_MAX).unwrap_or(i64::MAX);
    let rows = step.all(sql, params![before, scanned], |row| Ok((row.get::<_, i64>(0)?, read(row).ok())))?;
    let is_full = rows.len() == JOURNAL_SCAN_MAX;
    let mut page = JournalPage::default();
    let last = rows.last().map(|(no, _)| *no);
    // One that can't be read is left out.
    for (no, record) in rows {
        // The clock never goes back: all before it are older.
        let is_too_old =
            |record: &JournalRecord| filter.since_ms.is_some_and(|since_ms| record.ended_ms < since_ms);
        if record.as_ref().is_some_and(is_too_old) {
            return Ok(page);
        }
        page.records.extend(record.filter(|record| filter.matches(record)));
        if page.records.len() >= limit || is_full && Some(no) == last {
            page.next = Some(JournalCursor(no.to_string()));
            break;
        }
    }
    Ok(page)
}

fn read(row: &Row<'_>) -> rusqlite::Result<JournalRecord> {
    Ok(JournalRecord {
        id: MessageId::from_stored(text(row, 1)?),
        lane: Lane::from_stored(text(row, 2)?),
        class: Class::from_stored(text(row, 3)?),
        arrived_us: loaded(row.get(4)?),
        ended_ms: loaded(row.get(5)?) / 1_000,
        dies_of: row.get(6)?,
        failures: row.get(7)?,
        losses: row.get(8)?,
        sent: row.get(9)?,
        note: row.get::<_, Option<Vec<u8>>>(10)?.map(Bytes::from).unwrap_or_default(),
    })
}

/// Takes the oldest rows away that are too old or too many, a bounded number.
pub(super) fn trim(step: &Step<'_>, max_bytes: u64, keep: Duration) -> Result<JournalSize, StepError> {
    step.execute(
        "DELETE FROM journal WHERE no IN (SELECT no FROM (SELECT no, ended_us FROM journal ORDER BY no LIMIT ?2)
            WHERE ended_us < ?1)",
        params![step.now_us.saturating_sub(stored(micros(keep))), TRIMMED_TOGETHER],
    )?;
    // A row's own bytes, and about what SQLite and its page add.
    let sql = "SELECT avg(48 + length(id) + length(lane) + length(class) + coalesce(length(dies_of), 0) + coalesce(length(note), 0))
        FROM (SELECT * FROM journal ORDER BY no DESC LIMIT ?1)";
    let each: f64 = step.one(sql, params![SAMPLE], |row| row.get::<_, Option<f64>>(0))?.unwrap_or(1.0);
    let records = count(step)?;
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    let (most, bytes_of) = ((max_bytes as f64 / each) as u64, |records: u64| (records as f64 * each) as u64);
    let surplus = i64::try_from(records.saturating_sub(most)).unwrap_or(i64::MAX).min(TRIMMED_TOGETHER);
    step.execute(
        "DELETE FROM journal WHERE no IN (SELECT no FROM journal ORDER BY no LIMIT ?1)",
        params![surplus],
    )?;
    let records = count(step)?;
    let oldest = "SELECT ended_us FROM journal ORDER BY no LIMIT 1";
    let oldest_us: Option<i64> = step.first(oldest, [], |row| row.get(0))?;
    Ok(JournalSize { records, bytes: bytes_of(records), oldest_ms: oldest_us.map(|us| loaded(us) / 1_000) })
}

/// About how many rows there are: exactly, as long as nothing was forgotten in between.
fn count(step: &Step<'_>) -> Result<u64, StepError> {
    let end = |sql| Ok::<_, StepError>(step.first(sql, [], |row| row.get::<_, i64>(0))?.unwrap_or(0));
    let first = end("SELECT no FROM journal ORDER BY no LIMIT 1")?;
    let last = end("SELECT no FROM journal ORDER BY no DESC LIMIT 1")?;
    Ok(if last == 0 { 0 } else { loaded(last - first + 1) })
}

/// Whether ends leave records.
pub(super) fn keep(step: &Step<'_>, keep: bool) -> Result<(), StepError> {
    match keep {
        true => step.run("DELETE FROM no_journal", []),
        false => step.run("INSERT OR IGNORE INTO no_journal (one) VALUES (1)", []),
    }
}

/// Removes the records of a lane.
pub(super) fn forget(step: &Step<'_>, lane: &Lane) -> Result<u64, StepError> {
    Ok(step.execute("DELETE FROM journal WHERE lane = ?1", params![lane.as_str()])? as u64)
}
