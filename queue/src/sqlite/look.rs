//! What can be seen of the queue without changing it. The counts are kept by the schema's triggers, so none of these
//! costs more because there is more in the queue, but for how far `dead` is asked to skip.

use rusqlite::{Row, params};

use super::fault::Fault;
use super::job::Step;
use super::now::{loaded, stored};
use crate::{Class, Counts, DeadLetter, DeadPage, Lane, LaneState, LaneView, MessageId};

/// What [`letter`] reads, in its order.
macro_rules! letter_columns {
    () => {
        "id, lane, class, payload, arrived_us, died_us, reason, failures, losses"
    };
}

/// The most dead letters on a page.
const PAGE: u64 = 1_000;

/// How many messages are in which state.
pub(super) fn counts(step: &Step<'_>) -> Result<Counts, Fault> {
    let mut counts = Counts::default();
    let sql = "SELECT name, open, ready, leased, delayed, dead, dead_uncounted FROM class";
    let number = |row: &Row<'_>, column| row.get(column).map(loaded);
    let classes = step.all(sql, [], |row| {
        counts.running += number(row, 3)?;
        counts.delayed += number(row, 4)?;
        counts.dead += number(row, 5)?;
        counts.dead_uncounted += number(row, 6)?;
        Ok((Class::from_stored(row.get(0)?), number(row, 1)?, number(row, 2)?))
    })?;
    for (class, open, ready) in classes {
        if ready > 0 {
            counts.next_age_us = counts.next_age_us.max(next_age_us(step, &class)?);
            counts.ready_lanes.insert(class.clone(), ready);
        }
        if open > 0 {
            counts.open.insert(class, open);
        }
    }
    Ok(counts)
}

/// One lane, if it has messages.
pub(super) fn lane(step: &Step<'_>, lane: &Lane) -> Result<Option<LaneView>, Fault> {
    let found =
        step.first("SELECT no, state, due_us FROM lane WHERE name = ?1", params![lane.as_str()], |row| {
            let state = match row.get_ref(1)?.as_str()? {
                "leased" => LaneState::Leased,
                "delayed" => LaneState::Delayed { due_us: loaded(row.get(2)?) },
                // The schema allows no other.
                _ => LaneState::Ready,
            };
            Ok((row.get::<_, i64>(0)?, state))
        })?;
    let Some((no, state)) = found else { return Ok(None) };
    let messages = step.all(
        "SELECT seq, id FROM message WHERE lane_no = ?1 ORDER BY seq LIMIT 100",
        params![no],
        |row| Ok((row.get::<_, i64>(0)?, MessageId::from_stored(row.get(1)?))),
    )?;
    let head = messages.first().map(|(seq, _)| *seq);
    let last_error: Option<Option<String>> =
        step.first("SELECT last_error FROM head WHERE seq = ?1", params![head], |row| row.get(0))?;
    let waiting = messages.into_iter().map(|(_, id)| id).collect();
    Ok(Some(LaneView { state, waiting, last_error: last_error.flatten() }))
}

/// Dead letters, the youngest first.
pub(super) fn dead(step: &Step<'_>, offset: u64, limit: u64) -> Result<DeadPage, Fault> {
    let letters = step.all(
        concat!("SELECT ", letter_columns!(), " FROM dead ORDER BY no DESC LIMIT ?1 OFFSET ?2"),
        params![stored(limit.min(PAGE)), stored(offset)],
        letter,
    )?;
    let total: Option<i64> = step.first("SELECT coalesce(sum(dead), 0) FROM class", [], |row| row.get(0))?;
    Ok(DeadPage { letters, total: loaded(total.unwrap_or(0)) })
}

/// The youngest dead letter with this id.
pub(super) fn dead_letter(step: &Step<'_>, id: &MessageId) -> Result<Option<DeadLetter>, Fault> {
    let sql = concat!("SELECT ", letter_columns!(), " FROM dead WHERE id = ?1 ORDER BY no DESC LIMIT 1");
    Ok(step.first(sql, params![id.as_str()], letter)?)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: MessageId::from_stored(row.get(0)?),
        lane: Lane::from_stored(row.get(1)?),
        class: Class::from_stored(row.get(2)?),
        payload: row.get::<_, Vec<u8>>(3)?.into(),
        arrived_us: loaded(row.get(4)?),
        died_us: loaded(row.get(5)?),
        reason: row.get(6)?,
        failures: row.get(7)?,
        losses: row.get(8)?,
    })
}

/// Reads the row without which nothing works.
pub(super) fn ping(step: &Step<'_>) -> Result<(), Fault> {
    step.db.prepare_cached("SELECT last_us FROM meta")?.query_row([], |_| Ok(()))?;
    Ok(())
}

/// Age of the message that is next in line in a class, in microseconds.
fn next_age_us(step: &Step<'_>, class: &Class) -> Result<Option<u64>, Fault> {
    let arrived_us: Option<i64> = step.first(
        "SELECT message.arrived_us FROM lane
            JOIN message ON message.seq = (SELECT min(seq) FROM message WHERE lane_no = lane.no)
         WHERE lane.state = 'ready' AND lane.class = ?1 ORDER BY lane.position LIMIT 1",
        params![class.as_str()],
        |row| row.get(0),
    )?;
    Ok(arrived_us.map(|arrived_us| loaded(step.now_us.saturating_sub(arrived_us))))
}
