//! Where a receiver puts messages while their store is out of reach: a list on local disk.
//!
//! The promise is the embedded queue's, and so is the machinery (`crate::file`): when [`Spool::append`] returns, the message
//! is synced to disk, and messages that come together share a sync. The list has no lanes in progress, leases or retries: it
//! takes messages at its end ([`Spool::append`]) and gives them in their order ([`Spool::next`]) to the drain, which carries them to
//! the store.
//!
//! **An entry's life.** It is *pending* until the store has taken it ([`Spool::taken`]). Two seconds later ([`SETTLE`]) it is
//! *settled*: the drain makes sure that the store still has it, and *forgets* it ([`Spool::settled`], [`Spool::forget`]). If
//! the store fails before that, every entry that was taken and not forgotten is pending again ([`Spool::pending_again`]). A
//! restart does the same. Carrying an entry twice does no harm, since the store knows its id. An entry that the store refuses
//! for what is in it is *quarantined*: it stays, is shown, and holds up nobody.
//!
//! **Ids.** An id is in a spool at most once: a message that is pushed again while its first copy is here is a
//! [`Duplicate`](Appended::Duplicate), and durable.
//!
//! **Folders.** Each instance has a folder of its own under a lock of the operating system ([`Folders`]), so that several
//! receivers share a directory, and one that is gone for good leaves its entries to the next.
//!
//! Rejected: a log of our own in segments (faster at one message per sync, but every rule about torn tails, bit flips and
//! directory syncs would be ours to get right, while SQLite's are the best tested there are, and anyone can read its
//! file); keeping what waits in memory (a crash would lose what was acked).

mod entry;
mod error;
mod folder;
mod lane;
mod room;
mod rows;
mod taken;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::entry::{Appended, SpoolCounts, SpoolEntry};
pub use self::error::SpoolError;
pub use self::folder::{FolderView, Folders, look, sync_folder};
pub use self::lane::{LaneEntries, lane_entries};
use self::room::Room;
pub use self::room::{SpoolLimits, free_bytes};
pub use self::rows::Quarantined;
pub use self::taken::SETTLE;
use self::taken::TakenEntries;
use crate::file::Format;
use crate::file::database::{DatabaseFile, explain};
use crate::file::now::Now;
use crate::file::step_error::StepError;
use crate::file::work::{Access, Step};
use crate::file::writer::WriterThread;
use crate::format::STORED_FORMAT;
use crate::{Clock, Lane, NewMessage};

/// The file in a folder.
const FILE: &str = "spool.db";

/// What is in the file; the id is "HuXs" in ASCII.
static FORMAT: Format = Format {
    noun: "spool",
    application_id: 0x4875_5873,
    number: STORED_FORMAT,
    schema: include_str!("schema.sql"),
    keep_house: |_, _| Ok(()),
};

/// An open spool. One task drains it, by [`Spool::next`] and what follows from it; any task may call [`Spool::append`].
/// Dropping it waits until the file is closed.
pub struct Spool {
    writer: WriterThread,
    now: Arc<Now>,
    room: Arc<Room>,
    taken: Arc<Mutex<TakenEntries>>,
    folder: PathBuf,
    shown: String,
}

impl Spool {
    /// Opens the spool in `folder`, which must exist, or makes it there. It blocks, for as long as it takes to open a file
    /// and sync it once.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] when another process has it; [`SpoolError::Unusable`] when it can't be written, or isn't a
    /// spool this version knows; [`SpoolError::Unavailable`] and [`SpoolError::Broken`] when the disk says no.
    pub fn open(folder: &Path, limits: SpoolLimits, clock: Clock) -> Result<Self, SpoolError> {
        let shown = folder.display().to_string();
        Self::start(folder, limits, clock, &shown).map_err(|error| SpoolError::of(error, &shown))
    }

    fn start(
        folder: &Path,
        limits: SpoolLimits,
        clock: Clock,
        shown: &str,
    ) -> Result<Self, crate::QueueError> {
        let database = DatabaseFile::open(&folder.join(FILE), shown, &FORMAT)?;
        check(&database).map_err(|error| explain(error, shown))?;
        // Without it the file is only larger than it need be.
        if let Err(error) = shrink(&database) {
            tracing::warn!(folder = shown, %error, "the file of an empty spool can't be shrunk");
        }
        let now = Arc::new(Now::after(database.last_us(shown)?, clock));
        let writer = WriterThread::start(database, now.clone(), shown.to_owned())?;
        let room = Arc::new(Room::new(folder.to_owned(), limits));
        Ok(Self {
            writer,
            now,
            room,
            taken: Arc::default(),
            folder: folder.to_owned(),
            shown: shown.to_owned(),
        })
    }

    /// Puts a message at the end, durably when this returns. Dropping the future leaves it unknown whether it is there.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when a limit says no; the others when the disk does.
    pub async fn append(&self, message: NewMessage) -> Result<Appended, SpoolError> {
        let (room, bytes) = (self.room.clone(), message.payload.len());
        let appended =
            self.call(Access::Urgent { bytes }, move |step| rows::append(step, &message, &room)).await?;
        appended.map_err(|reason| SpoolError::Full { folder: self.shown.clone(), reason })
    }

