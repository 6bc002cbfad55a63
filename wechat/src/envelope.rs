//! The encrypted modes' envelope: `Encrypt` inside a small XML or JSON shell.
//!
//! By WeChat's documentation (消息加解密说明) a message is sealed so: 16 random bytes, the message's length in four bytes,
//! big endian, the message, the AppID; padded to a multiple of 32 with bytes that each hold their number, 1 to 32;
//! AES-256-CBC under the account's key, the initial vector its first 16 bytes; base64. The signature, `msg_signature`,
//! is over that base64 text, so it is checked before anything here runs: [`crate::authentication`] has the order.
//!
//! The padding is taken off by hand. WeChat pads to 32 although the cipher's block is 16, and a library's PKCS#7 for 16
//! refuses every second genuine message. Tencent's sample code takes a padding out of range for none at all; here it is
//! refused, and so is one whose bytes disagree. To the outside all refusals are the same; [`SealedError`] is for the log, and
//! holds nothing of the content.

mod key;
mod open;
mod outer;
mod seal;

pub use key::{AesKey, KeyError};
pub use open::{SealedError, open};
pub use outer::{EnvelopeError, encrypt_of, to_json, to_xml};
pub use seal::{RANDOM_BYTES, seal, seal_with};

/// The padding makes the sealed bytes a multiple of this.
const PADDED_TO: usize = 32;
/// The cipher's block.
const BLOCK: usize = 16;
/// Before the message: the random bytes and the length.
const HEAD: usize = RANDOM_BYTES + 4;
