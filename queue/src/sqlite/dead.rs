//! Dead letters: how a message becomes one, and what a person does with it.

use rusqlite::params;

use super::lane;
use super::step_error::StepError;
use super::work::Step;
use crate::MessageId;

/// A message on its way to the dead letters.
pub(super) struct NewLetter<'a> {
    pub(super) id: &'a str,
    pub(super) lane: &'a str,
    pub(super) class: &'a str,
    pub(super) arrived_us: i64,
    pub(super) reason: &'a str,
    pub(super) failures: u32,
    pub(super) losses: u32,
    pub(super) on_arrival: bool,
    pub(super) payload: &'a [u8],
}

impl NewLetter<'_> {
    /// Writes it down. One that has the same id, from an earlier life, gives way.
    pub(super) fn write(&self, step: &Step<'_>) -> Result<(), StepError> {
        step.execute("DELETE FROM dead WHERE id = ?1", params![self.id])?;
        step.execute(
            "INSERT INTO dead (id, lane, class, arrived_us, died_us, reason, failures, losses, on_arrival, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                self.id,
                self.lane,
                self.class,
                self.arrived_us,
                step.now_us,
                self.reason,
                self.failures,
                self.losses,
                self.on_arrival,
                self.payload
            ],
        )?;
        Ok(())
    }
}

/// Puts the letter with this id at the end of its lane. False if there is none.
pub(super) fn revive(step: &mut Step<'_>, id: &MessageId) -> Result<bool, StepError> {
    let sql = "SELECT no, lane, class FROM dead WHERE id = ?1";
    let found = step.first(sql, params![id.as_str()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let Some((no, lane, class)) = found else { return Ok(false) };
    let lane = lane::find_or_make(step, &lane, &class)?;
    step.execute(
        "INSERT INTO message (lane_no, id, class, arrived_us, payload)
         SELECT ?2, id, class, arrived_us, payload FROM dead WHERE no = ?1",
        params![no, lane],
    )?;
    step.execute("DELETE FROM dead WHERE no = ?1", params![no])?;
    // It may be answered anew.
    step.execute("DELETE FROM value WHERE name = 'answered:' || ?1", params![id.as_str()])?;
    Ok(true)
}

/// Removes the letter with this id. False if there is none.
pub(super) fn drop_letter(step: &Step<'_>, id: &MessageId) -> Result<bool, StepError> {
    Ok(step.execute("DELETE FROM dead WHERE id = ?1", params![id.as_str()])? > 0)
}
