//! The value of `reply = …`: a text, a table with a `type` and WeChat's field names, or a list of these.
//!
//! The schema is the worker's, the same that HTTP services answer by; here TOML becomes the JSON that it is about.

use huixin_wechat::Content;
use serde_json::Value as Json;

use super::CheckTemplate;
use super::node::{Node, Value};
use super::problem::Mistake;
use super::value::wrong_type;

/// The checked reply as JSON.
pub(super) fn read(node: &Node, check_template: CheckTemplate<'_>) -> Result<Json, Mistake> {
    let reply = json(node)?;
    let parts = huixin_worker::reply::parse(&reply)
        .map_err(|error| Mistake::new(format!("doesn't keep to the reply schema: {error}")))?;
    if parts.is_empty() {
        let mistake = Mistake::new("has no text, so nothing would be sent");
        return Err(
            mistake.hint("messages that no route takes are ended without a reply: leave the route out")
        );
    }
    for part in &parts {
        if let Content::Text { content } = &part.content {
            check_template(content).map_err(|error| Mistake::new(format!("has a bad template: {error}")))?;
        }
    }
    Ok(reply)
}

fn json(node: &Node) -> Result<Json, Mistake> {
    match &node.value {
        Value::Text(text) | Value::Raw(text) => Ok(Json::from(text.as_str())),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(table) => table.iter().map(|(field, node)| Ok((field.clone(), json(node)?))).collect(),
        _ => Err(wrong_type("texts, tables with a `type`, or a list of these", node)),
    }
}
