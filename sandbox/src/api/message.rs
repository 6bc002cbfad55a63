//! The checks of a customer-service message by itself, before anyone asks who gets it.
//!
//! One table row a type: the fields that must be there, and the code when one isn't. Unknown fields are let through, as
//! WeChat does. Media ids are only checked to be there: the sandbox keeps no media.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::OpenId;

/// The most bytes that a text may have.
const MAX_TEXT_BYTES: usize = 2048;

/// A message that is right in itself.
pub(super) struct Checked {
    pub(super) user: OpenId,
    /// Its text, when it is a text message.
    pub(super) text: Option<String>,
}

/// Checks the addressee's form, the type, and the type's own fields.
pub(super) fn check(message: &Map<String, Value>) -> Result<Checked, Refusal> {
    let user = addressee(message)?;
    let kind = message.get("msgtype").and_then(Value::as_str).ok_or_else(|| Refusal::new(40008))?;
    let content = message.get(kind).and_then(Value::as_object);
    let mut text = None;
    match kind {
        "text" => text = Some(text_of(content)?),
        "image" | "voice" | "mpnews" => require(content, &[("media_id", 41006)])?,
        "video" => require(content, &[("media_id", 41006), ("thumb_media_id", 41006)])?,
        "music" => require(
            content,
            &[("title", 40035), ("description", 40035), ("musicurl", 40035), ("thumb_media_id", 41006)],
        )?,
        "news" => check_news(content)?,
        "mpnewsarticle" => require(content, &[("article_id", 40035)])?,
        "msgmenu" => check_menu(content)?,
        "wxcard" => require(content, &[("card_id", 40035)])?,
        "miniprogrampage" => require(
            content,
            &[("title", 40035), ("appid", 40166), ("pagepath", 40165), ("thumb_media_id", 41006)],
        )?,
        // Mini programs only.
        "link" => return Err(Refusal::new(48008)),
        _ => return Err(Refusal::new(40008)),
    }
    Ok(Checked { user, text })
}

/// `touser`: there, a string, and not empty.
pub(super) fn addressee(message: &Map<String, Value>) -> Result<OpenId, Refusal> {
    match message.get("touser") {
        None => Err(Refusal::new(41009)),
        Some(Value::String(user)) if user.is_empty() => Err(Refusal::new(41009)),
        Some(Value::String(user)) => Ok(OpenId::from(user.as_str())),
        Some(_) => Err(Refusal::new(40035)),
    }
}

fn text_of(content: Option<&Map<String, Value>>) -> Result<String, Refusal> {
    match content.and_then(|content| content.get("content")).and_then(Value::as_str) {
        None | Some("") => Err(Refusal::new(44004)),
        Some(text) if text.len() > MAX_TEXT_BYTES => Err(Refusal::new(45002)),
        Some(text) => Ok(text.to_owned()),
    }
}

fn check_news(content: Option<&Map<String, Value>>) -> Result<(), Refusal> {
    let articles = content.and_then(|content| content.get("articles")).and_then(Value::as_array);
    let articles = articles.ok_or_else(|| Refusal::new(44003))?;
    let [article] = articles.as_slice() else { return Err(Refusal::new(45008)) };
    let fields = [("title", 40035), ("description", 40035), ("url", 40035), ("picurl", 40035)];
    require(article.as_object(), &fields)
}

fn check_menu(content: Option<&Map<String, Value>>) -> Result<(), Refusal> {
    let list = content.and_then(|content| content.get("list")).and_then(Value::as_array);
    let list = list.filter(|list| !list.is_empty()).ok_or_else(|| Refusal::new(40035))?;
    list.iter().try_for_each(|item| require(item.as_object(), &[("id", 40035), ("content", 40035)]))
}

/// Each field a string; an id may not be empty, other texts may.
fn require(content: Option<&Map<String, Value>>, fields: &[(&str, i64)]) -> Result<(), Refusal> {
    for (name, code_if_missing) in fields {
        match content.and_then(|content| content.get(*name)) {
            None => return Err(Refusal::new(*code_if_missing)),
            Some(Value::String(id)) if id.is_empty() && name.ends_with("media_id") => {
                return Err(Refusal::new(40007));
            }
            Some(Value::String(_)) => {}
            Some(_) => return Err(Refusal::new(40035)),
        }
    }
    Ok(())
}
