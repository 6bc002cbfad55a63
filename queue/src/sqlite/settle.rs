//! What the holder of a lease may do with its message, and answers by call back.
//!
//! Every settle first finds the lane by the lease's token, inside the same step as the change: a holder that lost the
//! lease finds nothing and changes nothing. A lease that ran out, but whose lane nobody has taken back, still counts.

use std::time::Duration;

use rusqlite::params;

use super::current::{Current, after};
use super::end::end;
use super::head::standing_at;
use super::hold::{hold, offer};
use super::now::stored;
use super::step_error::StepError;
use super::work::Step;
use super::{journal, lane, push, value};
use crate::clock::micros;
use crate::journal::fitted;
use crate::{
    CallBackResult, Lane, Lease, Memory, MessageId, Progress, Renewal, SendState, Settled, Settlement,
};

/// Lets the leases run for `lease_for` from now; says of each whether it is still held. A message that has lost a lease
/// before is confirmed: losing another one counts, and the note is kept for its end.
pub(super) fn renew(
    step: &Step<'_>,
    leases: &[Lease],
    lease_for: Duration,
) -> Result<Vec<Renewal>, StepError> {
    let until_us = after(step, lease_for);
    let renew = |lease: &Lease| {
        let Some(current) = Current::find(step, lease)? else { return Ok(Renewal::Lost) };
        step.execute("UPDATE lane SET due_us = ?2 WHERE no = ?1", params![current.lane, until_us])?;
        let sql = "UPDATE head SET confirmed = 1 WHERE seq = ?1 AND losses > 0";
        if step.execute(sql, params![current.seq])? > 0 {
            journal::keep_note(step, current.ending(), fitted(&lease.note))?;
        }
        Ok(Renewal::Kept)
    };
    leases.iter().map(renew).collect()
}

