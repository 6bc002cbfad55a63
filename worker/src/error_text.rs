//! Errors as people read them: in logs, and as the reasons of dead letters.

use huixin_wechat::{UNKNOWN, rule};

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// What WeChat said, what it means and what helps: the reader has no table beside it.
pub(crate) fn in_full(said: &str, code: Option<i64>) -> String {
    let Some(rule) = code.map(|code| rule(code).unwrap_or(&UNKNOWN)) else { return said.to_owned() };
    let (blank, remedy) = if rule.remedy.is_empty() { ("", "") } else { (": ", rule.remedy) };
    format!("{said}; {}{blank}{remedy}", rule.meaning)
}
