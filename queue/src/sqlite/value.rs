//! Values with an end: a lane's memory, marks of answers by call back, and what the users of a queue share.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::params;

use super::now::{loaded, stored};
use super::step_error::StepError;
use super::text::text;
use super::work::Step;
use crate::clock::micros;

/// The value with this name, if its time isn't over.
pub(super) fn get(step: &Step<'_>, name: &str) -> Result<Option<Vec<u8>>, StepError> {
    let sql = "SELECT bytes FROM value WHERE name = ?1 AND until_us > ?2";
    Ok(step.first(sql, params![name, step.now_us], |row| row.get(0))?)
}

/// The values whose names begin with `folder`, with the rest of their names behind "value:".
pub(super) fn folder(step: &Step<'_>, folder: &str) -> Result<Vec<(String, Bytes)>, StepError> {
    // The names in a folder lie between the folder itself and the same text with the character after the slash at its end.
    let end = folder.strip_suffix('/').map_or_else(String::new, |start| format!("{start}0"));
    let sql = "SELECT name, bytes FROM value WHERE name >= ?1 AND name < ?2 AND until_us > ?3";
    Ok(step.all(sql, params![folder, end, step.now_us], |row| {
        let name = text(row, 0)?;
        Ok((name.strip_prefix("value:").unwrap_or_default().to_owned(), row.get::<_, Vec<u8>>(1)?.into()))
    })?)
}

/// Sets a value for a time; an empty one is removed.
pub(super) fn set(step: &Step<'_>, name: &str, bytes: &[u8], keep_for: Duration) -> Result<(), StepError> {
    if bytes.is_empty() {
        step.execute("DELETE FROM value WHERE name = ?1", params![name])?;
        return Ok(());
    }
    // In whole milliseconds, as on Redis.
    let keep_us = (stored(micros(keep_for)) / 1_000).max(1).saturating_mul(1_000);
    put(step, name, bytes, step.now_us.saturating_add(keep_us))
}

/// Sets a mark that lasts until the given time.
pub(super) fn mark(step: &Step<'_>, name: &str, until_us: i64) -> Result<(), StepError> {
    put(step, name, &[], until_us)
}

/// Grants one of `n` per period, or says how long to wait: the generic cell rate algorithm, with a whole period's worth
/// as the burst.
pub(super) fn limit(step: &Step<'_>, name: &str, n: u32, per: Duration) -> Result<Duration, StepError> {
    let period_us = stored(micros(per));
    let one_us = (period_us / i64::from(n.max(1))).max(1);
    let sql = "SELECT until_us FROM value WHERE name = ?1";
    let known: Option<i64> = step.first(sql, params![name], |row| row.get(0))?;
    let mut known_us = known.unwrap_or(0);
    // It is never more than a period ahead, unless the period was longer before.
    if known_us > step.now_us.saturating_add(period_us) {
        known_us = step.now_us.saturating_add(period_us);
        put(step, name, &[], known_us)?;
    }
    let earned_us = known_us.max(step.now_us).saturating_add(one_us);
    let wait_us = earned_us.saturating_sub(step.now_us).saturating_sub(period_us);
    if wait_us <= 0 {
        put(step, name, &[], earned_us)?;
    }
    Ok(Duration::from_micros(loaded(wait_us)))
}

fn put(step: &Step<'_>, name: &str, bytes: &[u8], until_us: i64) -> Result<(), StepError> {
    step.run(
        "INSERT INTO value (name, until_us, bytes) VALUES (?1, ?2, ?3)
            ON CONFLICT (name) DO UPDATE SET until_us = excluded.until_us, bytes = excluded.bytes",
        params![name, until_us, bytes],
    )
}
