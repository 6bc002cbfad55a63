//! A message in a spool, and its row.

use std::time::Duration;

use rusqlite::Row;

use crate::file::now::loaded;
use crate::{Class, HeldEffect, Lane, MessageId, NewMessage, Right};

/// What a row takes in addition to its texts and its payload, in bytes: numbers, the index, the slack of pages. Rounded up.
const ROW_BYTES: usize = 160;

/// A message that waits for the store.
#[derive(Clone, Debug)]
pub struct SpoolEntry {
    /// Its place in the order of the spool.
    pub seq: u64,
    /// The message, marked as late.
    pub message: NewMessage,
    /// How long it has been here.
    pub age: Duration,
}

/// What became of a message given to a spool. In both cases it is durable there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is a new entry.
    New,
    /// The same id was there already.
    Duplicate,
}

/// How much is in a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolCounts {
    /// Entries to be drained, and those that the store took less than two seconds ago.
    pub entries: u64,
    /// What all entries count for against the limit.
    pub bytes: u64,
    /// Entries that the store refuses for what is in them.
    pub quarantined: u64,
    /// How long the first of the entries has been here.
    pub oldest: Option<Duration>,
}

/// What a message counts for against the limit of a spool.
pub(super) fn size_bytes(message: &NewMessage) -> u64 {
    let texts = [message.id.as_str(), message.lane.as_str(), message.class.as_str()];
    let reason = message.dead_reason.as_ref().map_or(0, String::len);
    let bytes =
        texts.iter().map(|text| text.len()).sum::<usize>() + reason + message.payload.len() + ROW_BYTES;
    bytes as u64
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str =
    "seq, id, lane, class, arrived_us, spooled_us, held, dead_reason, payload, allowed";

/// Reads a row whose spool's clock shows `now_us`.
pub(super) fn read(row: &Row<'_>, now_us: i64) -> rusqlite::Result<SpoolEntry> {
    let spooled_us: i64 = row.get(5)?;
    Ok(SpoolEntry {
        seq: loaded(row.get(0)?),
        message: NewMessage {
            id: MessageId::from_stored(row.get(1)?),
            lane: Lane::from_stored(row.get(2)?),
            class: Class::from_stored(row.get(3)?),
            payload: row.get::<_, Vec<u8>>(8)?.into(),
            arrived_us: loaded(row.get(4)?),
            not_after: None,
            held: effect_of(row.get(6)?, row.get::<_, i64>(9)?.cast_unsigned()),
            late: true,
            dead_reason: row.get(7)?,
        },
        age: age(now_us, spooled_us),
    })
}

/// The numbers that stand for an effect in a row: its kind, and a note that may be any number and keeps all its bits.
pub(super) fn numbers_of(effect: HeldEffect) -> (i64, i64) {
    match effect {
        HeldEffect::Leave => (0, 0),
        // An end has at most 40 bits.
        HeldEffect::Wake(Right { sends, until_s }) => {
            (1, (until_s.min(Right::UNTIL_S_MAX) << 16 | u64::from(sends.min(0xffff))).cast_signed())
        }
        HeldEffect::Bury => (2, 0),
    }
}

fn effect_of(number: i64, right: u64) -> HeldEffect {
    match number {
        1 => HeldEffect::Wake(Right { sends: (right & 0xffff) as u32, until_s: right >> 16 }),
        2 => HeldEffect::Bury,
        _ => HeldEffect::Leave,
    }
}

/// How long ago `spooled_us` was.
pub(super) fn age(now_us: i64, spooled_us: i64) -> Duration {
    Duration::from_micros(loaded(now_us.saturating_sub(spooled_us)))
}
