//! Messages go out under a lease.
//!
//! A take is a write even when nothing is due, since it leases. But a take that finds nothing changes nothing, and its commit
//! costs no fsync: idle workers may poll. All leases of a take share one token. The last take of each worker is remembered,
//! so that a repetition after a lost answer gives the same batch: the messages that are still leased under that token. The
//! repetition renews those leases, since the worker's time runs from the answer it got.

use std::time::Duration;

use rusqlite::params;

use super::lane::{close, promote_due, to_end};
use super::line::next;
use super::mend::{mend, untold};
use super::now::{loaded, stored};
use super::pulse::Pulse;
use super::reclaim::reclaim_expired;
use super::step_error::StepError;
use super::work::Step;
use super::{head, held, pause};
use crate::clock::micros;
use crate::{
    Class, Closed, Lane, Leased, MOVES_PER_TAKE, Scope, TAKEN_BYTES_MAX, TakeRequest, Taken, Token, WorkerId,
};

/// For how long a worker that takes nothing more is remembered: far longer than a call is repeated.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// Leases up to `request.max` messages.
pub(super) fn take(step: &mut Step<'_>, request: &TakeRequest, pulse: &Pulse) -> Result<Taken, StepError> {
    let quiet_us = pulse.beat(step, Some(request.lease_for));
    let mut buried = Vec::new();
    let (messages, cut_short) = match repeated(step, request)? {
        Some(messages) => (messages, false),
        None => {
            promote_due(step, MOVES_PER_TAKE)?;
            buried.extend(reclaim_expired(step, quiet_us, MOVES_PER_TAKE)?);
            buried.extend(held::bury_expired(step, MOVES_PER_TAKE)?);
            Batch::new(step, request)?.fill()?
        }
    };
    step.made_ready = step.made_ready.saturating_sub(messages.len());
    let next_due = if messages.len() < request.max { next_due(step, quiet_us)? } else { None };
    Ok(Taken { messages, buried, next_due, damaged: untold(step)?, cut_short })
}

/// The batch of the same call, if that was the worker's last.
fn repeated(step: &Step<'_>, request: &TakeRequest) -> Result<Option<Vec<Leased>>, StepError> {
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
    let heads = head::of_take(step, incarnation)?;
    for (lane_no, _) in &heads {
        lease(step, *lane_no, request, &token)?;
        let sql = "UPDATE head SET unheard = 0 WHERE seq = (SELECT current FROM lane WHERE no = ?1) AND unheard = 1";
        step.execute(sql, params![lane_no])?;
    }
    Ok(Some(heads.into_iter().map(|(_, head)| head).collect()))
}

/// A batch being made.
struct Batch<'a, 'b> {
    step: &'a mut Step<'b>,
    request: &'a TakeRequest,
    /// Whether anything at all is paused: asked once.
    pausing: bool,
    /// How many lanes may still be looked at: looks at paused lanes give nothing.
    looks_left: usize,
    token: Option<Token>,
    lanes: Vec<String>,
    messages: Vec<Leased>,
    bytes: usize,
    cut_short: bool,
}

impl<'a, 'b> Batch<'a, 'b> {
    fn new(step: &'a mut Step<'b>, request: &'a TakeRequest) -> Result<Self, StepError> {
        let pausing = pause::is_anything(step)?;
        let looks_left = request.max.saturating_add(2 * MOVES_PER_TAKE);
        let (token, lanes, messages, bytes, cut_short) = (None, Vec::new(), Vec::new(), 0, false);
        Ok(Self { step, request, pausing, looks_left, token, lanes, messages, bytes, cut_short })
    }

    /// The messages, and whether there may be more although they aren't as many as were asked for.
    fn fill(mut self) -> Result<(Vec<Leased>, bool), StepError> {
        if self.request.max == 0 || self.is_paused(&Scope::All)? {
            return Ok((Vec::new(), false));
        }
        if self.request.suspect {
            self.each_class(true, |this, class| this.lease_one(class, true))?;
        }
        // One lane of each class per round; a class without one drops out.
        let mut left = Vec::new();
        self.each_class(false, |this, class| {
            if !this.is_full() && this.lease_one(class, false)? {
                left.push(class.clone());
            }
            Ok(this.is_full())
        })?;
        while !left.is_empty() && !self.is_full() {
            let mut more = Vec::with_capacity(left.len());
            for class in left {
                if !self.is_full() && self.lease_one(&class, false)? {
                    more.push(class);
                }
            }
            left = more;
        }
        if let Some(token) = &self.token {
            remember(self.step, self.request, token, &self.lanes)?;
        }
        let cut_short = self.cut_short || self.messages.len() < self.request.max && self.is_full();
        Ok((self.messages, cut_short))
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= self.request.max || self.bytes >= TAKEN_BYTES_MAX || self.cut_short
    }

