//! One folder per instance, so that receivers share a directory.
//!
//! Folders are numbered from 0. None is ever removed, since that would let two processes lock two files of the same name. The
//! lock of its file tells who holds a folder: the system drops the lock however the process ends.
//!
//! **A receiver gets its own folder back.** Its entries were pushed before anything that is pushed now, and only the receiver
//! that drains them knows which users must wait behind them. So a folder names its receiver ([`Folders::owned_by`]). After a
//! restart that receiver takes it again. Other receivers take an empty folder or make a new one. They adopt this one only if
//! it was free at two looks: a receiver that starts again is faster. (A receiver that starts under another name, as a
//! container may, is another receiver: no order is promised between the two.)

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::entry::SpoolCounts;
use super::room::SpoolLimits;
use super::rows::{self, Quarantined};
use super::{FILE, FORMAT, Spool, SpoolError};
use crate::clock::system_now_us;
use crate::file::database::is_new;
use crate::file::lock::Lock;
use crate::file::now::stored;
use crate::{Clock, QueueError};

/// More receivers than share a disk.
const FOLDERS_MAX: usize = 1_000;
/// The file in a folder that names its receiver.
const OWNER: &str = "receiver";
/// How often, and with which pauses, a receiver tries to get its own folder: the process before it may just be ending.
const OWN_TRIES: u32 = 20;
const OWN_PAUSE: Duration = Duration::from_millis(25);
/// How many quarantined entries a view shows.
const SHOWN_MAX: usize = 100;

/// The folders below one directory.
#[derive(Clone, Debug)]
pub struct Folders {
    directory: PathBuf,
    limits: SpoolLimits,
    clock: Clock,
    /// The receiver for which folders are taken; empty: any.
    owner: String,
    /// Folders of other receivers that were free at the last look.
    seen_free: Arc<Mutex<HashSet<PathBuf>>>,
}

/// One folder, seen from outside.
#[derive(Debug)]
pub struct FolderView {
    /// Where it is.
    pub folder: PathBuf,
    /// Who holds it, as far as is known; none: nobody.
    pub holder: Option<String>,
    /// What is in it, or why that can't be said.
    pub content: Result<(SpoolCounts, Vec<Quarantined>), SpoolError>,
}

impl Folders {
    /// Those below `directory`, with the same limits for each.
    pub fn new(directory: &Path, limits: SpoolLimits, clock: Clock) -> Self {
        Self {
            directory: directory.to_owned(),
            limits,
            clock,
            owner: String::new(),
            seen_free: Arc::default(),
        }
    }

    /// The same for a receiver that has this name whenever it runs: its host and address.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Takes the receiver's own folder; otherwise the first that nobody holds and that has no entries of another receiver;
    /// otherwise a new one. A folder that can't be read is left as it is, with an error in the log. It blocks, as
    /// [`Spool::open`] does.
    ///
    /// # Errors
    /// When the directory can't be written to, or the disk says no.
    pub fn claim(&self) -> Result<Spool, SpoolError> {
        let unusable = |error| SpoolError::unusable_folder(&self.directory.display().to_string(), error);
        let folders = (0..FOLDERS_MAX).map(|number| self.directory.join(number.to_string()));
        let before = |folder: &PathBuf| !self.owner.is_empty() && owner_of(folder) == self.owner;
        if let Some(own) = folders.clone().take_while(|folder| folder.exists()).find(before)
            && let Some(spool) = self.reopen(&own)?
        {
            return Ok(spool);
        }
        for folder in folders {
            let is_new = !folder.exists();
            if is_new {
                make(&folder, &self.directory).map_err(unusable)?;
            } else if !self.is_own(&folder) && has_entries(&folder) {
                continue;
            }
            match Spool::open(&folder, self.limits, self.clock.clone()) {
                Ok(spool) => {
                    // Without the name the next start may take another folder: only the order of the entries left here is at
                    // risk.
                    if let Err(error) = std::fs::write(folder.join(OWNER), &self.owner) {
                        tracing::warn!(folder = %folder.display(), %error, "the receiver's name can't be written to its spool's folder");
                    }
                    return Ok(spool);
                }
                Err(SpoolError::InUse { .. }) => {}
                // It may be a newer version's. But a new folder that can't be used means trouble with the directory.
                Err(error @ SpoolError::Unusable { .. }) if !is_new => {
                    tracing::error!(%error, "a spool can't be used: leaving it as it is");
                }
                result => return result,
            }
        }
        Err(unusable(std::io::Error::other(format!("all {FOLDERS_MAX} folders below it are in use"))))
    }

    /// Whether a folder was this receiver's, or names none.
    fn is_own(&self, folder: &Path) -> bool {
        let owner = owner_of(folder);
        owner.is_empty() || self.owner.is_empty() || owner == self.owner
    }

