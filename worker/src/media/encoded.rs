//! Bytes that stand in a text.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a text is a `data:` URL.
pub(crate) fn is_data_url(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The bytes of base64, in lines and padded or not (RFC 4648 and MIME), or of a `data:` URL (RFC 2397), which is how models
/// like to answer.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence.
pub(crate) fn decoded(text: &str) -> Result<Vec<u8>, String> {
    if !is_data_url(text) {
        return base64(text.bytes());
    }
    let (head, data) = text.split_once(',').ok_or("is a `data:` URL without a comma")?;
    let data = percent_decode_str(data.trim());
    let is_base64 = head.rsplit_once(';').is_some_and(|(_, last)| last.trim().eq_ignore_ascii_case("base64"));
    if is_base64 { base64(data) } else { Ok(data.collect()) }
}

fn base64(text: impl Iterator<Item = u8>) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.filter(|byte| !byte.is_ascii_whitespace()).collect();
    // The error's own text has the character that is wrong, and where; no more of the content.
    ENGINE.decode(text).map_err(|error| format!("is not base64: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_data_urls_are_read_in_the_forms_that_people_write() {
        for text in [
            "aGk/",
            " aGk/\n",
            "aG\r\nk/\r\n",
            "data:image/png;base64,aGk/",
            "data:;base64,aGk/",
            "DATA:image/png;charset=utf-8;BASE64, aG\n k%2F",
            "data:,hi%3F",
            "data:text/plain,hi?",
        ] {
            assert_eq!(decoded(text).unwrap(), b"hi?", "{text}");
        }
        assert_eq!((decoded("aGk").unwrap(), decoded("aGk=").unwrap()), (b"hi".to_vec(), b"hi".to_vec()));
        for text in ["aGk_", "a", "not base64!", "data:image/png;base64", "data:;base64,aGk_"] {
            assert!(decoded(text).is_err(), "{text}");
        }
    }
}
