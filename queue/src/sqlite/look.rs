//! What can be seen of the queue without changing it. The schema's triggers keep the counts, so a larger queue makes none of
//! these cost more, except how far `dead` is asked to skip.

use std::time::Duration;

use rusqlite::{Row, params};

use super::now::{loaded, stored};
use super::step_error::StepError;
use super::text::text;
use super::work::Step;
use super::{line, pause};
use crate::clock::micros;
use crate::{
    Class, Counts, DEAD_SCAN_MAX, DeadCursor, DeadFilter, DeadLetter, DeadPage, Lane, LaneSnapshot,
    LaneState, MessageId, Scope,
};

/// What [`letter`] reads, in its order.
macro_rules! letter_columns {
    () => {
        "id, lane, class, payload, arrived_us, died_us, reason, failures, losses"
    };
}

/// How many messages are in which state.
pub(super) fn counts(step: &Step<'_>) -> Result<Counts, StepError> {
    let mut counts = Counts::default();
    let sql = "SELECT name, open, ready, leased, delayed, dead, dead_uncounted, parked, held FROM class";
    let number = |row: &Row<'_>, column| row.get(column).map(loaded);
    let classes = step.all(sql, [], |row| {
        counts.running += number(row, 3)?;
        counts.delayed += number(row, 4)?;
        counts.dead += number(row, 5)?;
        counts.dead_uncounted += number(row, 6)?;
        counts.parked += number(row, 7)?;
        counts.held += number(row, 8)?;
        Ok((Class::from_stored(text(row, 0)?), number(row, 1)?, number(row, 2)?))
    })?;
    for (class, open, ready) in classes {
        if ready > 0 {
            if let Some(age_us) = next_age_us(step, &class)? {
                counts.next_ages_us.insert(class.clone(), age_us);
            }
            counts.ready_lanes.insert(class.clone(), ready);
        }
        if open > 0 {
            counts.open.insert(class, open);
        }
    }
    Ok(counts)
}

/// One lane, if it has messages or is paused.
pub(super) fn lane(step: &Step<'_>, lane: &Lane) -> Result<Option<LaneSnapshot>, StepError> {
    let name = lane.as_str();
    let found = step.first(
        "SELECT no, state, due_us, current, coalesce(awaiting, 0), last_error FROM lane
            LEFT JOIN head ON head.seq = lane.current WHERE name = ?1",
        params![name],
        |row| {
            let due_us = row.get::<_, Option<i64>>(2)?.map_or(0, loaded);
            let state = match row.get_ref(1)?.as_str()? {
                "leased" => LaneState::Leased,
                "delayed" if row.get(4)? => LaneState::Awaiting { until_us: due_us },
                "delayed" => LaneState::Delayed { due_us },
                "parked" => LaneState::Parked,
                // The schema allows no other.
                _ => LaneState::Ready,
            };
            let error = Some(text(row, 5)?).filter(|error| !error.is_empty());
            Ok((row.get::<_, i64>(0)?, state, row.get::<_, Option<i64>>(3)?, error))
        },
    )?;
    let ids = |sql, key: &dyn rusqlite::ToSql, current: Option<i64>| {
        step.all(sql, params![key, current], |row| Ok(MessageId::from_stored(text(row, 0)?)))
    };
    let (mut waiting, mut state, mut last_error) = (Vec::new(), LaneState::Idle, None);
    if let Some((no, its_state, current, error)) = found {
        (state, last_error) = (its_state, error);
        for sql in [
            "SELECT id FROM message WHERE lane_no = ?1 AND seq = ?2",
            "SELECT id FROM message WHERE lane_no = ?1 AND seq IS NOT ?2 AND second IS NOT NULL ORDER BY second LIMIT 100",
            "SELECT id FROM message WHERE lane_no = ?1 AND seq IS NOT ?2 AND second IS NULL ORDER BY seq LIMIT 100",
        ] {
            waiting.extend(ids(sql, &no, current)?);
        }
    }
    let held = ids("SELECT id FROM held WHERE lane = ?1 AND ?2 IS NULL ORDER BY no", &name, None)?;
    let paused = pause::is_paused(step, &Scope::Lane(lane.clone()))?;
    if waiting.is_empty() && held.is_empty() && !paused {
        return Ok(None);
    }
    Ok(Some(LaneSnapshot { state, waiting, held, paused, last_error }))
}

