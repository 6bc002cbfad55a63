//! Messages go out under a lease.
//!
//! A take is a write even when nothing is due, since it leases; but one that finds nothing changes nothing, and its
//! commit costs no fsync: idle workers may poll. All leases of a take share one token. The take itself is remembered
//! per worker, so that one repeated after a lost answer gives the same batch: whatever of it is still leased under
//! that token. The repetition renews those leases, since the worker's time runs from the answer it got.

use std::time::Duration;

use rusqlite::{Row, params};

use super::fault::Fault;
use super::job::Step;
use super::lane::{promote_due, reclaim_expired};
use super::now::{loaded, stored};
use crate::clock::micros;
use crate::{
    Class, Lane, Lease, Leased, MOVES_PER_TAKE, MessageId, Progress, TakeRequest, Taken, Token, WorkerId,
};

/// For how long a worker that takes nothing more is remembered: far longer than a call is repeated.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// A query for heads of lanes, with all that a worker is told of them. [`Head::read`] reads its rows.
macro_rules! heads {
    ($from:literal) => {
        concat!(
            "SELECT lane.no, lane.name, message.id, message.class, message.payload, message.arrived_us,
                coalesce(head.failures, 0), coalesce(head.losses, 0), coalesce(head.snoozes, 0), head.last_error,
                head.replies, coalesce(head.sent, 0), head.sending FROM ",
            $from
        )
    };
}

/// Leases up to `request.max` messages.
pub(super) fn take(step: &mut Step<'_>, request: &TakeRequest) -> Result<Taken, Fault> {
    let messages = match repeated(step, request)? {
        Some(messages) => messages,
        None => fresh(step, request)?,
    };
    step.made_ready = step.made_ready.saturating_sub(messages.len());
    let next_due = if messages.len() < request.max { next_due(step)? } else { None };
    Ok(Taken { messages, next_due })
}

