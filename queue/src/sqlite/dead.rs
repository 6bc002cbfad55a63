//! Dead letters: how a message becomes one, and what a person does with it.

use rusqlite::params;

use super::now::stored;
use super::step_error::StepError;
use super::work::Step;
use super::{journal, lane};
use crate::{MessageId, NewMessage};

/// Writes the letter of a message that is dead on arrival, in place of one with the same id from an earlier life.
pub(super) fn arrive(step: &Step<'_>, message: &NewMessage, reason: &str) -> Result<(), StepError> {
    let NewMessage { id, lane, class, arrived_us, payload, .. } = message;
    let (id, lane, class) = (id.as_str(), lane.as_str(), class.as_str());
    step.execute("DELETE FROM dead WHERE id = ?1", params![id])?;
    step.run(
        "INSERT INTO dead (id, lane, class, arrived_us, died_us, reason, failures, losses, on_arrival, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 1, ?7)",
        params![id, lane, class, stored(*arrived_us), step.now_us, reason, &payload[..]],
    )?;
    journal::write_arrived(step, message, reason)
}

/// Puts the letter with this id at the end of its lane. False if there is none.
pub(super) fn revive(step: &mut Step<'_>, id: &MessageId) -> Result<bool, StepError> {
    let sql = "SELECT no, lane, class FROM dead WHERE id = ?1";
    let found = step.first(sql, params![id.as_str()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let Some((no, lane, class)) = found else { return Ok(false) };
    let lane = lane::find_or_make(step, &lane, &class)?.no;
    step.execute(
        "INSERT INTO message (lane_no, id, class, arrived_us, payload)
         SELECT ?2, id, class, arrived_us, payload FROM dead WHERE no = ?1",
        params![no, lane],
    )?;
    step.execute("DELETE FROM dead WHERE no = ?1", params![no])?;
    // It may be answered again.
    step.execute("DELETE FROM value WHERE name = 'answered:' || ?1", params![id.as_str()])?;
    Ok(true)
}

/// Removes the letter with this id. False if there is none.
pub(super) fn drop_letter(step: &Step<'_>, id: &MessageId) -> Result<bool, StepError> {
    Ok(step.execute("DELETE FROM dead WHERE id = ?1", params![id.as_str()])? > 0)
}
