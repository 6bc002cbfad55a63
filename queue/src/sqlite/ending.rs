//! Which message ends.

/// Which message ends.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// The current one of a lane, which goes on.
    Current { lane: i64, seq: i64 },
    /// One that is held.
    Held { no: i64 },
}
