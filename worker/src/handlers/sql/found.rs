//! What a statement found: so many rows, of so many bytes.

use serde_json::Value;

use super::cells::{Cells, Row};
use super::trouble::Trouble;

/// The most that the rows of one look-up may hold, in bytes of text and names.
const MAX_BYTES: usize = 1024 * 1024;

/// What a statement found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    /// Whether there are rows that weren't read.
    pub(super) more: bool,
}

/// Rows being read.
pub(super) struct Rows {
    found: Found,
    most: usize,
    bytes: usize,
}

impl Rows {
    pub(super) fn new(most: usize) -> Self {
        Self { found: Found::default(), most, bytes: 0 }
    }

    /// Takes one more, and says whether the next is wanted.
    pub(super) fn push(&mut self, row: &impl Cells) -> Result<bool, Trouble> {
        if self.found.rows.len() == self.most {
            self.found.more = true;
            return Ok(false);
        }
        let row = row.read()?;
        self.bytes += row.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
        if self.bytes > MAX_BYTES {
            let problem = format!("the rows hold more than {MAX_BYTES} bytes");
            return Err(Trouble { hint: Some("select fewer columns or rows"), ..Trouble::lasting(problem) });
        }
        self.found.rows.push(row);
        Ok(true)
    }

    pub(super) fn found(self) -> Found {
        self.found
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => 8,
    }
}
