//! What the holder of a lease may do with its message.
//!
//! Every one of these first finds the lane by the lease's token, inside the same step as the change: whoever lost the
//! lease finds nothing and changes nothing. A lease that ran out, but whose lane nobody has taken back, still counts.

use std::time::Duration;

use rusqlite::params;

use super::fault::Fault;
use super::job::Step;
use super::lane;
use super::now::stored;
use crate::clock::micros;
use crate::{Lease, Progress, QueueError, Renewal};

/// Lets the leases run for `lease_for` from now; says of each whether it is still held.
pub(super) fn renew(step: &Step<'_>, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, Fault> {
    let until_us = after(step, lease_for);
    let renew = |lease: &Lease| {
        let renewed = step.execute(
            "UPDATE lane SET due_us = ?3 WHERE name = ?1 AND state = 'leased' AND token = ?2",
            params![lease.lane.as_str(), lease.token.as_str(), until_us],
        )?;
        Ok(if renewed > 0 { Renewal::Kept } else { Renewal::Lost })
    };
    leases.iter().map(renew).collect()
}

/// Replaces `sent` and `sending`, and the replies if there are some.
pub(super) fn record(step: &Step<'_>, lease: &Lease, progress: &Progress) -> Result<(), Fault> {
    let held = Held::by(step, lease)?;
    step.execute(
        "INSERT INTO head (seq, sent, sending, replies) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (seq) DO UPDATE SET sent = excluded.sent, sending = excluded.sending,
                replies = coalesce(excluded.replies, replies)",
        params![held.seq, progress.sent, progress.sending, progress.replies.as_deref()],
    )?;
    Ok(())
}

/// Ends the message.
pub(super) fn complete(step: &mut Step<'_>, lease: &Lease) -> Result<(), Fault> {
    let held = Held::by(step, lease)?;
    lane::drop_head(step, held.lane, held.seq)
}

/// Ends the attempt as failed, and delays the lane.
pub(super) fn retry(step: &Step<'_>, lease: &Lease, delay: Duration, reason: &str) -> Result<(), Fault> {
    let held = Held::by(step, lease)?;
    step.execute(
        "INSERT INTO head (seq, failures, last_error) VALUES (?1, 1, ?2)
            ON CONFLICT (seq) DO UPDATE SET failures = failures + 1, last_error = excluded.last_error",
        params![held.seq, reason],
    )?;
    held.delay(step, delay)
}

/// Delays the lane; no attempt is used.
pub(super) fn snooze(step: &Step<'_>, lease: &Lease, delay: Duration, reason: &str) -> Result<(), Fault> {
    let held = Held::by(step, lease)?;
    step.execute(
        "INSERT INTO head (seq, snoozes, last_error) VALUES (?1, 1, ?2)
            ON CONFLICT (seq) DO UPDATE SET snoozes = snoozes + 1, last_error = excluded.last_error",
        params![held.seq, reason],
    )?;
    held.delay(step, delay)
}

/// Puts the lane first in line again, its head untouched.
pub(super) fn release(step: &mut Step<'_>, lease: &Lease) -> Result<(), Fault> {
    let held = Held::by(step, lease)?;
    lane::to_front(step, held.lane)
}

/// Moves the message to the dead letters.
pub(super) fn bury(step: &mut Step<'_>, lease: &Lease, reason: &str) -> Result<(), Fault> {
    let held = Held::by(step, lease)?;
    step.execute(
        "INSERT INTO dead (id, lane, class, arrived_us, died_us, reason, failures, losses, on_arrival, payload)
         SELECT message.id, ?2, message.class, message.arrived_us, ?3, ?4, coalesce(head.failures, 0),
            coalesce(head.losses, 0), 0, message.payload
         FROM message LEFT JOIN head ON head.seq = message.seq WHERE message.seq = ?1",
        params![held.seq, lease.lane.as_str(), step.now_us, reason],
    )?;
    lane::drop_head(step, held.lane, held.seq)
}

/// A lane and its head, proven to be in the caller's hands.
struct Held {
    lane: i64,
    seq: i64,
}

impl Held {
    fn by(step: &Step<'_>, lease: &Lease) -> Result<Self, Fault> {
        let held = step.first(
            "SELECT lane.no, message.seq FROM lane
                JOIN message ON message.seq = (SELECT min(seq) FROM message WHERE lane_no = lane.no)
             WHERE lane.name = ?1 AND lane.state = 'leased' AND lane.token = ?2 AND message.id = ?3",
            params![lease.lane.as_str(), lease.token.as_str(), lease.id.as_str()],
            |row| Ok(Self { lane: row.get(0)?, seq: row.get(1)? }),
        )?;
        held.ok_or(Fault::Refused(QueueError::LeaseLost))
    }

    fn delay(&self, step: &Step<'_>, delay: Duration) -> Result<(), Fault> {
        step.execute(
            "UPDATE lane SET state = 'delayed', due_us = ?2, token = NULL, worker = NULL WHERE no = ?1",
            params![self.lane, after(step, delay)],
        )?;
        Ok(())
    }
}

fn after(step: &Step<'_>, delay: Duration) -> i64 {
    step.now_us.saturating_add(stored(micros(delay)))
}
