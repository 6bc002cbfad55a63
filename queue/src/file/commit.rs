//! Group commit: calls that come together go to disk together.
//!
//! An fsync costs the same for one operation as for five hundred. So when the thread is free, it takes whatever stands in
//! line, without waiting for more: under load the lines fill by themselves while the last batch is synced. It runs these calls
//! in one transaction, commits, and only then answers. The operations of a batch see each other's changes. So when the batch
//! fails, all of its callers must hear that, also those that were refused: the reason of a refusal has not happened.
//!
//! **One that fails is undone alone.** A savepoint per operation would do that, and copies every page that the operation
//! changes. So at first there is none. When an operation fails that has changed something, the batch is undone and run
//! again with savepoints: that is rare.
//!
//! **Urgent calls don't wait for ordinary ones.** All answers of a batch come after its commit, so what counts is what is in it.
//! While an urgent call waits, ordinary ones are run only for their share of the time; then the urgent ones, also those that came
//! in between. The share is half of what the urgent calls and the sync of the last batch took: so ordinary calls make an
//! urgent one wait half as long again, and have a third of the time, on fast disks and slow ones. At least one is in
//! every batch.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::params;

use super::database::DatabaseFile;
use super::lines::CallLines;
use super::now::Now;
use super::shared::WriterState;
use super::step_error::StepError;
use super::work::{Access, Step, Work};
use crate::QueueError;

/// The most calls of a line that go into one commit.
const BATCH_CALLS: usize = 512;
/// The most payload of a line that goes into one commit, in bytes; the call that exceeds it is still in.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The bounds of the ordinary calls' share: one batch that was very quick or very slow doesn't decide.
const SHARE_LEAST: Duration = Duration::from_micros(200);
const SHARE_MOST: Duration = Duration::from_millis(5);
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
    /// For how long ordinary calls run while an urgent one waits.
    share: Cell<Duration>,
}

/// A call whose batch is under way.
struct Pending {
    job: Box<dyn Work>,
    /// Why it was refused, if it was.
    refusal: Option<QueueError>,
    made_ready: usize,
}

/// The calls of one transaction.
#[derive(Default)]
struct CommitBatch {
    calls: Vec<Pending>,
    /// Whether each has a savepoint.
    is_careful: bool,
}

impl Committer {
    /// Takes over the database.
    pub(crate) fn new(database: DatabaseFile, now: Arc<Now>, shared: Arc<WriterState>) -> Self {
        let (failed_us, commits, share) = (Cell::new(0), Cell::new(0), Cell::new(SHARE_LEAST));
        Self { database, now, shared, failed_us, commits, share }
    }

    /// Serves the lines until nobody can join them any more.
    pub(crate) fn run(self, mut lines: CallLines) {
        while lines.wait() {
            match self.shared.check() {
                Err(error) => refuse_all(&mut lines, &error),
                Ok(()) if matches!(lines.next_kind(), Some(Access::Rewrite)) => self.rewrite(&mut lines),
                Ok(()) => self.serve(&mut lines),
            }
        }
    }

    fn serve(&self, lines: &mut CallLines) {
        let mut batch = CommitBatch::default();
        let outcome = self.transact(lines, &mut batch);
        let mut made_ready = 0;
        for Pending { job, refusal, made_ready: more } in batch.calls {
            made_ready += more;
            job.answer(outcome.as_ref().err().cloned().or(refusal));
        }
        if outcome.is_ok() {
            (0..made_ready.min(WOKEN_AT_MOST)).for_each(|_| self.shared.ready.notify_one());
        }
    }

    /// Writes the file anew, and runs the operation. A failed sync ends the engine here as at a commit.
    fn rewrite(&self, lines: &mut CallLines) {
        let Some(mut job) = lines.ordinary() else { return };
        let rewritten = self.database.rewrite(&self.shared.place);
        let rewritten = rewritten.and_then(|()| job.run(&mut self.step(true)));
        job.answer(rewritten.err().map(|fault| self.failed(fault)));
    }

