//! The way to the thread that owns the database.
//!
//! SQLite has one writer at a time and its calls block, so one thread owns the only connection, and async callers
//! send it their operations. Looks go the same way: they are few, and see everything that was answered before. A pool with
//! readers was rejected, since it would need its own rules for what a reader may not have seen yet.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::commit::Committer;
use super::database::DatabaseFile;
use super::lines::{Entrances, lines};
use super::now::Now;
use super::shared::WriterState;
use super::step_error::StepError;
use super::work::{Access, Step, TypedWork};
use crate::QueueError;
use crate::error::Cause;

/// The handle of the writer thread. Dropping it stops the thread, closes the database and gives up its lock.
pub(crate) struct WriterThread {
    entrances: Option<Entrances>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<WriterState>,
}

impl WriterThread {
    /// Starts the thread.
    pub(crate) fn start(database: DatabaseFile, now: Arc<Now>, place: String) -> Result<Self, QueueError> {
        let name = format!("{}-writer", database.format.noun);
        let shared = Arc::new(WriterState::new(place));
        let (entrances, lines) = lines();
        let committer = Committer::new(database, now, shared.clone());
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || committer.run(lines))
            .map_err(|error| QueueError::unavailable(&shared.place, error))?;
        Ok(Self { entrances: Some(entrances), thread: Some(thread), shared })
    }

    /// Has the thread run the operation, and waits until its transaction is committed and synced. What the operation did is
    /// undone when it is run once more.
    pub(crate) async fn call<T, F>(&self, kind: Access, operation: F) -> Result<T, QueueError>
    where
        T: Send + 'static,
        F: FnMut(&mut Step<'_>) -> Result<T, StepError> + Send + 'static,
    {
        self.shared.check()?;
        let (call, answer): (_, oneshot::Receiver<_>) = TypedWork::new(kind, operation);
        let (Some(entrances), Some(thread)) = (&self.entrances, &self.thread) else {
            return Err(self.gone());
        };
        if !entrances.join(Box::new(call)).await {
            return Err(self.gone());
        }
        thread.thread().unpark();
        answer.await.map_err(|_| self.gone())?
    }

    /// Returns when a lane has become ready, at the latest after `at_most`.
    pub(crate) async fn ready(&self, at_most: Duration) -> Result<(), QueueError> {
        self.shared.check()?;
        // Either way the caller looks for itself.
        let _ = tokio::time::timeout(at_most, self.shared.ready.notified()).await;
        self.shared.check()
    }

    /// The store, for people.
    pub(crate) fn place(&self) -> &str {
        &self.shared.place
    }

    fn gone(&self) -> QueueError {
        self.shared.check().err().unwrap_or_else(|| QueueError::Broken {
            place: self.shared.place.clone(),
            cause: Cause::new("the writer thread has ended"),
        })
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // Nobody can be in a call: it would borrow this. So the thread has at most one batch to finish.
        self.entrances.take();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
