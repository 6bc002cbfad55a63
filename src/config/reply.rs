//! The value of `reply = …`: a text, a table with a `type` and WeChat's field names, or a list of these.
//!
//! The schema is the worker's, the same that HTTP services answer by; here TOML becomes the JSON that it is about. Two
//! things are the configuration's own: paths of files begin at its folder, and texts and addresses are templates.

use std::path::Path;

use huixin_wechat::Content;
use huixin_worker::reply::{self, ReplyOrigin};
use serde_json::Value as Json;

use super::CheckTemplate;
use super::node::{Node, Value};
use super::problem::Mistake;
use super::route::names::TemplateNames;
use super::value::wrong_type;

/// The keys that name a file.
const FILES: [&str; 2] = ["file", "thumb_file"];

/// The checked reply as JSON.
pub(super) fn read(
    node: &Node,
    folder: &Path,
    check_template: CheckTemplate<'_>,
    names: TemplateNames<'_>,
) -> Result<Json, Mistake> {
    let reply = match node.value {
        Value::Text(_) | Value::Raw(_) | Value::Array(_) | Value::Table(_) => json(node, folder)?,
        _ => return Err(wrong_type("texts, tables with a `type`, or a list of these", node)),
    };
    let mut parts = reply::parse(&reply, ReplyOrigin::Config)
        .map_err(|error| Mistake::new(format!("doesn't keep to the reply schema: {error}")))?;
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
            names.check(text, &place, check_template)?;
        }
    }
    Ok(reply)
}

fn json(node: &Node, folder: &Path) -> Result<Json, Mistake> {
    let field = |(field, node): (&String, &Node)| {
        let value = match node.as_text() {
            Some(path) if FILES.contains(&field.as_str()) && !path.is_empty() => {
                Json::from(folder.join(path).to_string_lossy())
            }
            _ => json(node, folder)?,
        };
        Ok((field.clone(), value))
    };
    match &node.value {
        Value::Text(text) | Value::Raw(text) => Ok(Json::from(text.as_str())),
        Value::Boolean(value) => Ok(Json::from(*value)),
        // No field takes numbers, and the schema says which one has it.
        Value::Integer(number) => Ok(Json::from(*number)),
        Value::Float(number) => Ok(Json::from(*number)),
        Value::Array(items) => items.iter().map(|item| json(item, folder)).collect(),
        Value::Table(table) => table.iter().map(field).collect(),
        Value::Datetime => Err(Mistake::new("has a date, and no field takes one").hint("write it as a text")),
    }
}
