//! `HUIXIN_QUEUE__URL` is `queue.url`: variables mirror the paths of the file, with `__` between the levels.
//!
//! An empty variable counts as not set, since compose files write `${TOKEN:-}`. Variables that mean nothing are kept in
//! the tree and found there as unknown keys; only what other programs set under our prefix is left out.

use super::node::{Node, NodeTable, Value, ValueOrigin, put};

const PREFIX: &str = "HUIXIN_";

/// Read elsewhere: by the logging, the command line and docker-compose.yml.
const NOT_CONFIGURATION: [&str; 4] = ["HUIXIN_LOG", "HUIXIN_LOG_FORMAT", "HUIXIN_CONFIG", "HUIXIN_IMAGE"];

/// Puts the values of the variables over the file's.
pub(super) fn merge(root: &mut NodeTable, variables: &[(String, String)]) {
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        if text.is_empty() || is_foreign(name) {
            continue;
        }
        let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        let node = Node { value: Value::Raw(text.clone()), origin: ValueOrigin::Variable(name.clone()) };
        let placed = path.len() > 1 && path[0] != "route" && put(root, &path, node.clone());
        if !placed {
            // No key has this name, so it will be found as unknown.
            root.insert(name.clone(), node);
        }
    }
}

/// The variable that would set this path.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__").replace('-', "_"))
}

/// Whether the variable isn't meant for the configuration. Kubernetes gives every container variables for each service
/// of its namespace: a service `huixin-receiver` makes `HUIXIN_RECEIVER_SERVICE_HOST` and `HUIXIN_RECEIVER_PORT_80_TCP`.
fn is_foreign(name: &str) -> bool {
    let of_a_service = name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_");
    NOT_CONFIGURATION.contains(&name) || (of_a_service && !name.contains("__"))
}
