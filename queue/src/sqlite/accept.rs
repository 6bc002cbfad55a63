//! A message comes in: dedup and enqueue in one step.

use std::time::Duration;

use rusqlite::params;

use super::lane::FoundLane;
use super::mend::mend;
use super::now::stored;
use super::step_error::StepError;
use super::work::Step;
use super::{dead, held, lane, value};
use crate::{Accepted, Closed, DEAD_ON_ARRIVAL_MAX, HeldEffect, NewMessage, Right};

/// Stores the message unless its id is known or, by the queue's clock, `deadline_us` has passed. The id is known for
/// `window_us` from now on.
pub(super) fn accept(
    step: &mut Step<'_>,
    message: &NewMessage,
    deadline_us: Option<i64>,
    window_us: i64,
) -> Result<Accepted, StepError> {
    if deadline_us.is_some_and(|deadline_us| step.now_us > deadline_us) {
        return Ok(if is_known(step, message)? { Accepted::Duplicate } else { Accepted::Expired });
    }
    if !make_known(step, message, window_us)? {
        return Ok(Accepted::Duplicate);
    }
    match &message.dead_reason {
        Some(reason) => bury_on_arrival(step, message, reason),
        None => enqueue_safely(step, message),
    }
}

fn is_known(step: &Step<'_>, message: &NewMessage) -> Result<bool, StepError> {
    let sql = "SELECT 1 FROM seen WHERE id = ?1 AND expires_us > ?2";
    step.exists(sql, params![message.id.as_str(), step.now_us])
}

/// Remembers the id. False, with nothing changed, if it was known.
fn make_known(step: &Step<'_>, message: &NewMessage, window_us: i64) -> Result<bool, StepError> {
    let changed = step.execute(
        "INSERT INTO seen (id, expires_us) VALUES (?1, ?3)
            ON CONFLICT (id) DO UPDATE SET expires_us = excluded.expires_us WHERE expires_us <= ?2",
        params![message.id.as_str(), step.now_us, step.now_us.saturating_add(window_us)],
    )?;
    Ok(changed > 0)
}

/// The same, after what is damaged of the lane was set aside.
fn enqueue_safely(step: &mut Step<'_>, message: &NewMessage) -> Result<Accepted, StepError> {
    let problem = match step.apart(|step| enqueue(step, message))? {
        Ok(accepted) => return Ok(accepted),
        Err(problem) => problem,
    };
    let sql = "SELECT no FROM lane WHERE name = ?1";
    if let Some(lane) = step.first(sql, params![message.lane.as_str()], |row| row.get(0))? {
        mend(step, lane, &problem)?;
    }
    enqueue(step, message)
}

fn enqueue(step: &mut Step<'_>, message: &NewMessage) -> Result<Accepted, StepError> {
    let class = message.class.as_str();
    let name = message.lane.as_str();
    let FoundLane { no: lane, has_current, has_right } = lane::find_or_make(step, name, class)?;
    step.execute(
        "INSERT INTO message (lane_no, second, id, class, arrived_us, payload)
         VALUES (?1, CASE WHEN ?6 THEN coalesce((SELECT max(second) FROM message WHERE lane_no = ?1 AND second IS NOT NULL) + 1, 0) END,
            ?2, ?3, ?4, ?5)",
        params![
            lane,
            message.id.as_str(),
            class,
            stored(message.arrived_us),
            &message.payload[..],
            message.late
        ],
    )?;
    match message.held {
        HeldEffect::Leave => {}
        HeldEffect::Wake(right) => {
            let woke = held::wake(step, name, lane)?;
            if woke || has_right {
                // Several rights do not add up: the larger number that is left counts, and the later end.
                let Right { sends, until_s } = right.fitted();
                step.execute(
                    "UPDATE lane SET allowed = max(coalesce(allowed, 0), sends + ?2),
                        until_s = max(coalesce(until_s, 0), ?3), closed = NULL WHERE no = ?1",
                    params![lane, sends, stored(until_s)],
                )?;
            }
            if has_current {
                tell_current(step, lane)?;
            }
        }
        HeldEffect::Bury => {
            step.execute(
                "INSERT INTO head (seq, forgets) SELECT current, 1 FROM lane WHERE no = ?1 AND current IS NOT NULL
                    ON CONFLICT (seq) DO UPDATE SET forgets = 1",
                params![lane],
            )?;
            lane::close(step, lane, Closed::Ended)?;
            value::set(step, &format!("memory:{name}"), &[], Duration::ZERO)?;
            held::bury_all(step, name)?;
        }
    }
    Ok(Accepted::New)
}

/// The current message hears of a waking one behind it.
fn tell_current(step: &Step<'_>, lane: i64) -> Result<(), StepError> {
    // Its holder has not seen this one: a hold that names an older one comes too late.
    step.execute(
        "INSERT INTO head (seq, triggers) SELECT current, 1 FROM lane WHERE no = ?1 AND current IS NOT NULL
            ON CONFLICT (seq) DO UPDATE SET triggers = triggers + 1",
        params![lane],
    )?;
    // If it has failed, it holds this one up no longer than its patience lasts.
    step.run(
        "UPDATE lane SET due_us = head.gives_way_us FROM head
         WHERE no = ?1 AND state = 'delayed' AND head.seq = lane.current AND head.gives_way_us < due_us",
        params![lane],
    )
}

fn bury_on_arrival(step: &Step<'_>, message: &NewMessage, reason: &str) -> Result<Accepted, StepError> {
    let class = message.class.as_str();
    let kept: Option<i64> =
        step.first("SELECT dead_on_arrival FROM class WHERE name = ?1", params![class], |row| row.get(0))?;
    // A message from a spool was acked long ago: it is kept, however many there are.
    if !message.late && kept.unwrap_or(0) >= stored(DEAD_ON_ARRIVAL_MAX) {
        step.execute("UPDATE class SET dead_uncounted = dead_uncounted + 1 WHERE name = ?1", params![class])?;
        return Ok(Accepted::Counted);
    }
    dead::arrive(step, message, reason)?;
    Ok(Accepted::New)
}