    /// Runs and commits a batch.
    fn transact(&self, lines: &mut CallLines, batch: &mut CommitBatch) -> Result<(), QueueError> {
        let Err(fault) = self.attempt(lines, batch) else { return Ok(()) };
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

    fn attempt(&self, lines: &mut CallLines, batch: &mut CommitBatch) -> Result<(), StepError> {
        let only_looks = !lines.is_urgent() && matches!(lines.next_kind(), Some(Access::Look));
        if let Err(error) = self.execute(if only_looks { "BEGIN DEFERRED" } else { "BEGIN IMMEDIATE" }) {
            // All that are in line hear of it: they have waited as long as the first.
            let calls = std::iter::from_fn(|| lines.urgent().or_else(|| lines.ordinary()));
            batch.calls.extend(calls.take(2 * BATCH_CALLS).map(Pending::new));
            return Err(error.into());
        }
        let db = &self.database.db;
        let changed_before = db.total_changes();
        self.run_ordinary(lines, batch, only_looks)?;
        let began = Instant::now();
        if !only_looks {
            self.run_urgent(lines, batch)?;
        }
        let has_changed = db.total_changes() != changed_before;
        if has_changed {
            let is_change = |call: &&Pending| !matches!(call.job.kind(), Access::Look);
            self.keep_house(batch.calls.iter().filter(is_change).count())?;
        }
        // Without a change this writes nothing and syncs nothing.
        self.execute("COMMIT").map_err(StepError::Commit)?;
        if has_changed {
            self.share.set((began.elapsed() / 2).clamp(SHARE_LEAST, SHARE_MOST));
        }
        Ok(())
    }

    /// Runs ordinary calls: at least one, and while an urgent one waits no longer than their share.
    fn run_ordinary(
        &self,
        lines: &mut CallLines,
        batch: &mut CommitBatch,
        only_looks: bool,
    ) -> Result<(), StepError> {
        let (began, mut calls, mut bytes) = (Instant::now(), 0, 0);
        while calls < BATCH_CALLS && bytes < BATCH_BYTES {
            let is_over = calls > 0 && began.elapsed() > self.share.get() && lines.is_urgent();
            let is_other = match lines.next_kind() {
                Some(Access::Look) => false,
                Some(Access::Rewrite) | None => true,
                Some(_) => only_looks,
            };
            let Some(job) = (if is_over || is_other { None } else { lines.ordinary() }) else { break };
            calls += 1;
            bytes += job.kind().bytes();
            self.run_next(batch, job)?;
        }
        Ok(())
    }

    /// Runs the urgent calls, those too that come while it does.
    fn run_urgent(&self, lines: &mut CallLines, batch: &mut CommitBatch) -> Result<(), StepError> {
        let (mut calls, mut bytes) = (0, 0);
        while calls < BATCH_CALLS && bytes < BATCH_BYTES {
            let Some(job) = lines.urgent() else { break };
            calls += 1;
            bytes += job.kind().bytes();
            self.run_next(batch, job)?;
        }
        Ok(())
    }

    /// Runs one more operation in the batch, so that, if it fails, the others don't notice.
    fn run_next(&self, batch: &mut CommitBatch, job: Box<dyn Work>) -> Result<(), StepError> {
        let db = &self.database.db;
        batch.calls.push(Pending::new(job));
        let Some(call) = batch.calls.last_mut() else { return Ok(()) };
        if batch.is_careful {
            return self.run_alone(call);
        }
        let changed_before = db.total_changes();
        let Err(fault) = self.run_call(call, false) else { return Ok(()) };
        if fault.is_fatal() || db.is_autocommit() {
            return Err(fault);
        }
        if db.total_changes() == changed_before {
            call.refusal = Some(fault.into_error(&self.shared.place));
            return Ok(());
        }
        self.execute("ROLLBACK")?;
        self.execute("BEGIN IMMEDIATE")?;
        batch.is_careful = true;
        batch.calls.iter_mut().try_for_each(|call| self.run_alone(call))
    }

    /// Runs one operation in a savepoint.
    fn run_alone(&self, call: &mut Pending) -> Result<(), StepError> {
        call.refusal = None;
        self.execute("SAVEPOINT alone")?;
        let result = self.run_call(call, true);
        if let Err(fault) = result {
            // SQLite may have undone the transaction: the fault says why.
            if fault.is_fatal() || self.database.db.is_autocommit() {
                return Err(fault);
            }
            self.execute("ROLLBACK TO alone")?;
            call.refusal = Some(fault.into_error(&self.shared.place));
        }
        self.execute("RELEASE alone")?;
        Ok(())
    }

    fn run_call(&self, call: &mut Pending, is_careful: bool) -> Result<(), StepError> {
        let mut step = self.step(is_careful);
        let result = call.job.run(&mut step);
        call.made_ready = if result.is_ok() { step.made_ready } else { 0 };
        result
    }

    /// What goes with every commit: the time, and what the format wants.
    fn keep_house(&self, changes: usize) -> Result<(), StepError> {
        let step = self.step(false);
        step.execute("UPDATE meta SET last_us = max(last_us, ?1)", params![step.now_us])?;
        (self.database.format.keep_house)(&step, changes)?;
        self.commits.set(self.commits.get() + 1);
        if self.commits.get() >= SHRINK_EVERY {
            self.commits.set(0);
            self.database.shrink()?;
        }
        Ok(())
    }

    fn step(&self, is_careful: bool) -> Step<'_> {
        let (db, now_us) = (&self.database.db, self.now.us());
        Step { db, now_us, failed_us: self.failed_us.get(), made_ready: 0, is_careful }
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.database.db.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

impl Pending {
    fn new(job: Box<dyn Work>) -> Self {
        Self { job, refusal: None, made_ready: 0 }
    }
}

/// Tells those who stand in line that the engine is broken.
fn refuse_all(lines: &mut CallLines, error: &QueueError) {
    while let Some(job) = lines.urgent().or_else(|| lines.ordinary()) {
        job.answer(Some(error.clone()));
    }
}