/// Replaces `sent` and `sending`, the replies if some are given, and with the first replies the lane's memory. Counts the
/// send that is announced or taken back. `None`: the message gets no replies, but comes again with its answer by call back.
pub(super) fn record(
    step: &mut Step<'_>,
    lease: &Lease,
    progress: &Progress,
    memory: Option<&Memory>,
) -> Result<Option<SendState>, StepError> {
    let current = Current::by(step, lease)?;
    if progress.replies.is_some() && current.comes_again(step)? {
        return Ok(None);
    }
    current.remember(step, &lease.lane, memory.filter(|_| progress.replies.is_some()))?;
    let sql = "SELECT sent, sending FROM head WHERE seq = ?1";
    let known = step.first(sql, params![current.seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (sent, sending): (u32, Option<u32>) = known.unwrap_or_default();
    let counted = match (sending, progress.sending) {
        (before, Some(now)) if before != Some(now) => 1,
        (Some(_), None) if progress.sent == sent => -1,
        _ => 0,
    };
    if counted != 0 {
        let sql = "UPDATE lane SET sends = max(sends + ?2, 0) WHERE no = ?1";
        step.execute(sql, params![current.lane, counted])?;
    }
    step.execute(
        "INSERT INTO head (seq, sent, sending, replies) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (seq) DO UPDATE SET sent = excluded.sent, sending = excluded.sending,
                replies = coalesce(excluded.replies, replies)",
        params![current.seq, progress.sent, progress.sending, progress.replies.as_deref()],
    )?;
    let sql = "SELECT triggers, sends, followed, allowed, until_s, closed FROM lane JOIN head ON head.seq = lane.current WHERE lane.no = ?1";
    Ok(Some(step.one(sql, params![current.lane], |row| standing_at(row, 0))?))
}

/// Settles the message. Gives besides who should hear that its answer may go out in a response.
pub(super) fn settle_and_tell(
    step: &mut Step<'_>,
    lease: &Lease,
    settlement: &Settlement,
) -> Result<(Option<Settled>, Option<String>), StepError> {
    let settled = settle(step, lease, settlement)?;
    let brings_answer =
        matches!(settlement, Settlement::Offer { .. } | Settlement::Hold { answer: Some(_), .. });
    let listener = match settled {
        Some(Settled::AsAsked) if brings_answer => push::listener(step, &lease.lane)?,
        _ => None,
    };
    Ok((settled, listener))
}

/// Settles the message. `None`: it was to end or to be held, but comes again with its answer by call back.
fn settle(step: &mut Step<'_>, lease: &Lease, settlement: &Settlement) -> Result<Option<Settled>, StepError> {
    let current = Current::by(step, lease)?;
    match settlement {
        Settlement::Complete | Settlement::Bury { .. } | Settlement::Hold { .. }
            if current.comes_again(step)? =>
        {
            return Ok(None);
        }
        Settlement::Complete => {
            end(step, current.ending(), None, fitted(&lease.note))?;
        }
        Settlement::Retry { after: delay, patience, reason } => {
            let since_us = current.failing_since_us.unwrap_or(step.now_us);
            let gives_way_us = since_us.saturating_add(stored(micros(*patience)));
            step.execute(
                "INSERT INTO head (seq, failures, last_error, failing_since_us, gives_way_us) VALUES (?1, 1, ?2, ?3, ?4)
                    ON CONFLICT (seq) DO UPDATE SET failures = failures + 1, last_error = excluded.last_error,
                        unanswered = 0, failing_since_us = excluded.failing_since_us, gives_way_us = excluded.gives_way_us",
                params![current.seq, reason, since_us, gives_way_us],
            )?;
            let due_us = after(step, *delay);
            let longest_us = if current.has_followers { gives_way_us.max(step.now_us) } else { i64::MAX };
            current.postpone(step, due_us.min(longest_us))?;
        }
        Settlement::Snooze { after: delay, reason } => {
            step.execute(
                "INSERT INTO head (seq, snoozes, last_error) VALUES (?1, 1, ?2)
                    ON CONFLICT (seq) DO UPDATE SET snoozes = snoozes + 1, last_error = excluded.last_error,
                        unanswered = 0, gives_way_us = NULL",
                params![current.seq, reason],
            )?;
            current.postpone(step, after(step, *delay))?;
        }
        Settlement::Release => lane::to_front(step, current.lane)?,
        Settlement::Bury { reason } => {
            end(step, current.ending(), Some(reason), fitted(&lease.note))?;
        }
        Settlement::Hold { wakes, hold_for, refused, reason, answer } => {
            let (until, why) = ((after(step, *hold_for), *refused), (reason.as_str(), answer.as_deref()));
            return hold(step, lease, &current, *wakes, until, why).map(Some);
        }
        Settlement::Offer { answer } => return offer(step, lease, &current, answer),
        Settlement::Await { within } => return await_answer(step, &current, *within).map(Some),
    }
    Ok(Some(Settled::AsAsked))
}

/// Lets the lane wait for an answer by call back, unless one is there.
fn await_answer(step: &mut Step<'_>, current: &Current, within: Duration) -> Result<Settled, StepError> {
    step.execute("UPDATE head SET unanswered = 0, gives_way_us = NULL WHERE seq = ?1", params![current.seq])?;
    let sql = "SELECT 1 FROM head WHERE seq = ?1 AND answer IS NOT NULL";
    if step.exists(sql, params![current.seq])? {
        lane::to_end(step, current.lane)?;
        return Ok(Settled::ComesAgain);
    }
    step.execute(
        "INSERT INTO head (seq, awaiting) VALUES (?1, 1) ON CONFLICT (seq) DO UPDATE SET awaiting = 1",
        params![current.seq],
    )?;
    current.delay(step, after(step, within))?;
    Ok(Settled::AsAsked)
}

/// Stores an answer by call back to a lane's current message. The first wins, and is remembered for `window_us`.
pub(super) fn answer(
    step: &mut Step<'_>,
    lane: &Lane,
    id: &MessageId,
    answer: &[u8],
    window_us: i64,
) -> Result<CallBackResult, StepError> {
    let mark = format!("answered:{id}");
    if value::get(step, &mark)?.is_some() {
        return Ok(CallBackResult::Already);
    }
    let found = step.first(
        "SELECT lane.no, message.seq, lane.state, head.replies IS NOT NULL OR head.answer IS NOT NULL FROM lane
            JOIN message ON message.seq = lane.current LEFT JOIN head ON head.seq = message.seq
         WHERE lane.name = ?1 AND message.id = ?2",
        params![lane.as_str(), id.as_str()],
        |row| {
            let (lane, seq) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
            Ok((lane, seq, row.get::<_, String>(2)?, row.get::<_, bool>(3)?))
        },
    )?;
    let Some((no, seq, state, answered)) = found else {
        return Ok(CallBackResult::Gone);
    };
    // Also when the message is there for longer than the mark.
    if answered {
        return Ok(CallBackResult::Already);
    }
    value::mark(step, &mark, step.now_us.saturating_add(window_us))?;
    step.execute(
        "INSERT INTO head (seq, answer, unheard) VALUES (?1, ?2, 1)
            ON CONFLICT (seq) DO UPDATE SET answer = excluded.answer, unheard = 1, awaiting = 0, unanswered = 0",
        params![seq, answer],
    )?;
    if state == "delayed" {
        lane::to_end(step, no)?;
    }
    Ok(CallBackResult::First)
}
