//! The head of a lane: what a worker gets with its message.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Row, params};

use super::now::loaded;
use super::step_error::StepError;
use super::work::Step;
use crate::{Class, Closed, Lane, Lease, Leased, MessageId, Progress, Right, SendState, Token};

/// A query for messages at the heads of lanes, with all that a worker gets with them; the last parameter is the time.
/// [`read`] reads its rows.
macro_rules! heads {
    ($from:literal) => {
        concat!(
            "SELECT lane.no, lane.name, message.id, message.class, message.payload, message.arrived_us,
                coalesce(head.failures, 0), coalesce(head.losses, 0), coalesce(head.snoozes, 0), head.last_error,
                head.replies, coalesce(head.sent, 0), head.sending, head.answer, coalesce(head.unanswered, 0),
                coalesce(head.triggers, 0), lane.sends, lane.followed, lane.allowed, lane.until_s, lane.closed,
                head.failing_since_us, coalesce(lane.token, ''),
                (SELECT bytes FROM value WHERE value.name = 'memory:' || lane.name AND until_us > ?2) FROM ",
            $from
        )
    };
}

/// What a worker would get with a message.
pub(super) fn of(step: &Step<'_>, seq: i64) -> Result<Leased, StepError> {
    let sql = heads!(
        "message JOIN lane ON lane.no = message.lane_no LEFT JOIN head ON head.seq = message.seq WHERE message.seq = ?1"
    );
    Ok(step.one(sql, params![seq, step.now_us], |row| read(row, step.now_us))?.1)
}

/// What a worker gets with the current message of a lane, which is leased to it.
pub(super) fn current(step: &Step<'_>, lane: i64) -> Result<Leased, StepError> {
    let sql = heads!(
        "lane JOIN message ON message.seq = lane.current LEFT JOIN head ON head.seq = message.seq WHERE lane.no = ?1"
    );
    Ok(step.one(sql, params![lane, step.now_us], |row| read(row, step.now_us))?.1)
}

/// The current messages of the lanes that a worker's last take leased and that it still holds, each with its lane's number.
pub(super) fn of_take(step: &Step<'_>, incarnation: &str) -> Result<Vec<(i64, Leased)>, StepError> {
    let sql = heads!(
        "take JOIN json_each(take.lanes) JOIN lane ON lane.no = json_each.value
            JOIN message ON message.seq = lane.current LEFT JOIN head ON head.seq = message.seq
         WHERE take.incarnation = ?1 AND lane.state = 'leased' AND lane.token = take.token ORDER BY json_each.key"
    );
    // A message that was damaged since is left to the end of its lease.
    let heads = step.all(sql, params![incarnation, step.now_us], |row| Ok(read(row, step.now_us).ok()))?;
    Ok(heads.into_iter().flatten().collect())
}

fn read(row: &Row<'_>, now_us: i64) -> rusqlite::Result<(i64, Leased)> {
    let bytes = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<Vec<u8>>>(at)?.map(Bytes::from));
    let (lane, id) = (Lane::from_stored(row.get(1)?), MessageId::from_stored(row.get(2)?));
    let failing_since_us: Option<i64> = row.get(21)?;
    let head = Leased {
        lease: Lease { lane, id, token: Token::from_stored(row.get(22)?), note: Bytes::new() },
        class: Class::from_stored(row.get(3)?),
        payload: row.get::<_, Vec<u8>>(4)?.into(),
        arrived_us: loaded(row.get(5)?),
        failures: row.get(6)?,
        losses: row.get(7)?,
        snoozes: row.get(8)?,
        failing_for: failing_since_us
            .map(|since_us| Duration::from_micros(loaded(now_us.saturating_sub(since_us)))),
        last_error: row.get(9)?,
        progress: Progress { replies: bytes(10)?, sent: row.get(11)?, sending: row.get(12)? },
        send_state: standing_at(row, 15)?,
        // A damaged one costs the lane its memory, not its messages.
        memory: bytes(23).unwrap_or_default(),
        answer: bytes(13)?,
        timed_out: row.get(14)?,
    };
    Ok((row.get(0)?, head))
}

/// The values of six columns from `at` on: the triggers, the sends, whether others waited behind it, how many sends there may
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
