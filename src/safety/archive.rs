//! Dead letters that had to go, in files that people and programs can read: a line of JSON each, a file for each day.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use huixin_queue::DeadLetter;
use huixin_queue::spool::sync_folder;

use crate::operator::{LetterView, rfc3339};

/// Adds the letters to today's file, and syncs it. Only its owner may read the file, since it has what users wrote. On Windows
/// the rights of the folder decide that.
pub(super) fn append(folder: &Path, letters: &[DeadLetter]) -> io::Result<()> {
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let now = rfc3339(u64::try_from(now_us).unwrap_or(u64::MAX));
    let day = now.split('T').next().unwrap_or_default();
    let mut lines = Vec::new();
    for letter in letters {
        serde_json::to_writer(&mut lines, &LetterView::of(letter))?;
        lines.push(b'\n');
    }
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("dead-{day}.jsonl"));
    // One write, so that the lines of two processes don't mix.
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.create(true).append(true).open(path)?;
    file.write_all(&lines)?;
    file.sync_all()?;
    sync_folder(folder)
}
