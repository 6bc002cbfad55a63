//! How a message lies in its lane's list.
//!
//! ```text
//! 1 byte   format: the one number for everything stored
//! 1 byte   length of the class in bytes
//!          class          the scripts read it to find the ready list a lane belongs to
//! 1 byte   length of the id in bytes
//!          id
//! 8 bytes  time of arrival, Unix microseconds, big endian
//!          payload
//! ```
//!
//! Format, class and id keep their places in every later format: the scripts of an older version still find the ready list
//! of a message that they can't read.
//!
//! One value instead of a hash per message: half the CPU and two thirds of the memory. Scripts never read the id or
//! the payload, so nothing in them can be taken for a number.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::format::STORED_FORMAT;
use crate::{Class, MessageId, NewMessage, QueueError};

/// A message as it lies in its lane.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) id: MessageId,
    pub(super) class: Class,
    pub(super) arrived_us: u64,
    pub(super) payload: Bytes,
}

pub(super) fn pack(message: &NewMessage) -> Bytes {
    let (id, class) = (message.id.as_str().as_bytes(), message.class.as_str().as_bytes());
    let mut bytes = BytesMut::with_capacity(11 + id.len() + class.len() + message.payload.len());
    bytes.put_u8(STORED_FORMAT);
    for name in [class, id] {
        // Names are at most 128 bytes long: `MessageId::MAX_BYTES`, `Class::MAX_BYTES`.
        bytes.put_u8(u8::try_from(name.len()).expect("names fit into a byte's count"));
        bytes.put_slice(name);
    }
    bytes.put_u64(message.arrived_us);
    bytes.put_slice(&message.payload);
    bytes.freeze()
}

pub(super) fn unpack(bytes: &Bytes) -> Result<Packed, QueueError> {
    let unknown = || QueueError::UnknownFormat { what: "a stored message".to_owned() };
    if bytes.first() != Some(&STORED_FORMAT) {
        return Err(unknown());
    }
    let name = |at: usize| -> Option<(String, usize)> {
        let length = usize::from(*bytes.get(at)?);
        let text = bytes.get(at + 1..at + 1 + length)?;
        Some((String::from_utf8_lossy(text).into_owned(), at + 1 + length))
    };
    let (class, at) = name(1).ok_or_else(unknown)?;
    let (id, at) = name(at).ok_or_else(unknown)?;
    let arrived = bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).ok_or_else(unknown)?;
    Ok(Packed {
        id: MessageId::from_stored(id),
        class: Class::from_stored(class),
        arrived_us: u64::from_be_bytes(arrived),
        payload: bytes.slice(at + 8..),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{HeldEffect, Lane};

    proptest! {
        #[test]
        fn what_is_packed_unpacks_to_the_same(id in ".{1,30}", class in ".{1,15}", arrived_us: u64, payload: Vec<u8>) {
            let message = NewMessage {
                id: MessageId::new(id).unwrap(),
                class: Class::new(class).unwrap(),
                lane: Lane::new("lane").unwrap(),
                payload: payload.into(),
                arrived_us,
                not_after: None,
                held: HeldEffect::Leave,
                late: false,
                dead_reason: None,
            };
            let packed = unpack(&pack(&message)).unwrap();
            prop_assert_eq!((packed.id, packed.class, packed.arrived_us, packed.payload),
                (message.id, message.class, message.arrived_us, message.payload));
        }

        #[test]
        fn unpacking_never_panics(bytes: Vec<u8>) {
            let _ = unpack(&bytes.into());
        }
    }

    #[test]
    fn a_newer_format_is_an_error_of_its_own() {
        let error = unpack(&Bytes::from_static(&[STORED_FORMAT + 1, 0, 0])).unwrap_err();
        assert!(matches!(error, QueueError::UnknownFormat { .. }));
    }
}
