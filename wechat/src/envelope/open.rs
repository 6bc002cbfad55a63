//! Opening: strict at every step, so that each length is known before it is used.

use aes::Aes256;
use aes::cipher::{Block, BlockModeDecrypt, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{AesKey, BLOCK, HEAD, PADDED_TO, RANDOM_BYTES};

/// Opens the text of an `Encrypt` element that was sealed for `app_id`: the message, XML or JSON, as bytes.
///
/// It doesn't authenticate: check `msg_signature` over `encrypt` first, with
/// [`PushQuery::is_sealed_with`](crate::PushQuery::is_sealed_with).
///
/// # Errors
/// [`SealedError`]: for the log only. Its sender must not learn which.
pub fn open(key: &AesKey, app_id: &str, encrypt: &str) -> Result<Vec<u8>, SealedError> {
    let mut sealed = STANDARD.decode(encrypt).map_err(|_| SealedError::Base64)?;
    if sealed.len() < PADDED_TO || sealed.len() % BLOCK != 0 {
        return Err(SealedError::Length { bytes: sealed.len() });
    }
    decrypt(key, &mut sealed);
    let plain = unpadded(&sealed).ok_or(SealedError::Padding)?;

    let (head, rest) = plain.split_at_checked(HEAD).ok_or(SealedError::MessageLength)?;
    let length = head[RANDOM_BYTES..].iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    let (message, owner) = rest.split_at_checked(length).ok_or(SealedError::MessageLength)?;
    if app_id.is_empty() || owner != app_id.as_bytes() {
        return Err(SealedError::AppId);
    }
    Ok(message.to_vec())
}

/// Why an `Encrypt` text can't be opened. No variant shows anything of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// It isn't base64 with padding.
    #[error("it is not base64")]
    Base64,
    /// It is shorter than 32 bytes, or no multiple of 16.
    #[error("its {bytes} bytes are too few, or not a whole number of blocks")]
    Length {
        /// The bytes that the base64 holds.
        bytes: usize,
    },
    /// The last byte isn't 1 to 32, or the padding's bytes disagree: nearly always the sign of a wrong key.
    #[error("its padding is wrong, as after decryption with a wrong key")]
    Padding,
    /// The message's length says more than there is.
    #[error("it is shorter than its own length says")]
    MessageLength,
    /// It was sealed for another AppID, or the one given is empty.
    #[error("it was sealed for another AppID")]
    AppId,
}

fn decrypt(key: &AesKey, sealed: &mut [u8]) {
    let mut cipher = cbc::Decryptor::<Aes256>::new(key.bytes().into(), &key.iv().into());
    for block in sealed.chunks_exact_mut(BLOCK) {
        if let Ok(block) = <&mut Block<Aes256>>::try_from(block) {
            cipher.decrypt_block(block);
        }
    }
}

/// What stands before the padding.
fn unpadded(plain: &[u8]) -> Option<&[u8]> {
    let last = *plain.last()?;
    let pad = usize::from(last);
    if !(1..=PADDED_TO).contains(&pad) {
        return None;
    }
    let (content, padding) = plain.split_at_checked(plain.len().checked_sub(pad)?)?;
    padding.iter().all(|byte| *byte == last).then_some(content)
}
