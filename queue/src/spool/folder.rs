//! One folder per instance, so that receivers share a directory.
//!
//! They are numbered from 0. A receiver takes the first that nobody holds, with what is in it: after a restart that is its
//! own of before. So there are never more folders than receivers that ran at once, and nothing needs to be removed, which
//! would let two processes lock two files of the same name. Who holds one is known by the lock of its file: the system
//! drops it however the process ends.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::entry::SpoolCounts;
use super::room::SpoolLimits;
use super::rows::{self, Quarantined};
use super::{FILE, FORMAT, Spool, SpoolError};
use crate::clock::system_now_us;
use crate::file::database::Database;
use crate::file::lock::Lock;
use crate::file::now::stored;
use crate::{Clock, QueueError};

/// More receivers than share a disk.
const FOLDERS_MAX: usize = 1_000;
/// How many quarantined entries a view shows.
const SHOWN_MAX: usize = 100;

/// The folders below one directory.
#[derive(Clone, Debug)]
pub struct Folders {
    directory: PathBuf,
    limits: SpoolLimits,
    clock: Clock,
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
        Self { directory: directory.to_owned(), limits, clock }
    }

    /// Takes the first folder that nobody holds, or makes a new one. One that can't be read is left as it is, with an
    /// error in the log. It blocks, as [`Spool::open`] does.
    ///
    /// # Errors
    /// When the directory can't be written to, or the disk says no.
    pub fn claim(&self) -> Result<Spool, SpoolError> {
        let unusable = |error| SpoolError::unusable_folder(&self.directory.display().to_string(), error);
        for number in 0..FOLDERS_MAX {
            let folder = self.directory.join(number.to_string());
            let is_new = !folder.exists();
            if is_new {
                make(&folder, &self.directory).map_err(unusable)?;
            }
            match Spool::open(&folder, self.limits, self.clock.clone()) {
                Err(SpoolError::InUse { .. }) => {}
                // Perhaps a newer version's. A new one that can't be used says something about the directory.
                Err(error @ SpoolError::Unusable { .. }) if !is_new => {
                    tracing::error!(%error, "a spool is left alone");
                }
                result => return result,
            }
        }
        Err(unusable(std::io::Error::other(format!("all {FOLDERS_MAX} folders below it are in use"))))
    }

    /// Takes every folder that nobody holds and that has entries to be drained.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn adopt(&self) -> Result<Vec<Spool>, SpoolError> {
        self.adopt_if(|counts| counts.entries > 0)
    }

    /// Takes every folder that nobody holds and that has any entries, be they all quarantined.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn adopt_all(&self) -> Result<Vec<Spool>, SpoolError> {
        self.adopt_if(|counts| counts.entries + counts.quarantined > 0)
    }

    fn adopt_if(&self, is_wanted: impl Fn(&SpoolCounts) -> bool) -> Result<Vec<Spool>, SpoolError> {
        let mut adopted = Vec::new();
        for view in look(&self.directory)?.into_iter().filter(|view| view.holder.is_none()) {
            match view.content {
                Ok((counts, _)) if is_wanted(&counts) => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(%error, "a spool is left alone");
                    continue;
                }
            }
            match Spool::open(&view.folder, self.limits, self.clock.clone()) {
                Ok(spool) => adopted.push(spool),
                // Another was faster.
                Err(SpoolError::InUse { .. }) => {}
                Err(error) => tracing::error!(%error, "a spool is left alone"),
            }
        }
        Ok(adopted)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// What is in the folders of a directory, whoever holds them. It changes nothing; one that isn't there has no folders.
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

/// Makes a folder, and syncs those that it is entered in: a file is on disk only if the way to it is.
fn make(folder: &Path, directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::File::open(directory)?.sync_all()?;
    match directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => std::fs::File::open(parent)?.sync_all(),
        None => std::fs::File::open(".")?.sync_all(),
    }
}

fn view(folder: PathBuf) -> FolderView {
    let shown = folder.display().to_string();
    let file = folder.join(FILE);
    let content = read(&file, &shown).map_err(|error| SpoolError::of(error, &shown));
    FolderView { holder: Lock::holder(&file), folder, content }
}

fn read(file: &Path, shown: &str) -> Result<(SpoolCounts, Vec<Quarantined>), QueueError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opening = |error| QueueError::unavailable(shown, error);
    let db = Connection::open_with_flags(file, flags).map_err(opening)?;
    db.busy_timeout(std::time::Duration::from_secs(1)).map_err(opening)?;
    if Database::is_new(&db, shown, &FORMAT)? {
        return Ok((SpoolCounts::default(), Vec::new()));
    }
    let counts = rows::counts(&db, stored(system_now_us())).map_err(opening)?;
    Ok((counts, rows::quarantined(&db, SHOWN_MAX).map_err(opening)?))
}
