//! Sealing: for replies, and for programs that play WeChat.

use aes::Aes256;
use aes::cipher::{Block, BlockModeEncrypt, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{AesKey, BLOCK, HEAD, PADDED_TO};

/// How many random bytes stand before the message.
pub const RANDOM_BYTES: usize = 16;

/// Seals `message` for `app_id`: the text of `Encrypt`. Two calls never give the same.
pub fn seal(key: &AesKey, app_id: &str, message: &[u8]) -> String {
    // Letters and digits, 96 bits: readers that take the random bytes for text, as Tencent's samples do, see text.
    let random = rand::random::<[u8; RANDOM_BYTES]>().map(|byte| LETTERS[usize::from(byte & 63)]);
    seal_with(key, app_id, message, random)
}

/// [`seal`] with given random bytes, so that the result is known: for tests and vectors only.
///
/// A message is far below the 4 GiB that its length can say; nobody could read more of a longer one.
pub fn seal_with(key: &AesKey, app_id: &str, message: &[u8], random: [u8; RANDOM_BYTES]) -> String {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut plain = Vec::with_capacity(HEAD + message.len() + app_id.len() + PADDED_TO);
    plain.extend_from_slice(&random);
    plain.extend_from_slice(&length.to_be_bytes());
    plain.extend_from_slice(message);
    plain.extend_from_slice(app_id.as_bytes());
    pad(&mut plain);

    let mut cipher = cbc::Encryptor::<Aes256>::new(key.bytes().into(), &key.iv().into());
    for block in plain.chunks_exact_mut(BLOCK) {
        if let Ok(block) = <&mut Block<Aes256>>::try_from(block) {
            cipher.encrypt_block(block);
        }
    }
    STANDARD.encode(plain)
}

/// Pads to a multiple of 32; by 32 more if it is one already.
fn pad(plain: &mut Vec<u8>) {
    let pad = PADDED_TO - plain.len() % PADDED_TO;
    let byte = u8::try_from(pad).unwrap_or_default();
    plain.resize(plain.len() + pad, byte);
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
