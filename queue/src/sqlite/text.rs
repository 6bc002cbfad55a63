//! Text out of a row that may be damaged.

use rusqlite::Row;

/// What a row holds as text, as well as it can be read.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(String::from_utf8_lossy(row.get_ref(column)?.as_bytes().unwrap_or_default()).into_owned())
}
