//! What can be sent, and its JSON.
//!
//! WeChat refuses or garbles `\uXXXX` in JSON (errors 40033 and 47002, or escapes before the user's eyes). serde_json
//! writes all text raw except C0 control characters, so those are taken out first; newline and tab, which have escapes
//! of their own, stay.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A customer-service message. Its serialised form is flat, `{"type": "text", "content": "…"}`, with WeChat's names;
/// what goes to WeChat is [`Outgoing::to_json`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outgoing {
    /// A text: at most 2,000 bytes to be safe (45002 beyond), not empty (44004).
    Text {
        /// The text; may hold newlines and `<a href="…">` links.
        content: String,
    },
    /// A picture that was uploaded.
    Image {
        /// Its temporary or permanent material.
        media_id: String,
    },
    /// A link with title, description and picture.
    News {
        /// Exactly one; more are refused (45008).
        articles: Vec<Article>,
    },
}

/// The link of [`Outgoing::News`]. WeChat asks for all four; they may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// The headline.
    pub title: String,
    /// The lines below it.
    #[serde(default)]
    pub description: String,
    /// Where a tap leads.
    pub url: String,
    /// The picture's address; large 640×320, small 80×80.
    #[serde(default)]
    pub picurl: String,
}

impl Outgoing {
    /// The body of the call that sends this to the user with the OpenID `to`: raw UTF-8, without any `\uXXXX`.
    pub fn to_json(&self, to: &str) -> String {
        let (kind, part) = match self {
            Outgoing::Text { content } => ("text", json!({"content": clean(content)})),
            Outgoing::Image { media_id } => ("image", json!({"media_id": clean(media_id)})),
            Outgoing::News { articles } => {
                let articles: Vec<Value> = articles.iter().map(Article::to_value).collect();
                ("news", json!({"articles": articles}))
            }
        };
        json!({"touser": clean(to), "msgtype": kind, kind: part}).to_string()
    }
}

impl Article {
    fn to_value(&self) -> Value {
        json!({
            "title": clean(&self.title),
            "description": clean(&self.description),
            "url": clean(&self.url),
            "picurl": clean(&self.picurl),
        })
    }
}

/// The body of the call that shows or ends "is typing" to `to`.
pub(super) fn typing_json(to: &str, on: bool) -> String {
    json!({"touser": clean(to), "command": if on { "Typing" } else { "CancelTyping" }}).to_string()
}

/// The text without C0 control characters, newline and tab excepted.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\0'..='\u{1F}') || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_written_as_in_wechats_documentation() {
        let article =
            Article { title: "t".into(), description: "d".into(), url: "U".into(), picurl: "P".into() };
        for (message, expected) in [
            (
                Outgoing::Text { content: "Hello".into() },
                r#"{"touser":"OPENID","msgtype":"text","text":{"content":"Hello"}}"#,
            ),
            (
                Outgoing::Image { media_id: "MEDIA_ID".into() },
                r#"{"touser":"OPENID","msgtype":"image","image":{"media_id":"MEDIA_ID"}}"#,
            ),
            (
                Outgoing::News { articles: vec![article] },
                r#"{"touser":"OPENID","msgtype":"news","news":{"articles":[{"title":"t","description":"d","url":"U","picurl":"P"}]}}"#,
            ),
        ] {
            let written: Value = serde_json::from_str(&message.to_json("OPENID")).unwrap();
            assert_eq!(written, serde_json::from_str::<Value>(expected).unwrap());
        }
    }

    #[test]
    fn no_character_at_all_is_written_as_a_u_escape() {
        let all: String = ('\0'..=char::MAX).collect();
        let json = Outgoing::Text { content: all.clone() }.to_json("o\u{1}x");
        // The one backslash in the text makes `\\` before `]`; a real escape would be a `\u`.
        assert!(!json.contains("\\u"));
        let written: Value = serde_json::from_str(&json).unwrap();
        let kept: String = all.chars().filter(|c| *c >= ' ' || *c == '\n' || *c == '\t').collect();
        assert_eq!(written["text"]["content"], kept);
        assert_eq!(written["touser"], "ox");
    }

    #[test]
    fn links_and_chinese_are_written_raw() {
        let json = Outgoing::Text { content: "你好😀\n<a href=\"http://x/?a=1&b=2\">点</a>\r\n".into() }
            .to_json("o");
        assert!(json.contains(r#"你好😀\n<a href=\"http://x/?a=1&b=2\">点</a>\n"#), "{json}");
    }

    #[test]
    fn the_serialised_form_is_flat_and_read_back() {
        let message = Outgoing::Text { content: "x".into() };
        let flat = serde_json::to_value(&message).unwrap();
        assert_eq!(flat, json!({"type": "text", "content": "x"}));
        assert_eq!(serde_json::from_value::<Outgoing>(flat).unwrap(), message);
    }
}
