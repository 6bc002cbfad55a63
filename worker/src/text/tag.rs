//! An HTML tag as people and models write it: attributes in any quotes or none, in any case, with entities.
//!
//! A whole HTML parser was rejected: it would repair what is no tag at all, and a text like `a <b` must stay.

/// A longer tag is none; so the search for its end is bounded, however many begin.
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
    const LONGEST: usize = 10;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = head(&rest[1..], LONGEST).split_once(';').map(|(name, _)| name);
        match name.and_then(|name| character(name).map(|c| (name, c))) {
            Some((name, c)) => {
                out.push(c);
                rest = &rest[name.len() + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn attribute(text: &str) -> Option<((String, String), &str)> {
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '<' | '"' | '\'' | '/');
    let end = text.find(ends).filter(|end| *end > 0)?;
    let (name, rest) = (text[..end].to_ascii_lowercase(), text[end..].trim_ascii_start());
    let Some(rest) = rest.strip_prefix('=') else { return Some(((name, String::new()), rest)) };
    let rest = rest.trim_ascii_start();
    let (value, rest) = if let Some(rest) = rest.strip_prefix('"') {
        rest.split_once('"')?
    } else if let Some(rest) = rest.strip_prefix('\'') {
        rest.split_once('\'')?
    } else {
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '<' | '"' | '\'');
        rest.split_at(rest.find(ends).filter(|end| *end > 0)?)
    };
    // Chinese keyboards make curly quotes.
    let value = decoded(value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '“' | '”')));
    Some(((name, value), rest))
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

/// The beginning of a text, of at most so many bytes.
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
