//! What routes remember of a user: the memory of the user's lane, divided into slots.
//!
//! The queue gives a lane one memory and replaces it in one step with the first replies of a message; since a lane has one
//! message at a time, reading and replacing can't race. Several routes answer one user, and a service must not get what
//! another one wrote: so each has a slot, under its name, with an end of its own.
//!
//! The wall clock decides when a slot is over: a memory that lives some seconds longer or shorter harms nobody. Slots of
//! routes that are gone stay until their time is over, for a configuration that is taken back.
//!
//! The worker goes on without a damaged memory and logs an error: what it held is lost either way, and the next memory
//! replaces it. Rejected: letting the message die. Every message of this user would die until the memory's time is over, and
//! neither a retry nor an operator could help. A memory of a newer format is different: it is whole, and the message waits
//! for a worker that can read it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use huixin_queue::{MAX_PAYLOAD_BYTES, Memory};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::handler::MEMORY_MAX_BYTES;
use crate::stored_json::{self, Unreadable, unix_ms};

const FORMAT: u8 = 1;

/// A lane's memory, read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slots {
    format: u8,
    slots: BTreeMap<String, MemorySlot>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct MemorySlot {
    value: Value,
    /// When it is forgotten, in Unix milliseconds.
    until_ms: u64,
}

/// A memory that can't be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MemoryError {
    #[error("the memory has {0} bytes as JSON, more than {MEMORY_MAX_BYTES}")]
    TooLarge(usize),
    #[error("the routes of this account remember more than {MAX_PAYLOAD_BYTES} bytes about one user")]
    Full,
}

impl Slots {
    /// Nothing is remembered.
    pub(crate) fn empty() -> Self {
        Self { format: FORMAT, slots: BTreeMap::new() }
    }

    /// Reads a lane's memory.
    pub(crate) fn decode(bytes: Option<&[u8]>) -> Result<Self, Unreadable> {
        bytes.map_or_else(|| Ok(Self::empty()), |bytes| stored_json::read(bytes, FORMAT))
    }

    /// What is in a slot now.
    pub(crate) fn get(&self, name: &str, now: SystemTime) -> Option<&Value> {
        let slot = self.slots.get(name).filter(|slot| slot.until_ms > unix_ms(now))?;
        Some(&slot.value)
    }

    /// Replaces a slot, or removes it (`null`), and drops slots whose time is over. Gives the memory that the queue is to keep.
    pub(crate) fn with(
        mut self,
        name: &str,
        value: Value,
        keep_for: Duration,
        now: SystemTime,
    ) -> Result<Memory, MemoryError> {
        check(&value)?;
        let now_ms = unix_ms(now);
        self.slots.retain(|other, slot| other != name && slot.until_ms > now_ms);
        if !value.is_null() {
            let keep_ms = u64::try_from(keep_for.as_millis()).unwrap_or(u64::MAX);
            let until_ms = now_ms.saturating_add(keep_ms);
            self.slots.insert(name.to_owned(), MemorySlot { value, until_ms });
        }
        let Some(last_ms) = self.slots.values().map(|slot| slot.until_ms).max() else {
            return Ok(Memory { bytes: bytes::Bytes::new(), keep_for });
        };
        let bytes = stored_json::write(&self);
        if bytes.len() > MAX_PAYLOAD_BYTES {
            return Err(MemoryError::Full);
        }
        Ok(Memory { bytes, keep_for: Duration::from_millis(last_ms - now_ms) })
    }
}

/// Whether one route may remember this.
pub(crate) fn check(value: &Value) -> Result<(), MemoryError> {
    match value.to_string().len() {
        size if size > MEMORY_MAX_BYTES => Err(MemoryError::TooLarge(size)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn read(memory: &Memory) -> Slots {
        Slots::decode(Some(&memory.bytes)).unwrap()
    }

    #[test]
    fn each_route_has_a_slot_with_an_end_of_its_own() {
        let empty = Slots::decode(None).unwrap();
        assert_eq!(empty.get("a", at(0)), None);
        let one = read(&empty.with("a", json!({"n": 1}), MINUTE, at(0)).unwrap());
        let memory = one.with("b", json!("x"), 2 * MINUTE, at(0)).unwrap();
        assert_eq!(memory.keep_for, 2 * MINUTE, "until the last of them is over");
        let two = read(&memory);
        assert_eq!((two.get("a", at(59)), two.get("b", at(59))), (Some(&json!({"n": 1})), Some(&json!("x"))));
        assert_eq!((two.get("a", at(60)), two.get("b", at(60))), (None, Some(&json!("x"))));
        let later = read(&two.with("b", json!("y"), MINUTE, at(90)).unwrap());
        assert_eq!((later.slots.len(), later.get("b", at(149))), (1, Some(&json!("y"))));
    }

    #[test]
    fn null_forgets_and_the_last_one_forgets_all() {
        let memory = Slots::decode(None).unwrap().with("a", json!(1), MINUTE, at(0)).unwrap();
        let forgotten = read(&memory).with("a", Value::Null, MINUTE, at(1)).unwrap();
        assert!(forgotten.bytes.is_empty());
    }

    #[test]
    fn too_much_is_refused_and_a_newer_format_is_left_alone() {
        let big = json!("x".repeat(MEMORY_MAX_BYTES));
        let refused = Slots::decode(None).unwrap().with("a", big, MINUTE, at(0));
        assert_eq!(refused, Err(MemoryError::TooLarge(MEMORY_MAX_BYTES + 2)));
        assert_eq!(Slots::decode(Some(br#"{"format":2,"slots":{}}"#)), Err(Unreadable::Newer));
        let mut full = Slots::decode(None).unwrap();
        let most = json!("x".repeat(MEMORY_MAX_BYTES - 2));
        for name in ["a", "b", "c"] {
            full = read(&full.with(name, most.clone(), MINUTE, at(0)).unwrap());
        }
        assert_eq!(full.with("d", most, MINUTE, at(0)), Err(MemoryError::Full));
    }
}
