//! The embedded engine: a queue in one SQLite file, for one process.
//!
//! SQLite was chosen over the log-structured stores because it is as fast here (the cost of a message is its share of
//! an fsync, and commits are shared), its file can be read by anyone with `sqlite3`, and its behaviour at a crash is
//! the best tested there is. The tables are those of `schema.sql`, which says what each column is for. The file and the
//! thread that commits to it in groups are those of `crate::file`; the operations are here, a file per noun: `accept`,
//! `take`, `settle`, `held`, `respond`, `look`, `audit`, on top of the moves of a `lane`.

mod accept;
mod audit;
mod current;
mod dead;
mod end;
mod ending;
mod forget;
mod head;
mod held;
mod hold;
mod journal;
mod lane;
mod line;
mod look;
mod mend;
mod pause;
mod pulse;
mod push;
mod reclaim;
mod respond;
mod response;
mod settle;
mod take;
mod text;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::params;

use self::pulse::Pulse;
use crate::clock::micros;
use crate::file::Format;
use crate::file::database::DatabaseFile;
// The operations know these as their neighbours.
use crate::file::now::{self, Now, stored};
use crate::file::step_error::{self, StepError};
use crate::file::work::{self, Access, Step};
use crate::file::writer::WriterThread;
use crate::format::STORED_FORMAT;
use crate::message::check_bytes;
use crate::name::check_name;
use crate::news::NewsBoard;
use crate::{
    Accepted, CallBackResult, Clock, Compaction, Consumer, Counts, DeadCursor, DeadFilter, DeadLetter,
    DeadPage, Forgotten, Journal, JournalCursor, JournalFilter, JournalPage, JournalSize, Lane, LaneSnapshot,
    Lease, Memory, MessageId, NewMessage, Operator, Paused, Producer, Progress, QueueError, Renewal, Scope,
    SendState, Settled, Settlement, Shared, TakeRequest, Taken, Violation,
};

/// The least number of outdated ids, and of outdated values, that a commit may remove.
const PRUNED_AT_LEAST: usize = 64;

/// What is in the file; the id is "HuXi" in ASCII.
static FORMAT: Format = Format {
    noun: "queue",
    application_id: 0x4875_5869,
    number: STORED_FORMAT,
    schema: include_str!("schema.sql"),
    keep_house,
};

/// A queue in a file of its own. This process is the file's only owner for as long as this lives; dropping it waits
/// until the file is closed, which takes no longer than one commit and writing back the log.
pub struct SqliteQueue {
    writer: WriterThread,
    now: Arc<Now>,
    pulse: Arc<Pulse>,
    news: NewsBoard,
    path: PathBuf,
    dedup_window_us: i64,
}

impl SqliteQueue {
    /// Opens the queue in the file at `path`, or makes it there; the folder must exist. An id is known for
    /// `dedup_window` after its message was accepted. All leases of the past are void: their messages are first in
    /// line, with what was recorded, and have lost a lease, since their worker was the process that had the file.
    ///
    /// It blocks, for as long as it takes to open a file and sync it once.
    ///
    /// # Errors
    /// [`QueueError::Misconfigured`] when another process has the file open, or it can't be written, or isn't a
    /// queue's; [`QueueError::UnknownFormat`] when a newer version wrote it; [`QueueError::Unavailable`] when there is
    /// no room for it or somebody's `sqlite3` keeps it locked; [`QueueError::Broken`] when the disk fails.
    pub fn open(path: &Path, dedup_window: Duration, clock: Clock) -> Result<Self, QueueError> {
        let place = format!("sqlite:{}", path.display());
        let database = DatabaseFile::open(path, &place, &FORMAT)?;
        let now = Arc::new(Now::after(database.last_us(&place)?, clock));
        begin(&database, now.us()).map_err(|fault| fault.into_error(&place))?;
        let writer = WriterThread::start(database, now.clone(), place)?;
        let (path, dedup_window_us) = (path.to_owned(), stored(micros(dedup_window)));
        Ok(Self { writer, now, pulse: Arc::default(), news: NewsBoard::default(), path, dedup_window_us })
    }

    async fn look<T: Send + 'static>(
        &self,
        mut operation: impl FnMut(&Step<'_>) -> Result<T, StepError> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.writer.call(Access::Look, move |step| operation(step)).await
    }

    async fn change<T: Send + 'static>(
        &self,
        bytes: usize,
        operation: impl FnMut(&mut Step<'_>) -> Result<T, StepError> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.writer.call(Access::Change { bytes }, operation).await
    }

    /// A change that goes first.
    async fn urgent<T: Send + 'static>(
        &self,
        bytes: usize,
        operation: impl FnMut(&mut Step<'_>) -> Result<T, StepError> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.writer.call(Access::Urgent { bytes }, operation).await
    }

    /// There is news of a lane for a receiver, if somebody keeps a push open there.
    fn tell(&self, listener: Option<String>, lane: &Lane) {
        if let Some(receiver) = listener {
            self.news.post(&receiver, lane);
        }
    }
}

