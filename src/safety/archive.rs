//! Dead letters that had to go, in files that people and programs can read: a line of JSON each, a file for each day.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use huixin_queue::DeadLetter;

use crate::operator::{LetterView, rfc3339};

/// Adds the letters to today's file, and syncs it. The file is for its owner alone: it has what users wrote.
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
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(&lines)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
