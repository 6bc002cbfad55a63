//! Why a condition doesn't hold: what was wanted, what was found, borrowed from both.
//!
//! Workers make one of these for every route that a message doesn't take and throw it away, so none holds a text that
//! wasn't there anyway. It is printed for an operator, at a terminal: what users wrote is cut, and characters that can't
//! be seen are shown by their numbers.

use std::borrow::Cow;
use std::fmt;

/// The most characters of a message that are shown.
const SHOWN: usize = 40;

/// Why a condition doesn't hold for a message. Prints as the rest of a sentence that begins with the route: "`type` is
/// image, not text".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch<'a> {
    /// It came to another account.
    Account {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// It is an event, and the condition names neither a type nor an event.
    IsEvent,
    /// It has no type, and the condition names neither a type nor an event.
    NoType,
    /// `MsgType` is another, or empty.
    Type {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// It is no event.
    NoEvent {
        /// The condition's event.
        wanted: &'a str,
        /// The message's type.
        found: &'a str,
    },
    /// `Event` is another.
    Event {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// It has no `EventKey`, or an empty one.
    NoKey {
        /// The key of the configuration that asks for one.
        condition: &'static str,
    },
    /// `EventKey` is another.
    Key {
        /// The condition's.
        wanted: &'a str,
        /// The message's.
        found: &'a str,
    },
    /// `EventKey` begins otherwise.
    Prefix {
        /// The condition's.
        wanted: &'a str,
        /// The message's whole key.
        found: &'a str,
    },
    /// It is no text.
    NoText {
        /// The message's type.
        found: &'a str,
    },
    /// It is no voice message, or one in which WeChat recognised nothing.
    NoSpeech {
        /// The message's type.
        found: &'a str,
    },
    /// A pattern finds nothing.
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

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = self.condition();
        match self {
            Self::Account { wanted, found } => write!(f, "`account` is {found}, not {wanted}"),
            Self::IsEvent => {
                f.write_str("it is an event, and a route without `type` and `event` takes messages only")
            }
            Self::NoType => f.write_str("it has no `MsgType`: no user has sent it"),
            Self::Type { wanted, found } | Self::Event { wanted, found } => {
                write!(f, "`{condition}` is {}, not {wanted}", Word(found))
            }
            Self::NoEvent { wanted, found } => {
                write!(f, "it is no event (`type` is {}), and `event` asks for {wanted}", Word(found))
            }
            Self::NoKey { .. } => write!(f, "it has no event key, and `{condition}` asks for one"),
            Self::Key { wanted, found } => {
                write!(f, "`event_key` is \"{}\", not \"{wanted}\"", Excerpt(found))
            }
            Self::Prefix { wanted, found } => {
                write!(f, "the event key \"{}\" does not begin with \"{wanted}\"", Excerpt(found))
            }
            Self::NoText { found } => write!(f, "it is no text (`type` is {})", Word(found)),
            Self::NoSpeech { found } if found.eq_ignore_ascii_case("voice") => {
                f.write_str("it is a voice message in which WeChat recognised nothing")
            }
            Self::NoSpeech { found } => write!(f, "it is no voice message (`type` is {})", Word(found)),
            Self::Pattern { wanted, found, .. } => {
                write!(f, "`{condition}` does not match: `{wanted}` finds nothing in \"{}\"", Excerpt(found))
            }
        }
    }
}

/// A name from outside; nothing is said to be so.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("empty") } else { Excerpt(self.0).fmt(f) }
    }
}

/// A text from outside: cut, and with nothing that a terminal obeys.
struct Excerpt<'a>(&'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(SHOWN) {
            match c {
                '"' | '\'' | '\\' => write!(f, "{c}")?,
                c => write!(f, "{}", c.escape_debug())?,
            }
        }
        if chars.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}
