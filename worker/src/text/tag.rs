//! An HTML tag as people and models write it: attributes in any quotes or none, in any case, with entities.
//!
//! A whole HTML parser was rejected: it would repair what is no tag at all, and a text like `a <b` must stay.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A longer tag doesn't count as one, so the search for its end is bounded, however many begin.
const MAX_BYTES: usize = 4096;

/// A start tag.
pub(super) struct Tag {
    /// Names in lower case, values decoded.
    attributes: Vec<(String, String)>,
    /// Of the tag itself.
    pub(super) bytes: usize,
}

impl Tag {
    /// The tag `<name …>` that `text` begins with, if it has attributes and is well-formed.
    pub(super) fn at_start(text: &str, name: &str) -> Option<Self> {
        let text = head(text, MAX_BYTES);
        let rest = text.strip_prefix('<')?;
        let mut rest = rest.get(name.len()..).filter(|_| starts_with(rest, name))?;
        rest.starts_with(|c: char| c.is_ascii_whitespace()).then_some(())?;
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if let Some(after) = rest.strip_prefix('>') {
                return Some(Self { attributes, bytes: text.len() - after.len() });
            }
            let (attribute, after) = attribute(rest)?;
            attributes.push(attribute);
            rest = after;
        }
    }

    /// The value of the first attribute of this name, if it isn't empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Whether `text` begins with `name` in any case.
pub(super) fn starts_with(text: &str, name: &str) -> bool {
    text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// The text with its character references resolved: those that HTML's own signs need, blanks, and numbers.
pub(super) fn decoded(text: &str) -> String {
    static REFERENCE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"&([#\w]{1,9});").expect("the pattern is a constant"));
    let resolved = |found: &Captures<'_>| match character(&found[1]) {
        Some(c) => c.to_string(),
        None => found[0].to_owned(),
    };
    REFERENCE.replace_all(text, resolved).into_owned()
}

fn attribute(text: &str) -> Option<((String, String), &str)> {
    static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r#"^([^\x00-\x20=><"'/]+)[\x00-\x20]*(?:=[\x00-\x20]*(?:"([^"]*)"|'([^']*)'|([^\x00-\x20><"']+)))?"#;
        Regex::new(pattern).expect("the pattern is a constant")
    });
    let found = ATTRIBUTE.captures(text)?;
    let value = found.iter().skip(2).flatten().next().map_or("", |value| value.as_str());
    // Chinese keyboards make curly quotes.
    let value = decoded(value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '“' | '”')));
    Some(((found[1].to_ascii_lowercase(), value), &text[found.get_match().end()..]))
}

fn character(name: &str) -> Option<char> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let digits = name.strip_prefix('#')?;
            let c = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => number(digits, 16),
                None => number(digits, 10),
            };
            c.filter(|c| !c.is_control())
        }
    }
}

/// The beginning of a text, of at most `max_bytes`.
pub(super) fn head(text: &str, max_bytes: usize) -> &str {
    let mut end = max_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_references_are_resolved_and_other_ampersands_stay() {
        for (text, expected) in [
            ("a=1&amp;b=2&#38;c=3&#x26;d=4", "a=1&b=2&c=3&d=4"),
            ("&lt;&gt;&quot;&apos;&#39;", "<>\"''"),
            ("a&b &copy; &; &# &#x110000; &#0; &amp", "a&b &copy; &; &# &#x110000; &#0; &amp"),
            ("&amp;amp;", "&amp;"),
            ("&你好；;", "&你好；;"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn a_tag_without_an_end_is_none_however_long_it_is_looked_for() {
        let long = format!("<a href=\"{}\">", "x".repeat(MAX_BYTES));
        for text in ["<a href=\"x\"", "<a href=\"x>", "<a", "<a>", "<ab href=\"x\">", "<a b<c>", &long] {
            assert!(Tag::at_start(text, "a").is_none(), "{text}");
        }
    }
}
