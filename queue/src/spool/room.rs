//! Whether there is room for one more.
//!
//! A spool must not be what fills a disk that others write to, perhaps the very Redis that is in trouble. So it has a limit
//! of its own in bytes, and it leaves the disk a reserve. How much is free is asked at most every [`ASK_EVERY`]: in that
//! time no receiver writes a noticeable part of a reserve.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const ASK_EVERY: Duration = Duration::from_millis(100);

/// How much a spool may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolLimits {
    /// All entries together, in bytes.
    pub max_bytes: u64,
    /// What stays free on the disk, in bytes.
    pub reserve_bytes: u64,
}

/// The limits of one folder.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    limits: SpoolLimits,
    /// When the disk was asked last, and what it said.
    asked: Mutex<Option<(Instant, Result<u64, String>)>>,
}

impl Room {
    pub(super) fn new(folder: PathBuf, limits: SpoolLimits) -> Self {
        Self { folder, limits, asked: Mutex::new(None) }
    }

    /// Why `more` bytes can't be taken beside the `held` ones; none if they can.
    pub(super) fn refusal(&self, held_bytes: u64, more_bytes: u64) -> Option<String> {
        let SpoolLimits { max_bytes, reserve_bytes } = self.limits;
        if held_bytes.saturating_add(more_bytes) > max_bytes {
            return Some(format!("it holds {held_bytes} bytes of at most {max_bytes} (max_size)"));
        }
        match self.free_bytes() {
            Ok(free) if free < reserve_bytes.saturating_add(more_bytes) => {
                Some(format!("the disk has {free} bytes free, and {reserve_bytes} must stay free (reserve)"))
            }
            Ok(_) => None,
            Err(error) => Some(format!("the free space on the disk can't be read: {error}")),
        }
    }

    fn free_bytes(&self) -> Result<u64, String> {
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*asked {
            Some((when, answer)) if when.elapsed() < ASK_EVERY => answer.clone(),
            _ => {
                let answer = free_bytes(&self.folder).map_err(|error| error.to_string());
                *asked = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    }
}

/// What an ordinary user may still write to the disk that has this folder.
///
/// # Errors
/// When the folder isn't there.
pub fn free_bytes(folder: &std::path::Path) -> std::io::Result<u64> {
    fs4::available_space(folder)
}