/// Dead letters that match, the youngest first.
pub(super) fn dead(
    step: &Step<'_>,
    filter: &DeadFilter,
    after: Option<&DeadCursor>,
    limit: u64,
) -> Result<DeadPage, StepError> {
    let (died_us, id) = match after {
        Some(after) => (stored(after.died_us), after.id.as_str()),
        None => (i64::MAX, ""),
    };
    // What is looked through is bounded, not what is found.
    let looked_at = step.all(
        concat!(
            "SELECT ",
            letter_columns!(),
            " FROM dead WHERE (died_us, id) < (?1, ?2) ORDER BY died_us DESC, id DESC LIMIT ?3"
        ),
        params![died_us, id, stored(DEAD_SCAN_MAX + 1)],
        letter,
    )?;
    let mut page = DeadPage { total: loaded(all_dead(step)?), ..DeadPage::default() };
    let limit = usize::try_from(limit.min(DEAD_SCAN_MAX)).unwrap_or(usize::MAX);
    let scan_max = usize::try_from(DEAD_SCAN_MAX).unwrap_or(usize::MAX);
    let mut last = None;
    for (looked, letter) in looked_at.into_iter().enumerate() {
        if page.letters.len() >= limit || looked >= scan_max {
            page.next = last;
            break;
        }
        last = Some(DeadCursor { died_us: letter.died_us, id: letter.id.clone() });
        if matches(filter, &letter) {
            page.letters.push(letter);
        }
    }
    Ok(page)
}

/// The oldest dead letters, as far as they are too old or too many.
pub(super) fn oldest_dead(
    step: &Step<'_>,
    max_age: Duration,
    max: u64,
) -> Result<Vec<DeadLetter>, StepError> {
    let before_us = step.now_us.saturating_sub(stored(micros(max_age)));
    let surplus = all_dead(step)?.saturating_sub(stored(max));
    let sql = concat!("SELECT ", letter_columns!(), " FROM dead ORDER BY died_us, id LIMIT ?1");
    let oldest = step.all(sql, params![stored(DEAD_SCAN_MAX)], letter)?;
    let is_one_too_many =
        |(n, letter): &(i64, DeadLetter)| *n < surplus || stored(letter.died_us) <= before_us;
    Ok((0..).zip(oldest).take_while(is_one_too_many).map(|(_, letter)| letter).collect())
}

fn all_dead(step: &Step<'_>) -> Result<i64, StepError> {
    Ok(step.one("SELECT coalesce(sum(dead), 0) FROM class", [], |row| row.get(0))?)
}

fn matches(filter: &DeadFilter, letter: &DeadLetter) -> bool {
    filter.class.as_ref().is_none_or(|class| *class == letter.class)
        && filter.lane.as_ref().is_none_or(|lane| *lane == letter.lane)
        && filter.reason.as_ref().is_none_or(|reason| letter.reason.contains(reason.as_str()))
}

/// The dead letter with this id.
pub(super) fn dead_letter(step: &Step<'_>, id: &MessageId) -> Result<Option<DeadLetter>, StepError> {
    let sql = concat!("SELECT ", letter_columns!(), " FROM dead WHERE id = ?1");
    Ok(step.first(sql, params![id.as_str()], letter)?)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: MessageId::from_stored(text(row, 0)?),
        lane: Lane::from_stored(text(row, 1)?),
        class: Class::from_stored(text(row, 2)?),
        payload: row.get::<_, Vec<u8>>(3)?.into(),
        arrived_us: loaded(row.get(4)?),
        died_us: loaded(row.get(5)?),
        reason: text(row, 6)?,
        failures: row.get(7).unwrap_or(u32::MAX),
        losses: row.get(8).unwrap_or(u32::MAX),
    })
}

/// Reads the row without which nothing works.
pub(super) fn ping(step: &Step<'_>) -> Result<(), StepError> {
    Ok(step.one("SELECT last_us FROM meta", [], |_| Ok(()))?)
}

/// Age of the message that is next in line in a class, in microseconds.
fn next_age_us(step: &Step<'_>, class: &Class) -> Result<Option<u64>, StepError> {
    let first = step.first(
        "SELECT no, current FROM lane WHERE state = 'ready' AND class = ?1 ORDER BY suspect, position LIMIT 1",
        params![class.as_str()],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)),
    )?;
    let Some((lane, current)) = first else { return Ok(None) };
    let seq = match current {
        Some(seq) => Some(seq),
        None => match line::next(step, lane) {
            // The next take sets it aside.
            Err(fault) if fault.is_damage() => None,
            next => next?.map(|next| next.seq),
        },
    };
    let sql = "SELECT arrived_us FROM message WHERE seq = ?1";
    let arrived_us: Option<i64> = step.first(sql, params![seq], |row| row.get(0))?;
    Ok(arrived_us.map(|arrived_us| loaded(step.now_us.saturating_sub(arrived_us))))
}
