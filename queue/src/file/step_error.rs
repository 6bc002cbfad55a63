//! What an error inside a step means: for its operation, for its batch, and for the engine.
//!
//! * *Refused*: the operation says no (a lost lease). It is rolled back alone.
//! * *The store said no* (no room, somebody's `sqlite3` holds the write lock, a constraint): nothing was made durable,
//!   nothing was acked, so it is an outage. The operation is rolled back alone if SQLite kept the transaction open; where
//!   SQLite has undone the whole transaction, as it may when there is no room, all calls of the batch fail. No room at the
//!   commit is of this kind too: a write was refused, no sync has failed, and the log doesn't count without its commit.
//! * *Fatal*: a read or write failed, the file is damaged, or a commit failed for another reason. After a failed
//!   fsync the kernel may have thrown the pages away and call the next fsync good, so no later answer could be
//!   trusted.

use rusqlite::ErrorCode;

use crate::QueueError;
use crate::error::Cause;

/// Errors of rows that contradict each other. A trigger's error isn't one of them: anybody may have put it there.
const CONTRADICTIONS: [i32; 4] = [
    rusqlite::ffi::SQLITE_CONSTRAINT_CHECK,
    rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE,
    rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL,
    rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
];

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// The operation's own refusal.
    #[error(transparent)]
    Refused(#[from] QueueError),
    /// SQLite failed before the commit.
    #[error(transparent)]
    Store(#[from] rusqlite::Error),
    /// SQLite failed to commit.
    #[error(transparent)]
    Commit(rusqlite::Error),
}

impl StepError {
    /// Whether the engine must not go on.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Commit(error) => error.sqlite_error_code() != Some(ErrorCode::DiskFull),
            Self::Store(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::SystemIoFailure
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::ReadOnly
                )
            ),
        }
    }

    /// Whether rows are at fault, and not the store: they can't be read, are missing, or contradict others.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Store(rusqlite::Error::QueryReturnedNoRows) => true,
            Self::Store(error) => {
                is_unreadable(error)
                    || error.sqlite_error().is_some_and(|error| CONTRADICTIONS.contains(&error.extended_code))
            }
            Self::Refused(_) | Self::Commit(_) => false,
        }
    }

    /// The error as callers see it; `place` names the store.
    pub(crate) fn into_error(self, place: &str) -> QueueError {
        let fatal = self.is_fatal();
        match self {
            Self::Refused(error) => error,
            Self::Store(error) | Self::Commit(error) if fatal => {
                QueueError::Broken { place: place.to_owned(), cause: Cause::new(error) }
            }
            Self::Store(error) if is_unreadable(&error) => {
                QueueError::Damaged { place: place.to_owned(), problem: error.to_string() }
            }
            Self::Store(error) | Self::Commit(error) => QueueError::unavailable(place, error),
        }
    }
}

/// Whether a value is there, but not one that this version writes.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    )
}
