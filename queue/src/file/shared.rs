//! What the writer thread and its callers both see.

use std::sync::OnceLock;

use tokio::sync::Notify;

use crate::QueueError;

/// Whose store it is, and whether it still works.
pub(crate) struct WriterState {
    /// The store, for people.
    pub(crate) place: String,
    /// Rung after a commit that made lanes ready.
    pub(crate) ready: Notify,
    broken: OnceLock<QueueError>,
}

impl WriterState {
    /// The state of a store that isn't broken.
    pub(crate) fn new(place: String) -> Self {
        Self { place, ready: Notify::new(), broken: OnceLock::new() }
    }

    /// The error of a broken engine, if it is one.
    pub(crate) fn check(&self) -> Result<(), QueueError> {
        self.broken.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// From now on every call fails with this error.
    pub(crate) fn set_broken(&self, error: QueueError) {
        tracing::error!(place = %self.place, error = %error, "the file accepts no more writes");
        let _ = self.broken.set(error);
        self.ready.notify_waiters();
    }
}
