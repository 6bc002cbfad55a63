//! One owner per file: a lock of the operating system, held for life.
//!
//! SQLite would let a second process in, and the two would void each other's leases. The lock is on a file next to
//! the database and not on the database itself, whose locks belong to SQLite. The kernel drops it when the process
//! ends, however it ends, so there is nothing to clean up and nothing that can be stale. The lock file itself stays:
//! removing it would let two processes lock two files of the same name.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::QueueError;
use crate::error::Cause;

/// The right to open the database, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the file for this process, or says who has it.
    pub(crate) fn take(database: &Path, place: &str) -> Result<Self, QueueError> {
        let path = lock_path(database);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| unusable(&path, place, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(QueueError::InUse { place: place.to_owned(), owner: owner(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(&path, place, error)),
        }
        // For the message to the next one who tries; nothing depends on it.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }

    /// Who has the file locked, as far as is known; none: nobody. This locks the file for a moment, so a process that starts
    /// just then may find it taken.
    pub(crate) fn holder(database: &Path) -> Option<String> {
        let mut file = File::open(lock_path(database)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(owner(&mut file)),
            _ => None,
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(".lock");
    path.into()
}

fn owner(file: &mut File) -> String {
    let mut owner = String::new();
    match file.read_to_string(&mut owner) {
        Ok(_) if !owner.trim().is_empty() => format!("process {} has it open", owner.trim()),
        _ => "another process has it open".to_owned(),
    }
}

fn unusable(path: &Path, place: &str, error: std::io::Error) -> QueueError {
    let problem = format!("{} can't be opened and locked", path.display());
    let hint = "the folder must exist on a local disk, and this user must be allowed to write to it";
    QueueError::misconfigured(place, problem, hint, Some(Cause::new(error)))
}
