//! The database file: opened, checked, made.
//!
//! Every setting that the promise rests on is read back after it was set: a journal mode or a sync level that the file system
//! or a build of SQLite doesn't give must be an error at the start and not a loss later. No file is changed before it is
//! known to be ours: the application id tells it from another program's database, the user version tells the format.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::Format;
use super::lock::Lock;
use super::step_error::StepError;
use crate::QueueError;
use crate::error::Cause;

/// How long to wait for somebody's `sqlite3` that holds a lock: less than a sender of messages waits.
const BUSY: Duration = Duration::from_secs(1);
/// After how many pages of 4 KiB the log is written back to the file: large enough for pages that change often to be
/// written back once, small enough for the pause to be short.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Large enough for almost every batch not to spill into the log before its commit, in KiB. Larger is slower: nearly every commit
/// reads the list of all pages in it (a B-tree that was balanced has used a very high page number for a moment).
const CACHE_KIB: i64 = 8 * 1024;
/// To what size the log is cut after an unusual batch, in bytes.
const LOG_BYTES: i64 = 64 * 1024 * 1024;
/// The file shrinks when this many pages of 4 KiB are free, and they are more than half of it.
const SHRINK_FROM_PAGES: i64 = 1_024;
/// How many pages it shrinks by at a time: some milliseconds.
const SHRINK_BY_PAGES: i64 = 512;
/// More than the engine has different statements.
const STATEMENTS: usize = 128;

/// The open file. The fields are dropped in their order: the lock is given up when the database is closed.
pub(crate) struct DatabaseFile {
    /// The only connection.
    pub(crate) db: Connection,
    /// What is in it.
    pub(crate) format: &'static Format,
    _lock: Lock,
}

impl DatabaseFile {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path, place: &str, format: &'static Format) -> Result<Self, QueueError> {
        let lock = Lock::take(path, place)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opening = |error| explain(error, place);
        let db = Connection::open_with_flags(path, flags).map_err(opening)?;
        db.busy_timeout(BUSY).map_err(opening)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise it prepares a statement anew whenever a parameter that its plan may depend on has changed.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(opening)?;
        // A refused file is left as it is: without this, closing the last connection writes its log back into the file.
        let keep_log = |on| db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on).map_err(opening);
        keep_log(true)?;
        let is_new = is_new(&db, place, format)?;
        keep_log(false)?;
        if is_new {
            // Before the first page is written, or it has no effect.
            db.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(opening)?;
        }
        set_up(&db, place)?;
        if is_new {
            create(&db, format).map_err(opening)?;
        }
        Ok(Self { db, format, _lock: lock })
    }

    /// Gives a part of what is free back to the disk, if that is most of the file.
    pub(crate) fn shrink(&self) -> rusqlite::Result<()> {
        let number = |sql| self.db.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
        let free = number("PRAGMA freelist_count")?;
        if free >= SHRINK_FROM_PAGES && 2 * free > number("PRAGMA page_count")? {
            // Each step frees one page.
            let mut vacuum = self.db.prepare(&format!("PRAGMA incremental_vacuum({SHRINK_BY_PAGES})"))?;
            let mut rows = vacuum.query([])?;
            while rows.next()?.is_some() {}
        }
        Ok(())
    }

    /// Writes the file anew, so that neither it nor its log holds what was removed.
    pub(crate) fn rewrite(&self, place: &str) -> Result<(), StepError> {
        // The copy has the size of all that is stored: on disk, not in memory.
        self.db.execute_batch("PRAGMA temp_store = FILE")?;
        let copied = self.db.execute_batch("VACUUM");
        self.db.execute_batch("PRAGMA temp_store = MEMORY")?;
        copied?;
        let is_busy: bool = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        let busy = "another program reads the file: close its `sqlite3`";
        if is_busy { Err(QueueError::unavailable(place, busy).into()) } else { Ok(()) }
    }

    /// The time of the last commit, in Unix microseconds; 0 in a new file.
    pub(crate) fn last_us(&self, place: &str) -> Result<i64, QueueError> {
        self.db
            .query_row("SELECT last_us FROM meta", [], |row| row.get(0))
            .map_err(|error| explain(error, place))
    }
}

/// Whether the file is empty. An error if it is neither empty nor in the format.
pub(crate) fn is_new(db: &Connection, place: &str, known: &Format) -> Result<bool, QueueError> {
    let number =
        |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| explain(error, place));
    let application = number("PRAGMA application_id")?;
    let format = number("PRAGMA user_version")?;
    match (application, format) {
        known_one if known_one == (known.application_id, i64::from(known.number)) => Ok(false),
        (application, _) if application == known.application_id => Err(QueueError::UnknownFormat {
            what: format!("the {} at {place} (format {format})", known.noun),
        }),
        (0, 0) if number("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(true),
        _ => Err(QueueError::misconfigured(
            place,
            "it is another program's database",
            "give it a file of its own; a file that doesn't exist is created",
            None,
        )),
    }
}

fn set_up(db: &Connection, place: &str) -> Result<(), QueueError> {
    let set = |name: &str, value: &dyn rusqlite::ToSql| {
        // Some pragmas answer with a row and some don't.
        db.pragma_update(None, name, value).map_err(|error| explain(error, place))
    };
    let get = |name: &str| {
        db.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map_err(|error| explain(error, place))
    };
    set("journal_mode", &"WAL")?;
    if get("journal_mode")? != rusqlite::types::Value::Text("wal".to_owned()) {
        return Err(QueueError::misconfigured(
            place,
            "its file system can't keep a write-ahead log",
            "put the file on a local disk: not in memory, not on a network share",
            None,
        ));
    }
    set("synchronous", &"FULL")?;
    if get("synchronous")? != rusqlite::types::Value::Integer(2) {
        return Err(QueueError::misconfigured(
            place,
            "this SQLite does not sync its commits",
            "use the SQLite that Huixin is built with",
            None,
        ));
    }
    // On macOS a plain fsync leaves the bytes in the disk's own cache. Elsewhere these do nothing.
    set("fullfsync", &true)?;
    set("checkpoint_fullfsync", &true)?;
    // Savepoints keep what they need to undo in memory, not in a temporary file.
    set("temp_store", &"MEMORY")?;
    set("cache_size", &-CACHE_KIB)?;
    set("wal_autocheckpoint", &CHECKPOINT_PAGES)?;
    set("journal_size_limit", &LOG_BYTES)?;
    Ok(())
}

/// Makes the tables and signs the file in one transaction, so that a crash leaves an empty file or a whole one.
fn create(db: &Connection, format: &Format) -> rusqlite::Result<()> {
    let Format { schema, application_id, number, .. } = format;
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE; {schema} PRAGMA application_id = {application_id}; PRAGMA user_version = {number}; COMMIT;"
    ))
}

/// What an error means while the file is opened.
pub(crate) fn explain(error: rusqlite::Error, place: &str) -> QueueError {
    let (problem, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => (
            "it is not an SQLite database",
            "give it a file of its own; a file that doesn't exist is created",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => (
            "it can't be opened for writing",
            "the folder must exist, and this user must be allowed to write to it and to the file",
        ),
        Some(ErrorCode::DatabaseCorrupt) => {
            ("it is damaged", "keep a copy of the file; `sqlite3 FILE .recover` extracts what can be read")
        }
        _ => return QueueError::unavailable(place, error),
    };
    QueueError::misconfigured(place, problem, hint, Some(Cause::new(error)))
}
