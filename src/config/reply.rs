//! The value of `reply = …`: a text, a table with a `type` and WeChat's field names, or a list of these.
//!
//! The schema is the worker's, the same by which HTTP services answer; this file turns TOML into its JSON. Two things
//! are the configuration's own: paths of files begin at its folder, and texts and addresses are templates.

use std::path::Path;

use huixin_wechat::Content;
use huixin_worker::reply::{self, ReplyOrigin};
use serde_json::Value as Json;

use super::node::{Node, Value};
use super::problem::Mistake;
use super::route::names::TemplateNames;
use super::value::wrong_type;

/// The keys that name a file.
const FILES: [&str; 2] = ["file", "thumb_file"];

/// The checked reply as JSON.
pub(super) fn read(node: &Node, folder: &Path, names: TemplateNames<'_>) -> Result<Json, Mistake> {
    let reply = match node.value {
        Value::Text(_) | Value::Raw(_) | Value::Array(_) | Value::Table(_) => json(node, Some(folder))?,
        _ => return Err(wrong_type("texts, tables with a `type`, or a list of these", node)),
    };
    let mut parts = reply::parse(&reply, ReplyOrigin::Config)
        .map_err(|error| Mistake::new(format!("doesn't match the reply schema: {error}")))?;
    if parts.is_empty() {
        let mistake = Mistake::new("has no text, so nothing would be sent");
        return Err(
            mistake.hint("messages that no route takes are ended without a reply: leave the route out")
        );
    }
    for part in &mut parts {
        let is_text = matches!(part.content, Content::Text { .. });
        for (name, text) in reply::templates(part) {
            let place = if is_text { String::new() } else { format!(" in `{name}`") };
            names.check(text, &place)?;
        }
    }
    Ok(reply)
}

/// A value as JSON. With a folder, paths of files begin there.
pub(super) fn json(node: &Node, folder: Option<&Path>) -> Result<Json, Mistake> {
    let field = |(field, node): (&String, &Node)| {
        let path = node.as_text().filter(|path| FILES.contains(&field.as_str()) && !path.is_empty());
        let value = match folder.zip(path) {
            Some((folder, path)) => Json::from(folder.join(path).to_string_lossy()),
            None => json(node, folder)?,
        };
        Ok((field.clone(), value))
    };
    match &node.value {
        Value::Text(text) | Value::Raw(text) => Ok(Json::from(text.as_str())),
        Value::Boolean(value) => Ok(Json::from(*value)),
        // No field of a reply takes numbers, and the schema says which one has a number.
        Value::Integer(number) => Ok(Json::from(*number)),
        Value::Float(number) if !number.is_finite() => {
            Err(Mistake::new("has a number that JSON can't express"))
        }
        Value::Float(number) => Ok(Json::from(*number)),
        Value::Array(items) => items.iter().map(|item| json(item, folder)).collect(),
        Value::Table(table) => table.iter().map(field).collect(),
        Value::Datetime => Err(Mistake::new("has a date, and no field takes one").hint("write it as a text")),
    }
}
