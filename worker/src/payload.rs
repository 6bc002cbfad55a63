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

use bytes::{BufMut as _, Bytes, BytesMut};
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
