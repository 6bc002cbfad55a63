//! Leases that ran out without a word from their workers: their messages come again, or die with the last worker.

use rusqlite::params;

use super::end::end;
use super::ending::Ending;
use super::lane::to_front;
use super::mend::with_lane;
use super::step_error::StepError;
use super::work::Step;
use crate::{Buried, LOSSES_MAX};

/// Takes back up to `limit` lanes whose lease has run out, the earliest end first. A lease that ran out by `quiet_us` costs its
/// message nothing. Gives the messages that were buried with their last worker.
pub(super) fn reclaim_expired(
    step: &mut Step<'_>,
    quiet_us: i64,
    limit: usize,
) -> Result<Vec<Buried>, StepError> {
    let mut buried = Vec::new();
    if step.now_us < quiet_us {
        return Ok(buried);
    }
    let expired: Vec<(i64, i64)> = step.all(
        "SELECT no, due_us FROM lane WHERE state = 'leased' AND due_us <= ?1 ORDER BY due_us, name LIMIT ?2",
        params![step.now_us, i64::try_from(limit).unwrap_or(i64::MAX)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (lane, due_us) in expired.into_iter().rev() {
        let reclaimed = with_lane(step, lane, |step| reclaim(step, lane, due_us > quiet_us))?;
        buried.extend(reclaimed.flatten());
    }
    Ok(buried)
}

/// Takes all leased lanes back: at the start, when no worker of this queue can be alive. A worker and its queue are one
/// process here, so its end is a loss like any other. The takes that gave the leases are forgotten with them.
pub(super) fn void_leases(step: &mut Step<'_>) -> Result<(), StepError> {
    let sql =
        "SELECT no FROM lane WHERE state = 'leased' AND due_us IS NOT NULL ORDER BY due_us DESC, name DESC";
    for lane in step.all(sql, [], |row| row.get(0))? {
        let reclaimed = with_lane(step, lane, |step| reclaim(step, lane, true))?;
        if let Some(Buried { id, class, reason }) = reclaimed.flatten() {
            tracing::error!(id = id.as_str(), account = class.as_str(), reason, "the message is dead");
        }
    }
    step.run("DELETE FROM take", [])
}

/// Puts a lane whose worker is gone first in line, or buries its head if it has now lost too many workers.
fn reclaim(step: &mut Step<'_>, lane: i64, counts: bool) -> Result<Option<Buried>, StepError> {
    let counted = step.first(
        "SELECT lane.current, coalesce(head.losses, 0) + 1, coalesce(head.lost_by || ', ', '') || lane.worker
         FROM lane LEFT JOIN head ON head.seq = lane.current
         WHERE lane.no = ?1 AND ?2 AND (coalesce(head.losses, 0) = 0 OR head.confirmed = 1)",
        params![lane, counts],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, String>(2)?)),
    )?;
    if let Some((seq, losses, lost_by)) = counted {
        step.execute(
            "INSERT INTO head (seq, losses, lost_by) VALUES (?1, ?2, ?3)
                ON CONFLICT (seq) DO UPDATE SET losses = excluded.losses, lost_by = excluded.lost_by",
            params![seq, losses, lost_by],
        )?;
        if losses >= LOSSES_MAX {
            let reason = format!("{losses} workers died while they handled it: {lost_by}");
            return end(step, Ending::Current { lane, seq }, Some(&reason), &[]);
        }
    }
    to_front(step, lane)?;
    Ok(None)
}
