//! The reply schema: one form for the configuration, for HTTP services, and for whatever comes later.
//!
//! A string is a text. Otherwise `{"type": …}` with WeChat's own field names, or a list of these. Errors name the field,
//! because they are read by whoever wrote the service.
//!
//! | reply | fields |
//! | --- | --- |
//! | `"…"` or `{"type": "text"}` | `content` |
//! | `{"type": "image"}` | `media_id` |
//! | `{"type": "news"}` | `title`, `url`, and if wanted `description`, `picurl` |

use huixin_wechat::{Article, Content, Media, Outgoing};
use serde_json::{Map, Value};

/// A reply that doesn't keep to the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ReplyError {
    place: String,
    problem: String,
}

/// Reads a reply or a list of replies. Texts are trimmed and empty ones left out, so the result may be empty.
///
/// # Errors
/// When something isn't as the schema says; the error names where and what.
pub fn parse(value: &Value) -> Result<Vec<Outgoing>, ReplyError> {
    let parts = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(n, one)| part(&format!("reply {}", n + 1), one))
            .collect::<Result<_, _>>()?,
        one => vec![part("reply", one)?],
    };
    Ok(tidy(parts))
}

/// Trims texts and leaves out empty ones: WeChat refuses an empty text, and blanks around one look odd.
pub fn tidy(parts: Vec<Outgoing>) -> Vec<Outgoing> {
    parts
        .into_iter()
        .filter_map(|mut part| match &mut part.content {
            Content::Text { content } => {
                *content = content.trim().to_owned();
                (!content.is_empty()).then_some(part)
            }
            _ => Some(part),
        })
        .collect()
}

fn part(place: &str, value: &Value) -> Result<Outgoing, ReplyError> {
    let fields = match value {
        Value::String(content) => return Ok(Outgoing::text(content.as_str())),
        Value::Object(fields) => fields,
        other => return Err(error(place, format!("must be a text or an object, and is {}", kind_of(other)))),
    };
    let reader = Fields { place, fields };
    let kind = reader.text("type")?;
    let known: &[&str] = match kind {
        "text" => &["type", "content"],
        "image" => &["type", "media_id"],
        "news" => &["type", "title", "description", "url", "picurl"],
        _ => return Err(error(place, format!("`type` is {:?}; known are text, image and news", cut(kind)))),
    };
    if let Some(unknown) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        let known = known.join(", ");
        return Err(error(
            place,
            format!("`{}` is no field of type {kind}; those are {known}", cut(unknown)),
        ));
    }
    Ok(match kind {
        "text" => Outgoing::text(reader.text("content")?),
        "image" => Content::Image { media: Media::Id(reader.filled("media_id")?.to_owned()) }.into(),
        _ => Content::News {
            articles: vec![Article {
                title: reader.filled("title")?.to_owned(),
                description: reader.text_or_empty("description")?.to_owned(),
                url: reader.filled("url")?.to_owned(),
                picurl: reader.text_or_empty("picurl")?.to_owned(),
            }],
        }
        .into(),
    })
}

struct Fields<'a> {
    place: &'a str,
    fields: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Result<&'a str, ReplyError> {
        match self.fields.get(name) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => {
                Err(error(self.place, format!("`{name}` must be a text, and is {}", kind_of(other))))
            }
            None => Err(error(self.place, format!("`{name}` is missing"))),
        }
    }

    fn filled(&self, name: &str) -> Result<&'a str, ReplyError> {
        match self.text(name)? {
            "" => Err(error(self.place, format!("`{name}` is empty"))),
            text => Ok(text),
        }
    }

    fn text_or_empty(&self, name: &str) -> Result<&'a str, ReplyError> {
        if self.fields.contains_key(name) { self.text(name) } else { Ok("") }
    }
}

/// The start of what a service wrote: reasons are stored and logged, and an answer may have a megabyte.
fn cut(text: &str) -> String {
    const CHARS: usize = 24;
    text.chars().take(CHARS).collect()
}

fn error(place: &str, problem: String) -> ReplyError {
    ReplyError { place: place.to_owned(), problem }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(content: &str) -> Outgoing {
        Outgoing::text(content)
    }

    #[test]
    fn every_form_of_the_schema_is_read() {
        let rows = [
            (json!("hello"), vec![text("hello")]),
            (json!("  \n hello \t"), vec![text("hello")]),
            (json!(""), vec![]),
            (json!(null), vec![]),
            (json!([]), vec![]),
            (json!(["a", " ", {"type": "text", "content": "b"}]), vec![text("a"), text("b")]),
            (
                json!({"type": "image", "media_id": "m"}),
                vec![Content::Image { media: Media::Id("m".into()) }.into()],
            ),
            (
                json!({"type": "news", "title": "t", "url": "u"}),
                vec![
                    Content::News {
                        articles: vec![Article { title: "t".into(), url: "u".into(), ..Article::default() }],
                    }
                    .into(),
                ],
            ),
        ];
        for (value, expected) in rows {
            assert_eq!(parse(&value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_breaks_the_schema_is_named() {
        let rows = [
            (json!(7), "reply: must be a text or an object, and is a number"),
            (json!({"content": "x"}), "reply: `type` is missing"),
            (json!({"type": "txt"}), "reply: `type` is \"txt\"; known are text, image and news"),
            (json!(["a", {"type": "text"}]), "reply 2: `content` is missing"),
            (json!({"type": "text", "content": 5}), "reply: `content` must be a text, and is a number"),
            (json!({"type": "image", "media_id": ""}), "reply: `media_id` is empty"),
            (
                json!({"type": "image", "mediaid": "x"}),
                "reply: `mediaid` is no field of type image; those are type, media_id",
            ),
            (json!({"type": "news", "title": "t"}), "reply: `url` is missing"),
            (
                json!({"type": "x".repeat(99)}),
                "reply: `type` is \"xxxxxxxxxxxxxxxxxxxxxxxx\"; known are text, image and news",
            ),
            (json!([["a"]]), "reply 1: must be a text or an object, and is a list"),
        ];
        for (value, expected) in rows {
            assert_eq!(parse(&value).unwrap_err().to_string(), expected);
        }
    }
}
