//! The answers that may go out in responses, as they lie in the file: of a current message that is offered, or of held ones.
//!
//! How many parts are sent, and which is announced, stands where it stands for every message: in `head` or in `held`.

use bytes::Bytes;
use rusqlite::{Row, params};

use super::ending::Ending;
use super::mend::set_held_aside;
use super::step_error::StepError;
use super::work::Step;
use crate::{Lane, MessageId, PushAnswer, PushTry};

/// The answer of a message.
pub(super) struct Response {
    no: i64,
    pub(super) of: Ending,
    pub(super) sent: u32,
    /// How many parts are there to go out.
    pub(super) left: u32,
    pub(super) total: u32,
    pub(super) dies_of: Option<String>,
    pub(super) resend: bool,
    /// None: it is held.
    pub(super) offered_until_us: Option<i64>,
    pub(super) claim: Option<Claim>,
}

/// The next part was given to a try of a push.
pub(super) struct Claim {
    pub(super) push: PushTry,
    pub(super) until_us: i64,
}

/// Keeps an answer with a message. `offered_until_us`: of a current one.
pub(super) fn put(
    step: &Step<'_>,
    lane: &Lane,
    of: Ending,
    answer: &PushAnswer,
    offered_until_us: Option<i64>,
) -> Result<(), StepError> {
    let (seq, held) = match of {
        Ending::Current { seq, .. } => (Some(seq), None),
        Ending::Held { no } => (None, Some(no)),
    };
    step.execute("DELETE FROM response WHERE seq = ?1", params![seq])?;
    step.execute(
        "INSERT INTO response (lane, seq, held, total, dies_of, resend, offered_until_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![lane.as_str(), seq, held, answer.total, answer.dies_of, answer.resend, offered_until_us],
    )?;
    let no = step.db.last_insert_rowid();
    for (n, part) in (answer.sent..).zip(&answer.parts) {
        let sql = "INSERT INTO part (response, n, bytes) VALUES (?1, ?2, ?3)";
        step.execute(sql, params![no, n, &part[..]])?;
    }
    Ok(())
}

/// The answers in a lane: those of the held messages in their order, then the current one's. What can't be read is set aside.
pub(super) fn all(step: &Step<'_>, lane: &Lane) -> Result<Vec<Response>, StepError> {
    let sql = "SELECT response.no, response.held, response.seq, lane.no, coalesce(held.sent, head.sent, 0),
            (SELECT count(*) FROM part WHERE part.response = response.no), total, dies_of, resend, offered_until_us,
            push, try, claimed_until_us, held.no
        FROM response LEFT JOIN held ON held.no = response.held LEFT JOIN head ON head.seq = response.seq
            LEFT JOIN lane ON lane.name = response.lane AND lane.current = response.seq
        WHERE response.lane = ?1 ORDER BY response.held IS NULL, response.held";
    let rows = step.all(sql, params![lane.as_str()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, read(row)))
    })?;
    let mut responses = Vec::new();
    for (no, held, response) in rows {
        match response {
            Ok(response) if response.left > 0 => responses.push(response),
            damaged => {
                let problem =
                    damaged.err().map_or_else(|| "its parts are missing".to_owned(), |it| it.to_string());
                // The lane of a current message goes on at the end of its delay.
                step.execute("DELETE FROM response WHERE no = ?1", params![no])?;
                if let Some(held) = held {
                    set_held_aside(step, held, &problem)?;
                }
            }
        }
    }
    Ok(responses)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Response> {
    let of = match row.get::<_, Option<i64>>(1)? {
        Some(_) => Ending::Held { no: row.get(13)? },
        None => Ending::Current { seq: row.get(2)?, lane: row.get(3)? },
    };
    let push = row.get::<_, Option<String>>(10)?.map(MessageId::from_stored);
    let claim = push.map(|id| {
        Ok::<_, rusqlite::Error>(Claim { push: PushTry { id, number: row.get(11)? }, until_us: row.get(12)? })
    });
    Ok(Response {
        no: row.get(0)?,
        of,
        sent: row.get(4)?,
        left: row.get(5)?,
        total: row.get(6)?,
        dies_of: row.get(7)?,
        resend: row.get(8)?,
        offered_until_us: row.get(9)?,
        claim: claim.transpose()?,
    })
}

impl Response {
    /// Gives the next part to a try of a push, and announces it. A current message's lane waits for that.
    pub(super) fn claim(&self, step: &Step<'_>, push: &PushTry, until_us: i64) -> Result<Bytes, StepError> {
        self.reclaim(step, push, until_us)?;
        let (sql, key) = match self.of {
            Ending::Current { seq, .. } => ("UPDATE head SET sending = sent WHERE seq = ?1", seq),
            Ending::Held { no } => ("UPDATE held SET sending = sent WHERE no = ?1", no),
        };
        step.execute(sql, params![key])?;
        let sql = "SELECT bytes FROM part WHERE response = ?1 ORDER BY n LIMIT 1";
        Ok(step.one(sql, params![self.no], |row| row.get::<_, Vec<u8>>(0))?.into())
    }

    /// The claim is another try's from now on, or a longer one.
    pub(super) fn reclaim(&self, step: &Step<'_>, push: &PushTry, until_us: i64) -> Result<(), StepError> {
        let sql = "UPDATE response SET push = ?2, try = ?3, claimed_until_us = ?4 WHERE no = ?1";
        step.execute(sql, params![self.no, push.id.as_str(), push.number, until_us])?;
        self.delay(step, until_us)
    }

    /// The lane of a current message waits until then.
    pub(super) fn delay(&self, step: &Step<'_>, until_us: i64) -> Result<(), StepError> {
        let Ending::Current { lane, .. } = self.of else { return Ok(()) };
        step.run("UPDATE lane SET due_us = ?2 WHERE no = ?1 AND state = 'delayed'", params![lane, until_us])
    }

    /// Ends its claim. `written`: the part is sent. Whether it was the last one.
    pub(super) fn release(&self, step: &Step<'_>, written: bool) -> Result<bool, StepError> {
        let sql = "UPDATE response SET push = NULL, try = NULL, claimed_until_us = NULL WHERE no = ?1";
        step.execute(sql, params![self.no])?;
        let sent = self.sent.saturating_add(written.into());
        let (sql, key) = match self.of {
            Ending::Current { seq, .. } => ("UPDATE head SET sent = ?2, sending = NULL WHERE seq = ?1", seq),
            Ending::Held { no } => ("UPDATE held SET sent = ?2, sending = NULL WHERE no = ?1", no),
        };
        step.execute(sql, params![key, sent])?;
        if written {
            let sql =
                "DELETE FROM part WHERE response = ?1 AND n = (SELECT min(n) FROM part WHERE response = ?1)";
            step.execute(sql, params![self.no])?;
        }
        Ok(written && sent >= self.total)
    }

    /// The message goes another way.
    pub(super) fn drop(&self, step: &Step<'_>) -> Result<(), StepError> {
        step.run("DELETE FROM response WHERE no = ?1", params![self.no])
    }
}
