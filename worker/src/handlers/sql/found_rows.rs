//! What a statement found, with limits on rows and bytes.

use serde_json::Value;

use super::cells::Row;
use super::failure::LookUpFailure;

/// The most that the rows of one look-up may hold, in bytes of text and names.
const MAX_BYTES: usize = 1024 * 1024;

/// What a statement found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    /// Whether there are rows that weren't read.
    pub(super) more: bool,
    bytes: usize,
}

impl Found {
    /// Takes one more row.
    pub(super) fn push(&mut self, row: Row) -> Result<(), LookUpFailure> {
        self.bytes += row.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
        if self.bytes > MAX_BYTES {
            let problem = format!("the rows hold more than {MAX_BYTES} bytes");
            return Err(LookUpFailure {
                hint: Some("select fewer columns or rows"),
                ..LookUpFailure::lasting(problem)
            });
        }
        self.rows.push(row);
        Ok(())
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
