//! Bytes to text that the readers can take.
//!
//! Two rules, for both formats. A broken sequence of bytes is no character and becomes U+FFFD, so that it is seen that
//! something was there. A character that XML forbids, as most control characters, is left out: it has no shape that anyone
//! could miss, and a NUL at the end of a body is C's, not the user's.

use std::borrow::Cow;

/// The text of `body`, and whether anything of it had to be mended.
pub(crate) fn mend(body: &[u8]) -> (Cow<'_, str>, bool) {
    let text = String::from_utf8_lossy(body);
    if text.chars().all(is_legal) {
        let mended = matches!(text, Cow::Owned(_));
        return (text, mended);
    }
    (Cow::Owned(text.chars().filter(|c| is_legal(*c)).collect()), true)
}

/// Appends the legal characters of `text`, nearly always all of them. Gives whether something was left out.
pub(crate) fn push_legal(to: &mut String, text: &str) -> bool {
    let all = text.chars().all(is_legal);
    if all {
        to.push_str(text);
    } else {
        to.extend(text.chars().filter(|c| is_legal(*c)));
    }
    !all
}

/// Whether XML 1.0 allows the character in a document.
pub(crate) fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_bytes_become_a_mark_and_forbidden_characters_go() {
        for (body, text, mended) in [
            (&b"plain \t\r\n"[..], "plain \t\r\n", false),
            ("😀\u{FFFD}\u{E000}".as_bytes(), "😀\u{FFFD}\u{E000}", false),
            (b"a\xC4b", "a\u{FFFD}b", true),
            (b"cut \xE4\xBD", "cut \u{FFFD}", true),
            (b"\xED\xA0\xBD surrogate", "\u{FFFD}\u{FFFD}\u{FFFD} surrogate", true),
            (b"nul\0", "nul", true),
            ("\u{1}a\u{B}\u{FFFE}\u{FFFF}b\u{7F}".as_bytes(), "ab\u{7F}", true),
        ] {
            assert_eq!(mend(body), (Cow::Borrowed(text), mended), "{text:?}");
        }
    }
}
