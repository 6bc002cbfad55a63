//! The end of a message: answered, or dead with a reason. Everything that ends one comes here.
//!
//! The triggers of `schema.sql` count the messages that aren't at their end, on the tables that a message leaves here.

use rusqlite::params;

use super::ending::Ending;
use super::step_error::StepError;
use super::work::Step;
use super::{journal, lane};
use crate::{Buried, Class, MessageId};

/// What a letter is made of; the first parameter is the message, then come the time and the reason.
const CURRENT: &str =
    "INSERT INTO dead (id, lane, class, arrived_us, died_us, reason, failures, losses, on_arrival, payload)
    SELECT message.id, lane.name, message.class, message.arrived_us, ?2, ?3, coalesce(head.failures, 0),
        coalesce(head.losses, 0), 0, message.payload
    FROM message JOIN lane ON lane.no = message.lane_no LEFT JOIN head ON head.seq = message.seq
    WHERE message.seq = ?1";
const HELD: &str =
    "INSERT INTO dead (id, lane, class, arrived_us, died_us, reason, failures, losses, on_arrival, payload)
    SELECT id, lane, class, arrived_us, ?2, ?3, failures, 0, 0, payload FROM held WHERE no = ?1";

/// Ends a message, with a note that replaces the kept one unless it is empty. With a reason it dies. Gives what died.
pub(super) fn end(
    step: &mut Step<'_>,
    ending: Ending,
    dies_of: Option<&str>,
    note: &[u8],
) -> Result<Option<Buried>, StepError> {
    journal::write(step, ending, dies_of, note)?;
    let buried = dies_of.map(|reason| bury(step, ending, reason)).transpose()?;
    match ending {
        Ending::Current { lane, seq } => lane::drop_current(step, lane, seq)?,
        Ending::Held { no } => {
            step.execute("DELETE FROM held WHERE no = ?1", params![no])?;
        }
    }
    Ok(buried)
}

/// Writes its letter, in place of one with the same id from an earlier life.
fn bury(step: &Step<'_>, ending: Ending, reason: &str) -> Result<Buried, StepError> {
    let (message, named, letter) = match ending {
        Ending::Current { seq, .. } => (seq, "SELECT id, class FROM message WHERE seq = ?1", CURRENT),
        Ending::Held { no } => (no, "SELECT id, class FROM held WHERE no = ?1", HELD),
    };
    let (id, class): (String, String) =
        step.one(named, params![message], |row| Ok((row.get(0)?, row.get(1)?)))?;
    step.execute("DELETE FROM dead WHERE id = ?1", params![id])?;
    step.execute(letter, params![message, step.now_us, reason])?;
    let reason = reason.to_owned();
    Ok(Buried { id: MessageId::from_stored(id), class: Class::from_stored(class), reason })
}
