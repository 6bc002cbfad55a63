//! What a person does with a dead letter.

use rusqlite::params;

use super::fault::Fault;
use super::job::Step;
use super::lane;
use crate::MessageId;

/// Puts the youngest letter with this id at the end of its lane. False if there is none.
pub(super) fn revive(step: &mut Step<'_>, id: &MessageId) -> Result<bool, Fault> {
    let sql = "SELECT no, lane, class FROM dead WHERE id = ?1 ORDER BY no DESC LIMIT 1";
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
    Ok(true)
}

/// Removes the youngest letter with this id. False if there is none.
pub(super) fn drop_letter(step: &Step<'_>, id: &MessageId) -> Result<bool, Fault> {
    let sql = "DELETE FROM dead WHERE no = (SELECT no FROM dead WHERE id = ?1 ORDER BY no DESC LIMIT 1)";
    Ok(step.execute(sql, params![id.as_str()])? > 0)
}
