//! An error in a line of a log or of a list, where [`report`](crate::report) would take several.

/// An error with its causes in one line.
pub(crate) fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// Whether an error, as [`one_line`] shows it, says that a host's name has no address. Only the words of the system's resolver
/// and of the HTTP client tell it from other failures.
pub(crate) fn is_unresolved(said: &str) -> bool {
    ["dns error", "failed to lookup address information"].iter().any(|words| said.contains(words))
}
