//! JSON as a person reads it: half of an emoji, a line break inside a string, `NaN`, a comma too many.

use std::str::CharIndices;

use serde_json::Value;

/// Where JSON is looked for behind something else.
const PLACES_MAX: usize = 64;

/// Reads JSON, mended if need be.
///
/// # Errors
/// What is wrong with it as it came.
pub(in super::super) fn read(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| serde_json::from_str(&mended(text)).map_err(|_| error))
}

/// The first object, or list of some, in a text that has something before or behind it.
pub(in super::super) fn first_in(text: &str) -> Option<Value> {
    let places = text.match_indices(['{', '[']).take(PLACES_MAX);
    let mut values = places.filter_map(|(at, _)| {
        let rest = &text[at..];
        read(rest).ok().or_else(|| serde_json::Deserializer::from_str(rest).into_iter().next()?.ok())
    });
    values.find(|value: &Value| match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => items.iter().any(Value::is_object),
        _ => false,
    })
}

/// The text with everything mended that has one meaning only.
fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                string(text, &mut chars, &mut out);
            }
            // Nothing comes behind this comma.
            ',' if text[at + 1..].trim_start().starts_with(['}', ']']) => {}
            '-' if text[at + 1..].starts_with("Infinity") => {}
            c if c.is_ascii_alphabetic() => {
                let rest = &text[at..];
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                let word = &rest[..end];
                let before = text[..at].chars().next_back();
                out.push_str(match word {
                    _ if before.is_some_and(|c| c.is_ascii_digit()) => word,
                    "NaN" | "Infinity" | "None" | "undefined" | "nan" | "inf" => "null",
                    "True" => "true",
                    "False" => "false",
                    word => word,
                });
                skip(&mut chars, end - 1);
            }
            c => out.push(c),
        }
    }
    out
}

fn skip(chars: &mut CharIndices<'_>, count: usize) {
    for _ in 0..count {
        chars.next();
    }
}

/// A string from behind its first quote to its last.
fn string(text: &str, chars: &mut CharIndices<'_>, out: &mut String) {
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                return;
            }
            '\\' => {
                let rest = &text[at..];
                let (taken, written) = escape(rest);
                out.push_str(&written);
                skip(chars, taken - 1);
            }
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
}

/// How many characters an escape has, and how it is written right.
fn escape(text: &str) -> (usize, String) {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
    };
    let same = |count| (count, text.chars().take(count).collect());
    match text[1..].chars().next() {
        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => same(2),
        Some('u') => match unit(text) {
            Some(0xd800..=0xdbff) if matches!(unit(&text[6..]), Some(0xdc00..=0xdfff)) => same(12),
            Some(0xd800..=0xdfff) => (6, "\\ufffd".to_owned()),
            Some(_) => same(6),
            None => (1, "\\\\".to_owned()),
        },
        Some('\'') => (2, "'".to_owned()),
        // A backslash of its own, as in a path or in LaTeX.
        _ => (1, "\\\\".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_that_a_person_can_read_is_read() {
        for (text, value) in [
            (r#"{"a": "\ud83d!"}"#, json!({"a": "\u{fffd}!"})),
            (r#"{"a": "\ud83d\ude00\ude00"}"#, json!({"a": "😀\u{fffd}"})),
            (r#"{"a": "\ud83d\u0041"}"#, json!({"a": "\u{fffd}A"})),
            ("{\"a\": \"one\ntwo\tthree\u{1}\r\"}", json!({"a": "one\ntwo\tthree\u{1}\r"})),
            (
                r#"{"a": NaN, "b": [Infinity, -Infinity, 1], "c": "NaN"}"#,
                json!({"a": null, "b": [null, null, 1], "c": "NaN"}),
            ),
            (r#"{"a": None, "b": True, "c": False}"#, json!({"a": null, "b": true, "c": false})),
            (r#"{"a": [1, 2,], "b": 1e5,}"#, json!({"a": [1, 2], "b": 1e5})),
            (r#"{"a": "it\'s C:\dir \u12"}"#, json!({"a": "it's C:\\dir \\u12"})),
            (r#"{"a": "\"\\\n\u4f60", "b": NaN}"#, json!({"a": "\"\\\n你", "b": null})),
        ] {
            assert_eq!(read(text).unwrap(), value, "{text}");
        }
        for text in
            ["{", "{oops", r#"{"a": 1 "b"}"#, "nothing", "", r#"{"a": "x"#, r#"{"a": "\"#, r#"{"a": "\u"#]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_is_found_behind_and_before_something_else() {
        let found = Some(json!({"type": "text"}));
        for text in [
            "array $a[0] of [x] {\n{\"type\": \"text\"}",
            "debug\n{\"type\": \"text\"}<!-- 12 ms -->",
            "[] {} [1] {\"type\": \"text\"}",
        ] {
            assert_eq!(first_in(text), found, "{text}");
        }
        assert_eq!(first_in("a [b] {c}"), None);
        assert_eq!(first_in(&"[".repeat(100_000)), None);
    }
}