    /// Whether a message could be put here now: commits something, and looks for room.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub async fn probe(&self) -> Result<(), SpoolError> {
        let write = |step: &mut Step<'_>| Ok(step.execute("UPDATE meta SET last_us = last_us", [])?);
        self.call(Access::Change { bytes: 0 }, write).await?;
        let held = self.counts().await?.bytes;
        match self.room.refusal(held, 0) {
            Some(reason) => Err(SpoolError::Full { folder: self.shown.clone(), reason }),
            None => Ok(()),
        }
    }

    /// The first pending entries, in their order: at most `most`, and no more once `most_bytes` of payload are reached. A
    /// repeated call gives the same entries, until they are taken or quarantined.
    ///
    /// # Errors
    /// When the disk or the file says no, as for all methods below.
    pub async fn next(&self, most: usize, most_bytes: usize) -> Result<Vec<SpoolEntry>, SpoolError> {
        self.next_after(0, most, most_bytes).await
    }

    /// The same for entries after the number `after`.
    pub async fn next_after(
        &self,
        after: u64,
        most: usize,
        most_bytes: usize,
    ) -> Result<Vec<SpoolEntry>, SpoolError> {
        let (taken, now_us) = (self.taken.clone(), self.now.us());
        let next =
            move |step: &mut Step<'_>| rows::next(step, &mut locked(&taken), after, most, most_bytes, now_us);
        self.call(Access::Look, next).await
    }

    /// The store has this entry.
    pub fn taken(&self, seq: u64) {
        locked(&self.taken).insert(seq, self.now.us());
    }

    /// How many entries are taken and not forgotten yet.
    pub fn taken_count(&self) -> usize {
        locked(&self.taken).len()
    }

    /// The store has failed: every entry that is taken and not forgotten is pending again. Gives how many these are.
    pub fn pending_again(&self) -> usize {
        locked(&self.taken).clear()
    }

    /// The first entries that the store took at least [`SETTLE`] ago, at most `most`.
    pub async fn settled(&self, most: usize) -> Result<Vec<SpoolEntry>, SpoolError> {
        let seqs = locked(&self.taken).settled(self.now.us(), most);
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        let now_us = self.now.us();
        self.call(Access::Look, move |step| rows::with_numbers(step, &seqs, now_us)).await
    }

    /// Removes entries for good. With the last one the file is written anew: what was carried is gone from this disk.
    pub async fn forget(&self, seqs: Vec<u64>) -> Result<(), SpoolError> {
        let removed = seqs.clone();
        let forget = move |step: &mut Step<'_>| {
            rows::forget(step, &removed)?;
            rows::is_empty(step)
        };
        let is_empty = self.call(Access::Change { bytes: 0 }, forget).await?;
        {
            let mut taken = locked(&self.taken);
            seqs.into_iter().for_each(|seq| taken.remove(seq));
        }
        // The entries are forgotten, whatever comes of this; the next start tries it again.
        if is_empty && let Err(error) = self.compact().await {
            tracing::warn!(folder = self.shown, %error, "the file of an empty spool can't be written anew");
        }
        Ok(())
    }

    /// Removes the entries of a lane, quarantined ones too, and writes the file anew. Gives how many there were.
    pub async fn forget_lane(&self, lane: &Lane) -> Result<u64, SpoolError> {
        let lane = lane.clone();
        let forget = move |step: &mut Step<'_>| rows::forget_lane(step, &lane);
        let forgotten = self.call(Access::Change { bytes: 0 }, forget).await?;
        self.compact().await?;
        Ok(forgotten)
    }

    async fn compact(&self) -> Result<(), SpoolError> {
        self.call(Access::Rewrite, |_| Ok(())).await
    }

    /// Sets an entry aside that the store refuses for what is in it.
    pub async fn quarantine(&self, seq: u64, reason: &str) -> Result<(), SpoolError> {
        let reason = reason.to_owned();
        self.call(Access::Change { bytes: reason.len() }, move |step| rows::quarantine(step, seq, &reason))
            .await
    }

    /// Makes every quarantined entry pending again, for a person who has fixed what was wrong. Gives how many there were.
    pub async fn release_quarantined(&self) -> Result<usize, SpoolError> {
        self.call(Access::Change { bytes: 0 }, |step| rows::release_quarantined(step)).await
    }

    /// The lanes of entries to be drained, one for each entry, with its number: `most` of those after `after`.
    pub async fn lanes(&self, after: u64, most: usize) -> Result<Vec<(u64, Lane)>, SpoolError> {
        self.call(Access::Look, move |step| rows::lanes(step, after, most)).await
    }

    /// How much is here.
    pub async fn counts(&self) -> Result<SpoolCounts, SpoolError> {
        let now_us = self.now.us();
        self.call(Access::Look, move |step| Ok(rows::counts(step.db, now_us)?)).await
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    async fn call<T: Send + 'static>(
        &self,
        kind: Access,
        operation: impl FnMut(&mut Step<'_>) -> Result<T, StepError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        self.writer.call(kind, operation).await.map_err(|error| SpoolError::of(error, &self.shown))
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Reads through a file that has entries, so that a damaged file is left alone now and not found when its entries are
/// carried.
fn check(database: &DatabaseFile) -> rusqlite::Result<()> {
    let entries: i64 =
        database.db.query_row("SELECT entries + quarantined FROM meta", [], |row| row.get(0))?;
    if entries == 0 {
        return Ok(());
    }
    let found: String = database.db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(found),
        )),
    }
}

/// Gives the disk back what an earlier outage has left empty. Later this would be a long pause; at the start, in a spool that
/// holds nothing, it costs nothing.
fn shrink(database: &DatabaseFile) -> rusqlite::Result<()> {
    let empty: bool =
        database.db.query_row("SELECT entries + quarantined = 0 FROM meta", [], |row| row.get(0))?;
    if empty { database.db.execute_batch("VACUUM") } else { Ok(()) }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The value behind the lock is whole after every line, so a panic elsewhere breaks nothing here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
