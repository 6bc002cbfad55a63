//! The checks of a customer-service message by itself, before anyone asks who gets it.
//!
//! Each type's fields must be there and be strings; its row holds the code for one that isn't. Unknown fields are let
//! through, as WeChat does. The media that a message names is only listed here: whether the account has it is checked
//! elsewhere. Where WeChat publishes a code without a number (menus), the number is ours, and said at its constant.

use serde_json::{Map, Value};

use crate::{MediaKind, OpenId};

mod fields;
mod links;

use fields::MessageFields;

/// The most bytes that a text may have, a menu's head and tail too.
const MAX_TEXT_BYTES: usize = 2048;
/// The most items of a menu. WeChat has a code for too many and says no number.
const MAX_MENU_ITEMS: usize = 10;
/// The most bytes of a menu item. WeChat has a code for too long and says no number.
const MAX_MENU_ITEM_BYTES: usize = 128;

/// A message that is right in itself.
pub(super) struct Checked {
    pub(super) user: OpenId,
    /// Its `msgtype`.
    pub(super) kind: String,
    /// Its text, when it is a text message.
    pub(super) text: Option<String>,
    /// The media that the account must have.
    pub(super) media: Vec<(String, MediaKind)>,
    /// The customer-service name that it is sent in.
    pub(super) agent: Option<String>,
}

/// Checks the addressee's form, the type, the type's own fields, and what may go with any type.
pub(super) fn check(message: &Map<String, Value>) -> Result<Checked, i64> {
    let user = addressee(message)?;
    let kind = message.get("msgtype").and_then(Value::as_str).ok_or(40008)?;
    let mut fields = MessageFields::of(message.get(kind))?;
    let mut text = None;
    match kind {
        "text" => text = Some(text_of(&fields)?),
        "image" => fields.media("media_id", MediaKind::Image)?,
        "voice" => fields.media("media_id", MediaKind::Voice)?,
        "mpnews" => fields.media("media_id", MediaKind::News)?,
        "video" => {
            fields.media("media_id", MediaKind::Video)?;
            fields.media("thumb_media_id", MediaKind::Thumb)?;
            fields.may_have(&["title", "description"])?;
        }
        "music" => {
            fields.must_have(&["title", "description", "musicurl"], 40035)?;
            fields.may_have(&["hqmusicurl"])?;
            fields.media("thumb_media_id", MediaKind::Thumb)?;
        }
        "news" => check_news(&fields)?,
        "mpnewsarticle" => fields.must_have_filled("article_id", 40035)?,
        "msgmenu" => check_menu(&fields)?,
        "wxcard" => fields.must_have_filled("card_id", 40035)?,
        "miniprogrampage" => {
            fields.must_have(&["title"], 40035)?;
            fields.must_have_filled("appid", 40166)?;
            fields.must_have_filled("pagepath", 40165)?;
            fields.media("thumb_media_id", MediaKind::Thumb)?;
        }
        // Mini programs only.
        "link" => return Err(48008),
        _ => return Err(40008),
    }
    check_ai_mark(message)?;
    let agent = agent_of(message)?;
    Ok(Checked { user, kind: kind.to_owned(), text, media: fields.media, agent })
}

/// `touser`: there, a string, and not empty.
pub(super) fn addressee(message: &Map<String, Value>) -> Result<OpenId, i64> {
    match message.get("touser") {
        None => Err(41009),
        Some(Value::String(user)) if user.is_empty() => Err(41009),
        Some(Value::String(user)) => Ok(OpenId::from(user.as_str())),
        Some(_) => Err(40035),
    }
}

fn text_of(fields: &MessageFields<'_>) -> Result<String, i64> {
    match fields.get("content").and_then(Value::as_str) {
        None | Some("") => Err(44004),
        Some(text) if text.len() > MAX_TEXT_BYTES => Err(45002),
        Some(text) => {
            links::check(text)?;
            Ok(text.to_owned())
        }
    }
}

fn check_news(fields: &MessageFields<'_>) -> Result<(), i64> {
    let articles = fields.get("articles").and_then(Value::as_array).filter(|articles| !articles.is_empty());
    let articles = articles.ok_or(44003)?;
    let [article] = articles.as_slice() else { return Err(45008) };
    MessageFields::of(Some(article))?.must_have(&["title", "description", "url", "picurl"], 40035)
}

fn check_menu(fields: &MessageFields<'_>) -> Result<(), i64> {
    fields.may_have(&["head_content", "tail_content"])?;
    let text = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if ["head_content", "tail_content"].iter().any(|name| text(name).len() > MAX_TEXT_BYTES) {
        return Err(45002);
    }
    let list = fields.get("list").and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or(40035)?;
    if list.len() > MAX_MENU_ITEMS {
        return Err(45098);
    }
    for item in list {
        let item = MessageFields::of(Some(item))?;
        item.must_have_filled("id", 40035)?;
        item.must_have_filled("content", 40035)?;
        if item.get("content").and_then(Value::as_str).is_some_and(|text| text.len() > MAX_MENU_ITEM_BYTES) {
            return Err(45099);
        }
    }
    Ok(())
}

/// `aimsgcontext`: the grey line that says that an AI wrote it.
fn check_ai_mark(message: &Map<String, Value>) -> Result<(), i64> {
    let Some(mark) = message.get("aimsgcontext") else { return Ok(()) };
    match mark.get("is_ai_msg").and_then(Value::as_u64) {
        Some(0 | 1) => Ok(()),
        _ => Err(40035),
    }
}

/// `customservice`: the name that it is sent in.
fn agent_of(message: &Map<String, Value>) -> Result<Option<String>, i64> {
    let Some(service) = message.get("customservice") else { return Ok(None) };
    match service.get("kf_account").and_then(Value::as_str) {
        Some(agent) if !agent.is_empty() => Ok(Some(agent.to_owned())),
        _ => Err(61451),
    }
}
