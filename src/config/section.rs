//! Reading a table key by key, noting problems instead of returning them.
//!
//! A [`Section`] owns one table of the tree. Each getter takes its key out, checks the value, and on a mistake notes it
//! with the [`Reader`] and answers as if the key were absent: the load fails in the end anyway, and until then the other
//! keys get their turn. When a section ends, it hands over the keys that no getter asked for; only at the very end, when
//! every known key is known, the reader says what each of those was probably meant to be.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::node::{Node, NodeTable, Value, ValueOrigin};
use super::problem::Mistake;
use super::reader::{Reader, Stray, join};
use super::shown::Shown;
use super::{ByteSize, value};

/// One table, being read.
pub(super) struct Section<'r> {
    pub(super) reader: &'r Reader<'r>,
    /// The full path, as shown: `account.main`.
    pub(super) path: String,
    /// The path without names: `account`.
    kind: String,
    /// Where the table begins, if it was given at all.
    pub(super) origin: Option<ValueOrigin>,
    entries: NodeTable,
    asked: Vec<String>,
    /// Whether its keys are shown where the configuration is.
    is_shown: bool,
    /// What is shown of a table of a route: one line of its route.
    inline: toml::Table,
}

impl<'r> Section<'r> {
    /// The whole tree.
    pub(super) fn root(reader: &'r Reader<'r>, entries: NodeTable) -> Self {
        Self::new(reader, String::new(), String::new(), None, entries)
    }

    /// A table that was taken out of another one.
    pub(super) fn new(
        reader: &'r Reader<'r>,
        path: String,
        kind: String,
        origin: Option<ValueOrigin>,
        entries: NodeTable,
    ) -> Self {
        let (asked, inline) = (Vec::new(), toml::Table::new());
        Self { reader, path, kind, origin, entries, asked, is_shown: true, inline }
    }