    /// The receiver's earlier folder; none if another process has it, or if it can't be used.
    fn reopen(&self, own: &Path) -> Result<Option<Spool>, SpoolError> {
        for _ in 0..OWN_TRIES {
            match Spool::open(own, self.limits, self.clock.clone()) {
                Ok(spool) => return Ok(Some(spool)),
                // Another process is ending, or looks who holds the folder.
                Err(SpoolError::InUse { .. }) => std::thread::sleep(OWN_PAUSE),
                Err(SpoolError::Unusable { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Takes every folder that nobody holds and that has entries to be drained. A folder of another receiver must have been
    /// free at the look before, too.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn adopt(&self) -> Result<Vec<Spool>, SpoolError> {
        let free = look(&self.directory)?.into_iter().filter(|view| view.holder.is_none());
        let now: HashSet<_> = free.map(|view| view.folder).filter(|folder| !self.is_own(folder)).collect();
        let before =
            std::mem::replace(&mut *self.seen_free.lock().unwrap_or_else(PoisonError::into_inner), now);
        self.adopt_if(|folder, counts| counts.entries > 0 && (self.is_own(folder) || before.contains(folder)))
    }

    /// Takes every folder that nobody holds and that has entries, even if all are quarantined.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn adopt_all(&self) -> Result<Vec<Spool>, SpoolError> {
        self.adopt_if(|_, counts| counts.entries + counts.quarantined > 0)
    }

    fn adopt_if(&self, is_wanted: impl Fn(&Path, &SpoolCounts) -> bool) -> Result<Vec<Spool>, SpoolError> {
        let mut adopted = Vec::new();
        for view in look(&self.directory)?.into_iter().filter(|view| view.holder.is_none()) {
            match view.content {
                Ok((counts, _)) if is_wanted(&view.folder, &counts) => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(%error, "a spool can't be used: leaving it as it is");
                    continue;
                }
            }
            match Spool::open(&view.folder, self.limits, self.clock.clone()) {
                Ok(spool) => adopted.push(spool),
                // Another was faster.
                Err(SpoolError::InUse { .. }) => {}
                Err(error) => tracing::error!(%error, "a spool can't be used: leaving it as it is"),
            }
        }
        Ok(adopted)
    }

    /// Opens one of the folders that nobody holds.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn open(&self, folder: &Path) -> Result<Spool, SpoolError> {
        Spool::open(folder, self.limits, self.clock.clone())
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// What is in the folders of a directory, even if another process holds them. It changes nothing. A directory that isn't
/// there has no folders.
///
/// # Errors
/// When the directory can't be read.
pub fn look(directory: &Path) -> Result<Vec<FolderView>, SpoolError> {
    let unusable = |error| SpoolError::unusable_folder(&directory.display().to_string(), error);
    let found = match std::fs::read_dir(directory) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(error)),
    };
    let mut numbers = Vec::new();
    for entry in found {
        let name = entry.map_err(unusable)?.file_name();
        numbers
            .extend(name.to_str().and_then(|name| name.parse::<usize>().ok()).filter(|n| *n < FOLDERS_MAX));
    }
    numbers.sort_unstable();
    let folders = numbers.into_iter().map(|number| directory.join(number.to_string()));
    // A folder without a file is one that is just being made.
    Ok(folders.filter(|folder| folder.join(FILE).is_file()).map(view).collect())
}

/// Makes a folder, and syncs the folders that list it: a file is on disk only if the way to it is.
fn make(folder: &Path, directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    sync_folder(directory)?;
    match directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_folder(parent),
        None => sync_folder(Path::new(".")),
    }
}

/// Syncs a folder, so that the names of the files in it are on disk as the files are.
///
/// # Errors
/// When the folder can't be opened, or the disk says no.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Nothing: Windows opens no folder as a file, and has no call that syncs one. NTFS keeps a journal of its names.
///
/// # Errors
/// None.
#[cfg(windows)]
pub fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// The receiver that a folder names; empty: none.
fn owner_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(OWNER)).unwrap_or_default()
}

/// Whether there are entries in a folder, as far as can be seen.
fn has_entries(folder: &Path) -> bool {
    let content = read(&folder.join(FILE), &folder.display().to_string());
    content.is_ok_and(|(counts, _)| counts.entries + counts.quarantined > 0)
}

fn view(folder: PathBuf) -> FolderView {
    let shown = folder.display().to_string();
    let file = folder.join(FILE);
    let content = read(&file, &shown).map_err(|error| SpoolError::of(error, &shown));
    FolderView { holder: Lock::holder(&file), folder, content }
}

fn read(file: &Path, shown: &str) -> Result<(SpoolCounts, Vec<Quarantined>), QueueError> {
    let db = read_only(file, shown)?;
    let opening = |error| QueueError::unavailable(shown, error);
    if is_new(&db, shown, &FORMAT)? {
        return Ok((SpoolCounts::default(), Vec::new()));
    }
    let counts = rows::counts(&db, stored(system_now_us())).map_err(opening)?;
    Ok((counts, rows::quarantined(&db, SHOWN_MAX).map_err(opening)?))
}

/// Opens a file that another process may hold.
pub(super) fn read_only(file: &Path, shown: &str) -> Result<Connection, QueueError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opening = |error| QueueError::unavailable(shown, error);
    let db = Connection::open_with_flags(file, flags).map_err(opening)?;
    db.busy_timeout(Duration::from_secs(1)).map_err(opening)?;
    Ok(db)
}
