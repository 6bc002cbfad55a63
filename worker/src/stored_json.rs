//! What lies in the queue as JSON with the number of its format: recorded answers, answers by call back, memories.
//!
//! Workers of two versions run side by side during a deploy. What an older version wrote is read, so a new format only adds to
//! the ones before it; what a newer version wrote is left for it. What no version
//! can have written is damaged, and waiting mends nothing. Only the number tells the two apart, so every later format
//! keeps it, under its name, at the top.

use std::time::SystemTime;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Why something stored can't be read. Parsers quote what they read, so their words are not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// A newer version wrote it.
    #[error("has a newer format")]
    Newer,
    /// It is nothing that any version wrote.
    #[error("is damaged")]
    Damaged,
}

#[derive(Deserialize)]
struct FormatHeader {
    format: u64,
}

/// A time as it is stored, in milliseconds.
pub(crate) fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Writes something as JSON: structs of texts and numbers always have that form.
pub(crate) fn write(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("it can be written as JSON").into()
}

/// Reads what was written as JSON in this format, or in one before it.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8], format: u8) -> Result<T, Unreadable> {
    let head: FormatHeader = serde_json::from_slice(bytes).map_err(|_| Unreadable::Damaged)?;
    match head.format {
        0 => Err(Unreadable::Damaged),
        newer if newer > u64::from(format) => Err(Unreadable::Newer),
        _ => serde_json::from_slice(bytes).map_err(|_| Unreadable::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        parts: Vec<String>,
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let rows = [
            (r#"{"format":2,"parts":["x"]}"#, Ok(Thing { parts: vec!["x".to_owned()] })),
            (r#"{"format":3,"parts":["x"]}"#, Err(Unreadable::Newer)),
            (r#"{"more":[],"format":300}"#, Err(Unreadable::Newer)),
            (r#"{"format":1,"parts":["x"]}"#, Ok(Thing { parts: vec!["x".to_owned()] })),
            (r#"{"format":0,"parts":["x"]}"#, Err(Unreadable::Damaged)),
            (r#"{"format":2,"parts":"x"}"#, Err(Unreadable::Damaged)),
            (r#"{"format":2,"parts":["x"]"#, Err(Unreadable::Damaged)),
            (r#"{"format":3,"parts":["x"]"#, Err(Unreadable::Damaged)),
            (r#"{"format":"3"}"#, Err(Unreadable::Damaged)),
            ("", Err(Unreadable::Damaged)),
        ];
        for (text, expected) in rows {
            assert_eq!(read::<Thing>(text.as_bytes(), 2), expected, "{text}");
        }
    }
}
