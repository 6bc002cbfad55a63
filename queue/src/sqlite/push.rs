//! Pushes that receivers keep open, and which of them is the newest of its lane.

use bytes::Bytes;
use rusqlite::params;

use super::now::stored;
use super::step_error::StepError;
use super::text::text;
use super::work::Step;
use crate::clock::micros;
use crate::{Lane, MessageId, OpenPush, PUSH_KEPT_FOR};

/// What is known of a push.
pub(super) struct KnownPush {
    pub(super) tries: u32,
    /// What went out for it, and whether there was more.
    pub(super) part: Option<(Bytes, bool)>,
}

/// The newest push of a lane, while it is open.
pub(super) struct Newest {
    pub(super) push: MessageId,
    pub(super) receiver: String,
    pub(super) until_us: i64,
}

/// Counts a try of a push and makes it its lane's newest. Gives the number of the try.
pub(super) fn open(step: &Step<'_>, lane: &Lane, push: &OpenPush) -> Result<u32, StepError> {
    // More than one call can add.
    for sql in [
        "DELETE FROM push WHERE id IN (SELECT id FROM push WHERE until_us <= ?1 ORDER BY until_us LIMIT 2)",
        "DELETE FROM newest WHERE lane IN (SELECT lane FROM newest WHERE until_us <= ?1 ORDER BY until_us LIMIT 2)",
    ] {
        step.execute(sql, params![step.now_us])?;
    }
    step.execute(
        "INSERT INTO newest (lane, push, receiver, until_us) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (lane) DO UPDATE SET push = excluded.push, receiver = excluded.receiver, until_us = excluded.until_us",
        params![
            lane.as_str(),
            push.id.as_str(),
            push.receiver,
            step.now_us.saturating_add(stored(micros(push.open_for)))
        ],
    )?;
    let sql = "INSERT INTO push (id, tries, until_us) VALUES (?1, 1, ?3)
        ON CONFLICT (id) DO UPDATE SET until_us = excluded.until_us,
            tries = CASE WHEN until_us > ?2 THEN tries + 1 ELSE 1 END,
            part = CASE WHEN until_us > ?2 THEN part END, more = CASE WHEN until_us > ?2 THEN more END
        RETURNING tries";
    Ok(step.one(sql, params![push.id.as_str(), step.now_us, kept_until_us(step)], |row| row.get(0))?)
}

/// What is known of a push that was opened not long ago.
pub(super) fn find(step: &Step<'_>, id: &MessageId) -> Result<Option<KnownPush>, StepError> {
    let sql = "SELECT tries, part, more FROM push WHERE id = ?1 AND until_us > ?2";
    let push = step.first(sql, params![id.as_str(), step.now_us], |row| {
        let part = row.get::<_, Option<Vec<u8>>>(1)?.map(Bytes::from);
        Ok(KnownPush { tries: row.get(0)?, part: part.zip(row.get(2)?) })
    })?;
    Ok(push)
}

/// Remembers what went out for a push, or that nothing did.
pub(super) fn keep(step: &Step<'_>, id: &MessageId, part: Option<&(Bytes, bool)>) -> Result<(), StepError> {
    let (bytes, more) = part.map(|(bytes, more)| (&bytes[..], *more)).unzip();
    let sql = "UPDATE push SET part = ?2, more = ?3, until_us = ?4 WHERE id = ?1";
    step.run(sql, params![id.as_str(), bytes, more, kept_until_us(step)])
}

/// The newest push of a lane, if it is open.
pub(super) fn newest(step: &Step<'_>, lane: &Lane) -> Result<Option<Newest>, StepError> {
    let sql = "SELECT push, receiver, until_us FROM newest WHERE lane = ?1 AND until_us > ?2";
    let newest = step.first(sql, params![lane.as_str(), step.now_us], |row| {
        let push = MessageId::from_stored(text(row, 0)?);
        Ok(Newest { push, receiver: text(row, 1)?, until_us: row.get(2)? })
    })?;
    Ok(newest)
}

/// The receiver that should look at a lane.
pub(super) fn listener(step: &Step<'_>, lane: &Lane) -> Result<Option<String>, StepError> {
    Ok(newest(step, lane)?.map(|newest| newest.receiver))
}

/// The lane's newest push has what it waited for.
pub(super) fn close(step: &Step<'_>, lane: &Lane) -> Result<(), StepError> {
    step.run("DELETE FROM newest WHERE lane = ?1", params![lane.as_str()])
}

fn kept_until_us(step: &Step<'_>) -> i64 {
    step.now_us.saturating_add(stored(micros(PUSH_KEPT_FOR)))
}
