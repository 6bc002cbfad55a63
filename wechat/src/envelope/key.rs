//! The EncodingAESKey, decoded.
//!
//! 43 characters of base64 are 258 bits for a key of 256. The two left over may be anything: the key of WeChat's own sample
//! ends in `G`, which a strict decoder refuses. They are ignored, so four spellings are one key.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use derive_more::{Debug, Display};

/// A message key; prints as `***`.
#[derive(Clone, PartialEq, Eq, Debug, Display)]
#[debug("***")]
#[display("***")]
pub struct AesKey([u8; 32]);

impl AesKey {
    /// Decodes an EncodingAESKey: 43 characters of `A–Z a–z 0–9 + /` (WeChat's console gives only letters and digits).
    ///
    /// # Errors
    /// Another length, or another character. The text isn't shown.
    pub fn decode(encoding_aes_key: &str) -> Result<AesKey, KeyError> {
        let chars = encoding_aes_key.chars().count();
        if chars != CHARS {
            return Err(KeyError::Length { chars });
        }
        let bytes = LENIENT.decode(encoding_aes_key).map_err(|_| KeyError::Alphabet)?;
        bytes.try_into().map(AesKey).map_err(|_| KeyError::Alphabet)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The initial vector, by WeChat's documentation: the key's first half.
    pub(super) fn iv(&self) -> [u8; 16] {
        let mut iv = [0; 16];
        iv.copy_from_slice(&self.0[..16]);
        iv
    }
}

/// Why a text isn't an EncodingAESKey. Shows nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It hasn't 43 characters.
    #[error("an AES key has {CHARS} characters; this has {chars}")]
    Length {
        /// How many it has.
        chars: usize,
    },
    /// It has a character that base64 hasn't.
    #[error("an AES key has only letters, digits, \"+\" and \"/\"")]
    Alphabet,
}

const CHARS: usize = 43;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_spare_bits_do_not_matter_and_nothing_is_printed() {
        let text = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF";
        let keys: Vec<AesKey> =
            ["E", "F", "G", "H"].iter().map(|end| AesKey::decode(&format!("{text}{end}")).unwrap()).collect();
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_ne!(keys[0], AesKey::decode(&format!("{text}I")).unwrap());
        assert_eq!(format!("{} {:?}", keys[0], keys[0]), "*** ***");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for (text, error) in [
            ("", KeyError::Length { chars: 0 }),
            (&"a".repeat(42), KeyError::Length { chars: 42 }),
            (&"a".repeat(44), KeyError::Length { chars: 44 }),
            (&format!("{}=", "a".repeat(43)), KeyError::Length { chars: 44 }),
            (&format!("{}=", "a".repeat(42)), KeyError::Alphabet),
            (&format!("{}-", "a".repeat(42)), KeyError::Alphabet),
            (&format!("{}é", "a".repeat(42)), KeyError::Alphabet),
            (&format!(" {}", "a".repeat(42)), KeyError::Alphabet),
        ] {
            assert_eq!(AesKey::decode(text), Err(error), "{text}");
        }
    }
}
