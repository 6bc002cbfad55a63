//! The number of the format in which everything is stored.

/// One number for all that is stored: the queue on Redis (in its `meta`, and as the first byte of every record), the queue's file
/// and the spool's (`PRAGMA user_version`). It rises with every change that a version before couldn't read; what has another one
/// is refused, and left as it is.
pub(crate) const STORED_FORMAT: u8 = 6;
