//! The nodes of the tree that the sources become: TOML values that remember where they came from.
//!
//! Variables and flags have no types of their own, so their text stays [`Value::Raw`] until a getter says which type
//! it wants. That spares a second list of keys with types.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) type NodeTable = BTreeMap<String, Node>;

/// A value and where it came from.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: ValueOrigin,
}

/// A TOML value, or the text of a variable or flag.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime,
    Array(Vec<Node>),
    Table(NodeTable),
    Raw(String),
}

/// The place of a value, weakest first: a later variant overrides an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueOrigin {
    /// The file, at this line.
    File(usize),
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name.
    Flag(&'static str),
}

/// Puts a value at a path of tables, over a value that is there, and says whether that was possible: not where the path
/// runs into a value, nor where it ends at a table.
pub(super) fn put(root: &mut NodeTable, path: &[impl AsRef<str>], node: Node) -> bool {
    let [first, rest @ ..] = path else { return false };
    let key = spelling(root, first.as_ref());
    if !rest.is_empty() {
        let empty = Node { value: Value::Table(NodeTable::new()), origin: node.origin.clone() };
        let next = root.entry(key).or_insert(empty);
        let Value::Table(table) = &mut next.value else { return false };
        return put(table, rest, node);
    }
    let over_a_table = root.get(&key).is_some_and(|old| matches!(old.value, Value::Table(_)));
    if !over_a_table {
        root.insert(key, node);
    }
    !over_a_table
}

impl Node {
    /// The same with a raw text read as the TOML value that it is; as text if it isn't one.
    pub(super) fn typed(&self) -> Self {
        let Value::Raw(text) = &self.value else { return self.clone() };
        let value = DeValue::parse(text.trim());
        let value = value.map_or_else(
            |_| Value::Text(text.clone()),
            |value| convert(&value, &|_| self.origin.clone()).value,
        );
        Self { value, origin: self.origin.clone() }
    }

    /// The text of a string, also of a raw one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Raw(text) => Some(text),
            _ => None,
        }
    }

    /// What the value is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) | Value::Raw(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Boolean(_) => "a boolean",
            Value::Datetime => "a date",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// The key that a variable means: variables can't hold `-`, so `MY_SHOP` is also the name of a table `my-shop`.
fn spelling(table: &NodeTable, key: &str) -> String {
    let same = |known: &&String| known.replace('-', "_") == key;
    let found = if table.contains_key(key) { None } else { table.keys().find(same) };
    found.cloned().unwrap_or_else(|| key.to_owned())
}

/// The nodes of a TOML table; `origin` tells the place of what stands at an offset of its text.
pub(super) fn convert_table(table: &DeTable<'_>, origin: &impl Fn(usize) -> ValueOrigin) -> NodeTable {
    let entry = |(key, value): (&Spanned<_>, &Spanned<_>)| {
        let mut node = convert(value, origin);
        // The key's line: that of a table's header, and of a long value's beginning.
        node.origin = origin(key.span().start);
        (str::to_owned(AsRef::<str>::as_ref(key.get_ref())), node)
    };
    table.iter().map(entry).collect()
}

fn convert(value: &Spanned<DeValue<'_>>, origin: &impl Fn(usize) -> ValueOrigin) -> Node {
    let converted = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            // What doesn't fit is out of every range, and its text says so in the message.
            i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
        }
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| Value::Text(number.to_string()), Value::Float)
        }
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(items.iter().map(|item| convert(item, origin)).collect()),
        DeValue::Table(table) => Value::Table(convert_table(table, origin)),
    };
    Node { value: converted, origin: origin(value.span().start) }
}
