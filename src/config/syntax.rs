//! What a syntax error of the file probably means. The parser says what it met, which is seldom what was meant.

use std::ops::Range;
use std::path::Path;

use super::{ConfigErrors, Problem};

/// Its way to say that a key or a header is there already.
const DUPLICATE: &str = "duplicate key";

/// The parser's errors as problems, in the order of the file.
pub(super) fn problems(path: &Path, text: &str, errors: &[toml::de::Error]) -> ConfigErrors {
    let mut errors: Vec<_> = errors.iter().map(|error| (error.message(), error.span())).collect();
    errors.sort_by_key(|(_, span)| span.as_ref().map(|span| span.start));
    // Errors in keys below a header that can't be read follow from it.
    let mut below = 0..0;
    let mut problems = Vec::new();
    for (message, span) in errors {
        let start = span.as_ref().map_or(0, |span| span.start);
        if message == DUPLICATE && below.contains(&start) {
            continue;
        }
        let key = span.and_then(|span| text.get(span)).filter(|_| message == DUPLICATE);
        let header = key.and_then(|_| header_at(text, start));
        let named = key.map(|key| format!(" `{}`", header.as_ref().map_or(key, |(name, _)| name)));
        let hint = match &header {
            Some((name, end)) => {
                below = start..*end;
                Some(once(name))
            }
            None if key.is_some() => Some("a table can't have a key twice".to_owned()),
            None => of_escape(message),
        };
        problems.push(Problem {
            place: path.display().to_string(),
            message: format!("not TOML: {message}{}", named.unwrap_or_default()),
            hint,
            file: Some(path.to_owned()),
            line: Some(line_of(text, start)),
        });
    }
    ConfigErrors(problems)
}

/// The line of a place, counted from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// The header that has this place within it: its name, and where the table below it ends.
fn header_at(text: &str, at: usize) -> Option<(&str, usize)> {
    let Range { start, end } = line_around(text, at);
    let line = text[start..end].trim();
    let name = line.strip_prefix('[')?.trim_start_matches('[').split(']').next()?.trim();
    let next = text[end..].find("\n[").map_or(text.len(), |found| end + found + 1);
    Some((name, next))
}

fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
    start..end
}

fn once(name: &str) -> String {
    match name {
        "route" => "begin every route, the first too, with `[[route]]`: two pairs of brackets".to_owned(),
        name => format!("`[{name}]` is already in the file: write these keys there"),
    }
}

/// A pattern in double quotes.
fn of_escape(message: &str) -> Option<String> {
    message
        .contains("escape")
        .then(|| r"single quotes keep backslashes as they are: text = '^\d+$'".to_owned())
}
