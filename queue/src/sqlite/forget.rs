//! Removing all that is kept of a lane.

use rusqlite::params;

use super::step_error::StepError;
use super::work::Step;
use super::{journal, pause};
use crate::{Forgotten, Lane, Scope};

/// Removes the lane with all its messages, whatever state it is in. How its messages ended goes too.
pub(super) fn forget(step: &Step<'_>, lane: &Lane) -> Result<Forgotten, StepError> {
    let name = lane.as_str();
    let mut forgotten = Forgotten::default();
    let no: Option<i64> =
        step.first("SELECT no FROM lane WHERE name = ?1", params![name], |row| row.get(0))?;
    if let Some(no) = no {
        for seq in messages(step, no)? {
            step.run("DELETE FROM push WHERE id = (SELECT id FROM message WHERE seq = ?1)", params![seq])?;
            step.run("DELETE FROM head WHERE seq = ?1", params![seq])?;
            step.run("DELETE FROM message WHERE seq = ?1", params![seq])?;
            forgotten.messages += 1;
        }
        step.run("DELETE FROM lane WHERE no = ?1", params![no])?;
    }
    forgotten.held = step.execute("DELETE FROM held WHERE lane = ?1", params![name])? as u64;
    let memory = format!("memory:{name}");
    forgotten.memory = step.execute("DELETE FROM value WHERE name = ?1", params![memory])? > 0;
    forgotten.paused = pause::remove(step, &Scope::Lane(lane.clone()))?;
    step.run("DELETE FROM push WHERE id = (SELECT push FROM newest WHERE lane = ?1)", params![name])?;
    step.run("DELETE FROM newest WHERE lane = ?1", params![name])?;
    // Answers that went out for earlier pushes, which nobody opens any more.
    step.run("DELETE FROM push WHERE until_us <= ?1", params![step.now_us])?;
    forgotten.dead = letters(step, name)?;
    forgotten.journal = journal::forget(step, lane)?;
    // Of damaged rows the name may be no text any more.
    step.run("DELETE FROM damaged WHERE CAST(lane AS TEXT) = ?1", params![name])?;
    Ok(forgotten)
}

fn messages(step: &Step<'_>, lane: i64) -> Result<Vec<i64>, StepError> {
    let first = "SELECT seq FROM message WHERE lane_no = ?1 AND second IS NULL";
    let second = "SELECT seq FROM message WHERE lane_no = ?1 AND second IS NOT NULL";
    let mut found = step.all(first, params![lane], |row| row.get(0))?;
    found.extend(step.all(second, params![lane], |row| row.get::<_, i64>(0))?);
    Ok(found)
}

/// There is no index by lane, which each letter would pay for: this reads all letters, and their number has a limit.
fn letters(step: &Step<'_>, lane: &str) -> Result<u64, StepError> {
    Ok(step.execute("DELETE FROM dead WHERE lane = ?1", params![lane])? as u64)
}
