//! How a message is called.

use std::fmt;

/// One message, as the tests name it: its user, and its number among the user's messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    pub(crate) user: usize,
    pub(crate) number: usize,
}

impl Name {
    /// The message that the first word of a text names.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (user, number) = text.split_whitespace().next()?.split_once('/')?;
        Some(Self { user: user.parse().ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.number)
    }
}
