//! Tables that have names: `[account.main]`, `[database.shop]`.

use super::environment::variable;
use super::node::{Node, Value, ValueOrigin};
use super::problem::Mistake;
use super::section::Section;
use super::value::wrong_type;

/// The tables by their names. Anything else there is noted; of keys without a name before them only the first, since one
/// header mends them all.
pub(super) fn tables<'r>(section: &mut Section<'r>, kind: &str) -> Vec<(String, Section<'r>)> {
    let mut named = Vec::new();
    let mut is_reported = false;
    for (name, Node { value, origin }) in section.take_named() {
        let mistake = match value {
            Value::Table(table) => {
                let path = format!("{kind}.{name}");
                let below = Section::new(section.reader, path, kind.to_owned(), Some(origin), table);
                named.push((name, below));
                continue;
            }
            Value::Array(_) => {
                let mistake = wrong_type("a table", &Node { value, origin: origin.clone() });
                mistake.hint(format!("write `[{kind}.{name}]`, with one pair of brackets"))
            }
            _ if std::mem::replace(&mut is_reported, true) => continue,
            _ => {
                let hint = match origin {
                    ValueOrigin::File(_) => format!("write `[{kind}.main]`, or another name, for `[{kind}]`"),
                    _ => format!("put the name into it: {}", variable(&format!("{kind}.main.{name}"))),
                };
                Mistake::new(format!("stands where the name of the {kind} belongs")).hint(hint)
            }
        };
        section.mistake(&name, Some(&origin), mistake);
    }
    named
}
