//! Writes lines under a prefix, with the blank lines between blocks that were asked for.
//!
//! It is a stream: it never goes back over what it has written, so deep nesting stays cheap. The prefix grows for
//! [`DEPTH_MAX`] levels; what is deeper looks like the last of them.

/// Levels of lists and quotes that are indented: a phone's line is narrow.
const DEPTH_MAX: usize = 6;

/// How many newlines stand between two blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    #[default]
    None,
    Line,
    Blank,
}

#[derive(Debug, Default)]
pub(super) struct TextWriter {
    out: String,
    prefix: String,
    /// The prefix's lengths, one for each level.
    levels: Vec<usize>,
    /// Before the next text.
    gap: Gap,
    /// The next block begins where the writer stands: behind the bullet of an item, below a heading.
    joined: bool,
    /// The prefix is still to be written.
    line_starts: bool,
}

impl TextWriter {
    /// The next text begins a block.
    pub(super) fn block(&mut self, gap: Gap) {
        if !std::mem::take(&mut self.joined) {
            self.gap = self.gap.max(gap);
        }
    }

    /// The next block is set off only by this gap.
    pub(super) fn join(&mut self, gap: Gap) {
        self.gap = gap;
        self.joined = true;
    }

    pub(super) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.joined = false;
        if self.out.is_empty() {
            self.gap = Gap::None;
            self.line_starts = true;
        }
        let gap = std::mem::take(&mut self.gap);
        self.newlines(gap as usize);
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.newlines(1);
            }
            if !line.is_empty() {
                if std::mem::take(&mut self.line_starts) {
                    self.out.push_str(&self.prefix);
                }
                self.out.push_str(line);
            }
        }
    }

    /// The lines from the next one on begin with this, too.
    pub(super) fn indent(&mut self, prefix: &str) {
        self.levels.push(self.prefix.len());
        if self.levels.len() <= DEPTH_MAX {
            self.prefix.push_str(prefix);
        }
    }

    pub(super) fn outdent(&mut self) {
        if let Some(length) = self.levels.pop() {
            self.prefix.truncate(length);
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn newlines(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n('\n', count));
        self.line_starts |= count > 0;
    }
}
