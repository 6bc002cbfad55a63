//! Why a condition doesn't hold: what was wanted, what was found, borrowed from both.
//!
//! Workers make one of these for every route that a message doesn't take and throw it away, so none of them copies a
//! text. It is printed for an operator, at a terminal: what users wrote is cut, and characters that can't be seen are
//! shown by their numbers.

use std::borrow::Cow;

/// The most characters of a message that are shown.
const SHOWN: usize = 40;

/// Why a condition doesn't hold for a message. Prints as the rest of a sentence that begins with the route: "`type` is
/// image, not text".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch<'a> {
    /// It came to another account.
    #[error("`account` is {found}, not {wanted}")]
    Account {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// It is an event, and the condition names neither a type nor an event.
    #[error("it is an event, but a route without `type` and `event` takes only messages")]
    IsEvent,
    /// It has no type, and the condition names neither a type nor an event.
    #[error("it has no `MsgType`, so no user sent it")]
    NoType,
    /// `MsgType` is another, or empty.
    #[error("`type` is {}, not {wanted}", word(found))]
    Type {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// It is no event.
    #[error("it is not an event (`type` is {}), but `event` asks for {wanted}", word(found))]
    NoEvent {
        /// The condition's event.
        wanted: &'a str,
        /// The message's type.
        found: &'a str,
    },
    /// `Event` is another.
    #[error("`event` is {}, not {wanted}", word(found))]
    Event {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// It has no `EventKey`, or an empty one.
    #[error("it has no event key, but `{condition}` asks for one")]
    NoKey {
        /// The key of the configuration that asks for one.
        condition: &'static str,
    },
    /// `EventKey` is another.
    #[error("`event_key` is \"{}\", not \"{wanted}\"", excerpt(found))]
    Key {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// `EventKey` begins otherwise.
    #[error("the event key \"{}\" does not begin with \"{wanted}\"", excerpt(found))]
    Prefix {
        /// The condition's.
        wanted: &'a str,
        /// The message's whole key.
        found: &'a str,
    },
    /// It is no text.
    #[error("it is not a text (`type` is {})", word(found))]
    NoText {
        /// The message's type.
        found: &'a str,
    },
    /// It is no voice message, or one in which WeChat recognised nothing.
    #[error("{}", no_speech(found))]
    NoSpeech {
        /// The message's type.
        found: &'a str,
    },
    /// A pattern finds nothing.
    #[error("`{condition}` does not match: `{wanted}` finds nothing in \"{}\"", excerpt(found))]
    Pattern {
        /// Its key in the configuration: `text`, `speech` or `event_key_pattern`.
        condition: &'static str,
        /// The pattern.
        wanted: &'a str,
        /// What it was tried on, in the form that it was tried on.
        found: Cow<'a, str>,
    },
}

impl Mismatch<'_> {
    /// The key of the configuration that didn't hold; `type` where neither that nor `event` is given.
    pub fn condition(&self) -> &'static str {
        match self {
            Self::Account { .. } => "account",
            Self::IsEvent | Self::NoType | Self::Type { .. } => "type",
            Self::NoEvent { .. } | Self::Event { .. } => "event",
            Self::Key { .. } => "event_key",
            Self::Prefix { .. } => "event_key_prefix",
            Self::NoText { .. } => "text",
            Self::NoSpeech { .. } => "speech",
            Self::NoKey { condition } | Self::Pattern { condition, .. } => condition,
        }
    }
}

fn no_speech(kind: &str) -> String {
    match kind.eq_ignore_ascii_case("voice") {
        true => "it is a voice message in which WeChat recognised nothing".to_owned(),
        false => format!("it is not a voice message (`type` is {})", word(kind)),
    }
}

/// A name from outside, or the word "empty".
fn word(name: &str) -> String {
    if name.is_empty() { "empty".to_owned() } else { excerpt(name) }
}

/// A text from outside: cut, and with nothing that a terminal obeys.
fn excerpt(text: &str) -> String {
    let mut chars = text.chars();
    let shown = chars.by_ref().take(SHOWN).map(|c| match c {
        '"' | '\'' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    });
    let shown: String = shown.collect();
    if chars.next().is_some() { shown + "…" } else { shown }
}
