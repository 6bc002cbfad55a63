//! Is this request from WeChat? The query of a push, and its signature.
//!
//! WeChat signs every request with SHA-1 over the sorted token, timestamp and nonce. That covers neither the body nor
//! `openid`, so in plain mode a signature proves only that its sender has once seen a genuine request; the encrypted modes
//! sign the body too, by `msg_signature`. Before the check nothing of the body may be parsed except the `Encrypt` that is
//! signed; [`crate::authentication`] sees to that.
//!
//! The query is read strictly where it matters: a key that WeChat sends exactly once and that is there twice is an
//! error, because two readers of such a query (a proxy and this one) could believe different values. Keys that WeChat
//! doesn't define are tolerated, since operators put their own into the URL.

use std::borrow::Cow;

use sha1::{Digest, Sha1};
use subtle::{Choice, ConstantTimeEq};
use url::form_urlencoded;

/// WeChat's signature of `parts`: lower-case hex SHA-1 of their concatenation, after sorting them by bytes.
///
/// For `signature` the parts are token, timestamp and nonce, for `msg_signature` also the `Encrypt` text.
pub fn sign(parts: &[&str]) -> String {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let mut hash = Sha1::new();
    for part in sorted {
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// The query of a request from WeChat, decoded once. All values are opaque text: a nonce of digits isn't a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushQuery {
    /// Hex SHA-1 over token, timestamp and nonce.
    pub signature: String,
    /// Unix seconds in decimal, as sent.
    pub timestamp: String,
    /// Random text.
    pub nonce: String,
    /// Only in the GET that verifies a URL: what must be answered, exactly.
    pub echostr: Option<String>,
    /// The sender, as a hint. No signature covers it: never trust it, take the sender from the message.
    pub openid: Option<String>,
    /// `aes` in the encrypted modes; absent, or `raw`, in plain mode.
    pub encrypt_type: Option<String>,
    /// In the encrypted modes: hex SHA-1 over token, timestamp, nonce and `Encrypt`.
    pub msg_signature: Option<String>,
}

impl PushQuery {
    /// Reads the raw query string (without `?`). Percent and plus are decoded once.
    ///
    /// # Errors
    /// A key that WeChat defines is there twice, or one of `signature`, `timestamp`, `nonce` is missing.
    pub fn parse(raw_query: &str) -> Result<PushQuery, QueryError> {
        let mut values: [Option<String>; KEYS.len()] = Default::default();
        for (key, value) in raw_query.split('&').filter_map(decoded) {
            let Some(index) = KEYS.iter().position(|known| *known == key) else { continue };
            if values[index].replace(value.into_owned()).is_some() {
                return Err(QueryError::Doubled(KEYS[index]));
            }
        }
        let [signature, timestamp, nonce, echostr, openid, encrypt_type, msg_signature] = values;
        Ok(PushQuery {
            signature: signature.ok_or(QueryError::Missing(KEYS[0]))?,
            timestamp: timestamp.ok_or(QueryError::Missing(KEYS[1]))?,
            nonce: nonce.ok_or(QueryError::Missing(KEYS[2]))?,
            echostr,
            openid,
            encrypt_type,
            msg_signature,
        })
    }

    /// Whether `signature` was made with one of `tokens` (several while a token is being rotated).
    ///
    /// The comparison takes the same time wherever the difference lies, and every token is compared, so that time
    /// tells neither the signature nor which token fits. Hex in either case; anything but 40 hex digits is false, and
    /// an empty token fits nothing.
    pub fn is_signed_with(&self, tokens: &[&str]) -> bool {
        fits(&self.signature, tokens, |token| sign(&[token, &self.timestamp, &self.nonce]))
    }

    /// Whether `msg_signature` was made with one of `tokens` over the text of `Encrypt`; false if there is none.
    ///
    /// Compared as in [`is_signed_with`](PushQuery::is_signed_with). This is the only signature that counts in the
    /// encrypted modes: by WeChat's documentation `signature`, which is sent too, proves nothing about the body.
    pub fn is_sealed_with(&self, tokens: &[&str], encrypt: &str) -> bool {
        let Some(presented) = &self.msg_signature else { return false };
        fits(presented, tokens, |token| sign(&[token, &self.timestamp, &self.nonce, encrypt]))
    }
}

/// Why a query isn't one of WeChat's. Names the key; a value never appears.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A key that every request carries is missing.
    #[error("the query has no `{0}`")]
    Missing(&'static str),
    /// A key that WeChat sends once is there twice.
    #[error("the query has `{0}` twice")]
    Doubled(&'static str),
}

/// A pair of a query. Most need no decoding, which costs more than all else here.
fn decoded(pair: &str) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    if memchr::memchr2(b'%', b'+', pair.as_bytes()).is_some() {
        return form_urlencoded::parse(pair.as_bytes()).next();
    }
    let (key, value) =
        memchr::memchr(b'=', pair.as_bytes()).map_or((pair, ""), |at| (&pair[..at], &pair[at + 1..]));
    Some((key.into(), value.into()))
}

/// The keys that WeChat defines, in the order of [`PushQuery`]'s fields.
const KEYS: [&str; 7] =
    ["signature", "timestamp", "nonce", "echostr", "openid", "encrypt_type", "msg_signature"];

/// Whether `presented` is what `expected` gives for one of `tokens`, in a time that depends on neither.
fn fits(presented: &str, tokens: &[&str], expected: impl Fn(&str) -> String) -> bool {
    if presented.len() != 40 || !presented.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    let presented = presented.to_ascii_lowercase();
    let mut fits = Choice::from(0);
    for token in tokens.iter().filter(|token| !token.is_empty()) {
        fits |= expected(token).as_bytes().ct_eq(presented.as_bytes());
    }
    fits.into()
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_those_that_the_library_reads(query in "[ab=&%+2F\\x00é]{0,12}") {
            let ours = query.split('&').filter(|pair| !pair.is_empty()).filter_map(decoded);
            prop_assert!(ours.eq(form_urlencoded::parse(query.as_bytes())), "{}", query);
        }
    }
}
