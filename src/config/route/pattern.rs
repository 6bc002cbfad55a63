//! Regular expressions, with a hint for each of the mistakes that people make with them.

use regex::Regex;

use crate::config::node::Node;
use crate::config::problem::Mistake;
use crate::config::value;

/// The pattern of a condition.
pub(super) fn read(key: &str, node: &Node) -> Result<Regex, Mistake> {
    Regex::new(&value::text(node)?).map_err(|error| {
        // The whole text draws the pattern over several lines; its last one says what is wrong.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        Mistake::new(format!("is not a regular expression: {why}")).hint(hint(key, why))
    })
}

/// Found by the words of the crate, which says no more; if it changes some, only their hint is lost.
fn hint(key: &str, why: &str) -> String {
    let says = |words: &str| why.contains(words);
    if says("look-around") {
        return "patterns have no look-around, which keeps them fast: let an earlier route take what must not match, \
            or let the handler check"
            .to_owned();
    }
    if says("backreference") {
        return "patterns have no back references, which keeps them fast: capture both places, and let the handler \
            compare them"
            .to_owned();
    }
    if says("duplicate capture group name") {
        return "give each group a name of its own".to_owned();
    }
    let meant = [
        ("unclosed group", '('),
        ("unopened group", ')'),
        ("unclosed character class", '['),
        ("repetition operator missing expression", '?'),
        ("repetition quantifier", '{'),
        ("unclosed counted repetition", '{'),
    ];
    match meant.into_iter().find(|(words, _)| says(words)) {
        Some((_, meant)) => {
            format!(
                "for the character itself write it with a backslash, in single quotes: {key} = '\\{meant}'"
            )
        }
        None => format!("single quotes keep backslashes as they are: {key} = '^\\d+$'"),
    }
}
