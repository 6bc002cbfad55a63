//! Bytes to text that the readers can take.
//!
//! Two rules, for both formats. A broken sequence of bytes is no character and becomes U+FFFD, so that it is seen that
//! something was there. A character that XML forbids, as most control characters, is left out: it has no shape that anyone
//! could miss, and a NUL at the end of a body is C's, not the user's.

use std::borrow::Cow;

/// The text of `body`, and whether anything of it had to be mended.
pub(crate) fn mend(body: &[u8]) -> (Cow<'_, str>, bool) {
    // The check alone is several times as fast as the repair, which nearly no body needs.
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    if is_all_legal(&text) {
        let mended = matches!(text, Cow::Owned(_));
        return (text, mended);
    }
    (Cow::Owned(text.chars().filter(|c| is_legal(*c)).collect()), true)
}

/// Appends the legal characters of `text`, nearly always all of them. Gives whether something was left out.
pub(crate) fn push_legal(to: &mut String, text: &str) -> bool {
    let all = is_all_legal(text);
    if all {
        to.push_str(text);
    } else {
        to.extend(text.chars().filter(|c| is_legal(*c)));
    }
    !all
}

fn is_all_legal(text: &str) -> bool {
    // Without a branch in it, so that many bytes are looked at together.
    let doubtful = |at: &[u8; 2]| {
        let is_control = (at[0] < b' ') & (at[0] != b'\t') & (at[0] != b'\n') & (at[0] != b'\r');
        // As U+FFFE and U+FFFF begin.
        is_control | ((at[0] == 0xEF) & (at[1] == 0xBF))
    };
    let bytes = text.as_bytes();
    let last = bytes.last().map_or(*b"  ", |last| [*last, b' ']);
    let any = bytes.array_windows().fold(doubtful(&last), |any, pair| any | doubtful(pair));
    !any || text.chars().all(is_legal)
}

/// Whether XML 1.0 allows the character in a document.
pub(crate) fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_look_sees_what_each_character_shows(text in "[\\x00-\\x20a\\x7F-\\x{A0}，\\x{FFFC}-\\x{10001}]{0,40}") {
            prop_assert_eq!(is_all_legal(&text), text.chars().all(is_legal));
        }
    }

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
