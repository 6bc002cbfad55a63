//! A receiver's spool before the receiver runs, and what is said of it when it has stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use huixin_queue::spool::{Folders, Spool, SpoolError};

use super::receiver_spool::{ReceiverSpool, SpoolHealth};

/// A receiver's spool, ready to be used.
pub struct ClaimedSpool {
    pub(super) folders: Folders,
    pub(super) max_age: Duration,
    pub(super) receiver_spool: Arc<ReceiverSpool>,
    pub(super) adopted: Vec<Arc<Spool>>,
}

/// Stopped with a spool that is not empty.
#[derive(Debug, thiserror::Error)]
#[error("the spool in `{}` is not empty: {entries} to be drained, {quarantined} quarantined", folder.display())]
pub struct SpoolLeft {
    /// The directory of all folders.
    pub folder: PathBuf,
    /// Entries that the queue doesn't have.
    pub entries: u64,
    /// Entries that it refuses.
    pub quarantined: u64,
}

impl ClaimedSpool {
    /// Takes a folder below the directory, and those that nobody holds. It blocks, as [`Spool::open`] does.
    ///
    /// # Errors
    /// When there can't be a spool.
    pub fn open(folders: Folders, max_age: Duration) -> Result<Self, SpoolError> {
        let receiver_spool = Arc::new(ReceiverSpool::new(Arc::new(folders.claim()?)));
        let adopted = folders.adopt()?.into_iter().map(Arc::new).collect();
        Ok(Self { folders, max_age, receiver_spool, adopted })
    }

    /// A way to ask about its state.
    pub fn health(&self) -> SpoolHealth {
        SpoolHealth(self.receiver_spool.clone())
    }
}