    fn is_paused(&self, scope: &Scope) -> Result<bool, StepError> {
        Ok(self.pausing && pause::is_paused(self.step, scope)?)
    }

    /// Gives `each` the wanted classes that aren't paused and have ready lanes, beginning with the one whose turn it is,
    /// until `each` says that it is enough. The classes are read from the lanes, so that classes without lanes cost nothing.
    fn each_class(
        &mut self,
        suspect: bool,
        mut each: impl FnMut(&mut Self, &Class) -> Result<bool, StepError>,
    ) -> Result<(), StepError> {
        let request: &'a TakeRequest = self.request;
        let (classes, turn) = request.classes_in_order();
        let Some(first) = classes.get(turn).map(|class| class.as_str().as_bytes().to_vec()) else {
            return Ok(());
        };
        let sql = match suspect {
            true => "SELECT CAST(class AS BLOB) FROM lane INDEXED BY lane_suspect WHERE state = 'ready' AND suspect = 1 AND class >= CAST(?1 AS TEXT)
                ORDER BY class LIMIT 1",
            false => "SELECT CAST(class AS BLOB) FROM lane WHERE state = 'ready' AND suspect = 0 AND class >= CAST(?1 AS TEXT)
                ORDER BY class LIMIT 1",
        };
        for (mut from, end) in [(first.clone(), None), (Vec::new(), Some(first))] {
            while let Some(class) = self.step.first(sql, params![from], |row| row.get::<_, Vec<u8>>(0))? {
                if end.as_ref().is_some_and(|end| class >= *end) {
                    break;
                }
                let known = classes.binary_search_by(|known| known.as_str().as_bytes().cmp(&class));
                if let Ok(at) = known
                    && !self.is_paused(&Scope::Class(classes[at].clone()))?
                    && each(self, &classes[at])?
                {
                    return Ok(());
                }
                // The least class that is greater.
                from = class;
                from.push(0);
            }
        }
        Ok(())
    }

    /// Leases the next ready lane of a class that isn't paused. Whether there was one.
    fn lease_one(&mut self, class: &Class, suspect: bool) -> Result<bool, StepError> {
        while self.looks_left > 0 {
            let sql = "SELECT no FROM lane WHERE state = 'ready' AND class = ?1 AND suspect = ?2 ORDER BY position LIMIT 1";
            let found = self.step.first(sql, params![class.as_str(), suspect], |row| row.get::<_, i64>(0))?;
            let Some(no) = found else { return Ok(false) };
            self.looks_left -= 1;
            let made_token = self.token.clone();
            let leased = self.step.apart(|step| {
                let mut lease =
                    LaneLease { step, request: self.request, token: made_token, pausing: self.pausing };
                Ok((lease.lease(no, class)?, lease.token))
            })?;
            match leased {
                Ok((Some(message), token)) => {
                    self.token = token;
                    self.bytes += bytes_of(&message);
                    self.lanes.push(no.to_string());
                    self.messages.push(message);
                    return Ok(true);
                }
                Ok((None, _)) => {}
                Err(problem) => mend(self.step, no, &problem)?,
            }
        }
        self.cut_short = true;
        Ok(false)
    }
}

/// The bytes of a message that count towards the limit of a take.
fn bytes_of(message: &Leased) -> usize {
    let optional = [&message.memory, &message.progress.replies, &message.answer];
    message.payload.len() + optional.into_iter().flatten().map(bytes::Bytes::len).sum::<usize>()
}

/// One lane on its way to a lease.
struct LaneLease<'a, 'b> {
    step: &'a mut Step<'b>,
    request: &'a TakeRequest,
    token: Option<Token>,
    pausing: bool,
}

