//! What is wrong with a configuration, in words that tell the reader where to change what.
//!
//! A message is the rest of a sentence that begins with its place: "`worker.lease` needs a unit". So every message
//! names where it belongs by construction, and the same text serves the terminal, the log and the tests. No message
//! holds the value of a key that may be secret.

use std::fmt;
use std::path::PathBuf;

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<Problem>);

/// One thing to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it can be changed: a key (`account.main.app_secret`), an environment variable, a flag, or a file.
    pub place: String,
    /// The rest of the sentence: `needs a unit`.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The configuration file, if the place is in one.
    pub file: Option<PathBuf>,
    /// The line of that file, counted from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, message, .. } = self;
        match (&self.file, self.line) {
            // A place that is the file itself isn't said twice.
            (Some(file), Some(line)) if file.as_os_str() == place.as_str() => {
                write!(f, "{place}:{line}: {message}")
            }
            (Some(file), Some(line)) => write!(f, "{}:{line}: `{place}` {message}", file.display()),
            _ => write!(f, "`{place}` {message}"),
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// A problem whose place the caller knows.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Mistake {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A name that nothing of its kind has.
    pub(super) fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.collect();
        let hint = match nearest(name, known.iter().copied(), 0.5) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("add `[{kind}.{name}]`"),
            None => format!("known {kind}s: {}", known.join(", ")),
        };
        Self::new(format!("names the unknown {kind} `{name}`")).hint(hint)
    }
}

/// The candidate that `word` most likely means, if any is near; `at_least` is a similarity from 0 to 1.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    at_least: f64,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= at_least)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