/// The batch of the same call, if that was the worker's last.
fn repeated(step: &Step<'_>, request: &TakeRequest) -> Result<Option<Vec<Leased>>, Fault> {
    let incarnation = request.worker.incarnation();
    let call = request.call.cast_signed();
    let stored: Option<(i64, String)> = step.first(
        "SELECT call, token FROM take WHERE incarnation = ?1 AND call >= ?2",
        params![incarnation, call],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let token = match stored {
        None => return Ok(None),
        // A call that comes late: nobody waits for its answer any more.
        Some((last, _)) if last > call => return Ok(Some(Vec::new())),
        Some((_, token)) => Token::from_stored(token),
    };
    let heads = step.all(
        heads!(
            "take JOIN json_each(take.lanes) JOIN lane ON lane.no = json_each.value
                JOIN message ON message.seq = (SELECT min(seq) FROM message WHERE lane_no = lane.no)
                LEFT JOIN head ON head.seq = message.seq
             WHERE take.incarnation = ?1 AND lane.state = 'leased' AND lane.token = take.token
             ORDER BY json_each.key"
        ),
        params![incarnation],
        Head::read,
    )?;
    for head in &heads {
        lease(step, head.lane_no, request, &token)?;
    }
    Ok(Some(heads.into_iter().map(|head| head.under(&token)).collect()))
}

fn fresh(step: &mut Step<'_>, request: &TakeRequest) -> Result<Vec<Leased>, Fault> {
    promote_due(step, MOVES_PER_TAKE)?;
    reclaim_expired(step, MOVES_PER_TAKE)?;
    let mut token = None;
    let mut lanes = Vec::new();
    let mut messages = Vec::new();
    let mut classes = in_turn(request);
    while !classes.is_empty() && messages.len() < request.max {
        // One lane of each class per round; a class without one drops out.
        let mut left = Vec::with_capacity(classes.len());
        for class in classes {
            if messages.len() >= request.max {
                break;
            }
            let Some(head) = next_ready(step, class)? else { continue };
            let token = match &token {
                Some(token) => token,
                None => token.insert(new_token(step, &request.worker)?),
            };
            lease(step, head.lane_no, request, token)?;
            lanes.push(head.lane_no.to_string());
            messages.push(head.under(token));
            left.push(class);
        }
        classes = left;
    }
    if let Some(token) = token {
        remember(step, request, &token, &lanes)?;
    }
    Ok(messages)
}

/// The classes asked for, each time another one first: a worker that takes one message at a time serves all of them.
fn in_turn(request: &TakeRequest) -> Vec<&Class> {
    let mut classes: Vec<&Class> = request.classes.iter().collect();
    if let Some(first) = request.call.checked_rem(classes.len() as u64) {
        classes.rotate_left(usize::try_from(first).unwrap_or(0));
    }
    classes
}

fn next_ready(step: &Step<'_>, class: &Class) -> Result<Option<Head>, Fault> {
    Ok(step.first(
        heads!(
            "lane JOIN message ON message.seq = (SELECT min(seq) FROM message WHERE lane_no = lane.no)
                LEFT JOIN head ON head.seq = message.seq
             WHERE lane.state = 'ready' AND lane.class = ?1 ORDER BY lane.position LIMIT 1"
        ),
        params![class.as_str()],
        Head::read,
    )?)
}

fn new_token(step: &Step<'_>, worker: &WorkerId) -> Result<Token, Fault> {
    step.execute("UPDATE meta SET takes = takes + 1", [])?;
    let takes = step.db.prepare_cached("SELECT takes FROM meta")?.query_row([], |row| row.get(0))?;
    Ok(Token::new(loaded(takes), worker.incarnation()))
}

fn lease(step: &Step<'_>, lane: i64, request: &TakeRequest, token: &Token) -> Result<(), Fault> {
    let until_us = step.now_us.saturating_add(stored(micros(request.lease_for)));
    step.execute(
        "UPDATE lane SET state = 'leased', position = NULL, due_us = ?2, token = ?3, worker = ?4 WHERE no = ?1",
        params![lane, until_us, token.as_str(), request.worker.name()],
    )?;
    Ok(())
}

fn remember(step: &Step<'_>, request: &TakeRequest, token: &Token, lanes: &[String]) -> Result<(), Fault> {
    let incarnation = request.worker.incarnation();
    let call = request.call.cast_signed();
    let lanes = format!("[{}]", lanes.join(","));
    let updated = step.execute(
        "UPDATE take SET call = ?2, token = ?3, lanes = ?4, at_us = ?5 WHERE incarnation = ?1",
        params![incarnation, call, token.as_str(), lanes, step.now_us],
    )?;
    if updated == 0 {
        step.execute(
            "INSERT INTO take (incarnation, call, token, lanes, at_us) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![incarnation, call, token.as_str(), lanes, step.now_us],
        )?;
        // There is a row per worker, so few: they are read through only when one comes that is new.
        let oldest_us = step.now_us.saturating_sub(stored(micros(REMEMBERED)));
        step.execute("DELETE FROM take WHERE at_us < ?1", params![oldest_us])?;
    }
    Ok(())
}

/// How long until a delay or a lease ends, if one is under way.
fn next_due(step: &Step<'_>) -> Result<Option<Duration>, Fault> {
    let mut next: Option<i64> = None;
    for sql in [
        "SELECT due_us FROM lane WHERE state = 'leased' AND due_us IS NOT NULL ORDER BY due_us LIMIT 1",
        "SELECT due_us FROM lane WHERE state = 'delayed' AND due_us IS NOT NULL ORDER BY due_us LIMIT 1",
    ] {
        let due_us: Option<i64> = step.first(sql, [], |row| row.get(0))?;
        next = [next, due_us].into_iter().flatten().min();
    }
    Ok(next.map(|due_us| Duration::from_micros(loaded(due_us.saturating_sub(step.now_us)))))
}

/// A head as it is stored.
struct Head {
    lane_no: i64,
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
}

impl Head {
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
        })
    }

    fn under(self, token: &Token) -> Leased {
        Leased {
            lease: Lease { lane: self.lane, id: self.id, token: token.clone() },
            class: self.class,
            payload: self.payload.into(),
            arrived_us: loaded(self.arrived_us),
            failures: self.failures,
            losses: self.losses,
            snoozes: self.snoozes,
            last_error: self.last_error,
            progress: self.progress,
        }
    }
}
