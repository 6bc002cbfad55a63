//! The effective configuration as TOML: what `huixin check --print` shows, written while it is read.
//!
//! The text can be loaded again, except its secrets. A comment says where a value came from when it wasn't the file.

use std::fmt::{Arguments, Write as _};

/// A page being written.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    header: String,
}

impl Page {
    /// Writes a line below this header, and the header if it isn't the last one.
    pub(super) fn line(&mut self, header: &str, line: Arguments<'_>) {
        if self.header != header {
            let gap = if self.text.is_empty() { "" } else { "\n" };
            writeln!(self.text, "{gap}{header}").expect("writing into a string never fails");
            header.clone_into(&mut self.header);
        }
        writeln!(self.text, "{line}").expect("writing into a string never fails");
    }

    /// Ends what is below the last header: the next line gets one, even the same.
    pub(super) fn end_section(&mut self) {
        self.header.clear();
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}
