//! The tree of all sources: the file, the variables above it, the flags above both.

use toml::de::DeTable;

use super::node::{Node, Origin, Table, Value, convert_table, put};
use super::{ConfigErrors, ConfigFile, Overrides, Source};
use super::{environment, syntax};

/// Reads all sources and merges them.
///
/// # Errors
/// The syntax errors of the file.
pub(super) fn read(source: &Source) -> Result<Table, ConfigErrors> {
    let mut root = source.file.as_ref().map_or_else(|| Ok(Table::new()), parse_file)?;
    environment::merge(&mut root, &source.variables);
    merge_flags(&mut root, &source.overrides);
    Ok(root)
}

fn merge_flags(root: &mut Table, overrides: &Overrides) {
    let Overrides { queue_url, receiver_listen, admin_listen, worker_concurrency } = overrides;
    let flags = [
        (["queue", "url"], "--queue-url", queue_url.clone()),
        (["receiver", "listen"], "--listen", receiver_listen.map(|listen| listen.to_string())),
        (["admin", "listen"], "--admin-listen", admin_listen.map(|listen| listen.to_string())),
        (["worker", "concurrency"], "--concurrency", worker_concurrency.map(|n| n.to_string())),
    ];
    for (path, flag, value) in flags {
        if let Some(text) = value {
            put(root, &path, Node { value: Value::Raw(text), origin: Origin::Flag(flag) });
        }
    }
}

fn parse_file(file: &ConfigFile) -> Result<Table, ConfigErrors> {
    let (root, errors) = DeTable::parse_recoverable(&file.text);
    match errors.is_empty() {
        true => {
            let origin = |offset| Origin::File(syntax::line_of(&file.text, offset));
            Ok(convert_table(root.get_ref(), &origin))
        }
        false => Err(syntax::problems(&file.path, &file.text, &errors)),
    }
}