impl LaneLease<'_, '_> {
    /// Leases the lane. None: it is paused, or belongs to another class.
    fn lease(&mut self, no: i64, class: &Class) -> Result<Option<Leased>, StepError> {
        let sql = "SELECT name, current FROM lane WHERE no = ?1";
        let (name, current): (String, Option<i64>) =
            self.step.one(sql, params![no], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if self.pausing && pause::is_paused(self.step, &Scope::Lane(Lane::from_stored(name.clone())))? {
            let sql = "UPDATE lane SET state = 'parked', position = NULL WHERE no = ?1";
            self.step.execute(sql, params![no])?;
            return Ok(None);
        }
        if let Some(current) = current {
            let sql = "UPDATE head SET confirmed = 0, unheard = 0 WHERE seq = ?1 AND (confirmed = 1 OR unheard = 1)";
            self.step.execute(sql, params![current])?;
            return self.give(no, current).map(Some);
        }
        // A lane is there only while it has messages.
        let next = next(self.step, no)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        // An older message of another class has come into the lane since it became ready.
        if next.class != class.as_str() {
            to_end(self.step, no)?;
            return Ok(None);
        }
        if held::is_refused(self.step, &name)? {
            close(self.step, no, Closed::Refused)?;
        }
        self.give(no, next.seq).map(Some)
    }

    fn give(&mut self, no: i64, current: i64) -> Result<Leased, StepError> {
        let token = match &self.token {
            Some(token) => token.clone(),
            None => self.token.insert(new_token(self.step, &self.request.worker)?).clone(),
        };
        let until_us = self.step.now_us.saturating_add(stored(micros(self.request.lease_for)));
        self.step.execute(
            "UPDATE lane SET state = 'leased', position = NULL, due_us = ?2, token = ?3, worker = ?4, current = ?5, followed =
                EXISTS (SELECT 1 FROM message WHERE lane_no = ?1 AND second IS NULL AND seq <> ?5)
                OR EXISTS (SELECT 1 FROM message WHERE lane_no = ?1 AND second IS NOT NULL AND seq <> ?5)
             WHERE no = ?1",
            params![no, until_us, token.as_str(), self.request.worker.name(), current],
        )?;
        head::current(self.step, no)
    }
}

fn new_token(step: &Step<'_>, worker: &WorkerId) -> Result<Token, StepError> {
    step.execute("UPDATE meta SET takes = takes + 1", [])?;
    let takes = step.one("SELECT takes FROM meta", [], |row| row.get(0))?;
    Ok(Token::new(loaded(takes), worker.incarnation()))
}

fn lease(step: &Step<'_>, lane: i64, request: &TakeRequest, token: &Token) -> Result<(), StepError> {
    let until_us = step.now_us.saturating_add(stored(micros(request.lease_for)));
    step.run(
        "UPDATE lane SET state = 'leased', position = NULL, due_us = ?2, token = ?3, worker = ?4 WHERE no = ?1",
        params![lane, until_us, token.as_str(), request.worker.name()],
    )
}

fn remember(
    step: &Step<'_>,
    request: &TakeRequest,
    token: &Token,
    lanes: &[String],
) -> Result<(), StepError> {
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
        // There is one row per worker, so few rows: they are read through only when a new worker comes.
        let oldest_us = step.now_us.saturating_sub(stored(micros(REMEMBERED)));
        step.execute("DELETE FROM take WHERE at_us < ?1", params![oldest_us])?;
    }
    Ok(())
}

/// How long until a delay, a lease or a hold ends, if one is under way.
fn next_due(step: &Step<'_>, quiet_us: i64) -> Result<Option<Duration>, StepError> {
    let first = |sql| step.first(sql, [], |row| row.get::<_, i64>(0));
    let leased = first(
        "SELECT due_us FROM lane WHERE state = 'leased' AND due_us IS NOT NULL ORDER BY due_us LIMIT 1",
    )?;
    let delayed = first(
        "SELECT due_us FROM lane WHERE state = 'delayed' AND due_us IS NOT NULL ORDER BY due_us LIMIT 1",
    )?;
    let held = first("SELECT until_us FROM held ORDER BY until_us LIMIT 1")?;
    let next = [leased.map(|due_us| due_us.max(quiet_us)), delayed, held].into_iter().flatten().min();
    Ok(next.map(|due_us| Duration::from_micros(loaded(due_us.saturating_sub(step.now_us)))))
}
