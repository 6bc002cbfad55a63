//! What can go wrong at the queue, told apart by what the caller should do.

use std::error::Error;
use std::sync::Arc;

/// An error of a queue engine. Cheap to clone, since one failed commit fails every call that was in it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The lease isn't current: the message was taken back, or this very call was applied before and its answer got
    /// lost. Stop working on the message and send nothing more for it.
    #[error("the lease on this message is no longer held")]
    LeaseLost,
    /// An answer by call back has come that this holder doesn't know. The message is next in its lane again, with that
    /// answer, and nothing else has changed. Stop working on the message and send nothing more for it.
    #[error("an answer by call back has arrived for this message: it is handled again with it")]
    CallBackPending,
    /// The store can't be reached or can't serve now. The call may or may not have been applied; every call is safe
    /// to repeat.
    #[error("the queue at {place} is unavailable")]
    Unavailable {
        /// The store, without credentials.
        place: String,
        /// What the store or the network said.
        #[source]
        cause: Cause,
    },
    /// The store is there, but not with these settings: wrong password, database, format. Repeating doesn't help.
    #[error("the queue at {place} can't be used: {problem}")]
    Misconfigured {
        /// The store, without credentials.
        place: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
        /// What the store said, if it said anything.
        #[source]
        cause: Option<Cause>,
    },
    /// Another process owns the file of an embedded queue. Repeating doesn't help while it runs.
    #[error("the queue at {place} is in use: {owner}")]
    InUse {
        /// The store.
        place: String,
        /// Who has it, as far as is known.
        owner: String,
    },
    /// What is stored was written by another version, or is damaged. It is left as it is.
    #[error("{what} is in a format this version does not know")]
    UnknownFormat {
        /// The thing that can't be read.
        what: String,
    },
    /// What is stored for this one message is damaged, and could not be set aside: others are served.
    #[error("the data of this message's lane in the queue at {place} is damaged: {problem}")]
    Damaged {
        /// The store, without credentials.
        place: String,
        /// What can't be read.
        problem: String,
    },
    /// The embedded engine could not make a commit durable. Nothing it says can be trusted any more: it refuses
    /// every further call, and the process must end.
    #[error("the embedded queue at {place} failed to write to disk and has stopped")]
    Broken {
        /// The database file.
        place: String,
        /// What the disk said.
        #[source]
        cause: Cause,
    },
    /// The arguments can't be stored: too long, too big. The caller's fault.
    #[error("the queue can't store this: {0}")]
    Invalid(String),
}

/// The error below a [`QueueError`], shared among its clones.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl QueueError {
    /// Whether the store is only away for now: wait, and call again.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the process must end, because the engine can't be trusted any more.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    /// What to do about it, for the person who reads the error.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Misconfigured { hint, .. } => Some(hint),
            Self::InUse { .. } => Some(
                "a `huixin run` or `huixin dev` uses this file: stop it first, or give this one another file",
            ),
            Self::UnknownFormat { .. } => Some(
                "another version of Huixin wrote it: run that version until it is empty, or start a new one with another \
                     `queue.prefix` on Redis, or another file or folder",
            ),
            Self::Damaged { .. } => Some("`huixin audit` shows what is damaged and how to repair it"),
            Self::Broken { .. } => Some(
                "free space on the disk or replace it, then start again: everything that was acknowledged is on it",
            ),
            _ => None,
        }
    }

    pub(crate) fn unavailable(place: &str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { place: place.to_owned(), cause: Cause::new(cause) }
    }

    pub(crate) fn misconfigured(
        place: &str,
        problem: impl Into<String>,
        hint: &str,
        cause: Option<Cause>,
    ) -> Self {
        let (place, problem, hint) = (place.to_owned(), problem.into(), hint.to_owned());
        Self::Misconfigured { place, problem, hint, cause }
    }
}

impl Cause {
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(cause.into()))
    }
}