/// What is done once, before anybody can call.
fn begin(database: &DatabaseFile, now_us: i64) -> Result<(), StepError> {
    let transaction = database.db.unchecked_transaction()?;
    transaction.execute_batch(include_str!("damaged.sql"))?;
    transaction.execute_batch(include_str!("responses.sql"))?;
    transaction.execute_batch(include_str!("journal.sql"))?;
    reclaim::void_leases(&mut Step {
        db: &transaction,
        now_us,
        failed_us: 0,
        made_ready: 0,
        is_careful: true,
    })?;
    transaction.commit()?;
    Ok(())
}

/// What goes with every commit: forgetting ids and values, more than a batch can add.
fn keep_house(step: &Step<'_>, changes: usize) -> Result<(), StepError> {
    let at_most = i64::try_from(PRUNED_AT_LEAST.max(2 * changes)).unwrap_or(i64::MAX);
    step.execute(
        "DELETE FROM seen WHERE id IN (SELECT id FROM seen WHERE expires_us <= ?1 ORDER BY expires_us LIMIT ?2)",
        params![step.now_us, at_most],
    )?;
    step.run(
        "DELETE FROM value WHERE name IN (SELECT name FROM value WHERE until_us <= ?1 ORDER BY until_us LIMIT ?2)",
        params![step.now_us, at_most],
    )
}

#[async_trait]
impl Producer for SqliteQueue {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        message.check()?;
        let deadline_us = message.not_after.map(|after| self.now.us().saturating_add(stored(micros(after))));
        let window_us = self.dedup_window_us;
        self.urgent(message.payload.len(), move |step| accept::accept(step, &message, deadline_us, window_us))
            .await
    }

    async fn answer(&self, lane: &Lane, id: &MessageId, answer: Bytes) -> Result<CallBackResult, QueueError> {
        check_bytes("answer", &answer)?;
        let (lane, id, window_us) = (lane.clone(), id.clone(), self.dedup_window_us);
        self.change(answer.len(), move |step| settle::answer(step, &lane, &id, &answer, window_us)).await
    }

    async fn beat(&self) -> Result<(), QueueError> {
        let pulse = self.pulse.clone();
        self.look(move |step| {
            pulse.beat(step, None);
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Consumer for SqliteQueue {
    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError> {
        let (request, pulse) = (request.clone(), self.pulse.clone());
        self.change(0, move |step| take::take(step, &request, &pulse)).await
    }

    async fn wait(&self, at_most: Duration) -> Result<(), QueueError> {
        self.writer.ready(at_most).await
    }

    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError> {
        let leases = leases.to_vec();
        let pulse = self.pulse.clone();
        self.urgent(0, move |step| {
            pulse.beat(step, Some(lease_for));
            settle::renew(step, &leases, lease_for)
        })
        .await
    }

    async fn record(
        &self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<SendState, QueueError> {
        let lease = lease.clone();
        let replies_bytes = progress.replies.as_ref().map_or(0, Bytes::len);
        let memory_bytes = memory.as_ref().map_or(0, |memory| memory.bytes.len());
        check_bytes("replies", progress.replies.as_deref().unwrap_or_default())?;
        check_bytes("memory", memory.as_ref().map_or(&[][..], |memory| &memory.bytes))?;
        self.change(replies_bytes + memory_bytes, move |step| {
            settle::record(step, &lease, &progress, memory.as_ref())
        })
        .await?
        .ok_or(QueueError::CallBackPending)
    }

    async fn settle(&self, lease: &Lease, settlement: Settlement) -> Result<Settled, QueueError> {
        settlement.check()?;
        let (its_lease, settlement) = (lease.clone(), settlement.fitted());
        let (settled, listener) = self
            .change(settlement.size_bytes(), move |step| {
                settle::settle_and_tell(step, &its_lease, &settlement)
            })
            .await?;
        self.tell(listener, &lease.lane);
        settled.ok_or(QueueError::CallBackPending)
    }
}

#[async_trait]
impl Operator for SqliteQueue {
    async fn counts(&self) -> Result<Counts, QueueError> {
        self.look(look::counts).await
    }

    async fn lane(&self, lane: &Lane) -> Result<Option<LaneSnapshot>, QueueError> {
        let lane = lane.clone();
        self.look(move |step| look::lane(step, &lane)).await
    }

    async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u64,
    ) -> Result<DeadPage, QueueError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.look(move |step| look::dead(step, &filter, after.as_ref(), limit)).await
    }

    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        let id = id.clone();
        self.look(move |step| look::dead_letter(step, &id)).await
    }

    async fn oldest_dead(&self, max_age: Duration, max: u64) -> Result<Vec<DeadLetter>, QueueError> {
        self.look(move |step| look::oldest_dead(step, max_age, max)).await
    }

    async fn revive(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        let ids = ids.to_vec();
        self.change(0, move |step| ids.iter().map(|id| dead::revive(step, id)).collect()).await
    }

    async fn drop_dead(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        let ids = ids.to_vec();
        self.change(0, move |step| ids.iter().map(|id| dead::drop_letter(step, id)).collect()).await
    }

    async fn pause(&self, scope: &Scope, reason: &str) -> Result<(), QueueError> {
        let (scope, reason) = (scope.clone(), reason.to_owned());
        self.change(reason.len(), move |step| pause::pause(step, &scope, &reason)).await
    }

    async fn resume(&self, scope: &Scope) -> Result<bool, QueueError> {
        let scope = scope.clone();
        self.change(0, move |step| pause::resume(step, &scope)).await
    }

    async fn paused(&self) -> Result<Vec<Paused>, QueueError> {
        self.look(pause::all).await
    }

    async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        let (path, place) = (self.path.clone(), self.writer.place().to_owned());
        let audited = tokio::task::spawn_blocking(move || audit::audit(&path, &place)).await;
        audited.map_err(|error| QueueError::unavailable(self.writer.place(), error))?
    }

    async fn forget(&self, lane: &Lane) -> Result<Forgotten, QueueError> {
        let lane = lane.clone();
        self.change(0, move |step| forget::forget(step, &lane)).await
    }

    async fn compact(&self) -> Result<Compaction, QueueError> {
        self.writer.call(Access::Rewrite, |_| Ok(Compaction::Done)).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        self.look(look::ping).await
    }

    fn place(&self) -> &str {
        self.writer.place()
    }
}

