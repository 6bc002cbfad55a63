//! What services and models send, read as a person would read it: compressed though nobody asked for it, in another
//! character set, or JSON that a strict reader refuses.

mod json;
mod program_output;

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

pub(super) use json::{first_in as first_json_in, read as read_json};
pub(super) use program_output::{begins_as_html, internals_in};

/// The longest answer that is read, in bytes, compressed or not.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
const BROTLI_BUFFER_BYTES: usize = 4096;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The body without its compression.
///
/// # Errors
/// How it is compressed, if that can't be undone.
pub(super) fn decompressed<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
    let codings: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    let mut body = Cow::Borrowed(body);
    // The last coding was applied last. A coding that was undone on the way, or never applied, is no fault.
    for coding in codings.iter().rev() {
        body = match undone(coding, &body) {
            Some(plain) => Cow::Owned(plain),
            None if std::str::from_utf8(&body).is_ok() => body,
            None => return Err(format!("is compressed as `{coding}`, and can't be read")),
        };
    }
    if body.starts_with(&GZIP)
        && let Some(plain) = undone("gzip", &body)
    {
        body = Cow::Owned(plain);
    }
    Ok(body)
}

fn undone(coding: &str, body: &[u8]) -> Option<Vec<u8>> {
    let all = |reader: &mut dyn Read| {
        let mut plain = Vec::new();
        let read = reader.take(BODY_MAX_BYTES as u64 + 1).read_to_end(&mut plain);
        read.is_ok_and(|bytes| bytes <= BODY_MAX_BYTES).then_some(plain)
    };
    match coding {
        "gzip" | "x-gzip" => all(&mut flate2::read::MultiGzDecoder::new(body)),
        // With zlib's frame, as the standard says, or without, as some understood it.
        "deflate" => all(&mut flate2::read::ZlibDecoder::new(body))
            .or_else(|| all(&mut flate2::read::DeflateDecoder::new(body))),
        "br" => all(&mut brotli_decompressor::Decompressor::new(body, BROTLI_BUFFER_BYTES)),
        _ => None,
    }
}

/// The body as text, without byte order marks and white space around it.
///
/// # Errors
/// The character set that the body claims and doesn't have.
pub(super) fn text<'a>(content_type: Option<&str>, body: &'a [u8]) -> Result<Cow<'a, str>, String> {
    let text = decoded(content_type, body)?;
    Ok(match text {
        Cow::Borrowed(text) => Cow::Borrowed(trimmed(text)),
        Cow::Owned(text) => Cow::Owned(trimmed(&text).to_owned()),
    })
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'))
}

fn decoded<'a>(content_type: Option<&str>, body: &'a [u8]) -> Result<Cow<'a, str>, String> {
    let label = content_type.and_then(charset);
    let declared = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    let utf8 = std::str::from_utf8(body);
    let encoding = Encoding::for_bom(body).map(|(encoding, _)| encoding).or(declared).unwrap_or(UTF_8);
    // Servers declare these for texts whose character set nobody told them.
    if let Ok(text) = utf8
        && (encoding == WINDOWS_1252 || encoding == UTF_8)
    {
        return Ok(Cow::Borrowed(text));
    }
    if encoding == UTF_8 {
        return Err(match label {
            Some(label) => format!("is not text in the character set that it declares, `{}`", shown(label)),
            None => "is not UTF-8, and declares no other `charset`".to_owned(),
        });
    }
    let (text, had_errors) = encoding.decode_with_bom_removal(body);
    match (had_errors, utf8) {
        (false, _) => Ok(text),
        (true, Ok(text)) => Ok(Cow::Borrowed(text)),
        (true, Err(_)) => {
            Err(format!("is not text in the character set that it declares, `{}`", encoding.name()))
        }
    }
}

fn charset(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, label) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(label.trim().trim_matches(['"', '\'']))
}

fn shown(label: &str) -> String {
    label.chars().filter(char::is_ascii_graphic).take(32).collect()
}

/// The content type.
pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests;
