//! One call on its way to the writer thread and back.
//!
//! The operation runs inside the transaction and its result waits in the job until the commit; only then does the
//! caller hear of it. Work of all kinds stands in one line, so the type of the result is hidden behind [`Work`].

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row};
use tokio::sync::oneshot;

use super::step_error::StepError;
use crate::QueueError;

/// A call, whatever it gives back.
pub(crate) trait Work: Send {
    /// What it does.
    fn kind(&self) -> Access;
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Runs the operation, and keeps its result. If that must be undone, it is run once more.
    fn run(&mut self, step: &mut Step<'_>) -> Result<(), StepError>;
    /// Tells the caller: the error if there is one, otherwise the result that was kept.
    fn answer(self: Box<Self>, error: Option<QueueError>);
}

/// What a call does to the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// It reads.
    Look,
    /// It reads, and may write about so many bytes.
    Change {
        /// Of payload.
        bytes: usize,
    },
    /// As a change, and it goes first.
    Urgent {
        /// Of payload.
        bytes: usize,
    },
    /// The whole file is written anew, outside any transaction, before the operation is run.
    Rewrite,
}

impl Access {
    /// How much payload it writes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Change { bytes } | Self::Urgent { bytes } => bytes,
            Self::Look | Self::Rewrite => 0,
        }
    }
}

/// A call that gives back a `T`.
pub(crate) struct TypedWork<T, F> {
    kind: Access,
    operation: F,
    value: Option<T>,
    caller: oneshot::Sender<Result<T, QueueError>>,
}

impl<T, F> TypedWork<T, F> {
    /// A call, and where its answer will come.
    pub(crate) fn new(kind: Access, operation: F) -> (Self, oneshot::Receiver<Result<T, QueueError>>) {
        let (caller, answer) = oneshot::channel();
        (Self { kind, operation, value: None, caller }, answer)
    }
}

impl<T, F> Work for TypedWork<T, F>
where
    T: Send,
    F: FnMut(&mut Step<'_>) -> Result<T, StepError> + Send,
{
    fn kind(&self) -> Access {
        self.kind
    }

    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn run(&mut self, step: &mut Step<'_>) -> Result<(), StepError> {
        self.value = Some((self.operation)(step)?);
        Ok(())
    }

    fn answer(self: Box<Self>, error: Option<QueueError>) {
        let answer = match (error, self.value) {
            (Some(error), _) => Err(error),
            (None, Some(value)) => Ok(value),
            // It was never run. The caller sees that the answer is missing.
            (None, None) => return,
        };
        // For a caller that has gone, the answer is lost: every call is safe to repeat.
        let _ = self.caller.send(answer);
    }
}

/// What an operation works with: the database inside a transaction, and one reading of the clock.
pub(crate) struct Step<'a> {
    /// The database.
    pub(crate) db: &'a Connection,
    /// The time, in Unix microseconds.
    pub(crate) now_us: i64,
    /// When a batch last could not be committed, in Unix microseconds; 0 if every one could.
    pub(crate) failed_us: i64,
    /// How many lanes the operation has made ready: as many waiting workers are woken after the commit.
    pub(crate) made_ready: usize,
    /// Whether what meets trouble is undone alone.
    pub(crate) is_careful: bool,
}

impl Step<'_> {
    /// Runs a part of the operation. If it meets damage, it changes nothing and gives back what is wrong as text.
    pub(crate) fn apart<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, StepError>,
    ) -> Result<Result<T, String>, StepError> {
        let made_ready = self.made_ready;
        if !self.is_careful {
            let changed_before = self.db.total_changes();
            return match part(self) {
                Err(fault)
                    if fault.is_damage()
                        && !self.db.is_autocommit()
                        && self.db.total_changes() == changed_before =>
                {
                    self.made_ready = made_ready;
                    Ok(Err(fault.to_string()))
                }
                // With something to undo, the batch is run again with care.
                result => result.map(Ok),
            };
        }
        self.execute("SAVEPOINT apart", [])?;
        match part(self) {
            Err(fault) if fault.is_damage() && !self.db.is_autocommit() => {
                self.execute("ROLLBACK TO apart", [])?;
                self.execute("RELEASE apart", [])?;
                self.made_ready = made_ready;
                Ok(Err(fault.to_string()))
            }
            Ok(done) => {
                self.execute("RELEASE apart", [])?;
                Ok(Ok(done))
            }
            // All of the operation is undone.
            Err(fault) => Err(fault),
        }
    }

    /// Runs a statement; how many rows it changed, not counting those changed by triggers.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.prepare(sql)?.execute(params)
    }

    /// The first row of a query, if there is one.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.prepare(sql)?.query_row(params, read).optional()
    }

    /// All rows of a query.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.prepare(sql)?.query_map(params, read)?.collect()
    }

    /// Runs a statement whose changed rows nobody counts.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<(), StepError> {
        self.execute(sql, params)?;
        Ok(())
    }

    /// The row that must be there.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.prepare(sql)?.query_row(params, read)
    }

    /// Whether there is a row.
    pub(crate) fn exists(&self, sql: &str, params: impl Params) -> Result<bool, StepError> {
        Ok(self.prepare(sql)?.exists(params)?)
    }

    fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.db.prepare_cached(sql)
    }
}
