//! What the receiver stores and the worker reads back.
//!
//! ```text
//! 1 byte   format, 1
//! 1 byte   trigger: m message, c click, q scan, f follow, u unsubscribe, s silent
//! 1 byte   length of the account's name in bytes
//!          account
//!          the inner body, byte for byte as WeChat pushed it
//! ```
//!
//! The body is kept as it came, not as we understood it: a later version may understand more of it, and a message that
//! nobody understands can still be shown. Receiver and worker may be of different versions during a deploy, so the
//! format leads; a worker leaves what it doesn't know where it is.
//!
//! A push that changes its user's right to send also leaves a [`Note`] for the messages that are being answered: what right
//! it opens, and since when. The queue keeps notes as numbers, so a note is one: the trigger's byte, and above it WeChat's
//! time of creation in Unix seconds.

use bytes::{BufMut as _, Bytes, BytesMut};
use huixin_queue::Note;
use huixin_wechat::Trigger;

const FORMAT: u8 = 1;

const TRIGGERS: [(u8, Trigger); 6] = [
    (b'm', Trigger::Message),
    (b'c', Trigger::Click),
    (b'q', Trigger::Scan),
    (b'f', Trigger::Subscribe),
    (b'u', Trigger::Unsubscribe),
    (b's', Trigger::Silent),
];

/// Later times of creation, in Unix seconds, are none: a note fits into 48 bits, so into a signed number of any store.
const CREATED_END: u64 = 1 << 40;

/// One pushed message as it lies in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The account's name in the configuration, at most 255 bytes.
    pub account: String,
    /// What right to send the push opens.
    pub trigger: Trigger,
    /// The inner body, as pushed.
    pub body: Bytes,
}

/// Why a payload can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A newer version wrote it: leave it where it is.
    #[error("the stored message has format {0}, which a newer version wrote")]
    Newer(u8),
    /// It isn't one.
    #[error("the stored message is damaged")]
    Damaged,
}

impl Payload {
    /// The bytes to store.
    pub fn encode(&self) -> Bytes {
        // Longer names can't be configured; what would be cut off here could never be matched again.
        let account = &self.account.as_bytes()[..self.account.len().min(255)];
        let mut bytes = BytesMut::with_capacity(3 + account.len() + self.body.len());
        bytes.put_u8(FORMAT);
        bytes.put_u8(code_of(self.trigger));
        bytes.put_u8(u8::try_from(account.len()).expect("cut to 255 bytes above"));
        bytes.put_slice(account);
        bytes.put_slice(&self.body);
        bytes.freeze()
    }

    /// Reads what [`Payload::encode`] made. The body shares the memory of `bytes`.
    ///
    /// # Errors
    /// When a newer version made it, or it is damaged.
    pub fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
        let &[format, trigger, length, ..] = bytes.as_ref() else { return Err(PayloadError::Damaged) };
        if format != FORMAT {
            return Err(if format > FORMAT { PayloadError::Newer(format) } else { PayloadError::Damaged });
        }
        let end = 3 + usize::from(length);
        let account =
            bytes.get(3..end).and_then(|name| std::str::from_utf8(name).ok()).ok_or(PayloadError::Damaged)?;
        let trigger = trigger_of(trigger).ok_or(PayloadError::Damaged)?;
        Ok(Self { account: account.to_owned(), trigger, body: bytes.slice(end..) })
    }
}

/// The note of a push: what right to send it opens, and when WeChat says that it was created, in Unix seconds. A time that
/// can't be one counts as 0, which is "unknown".
pub fn note(trigger: Trigger, created_at: i64) -> Note {
    let seconds = u64::try_from(created_at).ok().filter(|seconds| *seconds < CREATED_END).unwrap_or(0);
    Note(seconds << 8 | u64::from(code_of(trigger)))
}

/// Reads what [`note`] made; `None` if it can't have: a newer version knows triggers that this one doesn't.
pub fn read_note(note: Note) -> Option<(Trigger, i64)> {
    let [code, ..] = note.0.to_le_bytes();
    let seconds = Some(note.0 >> 8).filter(|seconds| *seconds < CREATED_END)?;
    Some((trigger_of(code)?, i64::try_from(seconds).ok()?))
}

fn code_of(trigger: Trigger) -> u8 {
    TRIGGERS.iter().find(|(_, known)| *known == trigger).map_or(b's', |(code, _)| *code)
}

fn trigger_of(code: u8) -> Option<Trigger> {
    TRIGGERS.iter().find(|(known, _)| *known == code).map(|(_, trigger)| *trigger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_reads_back_as_it_was_written() {
        for trigger in Trigger::ALL {
            let payload =
                Payload { account: "main".into(), trigger, body: Bytes::from_static(b"<xml>\xff</xml>") };
            assert_eq!(Payload::decode(&payload.encode()), Ok(payload));
        }
    }

    #[test]
    fn a_note_reads_back_as_it_was_made() {
        for trigger in Trigger::ALL {
            for created_at in [0, 1, 1_767_225_600, (1 << 40) - 1] {
                let note = note(trigger, created_at);
                assert_eq!(read_note(note), Some((trigger, created_at)));
                assert!(i64::try_from(note.0).is_ok(), "{note:?} fits into a positive number");
            }
        }
        assert_eq!(note(Trigger::Message, 1), Note(0x16d), "what lies in a store is read by other versions");
    }

    #[test]
    fn a_time_of_creation_that_can_not_be_one_counts_as_unknown() {
        for created_at in [-1, i64::MIN, 1 << 40, i64::MAX] {
            assert_eq!(
                read_note(note(Trigger::Click, created_at)),
                Some((Trigger::Click, 0)),
                "{created_at}"
            );
        }
    }

    #[test]
    fn a_note_that_nobody_of_this_version_makes_is_not_read() {
        let too_late = u64::from(b'm') | 1 << 48;
        for unknown in [0, u64::from(b'?'), 1_767_225_600 << 8, too_late, u64::MAX] {
            assert_eq!(read_note(Note(unknown)), None, "{unknown:#x}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_a_damaged_one() {
        assert_eq!(Payload::decode(&Bytes::from_static(b"\x02m\x00")), Err(PayloadError::Newer(2)));
        for damaged in
            [&b""[..], b"\x01", b"\x01m", b"\x01m\x09ab", b"\x01?\x00", b"\x00m\x00", b"\x01m\x01\xff"]
        {
            assert_eq!(
                Payload::decode(&Bytes::copy_from_slice(damaged)),
                Err(PayloadError::Damaged),
                "{damaged:?}"
            );
        }
    }
}
