//! Names of messages, their lanes and their classes, and of what is shared.

use std::fmt;

use crate::QueueError;

/// The longest name of a shared value or a limit, in bytes.
pub const NAME_MAX_BYTES: usize = 256;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max_bytes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The greatest length, in bytes.
            pub const MAX_BYTES: usize = $max_bytes;

            /// Checks the length.
            ///
            /// # Errors
            /// When it is empty or longer than [`Self::MAX_BYTES`].
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                match name.len() {
                    0 => Err(NameError::Empty { kind: stringify!($name) }),
                    n if n > $max_bytes => Err(NameError::TooLong { kind: stringify!($name), max_bytes: $max_bytes }),
                    _ => Ok(Self(name)),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub(crate) fn from_stored(stored: String) -> Self {
                Self(stored)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The identity of a message: opaque to the queue, compared byte for byte, never read as a number.
    MessageId, 128
}
name! {
    /// Whose order is kept: messages of one lane are handled one at a time, in the order they were accepted.
    Lane, 512
}
name! {
    /// A group of messages that can be paused, limited and counted as a whole. A worker takes only the classes it asks for.
    Class, 64
}

/// A name that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no characters.
    #[error("the {kind} is empty")]
    Empty {
        /// Which kind of name.
        kind: &'static str,
    },
    /// It is too long.
    #[error("the {kind} is longer than {max_bytes} bytes")]
    TooLong {
        /// Which kind of name.
        kind: &'static str,
        /// The limit.
        max_bytes: usize,
    },
}

/// Refuses names of shared values and limits that no engine stores.
pub(crate) fn check_name(name: &str) -> Result<(), QueueError> {
    match name.len() {
        0 => Err(QueueError::Invalid("the name is empty".to_owned())),
        size if size > NAME_MAX_BYTES => {
            Err(QueueError::Invalid(format!("the name has {size} bytes, more than {NAME_MAX_BYTES}")))
        }
        _ => Ok(()),
    }
}
