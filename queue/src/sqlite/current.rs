//! The message that the holder of a lease has in its hands.

use std::time::Duration;

use rusqlite::params;

use super::ending::Ending;
use super::now::stored;
use super::step_error::StepError;
use super::work::Step;
use super::{lane, value};
use crate::clock::micros;
use crate::{Lane, Lease, Memory, QueueError};

/// A lane and its current message, proven to be in the caller's hands.
pub(super) struct Current {
    pub(super) lane: i64,
    pub(super) seq: i64,
    /// Whether there is an answer by call back that no take has given.
    is_unheard: bool,
    pub(super) failing_since_us: Option<i64>,
    pub(super) has_followers: bool,
}

impl Current {
    pub(super) fn find(step: &Step<'_>, lease: &Lease) -> Result<Option<Self>, StepError> {
        let current = step.first(
            "SELECT lane.no, message.seq, coalesce(head.unheard, 0), head.failing_since_us,
                lane.followed OR coalesce(head.triggers, 0) > 0 FROM lane
                JOIN message ON message.seq = lane.current LEFT JOIN head ON head.seq = message.seq
             WHERE lane.name = ?1 AND lane.state = 'leased' AND lane.token = ?2 AND message.id = ?3",
            params![lease.lane.as_str(), lease.token.as_str(), lease.id.as_str()],
            |row| {
                let (lane, seq, is_unheard) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let (failing_since_us, has_followers) = (row.get(3)?, row.get(4)?);
                Ok(Self { lane, seq, is_unheard, failing_since_us, has_followers })
            },
        )?;
        Ok(current)
    }

    pub(super) fn by(step: &Step<'_>, lease: &Lease) -> Result<Self, StepError> {
        Self::find(step, lease)?.ok_or(StepError::Refused(QueueError::LeaseLost))
    }

    pub(super) fn ending(&self) -> Ending {
        Ending::Current { lane: self.lane, seq: self.seq }
    }

    /// Makes the lane ready, last in line, if there is an unheard answer. Gives whether there is.
    pub(super) fn comes_again(&self, step: &mut Step<'_>) -> Result<bool, StepError> {
        if self.is_unheard {
            lane::to_end(step, self.lane)?;
        }
        Ok(self.is_unheard)
    }

    /// With a message's first replies comes what its lane is to remember.
    pub(super) fn remember(
        &self,
        step: &Step<'_>,
        lane: &Lane,
        memory: Option<&Memory>,
    ) -> Result<(), StepError> {
        let Some(memory) = memory else { return Ok(()) };
        let sql = "SELECT 1 FROM head WHERE seq = ?1 AND (replies IS NOT NULL OR forgets = 1)";
        if !step.exists(sql, params![self.seq])? {
            value::set(step, &format!("memory:{lane}"), &memory.bytes, memory.keep_for)?;
        }
        Ok(())
    }

    pub(super) fn postpone(&self, step: &mut Step<'_>, due_us: i64) -> Result<(), StepError> {
        if self.comes_again(step)? { Ok(()) } else { self.delay(step, due_us) }
    }

    pub(super) fn delay(&self, step: &Step<'_>, due_us: i64) -> Result<(), StepError> {
        step.run(
            "UPDATE lane SET state = 'delayed', due_us = ?2, token = NULL, worker = NULL WHERE no = ?1",
            params![self.lane, due_us],
        )
    }
}

/// The time after a delay.
pub(super) fn after(step: &Step<'_>, delay: Duration) -> i64 {
    step.now_us.saturating_add(stored(micros(delay)))
}
