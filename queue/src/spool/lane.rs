//! What lies in the spools of a directory of one lane.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::folder::{look, read_only};
use super::{FILE, SpoolError};
use crate::Lane;
use crate::file::now::loaded;

/// The entries of a lane in one folder.
#[derive(Debug)]
pub struct LaneEntries {
    /// Where.
    pub folder: PathBuf,
    /// Who holds the folder; none: nobody.
    pub holder: Option<String>,
    /// How many there are, quarantined ones too.
    pub entries: u64,
}

/// Counts a lane's entries in each folder of a directory, even if another process holds it. It changes nothing.
///
/// # Errors
/// When the directory or one of the folders can't be read: the lane may have entries there.
pub fn lane_entries(directory: &Path, lane: &Lane) -> Result<Vec<LaneEntries>, SpoolError> {
    let mut found = Vec::new();
    for view in look(directory)? {
        let (counts, _) = view.content?;
        let shown = view.folder.display().to_string();
        // A file that is only just being made has no tables yet.
        let entries = match counts.entries + counts.quarantined {
            0 => 0,
            _ => count(&view.folder, lane, &shown).map_err(|error| SpoolError::of(error, &shown))?,
        };
        found.push(LaneEntries { folder: view.folder, holder: view.holder, entries });
    }
    Ok(found)
}

fn count(folder: &Path, lane: &Lane, shown: &str) -> Result<u64, crate::QueueError> {
    let db = read_only(&folder.join(FILE), shown)?;
    let sql = "SELECT count(*) FROM entry WHERE lane = ?1";
    let entries = db.query_row(sql, params![lane.as_str()], |row| row.get(0).map(loaded));
    entries.map_err(|error| crate::QueueError::unavailable(shown, error))
}