#[async_trait]
impl Journal for SqliteQueue {
    async fn journal(
        &self,
        filter: &JournalFilter,
        after: Option<&JournalCursor>,
        limit: usize,
    ) -> Result<JournalPage, QueueError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.look(move |step| journal::page(step, &filter, after.as_ref(), limit)).await
    }

    async fn trim_journal(&self, max_bytes: u64, keep: Duration) -> Result<JournalSize, QueueError> {
        self.change(0, move |step| journal::trim(step, max_bytes, keep)).await
    }

    async fn keep_journal(&self, keep: bool) -> Result<(), QueueError> {
        self.change(0, move |step| journal::keep(step, keep)).await
    }

    async fn forget_journal(&self, lane: &Lane) -> Result<u64, QueueError> {
        let lane = lane.clone();
        self.change(0, move |step| journal::forget(step, &lane)).await
    }
}

#[async_trait]
impl Shared for SqliteQueue {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError> {
        check_name(name)?;
        let name = format!("value:{name}");
        let value = self.look(move |step| value::get(step, &name)).await?;
        Ok(value.map(Bytes::from))
    }

    async fn set(&self, name: &str, value: Bytes, keep_for: Duration) -> Result<(), QueueError> {
        check_name(name)?;
        check_bytes("value", &value)?;
        let name = format!("value:{name}");
        self.change(value.len(), move |step| value::set(step, &name, &value, keep_for)).await
    }

    async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError> {
        let folder = format!("value:{folder}");
        self.look(move |step| value::folder(step, &folder)).await
    }

    async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError> {
        check_name(name)?;
        let name = format!("limit:{name}");
        self.change(0, move |step| value::limit(step, &name, n, per)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Those that grow with what is stored.
    const TABLES: &[&str] =
        &["message", "lane", "head", "seen", "dead", "held", "value", "response", "part", "push", "newest"];

    /// A statement that reads a table through costs more with every message that waits. (The audit may.)
    #[tokio::test]
    async fn no_statement_reads_all_messages_or_lanes() {
        let sources = [
            include_str!("accept.rs"),
            include_str!("current.rs"),
            include_str!("dead.rs"),
            include_str!("end.rs"),
            include_str!("held.rs"),
            include_str!("hold.rs"),
            include_str!("journal.rs"),
            include_str!("lane.rs"),
            include_str!("line.rs"),
            include_str!("look.rs"),
            include_str!("mend.rs"),
            include_str!("push.rs"),
            include_str!("reclaim.rs"),
            include_str!("response.rs"),
            include_str!("settle.rs"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("queue.db");
        drop(SqliteQueue::open(&file, Duration::from_secs(60), Clock::Store).unwrap());
        let db = rusqlite::Connection::open(&file).unwrap();
        let statement = regex::Regex::new(r#""((?:SELECT|INSERT|UPDATE|DELETE|WITH)\b[^"]*)""#).unwrap();
        let mut planned = 0;
        for source in sources {
            for found in statement.captures_iter(source) {
                let Ok(mut plan) = db.prepare(&format!("EXPLAIN QUERY PLAN {}", &found[1])) else { continue };
                for n in 1..=plan.parameter_count() {
                    plan.raw_bind_parameter(n, rusqlite::types::Null).unwrap();
                }
                planned += 1;
                let mut rows = plan.raw_query();
                while let Some(row) = rows.next().unwrap() {
                    let detail: String = row.get("detail").unwrap();
                    let reads_all = TABLES.iter().any(|table| {
                        detail == format!("SCAN {table}") || detail == format!("SEARCH {table}")
                    });
                    assert!(!reads_all, "{detail}: {}", &found[1]);
                }
            }
        }
        assert!(planned > 30, "only {planned} statements were found");
    }
}
