//! What can go wrong at a spool. Whatever it is, nothing was stored, and the push must not be acknowledged.

use crate::QueueError;
use crate::error::Cause;

/// An error of a spool. Cheap to clone.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// A limit says no: bytes, or the disk's reserve.
    #[error("the spool in `{folder}` accepts no more messages: {reason}")]
    Full {
        /// The spool's folder.
        folder: String,
        /// Which limit, with its figures.
        reason: String,
    },
    /// The disk or the file can't serve now.
    #[error("the spool in `{folder}` is unavailable")]
    Unavailable {
        /// The spool's folder.
        folder: String,
        /// What SQLite or the system said.
        #[source]
        cause: Cause,
    },
    /// A commit could not be made durable. Nothing it says can be trusted any more: it refuses every further call.
    #[error("the spool in `{folder}` failed to write to disk and accepts no more messages")]
    Broken {
        /// The spool's folder.
        folder: String,
        /// What the disk said.
        #[source]
        cause: Cause,
    },
    /// Another process has it.
    #[error("the spool in `{folder}` is in use: {owner}")]
    InUse {
        /// The spool's folder.
        folder: String,
        /// Who has it, as far as is known.
        owner: String,
    },
    /// The spool or its folder is there, but can't be used as it is.
    #[error("the spool in `{folder}` can't be used: {problem}")]
    Unusable {
        /// The spool's folder.
        folder: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
        /// What the system said, if it said anything.
        #[source]
        cause: Option<Cause>,
    },
}

impl SpoolError {
    /// Whether it refuses every further call until it is opened again.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    /// What to do about it, for the person who reads the error.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unusable { hint, .. } => Some(hint),
            Self::Full { .. } => {
                Some("bring Redis back, free space on the disk, or raise the limits of the spool")
            }
            Self::Broken { .. } => Some(
                "free space on the disk or replace it, then start again: everything that was acknowledged is on it",
            ),
            Self::Unavailable { .. } | Self::InUse { .. } => None,
        }
    }

    /// An error of `crate::file`, as an error of a spool.
    pub(super) fn of(error: QueueError, folder: &str) -> Self {
        let folder = folder.to_owned();
        match error {
            QueueError::Broken { cause, .. } => Self::Broken { folder, cause },
            QueueError::Unavailable { cause, .. } => Self::Unavailable { folder, cause },
            QueueError::InUse { owner, .. } => Self::InUse { folder, owner },
            QueueError::Misconfigured { problem, hint, cause, .. } => {
                Self::Unusable { folder, problem, hint, cause }
            }
            error @ QueueError::UnknownFormat { .. } => Self::Unusable {
                folder,
                problem: error.to_string(),
                hint: error.hint().unwrap_or_default().to_owned(),
                cause: None,
            },
            other => Self::Unavailable { folder, cause: Cause::new(other) },
        }
    }

    pub(super) fn unusable_folder(folder: &str, error: std::io::Error) -> Self {
        Self::Unusable {
            folder: folder.to_owned(),
            problem: "the folder can't be created or read".to_owned(),
            hint: "it must be on a local disk, and this user must be allowed to write there".to_owned(),
            cause: Some(Cause::new(error)),
        }
    }
}
