//! Group commit: calls that come together go to disk together.
//!
//! An fsync costs the same for one operation as for five hundred. So when the thread is free, it takes whatever stands in
//! line, without waiting for more: under load the line fills by itself while the last batch is synced. It runs these calls in
//! one transaction, with a savepoint per operation, so that one that fails is undone alone. It commits, and only then
//! answers. The operations of a batch see each other's changes. So when the batch fails, all of its callers must hear that,
//! also those that were refused: the reason of a refusal has not happened.

use std::cell::Cell;
use std::sync::Arc;

use rusqlite::params;
use tokio::sync::mpsc;

use super::database::DatabaseFile;
use super::now::Now;
use super::shared::WriterState;
use super::step_error::StepError;
use super::work::{Access, Step, Work};
use crate::QueueError;

/// The most calls that go into one commit.
const BATCH_CALLS: usize = 512;
/// The most payload that goes into one commit, in bytes; the call that exceeds it is still in.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The most waiting workers that one commit wakes.
const WOKEN_AT_MOST: usize = 64;

/// How many commits there are between two looks for what can be given back to the disk.
const SHRINK_EVERY: u32 = 16;

/// The writer thread's side.
pub(crate) struct Committer {
    database: DatabaseFile,
    now: Arc<Now>,
    shared: Arc<WriterState>,
    /// When a batch last could not be committed.
    failed_us: Cell<i64>,
    /// Since the file was last looked at for what can be given back.
    commits: Cell<u32>,
}

/// A call whose batch is under way, and why it was refused, if it was.
struct Pending {
    job: Box<dyn Work>,
    refusal: Option<QueueError>,
}

impl Committer {
    /// Takes over the database.
    pub(crate) fn new(database: DatabaseFile, now: Arc<Now>, shared: Arc<WriterState>) -> Self {
        Self { database, now, shared, failed_us: Cell::new(0), commits: Cell::new(0) }
    }

    /// Serves the line until nobody can join it any more.
    pub(crate) fn run(self, mut jobs: mpsc::Receiver<Box<dyn Work>>) {
        while let Some(first) = jobs.blocking_recv() {
            let batch = gather(first, &mut jobs);
            if !batch.is_empty() {
                self.serve(batch);
            }
        }
    }

    fn serve(&self, mut batch: Vec<Pending>) {
        let rewrite = batch.pop_if(|pending| matches!(pending.job.kind(), Access::Rewrite));
        let outcome = self.shared.check().and_then(|()| self.transact(&mut batch));
        for Pending { job, refusal } in batch {
            job.answer(outcome.as_ref().err().cloned().or(refusal));
        }
        for _ in 0..outcome.unwrap_or(0).min(WOKEN_AT_MOST) {
            self.shared.ready.notify_one();
        }
        if let Some(Pending { mut job, .. }) = rewrite {
            let rewritten = self.shared.check().and_then(|()| self.rewrite(job.as_mut()));
            job.answer(rewritten.err());
        }
    }

    /// Writes the file anew, and runs the operation. A failed sync ends the engine here as at a commit.
    fn rewrite(&self, job: &mut dyn Work) -> Result<(), QueueError> {
        let rewritten = self.database.rewrite(&self.shared.place);
        let rewritten = rewritten.and_then(|()| job.run(&mut self.step()));
        rewritten.map_err(|fault| self.failed(fault))
    }

    /// Runs and commits the batch; how many lanes it made ready.
    fn transact(&self, batch: &mut [Pending]) -> Result<usize, QueueError> {
        let fault = match self.attempt(batch) {
            Ok(made_ready) => return Ok(made_ready),
            Err(fault) => fault,
        };
        self.failed_us.set(self.now.us());
        let rollback = if self.database.db.is_autocommit() { Ok(()) } else { self.execute("ROLLBACK") };
        let fault = match rollback {
            Err(error) if !fault.is_fatal() => StepError::Commit(error),
            _ => fault,
        };
        Err(self.failed(fault))
    }

    fn failed(&self, fault: StepError) -> QueueError {
        let error = fault.into_error(&self.shared.place);
        if error.is_fatal() {
            self.shared.set_broken(error.clone());
        }
        error
    }

    fn attempt(&self, batch: &mut [Pending]) -> Result<usize, StepError> {
        let db = &self.database.db;
        let changes =
            batch.iter().filter(|pending| matches!(pending.job.kind(), Access::Change { .. })).count();
        self.execute(if changes > 0 { "BEGIN IMMEDIATE" } else { "BEGIN DEFERRED" })?;
        let changed_before = db.total_changes();
        let mut made_ready = 0;
        for pending in batch {
            let mut step = self.step();
            match self.run_alone(pending.job.as_mut(), &mut step) {
                Ok(()) => made_ready += step.made_ready,
                Err(fault) if fault.is_fatal() || db.is_autocommit() => return Err(fault),
                Err(fault) => pending.refusal = Some(fault.into_error(&self.shared.place)),
            }
        }
        if db.total_changes() != changed_before {
            self.keep_house(changes)?;
        }
        // Without a change this writes nothing and syncs nothing.
        self.execute("COMMIT").map_err(StepError::Commit)?;
        Ok(made_ready)
    }

    /// Runs one operation so that, if it fails, the others don't notice.
    fn run_alone(&self, job: &mut dyn Work, step: &mut Step<'_>) -> Result<(), StepError> {
        if let Access::Look = job.kind() {
            return job.run(step);
        }
        self.execute("SAVEPOINT alone")?;
        let result = job.run(step);
        if self.database.db.is_autocommit() {
            // SQLite has undone the transaction: `result` says why.
            return result;
        }
        if result.is_err() {
            self.execute("ROLLBACK TO alone")?;
        }
        self.execute("RELEASE alone")?;
        result
    }

    /// What goes with every commit: the time, and what the format wants.
    fn keep_house(&self, changes: usize) -> Result<(), StepError> {
        let step = self.step();
        step.execute("UPDATE meta SET last_us = max(last_us, ?1)", params![step.now_us])?;
        (self.database.format.keep_house)(&step, changes)?;
        self.commits.set(self.commits.get() + 1);
        if self.commits.get() >= SHRINK_EVERY {
            self.commits.set(0);
            self.database.shrink()?;
        }
        Ok(())
    }

    fn step(&self) -> Step<'_> {
        let (db, now_us) = (&self.database.db, self.now.us());
        Step { db, now_us, failed_us: self.failed_us.get(), made_ready: 0 }
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.database.db.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

/// The first call and those that stand behind it now, without those whose callers have gone.
fn gather(first: Box<dyn Work>, jobs: &mut mpsc::Receiver<Box<dyn Work>>) -> Vec<Pending> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(job) = next {
        if !job.is_abandoned() {
            if let Access::Change { bytes: more } = job.kind() {
                bytes += more;
            }
            let is_last = matches!(job.kind(), Access::Rewrite);
            batch.push(Pending { job, refusal: None });
            if is_last {
                break;
            }
        }
        if batch.len() >= BATCH_CALLS || bytes >= BATCH_BYTES {
            break;
        }
        next = jobs.try_recv().ok();
    }
    batch
}
