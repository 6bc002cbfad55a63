//! The number of the format in which everything is stored.

/// One number for all that is stored: the queue on Redis (in its `meta`, and as the first byte of every record), the queue's
/// file and the spool's (`PRAGMA user_version`). It rises with every change that an earlier version couldn't read. Whatever
/// has another number is refused, and left as it is.
pub(crate) const STORED_FORMAT: u8 = 7;
