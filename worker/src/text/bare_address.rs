//! Addresses that stand in a text as they are. WeChat makes links of them, so they are kept whole where possible.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation as _;

use super::tag::head;

/// Printable ASCII except quotes and angle brackets: what follows an address in Chinese is never a part of it.
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)https?://[!#-;=?-~]+").expect("the pattern is a constant"));

/// Punctuation that ends a sentence or an emphasis.
const BEHIND: [char; 13] = ['.', ',', ';', ':', '!', '?', '\'', ')', ']', '*', '_', '~', '|'];

/// Where they are, in order. Punctuation behind an address isn't a part of it.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    ADDRESS.find_iter(text).map(|found| {
        let end = found.start() + found.as_str().trim_end_matches(BEHIND).len();
        // A letter followed by an accent isn't part of the address.
        let last = end - 1;
        let is_accented = head(&text[last..], 16).graphemes(true).next().is_some_and(|last| last.len() > 1);
        found.start()..if is_accented { last } else { end }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_where_its_sentence_goes_on() {
        for (text, expected) in [
            ("见https://x.cn/a_b?c=1&d=2，谢谢", vec!["https://x.cn/a_b?c=1&d=2"]),
            ("(HTTP://x.cn/). Then <https://y.cn/>", vec!["HTTP://x.cn/", "https://y.cn/"]),
            ("**https://x.cn/**", vec!["https://x.cn/"]),
            ("http:// x", vec![]),
            ("http://x.cn/e\u{301}", vec!["http://x.cn/"]),
            ("http://...", vec!["http://"]),
        ] {
            assert_eq!(addresses(text).map(|at| &text[at]).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
