//! What is paused.

use rusqlite::params;

use super::lane;
use super::now::loaded;
use super::step_error::StepError;
use super::text::text;
use super::work::Step;
use crate::{Class, Lane, Paused, Scope};

/// Pauses, or replaces the reason of a pause.
pub(super) fn pause(step: &Step<'_>, scope: &Scope, reason: &str) -> Result<(), StepError> {
    step.run(
        "INSERT INTO paused (scope, since_us, reason) VALUES (?1, ?2, ?3)
            ON CONFLICT (scope) DO UPDATE SET since_us = excluded.since_us, reason = excluded.reason",
        params![key_of(scope), step.now_us, reason],
    )
}

/// Ends a pause; a lane that was parked is last in line. False if there was none.
pub(super) fn resume(step: &mut Step<'_>, scope: &Scope) -> Result<bool, StepError> {
    if !remove(step, scope)? {
        return Ok(false);
    }
    let Scope::Lane(name) = scope else {
        // All waiting workers should look.
        step.made_ready += 1;
        return Ok(true);
    };
    let sql = "SELECT no FROM lane WHERE name = ?1 AND state = 'parked'";
    if let Some(parked) = step.first(sql, params![name.as_str()], |row| row.get(0))? {
        lane::to_end(step, parked)?;
    }
    Ok(true)
}

/// Takes a pause away, and leaves the lane where it is. False if there was none.
pub(super) fn remove(step: &Step<'_>, scope: &Scope) -> Result<bool, StepError> {
    Ok(step.execute("DELETE FROM paused WHERE scope = ?1", params![key_of(scope)])? > 0)
}

/// Whether this is paused.
pub(super) fn is_paused(step: &Step<'_>, scope: &Scope) -> Result<bool, StepError> {
    let sql = "SELECT 1 FROM paused WHERE scope = ?1";
    step.exists(sql, params![key_of(scope)])
}

/// Whether anything is paused.
pub(super) fn is_anything(step: &Step<'_>) -> Result<bool, StepError> {
    step.exists("SELECT 1 FROM paused LIMIT 1", [])
}

/// Everything that is paused, up to 1,000 entries.
pub(super) fn all(step: &Step<'_>) -> Result<Vec<Paused>, StepError> {
    let mut paused = step.all("SELECT scope, since_us, reason FROM paused LIMIT 1000", [], |row| {
        let key = text(row, 0)?;
        let scope = match key.split_at_checked(1) {
            Some(("c", class)) => Scope::Class(Class::from_stored(class.to_owned())),
            Some(("l", lane)) => Scope::Lane(Lane::from_stored(lane.to_owned())),
            _ => Scope::All,
        };
        Ok(Paused { scope, since_us: loaded(row.get(1)?), reason: text(row, 2)? })
    })?;
    paused.sort_by(|a, b| a.scope.cmp(&b.scope));
    Ok(paused)
}

fn key_of(scope: &Scope) -> String {
    match scope {
        Scope::All => "*".to_owned(),
        Scope::Class(class) => format!("c{class}"),
        Scope::Lane(lane) => format!("l{lane}"),
    }
}