    /// The value of the key as `parse` reads it; none if it is absent or wrong. It is shown if it is there.
    pub(super) fn parsed<T: Shown>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&Node) -> Result<T, Mistake>,
    ) -> Option<T> {
        let value = self.hidden(key, parse)?;
        self.show(key, &value);
        Some(value)
    }

    /// The same with a value in place of an absent or wrong one.
    pub(super) fn parsed_or<T: Shown>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&Node) -> Result<T, Mistake>,
    ) -> T {
        let value = self.hidden(key, parse).unwrap_or(default);
        self.show(key, &value);
        value
    }

    /// The same as [`parsed`](Self::parsed), but the value is not shown.
    pub(super) fn hidden<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&Node) -> Result<T, Mistake>,
    ) -> Option<T> {
        let node = self.take(key)?;
        parse(&node).map_err(|mistake| self.mistake(key, Some(&node.origin), mistake)).ok()
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.parsed(key, value::text)
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        self.parsed_or(key, default, |node| value::duration(node, default, &range))
    }

    pub(super) fn size(
        &mut self,
        key: &'static str,
        default: ByteSize,
        range: RangeInclusive<ByteSize>,
    ) -> ByteSize {
        self.parsed_or(key, default, |node| value::size(node, default, &range))
    }

    pub(super) fn number(&mut self, key: &'static str, default: u32, range: RangeInclusive<u32>) -> u32 {
        self.parsed_or(key, default, |node| value::number(node, &range))
    }

    /// A path, which begins at the folder of the file.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let folder = self.reader.folder;
        self.parsed(key, |node| value::text(node).map(|path| folder.join(path)))
    }

    /// Shows a value under its key, and where it came from.
    pub(super) fn show(&mut self, key: &'static str, value: &impl Shown) {
        let note = match self.reader.origin(&join(&self.path, key)) {
            Some(ValueOrigin::File(_)) => String::new(),
            Some(ValueOrigin::Variable(name)) => format!("  # {name}"),
            Some(ValueOrigin::Flag(name)) => format!("  # {name}"),
            None => "  # default".to_owned(),
        };
        self.show_with(key, value, &note);
    }

    /// The same with another note. Routes have none: most of what they show is a default.
    pub(super) fn show_with(&mut self, key: &'static str, value: &impl Shown, note: &str) {
        let value = value.shown();
        if self.kind.starts_with("route.") {
            self.inline.insert(key.to_owned(), value);
        } else if self.is_shown {
            let of_section = format!("[{}]", self.path);
            let (header, note) = if self.kind == "route" { ("[[route]]", "") } else { (&*of_section, note) };
            self.reader.page.borrow_mut().line(header, format_args!("{key} = {value}{note}"));
        }
    }

    /// The table under the key; an empty one if it is absent or no table.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'r> {
        let (origin, entries) = match self.take_node(key) {
            Some(Node { value: Value::Table(table), origin }) => (Some(origin), table),
            Some(node) => {
                let path = join(&self.path, key);
                let name = if ["account", "database"].contains(&path.as_str()) { ".main" } else { "" };
                let brackets =
                    if matches!(node.value, Value::Array(_)) { ", with one pair of brackets," } else { "" };
                let hint = format!("write a line `[{path}{name}]`{brackets} and its keys below");
                self.mistake(key, Some(&node.origin), value::wrong_type("a table", &node).hint(hint));
                (None, NodeTable::new())
            }
            None => (None, NodeTable::new()),
        };
        Section::new(self.reader, join(&self.path, key), join(&self.kind, key), origin, entries)
    }

    /// The table under the key, and true; or an empty one and what is there in its place: `true` or `false`.
    pub(super) fn switched(&mut self, key: &'static str) -> (bool, Section<'r>) {
        let Some(Value::Boolean(is_on)) = self.entries.get(key).map(|node| node.typed().value) else {
            return (true, self.section(key));
        };
        let origin = self.take(key).map(|node| node.origin);
        if !is_on {
            self.show(key, &false);
        }
        let (path, kind) = (join(&self.path, key), join(&self.kind, key));
        let mut section = Section::new(self.reader, path, kind, origin, NodeTable::new());
        section.is_shown = is_on;
        (is_on, section)
    }

    /// The node under the key, which is remembered as known and, if it is there, as given.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        let path = join(&self.path, key);
        self.reader.know(path.clone(), join(&self.kind, key));
        let node = self.take_node(key)?;
        self.reader.given(path, node.origin.clone());
        Some(node)
    }

    /// All remaining entries, whose keys are names.
    pub(super) fn take_named(&mut self) -> NodeTable {
        std::mem::take(&mut self.entries)
    }

    /// These keys may be there; what is mistyped is compared with them.
    pub(super) fn expects(&mut self, keys: &[&str]) {
        self.asked.extend(keys.iter().copied().map(str::to_owned));
    }

    /// Refuses a key that the design has and this version doesn't.
    pub(super) fn unavailable(&mut self, key: &str) {
        if let Some(node) = self.take_node(key) {
            let mistake = Mistake::new("is not available in this version").hint("leave the key out");
            self.mistake(key, Some(&node.origin), mistake);
        }
    }

    /// Notes that a key is missing, if there is the table that should have it.
    pub(super) fn require(&self, key: &str, hint: &str) {
        if !self.has(key) && self.origin.is_some() {
            self.mistake(key, None, Mistake::new("is missing").hint(hint));
        }
    }

    /// Where the value of a key came from, before it is taken.
    pub(super) fn origin_of(&self, key: &str) -> Option<ValueOrigin> {
        self.entries.get(key).map(|node| node.origin.clone())
    }

    /// Whether nothing is in it, or nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Whether all that is in this section came from the environment.
    pub(super) fn variables_only(&self) -> Vec<String> {
        let name = |node: &Node| match &node.origin {
            ValueOrigin::Variable(name) => Some(name.clone()),
            _ => None,
        };
        self.entries.values().map(name).collect::<Option<_>>().unwrap_or_default()
    }

    /// Notes a problem of one key. Without an origin of its own the key has its section's.
    pub(super) fn mistake(&self, key: &str, origin: Option<&ValueOrigin>, mistake: Mistake) {
        let of_section = || self.origin.as_ref().filter(|origin| matches!(origin, ValueOrigin::File(_)));
        self.reader.note(join(&self.path, key), origin.or_else(of_section), mistake);
    }

    /// Notes what is probably a mistake, and may be none.
    pub(super) fn doubt(&self, key: &str, origin: Option<&ValueOrigin>, mistake: Mistake) {
        self.reader.doubt(join(&self.path, key), origin.or(self.origin.as_ref()), mistake);
    }

    fn take_node(&mut self, key: &str) -> Option<Node> {
        self.asked.push(key.to_owned());
        self.entries.remove(key)
    }
}

/// Ends the reading: what is left is unknown.
impl Drop for Section<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.kind.strip_prefix("route.") {
            let inline = toml::Value::Table(std::mem::take(&mut self.inline));
            self.reader.page.borrow_mut().line("[[route]]", format_args!("{key} = {inline}"));
        }
        for (key, Node { origin, .. }) in self.take_named() {
            let (section, siblings) = (self.path.clone(), self.asked.clone());
            self.reader.stray(Stray { section, key, origin, siblings });
        }
    }
}
