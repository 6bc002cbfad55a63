//! The head of a lane: what a worker gets with its message.

use std::time::Duration;

use rusqlite::{Row, params};

use super::now::loaded;
use super::step_error::StepError;
use super::value;
use super::work::Step;
use crate::{Class, Closed, Lane, Lease, Leased, MessageId, Progress, Right, SendState, Token};

/// A query for messages at the heads of lanes, with all that a worker gets with them. [`HeadRow::read`] reads its rows.
macro_rules! heads {
    ($from:literal) => {
        concat!(
            "SELECT lane.no, lane.name, message.id, message.class, message.payload, message.arrived_us,
                coalesce(head.failures, 0), coalesce(head.losses, 0), coalesce(head.snoozes, 0), head.last_error,
                head.replies, coalesce(head.sent, 0), head.sending, head.answer, coalesce(head.unanswered, 0),
                coalesce(head.triggers, 0), lane.sends, lane.followed, lane.allowed, lane.until_s, lane.closed,
                head.failing_since_us FROM ",
            $from
        )
    };
}

/// A message as it is stored, current or next in its lane.
pub(super) struct HeadRow {
    pub(super) lane_no: i64,
    lane: Lane,
    id: MessageId,
    class: Class,
    payload: Vec<u8>,
    arrived_us: i64,
    failures: u32,
    losses: u32,
    snoozes: u32,
    last_error: Option<String>,
    progress: Progress,
    send_state: SendState,
    answer: Option<Vec<u8>>,
    timed_out: bool,
    failing_since_us: Option<i64>,
}

impl HeadRow {
    /// What a worker would get with a message.
    pub(super) fn of(step: &Step<'_>, seq: i64) -> Result<Self, StepError> {
        let head = step.first(
            heads!(
                "message JOIN lane ON lane.no = message.lane_no LEFT JOIN head ON head.seq = message.seq WHERE message.seq = ?1"
            ),
            params![seq],
            Self::read,
        )?;
        Ok(head.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
    }

    /// The current message of a lane.
    pub(super) fn current(step: &Step<'_>, lane: i64) -> Result<Self, StepError> {
        let head = step.first(
            heads!(
                "lane JOIN message ON message.seq = lane.current LEFT JOIN head ON head.seq = message.seq
                 WHERE lane.no = ?1"
            ),
            params![lane],
            Self::read,
        )?;
        Ok(head.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
    }

    /// Those of a worker's last take that are still leased under its token, in their order.
    pub(super) fn of_take(step: &Step<'_>, incarnation: &str) -> Result<Vec<Self>, StepError> {
        let heads = step.all(
            heads!(
                "take JOIN json_each(take.lanes) JOIN lane ON lane.no = json_each.value
                    JOIN message ON message.seq = lane.current LEFT JOIN head ON head.seq = message.seq
                 WHERE take.incarnation = ?1 AND lane.state = 'leased' AND lane.token = take.token
                 ORDER BY json_each.key"
            ),
            params![incarnation],
            // One that can't be read any more is left to the end of its lease.
            |row| Ok(Self::read(row).ok()),
        )?;
        Ok(heads.into_iter().flatten().collect())
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            lane_no: row.get(0)?,
            lane: Lane::from_stored(row.get(1)?),
            id: MessageId::from_stored(row.get(2)?),
            class: Class::from_stored(row.get(3)?),
            payload: row.get(4)?,
            arrived_us: row.get(5)?,
            failures: row.get(6)?,
            losses: row.get(7)?,
            snoozes: row.get(8)?,
            last_error: row.get(9)?,
            progress: Progress {
                replies: row.get::<_, Option<Vec<u8>>>(10)?.map(Into::into),
                sent: row.get(11)?,
                sending: row.get(12)?,
            },
            answer: row.get(13)?,
            timed_out: row.get(14)?,
            send_state: standing_at(row, 15)?,
            failing_since_us: row.get(21)?,
        })
    }

    /// It, as a worker gets it.
    pub(super) fn under(self, step: &Step<'_>, token: &Token) -> Result<Leased, StepError> {
        let memory = value::get(step, &format!("memory:{}", self.lane))?;
        Ok(Leased {
            lease: Lease { lane: self.lane, id: self.id, token: token.clone() },
            class: self.class,
            payload: self.payload.into(),
            arrived_us: loaded(self.arrived_us),
            failures: self.failures,
            losses: self.losses,
            snoozes: self.snoozes,
            last_error: self.last_error,
            progress: self.progress,
            send_state: self.send_state,
            memory: memory.map(Into::into),
            answer: self.answer.map(Into::into),
            timed_out: self.timed_out,
            failing_for: self
                .failing_since_us
                .map(|since_us| Duration::from_micros(loaded(step.now_us.saturating_sub(since_us)))),
        })
    }
}

/// What six columns from `at` on tell: the triggers, the sends, whether others waited behind it, how many sends there may
/// be, until when, and what has closed that.
pub(super) fn standing_at(row: &Row<'_>, at: usize) -> rusqlite::Result<SendState> {
    let wakes = row.get(at)?;
    let (allowed, until_s): (Option<u32>, Option<i64>) = (row.get(at + 3)?, row.get(at + 4)?);
    Ok(SendState {
        wakes,
        right: allowed.zip(until_s).map(|(sends, until_s)| Right { sends, until_s: loaded(until_s) }),
        closed: row.get::<_, Option<String>>(at + 5)?.and_then(|name| Closed::of(&name)),
        sends: row.get(at + 1)?,
        has_followers: row.get(at + 2)? || wakes > 0,
    })
}
