//! A message to a user as it goes to WeChat, and its JSON.
//!
//! The serialised form is flat (`{"type": "image", "media_id": "…", "ai_label": true}`) and is what replies are written in
//! and recorded as. [`Outgoing::to_json`] makes WeChat's body with the same names: everything beside `type` goes under the
//! type's name.
//!
//! WeChat refuses or garbles `\uXXXX` in JSON (errors 40033 and 47002, or escapes before the user's eyes). serde_json
//! writes all text raw except C0 control characters, so those are taken out first; newline and tab, which have escapes
//! of their own, stay.

use std::ops::Not;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::content::Content;
use super::media::{Media, MediaKind};

/// A message to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// What the user gets.
    #[serde(flatten)]
    pub content: Content,
    /// The customer-service account that it comes from, `test1@kftest`; `None`: from the account itself. Of
    /// [`Content::Transfer`] the one that gets the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kf_account: Option<String>,
    /// Whether WeChat writes under it that a machine made it.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub ai_label: bool,
}

/// A message that can't be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// Its media is not with WeChat yet.
    #[error("the {} of the message is not uploaded", .kind.as_str())]
    NotUploaded {
        /// What must be uploaded.
        kind: MediaKind,
    },
    /// It can only be the response to a push.
    #[error("{msgtype} can only go out in the response to a push, not by the customer-service API")]
    InResponseOnly {
        /// Its type.
        msgtype: &'static str,
    },
}

impl From<Content> for Outgoing {
    fn from(content: Content) -> Self {
        Self { content, kf_account: None, ai_label: false }
    }
}

impl Outgoing {
    /// A text.
    pub fn text(content: impl Into<String>) -> Self {
        Content::Text { content: content.into() }.into()
    }

    /// As [`Content::media`].
    pub fn media(&self) -> impl Iterator<Item = (MediaKind, &Media)> {
        self.content.media()
    }

    /// As [`Content::media_mut`].
    pub fn media_mut(&mut self) -> impl Iterator<Item = (MediaKind, &mut Media)> {
        self.content.media_mut()
    }

    /// The body of the call that sends this to the user with the OpenID `to`: raw UTF-8, without any `\uXXXX`.
    ///
    /// # Errors
    /// When some of its media isn't [`Media::Id`], or it is a [`Content::Transfer`].
    pub fn to_json(&self, to: &str) -> Result<String, Unsendable> {
        let msgtype = self.content.msgtype();
        if self.content == Content::Transfer {
            return Err(Unsendable::InResponseOnly { msgtype });
        }
        if let Some((kind, _)) = self.media().find(|(_, media)| !matches!(media, Media::Id(_))) {
            return Err(Unsendable::NotUploaded { kind });
        }
        // Enums and structs of texts always have a JSON form, and it is an object.
        let mut content = serde_json::to_value(&self.content).expect("a message can be written as JSON");
        if let Some(fields) = content.as_object_mut() {
            fields.remove("type");
        }
        let mut body = Map::new();
        body.insert("touser".to_owned(), Value::from(to));
        body.insert("msgtype".to_owned(), Value::from(msgtype));
        body.insert(msgtype.to_owned(), content);
        if let Some(kf_account) = &self.kf_account {
            body.insert("customservice".to_owned(), json!({"kf_account": kf_account}));
        }
        if self.ai_label {
            body.insert("aimsgcontext".to_owned(), json!({"is_ai_msg": 1}));
        }
        Ok(written(Value::Object(body)))
    }
}

/// The body of the call that shows or ends "is typing" to `to`.
pub(super) fn typing_json(to: &str, on: bool) -> String {
    written(json!({"touser": to, "command": if on { "Typing" } else { "CancelTyping" }}))
}

/// The value as JSON, its texts without C0 control characters, newline and tab excepted.
fn written(mut value: Value) -> String {
    clean(&mut value);
    value.to_string()
}

fn clean(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c >= ' ' || matches!(c, '\n' | '\t')),
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(fields) => fields.values_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_at_all_is_written_as_a_u_escape() {
        let all: String = ('\0'..=char::MAX).collect();
        let mut message = Outgoing::text(all.clone());
        message.kf_account = Some("a\u{2}b".to_owned());
        let json = message.to_json("o\u{1}x").unwrap();
        // The one backslash in the text makes `\\` before `]`; a real escape would be a `\u`.
        assert!(!json.contains("\\u"));
        let written: Value = serde_json::from_str(&json).unwrap();
        let kept: String = all.chars().filter(|c| *c >= ' ' || *c == '\n' || *c == '\t').collect();
        assert_eq!(written["text"]["content"], kept);
        assert_eq!(
            (&written["touser"], &written["customservice"]["kf_account"]),
            (&"ox".into(), &"ab".into())
        );
        assert!(!typing_json("o\u{1}x", true).contains("\\u"));
    }

    #[test]
    fn links_and_chinese_are_written_raw() {
        let text = "你好😀\n<a href=\"http://x/?a=1&b=2\">点</a>\r\n";
        let json = Outgoing::text(text).to_json("o").unwrap();
        assert!(json.contains(r#"你好😀\n<a href=\"http://x/?a=1&b=2\">点</a>\n"#), "{json}");
    }
}
