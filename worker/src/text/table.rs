//! A table for a screen that is no wider than a phone: each cell on a line of its own, behind the header of its column.

/// A table that is read cell by cell.
#[derive(Debug, Default)]
pub(super) struct TextTable {
    headers: Vec<String>,
    /// Of the row that is being read.
    cells: Vec<String>,
    has_rows: bool,
}

impl TextTable {
    pub(super) fn cell(&mut self, text: String) {
        self.cells.push(text);
    }

    pub(super) fn end_head(&mut self) {
        self.headers = std::mem::take(&mut self.cells);
    }

    /// The lines of the row, without its empty cells; empty if nothing is left.
    pub(super) fn end_row(&mut self) -> String {
        self.has_rows = true;
        let cells = std::mem::take(&mut self.cells);
        let filled = cells.into_iter().enumerate().filter(|(_, value)| !value.is_empty());
        let lines: Vec<String> = filled
            .map(|(column, value)| match self.headers.get(column).filter(|header| !header.is_empty()) {
                Some(header) if header.is_ascii() => format!("{header}: {value}"),
                Some(header) => format!("{header}：{value}"),
                None => value,
            })
            .collect();
        if lines.is_empty() { String::new() } else { format!("• {}", lines.join("\n  ")) }
    }

    /// What no row has shown.
    pub(super) fn end(&mut self) -> String {
        if self.has_rows { String::new() } else { self.headers.join(" | ") }
    }
}
