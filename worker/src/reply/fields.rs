//! The fields of one object of a reply, asked for by name.

use huixin_wechat::Media;
use serde_json::{Map, Value};

use super::{ReplyError, ReplyOrigin};

/// The ways to say where media is, in the order in which they are offered.
const MEDIA: [&str; 4] = ["media_id", "url", "file", "base64"];

/// An object, and where it stands: errors begin with the place.
pub(super) struct Fields<'a> {
    place: &'a str,
    fields: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(place: &'a str, fields: &'a Map<String, Value>) -> Self {
        Self { place, fields }
    }

    /// Nothing but these fields may be given. `what` they belong to is for the error.
    pub(super) fn only(&self, what: &str, known: &[&str]) -> Result<(), ReplyError> {
        match self.fields.iter().find(|(key, value)| !known.contains(&key.as_str()) && !value.is_null()) {
            None => Ok(()),
            Some((unknown, _)) => {
                let known = known.join(", ");
                Err(self.error(format!("`{}` is no field of {what}; those are {known}", cut(unknown))))
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Result<String, ReplyError> {
        self.optional_text(name)?.ok_or_else(|| self.error(format!("`{name}` is missing; give it as a text")))
    }

    pub(super) fn text_or_empty(&self, name: &str) -> Result<String, ReplyError> {
        Ok(self.optional_text(name)?.unwrap_or_default())
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, ReplyError> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.error(format!("`{name}` must be a text, and is {}", kind_of(other)))),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ReplyError> {
        match self.given(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => {
                Err(self.error(format!("`{name}` must be true or false, and is {}", kind_of(other))))
            }
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], ReplyError> {
        match self.given(name) {
            None => Err(self.error(format!("`{name}` is missing; give it as a list"))),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.error(format!("`{name}` must be a list, and is {}", kind_of(other)))),
        }
    }

    /// A file of the worker's machine is for its configuration to name.
    pub(super) fn no_files(&self) -> Result<(), ReplyError> {
        let prefix = ["", "thumb_"].into_iter().find(|prefix| self.has(&format!("{prefix}file")));
        prefix.map_or(Ok(()), |prefix| {
            Err(self.error(format!(
                "`{prefix}file` would be a file of the worker's machine, which only its configuration may name; give \
                 one of {}",
                media_keys(prefix, ReplyOrigin::Service).join(", ")
            )))
        })
    }

    /// Exactly one of the ways to say where media is; `prefix` is empty or `thumb_`.
    pub(super) fn media(&self, prefix: &str, origin: ReplyOrigin) -> Result<Media, ReplyError> {
        let name = |key: &str| format!("{prefix}{key}");
        let given: Vec<&str> = MEDIA.into_iter().filter(|key| self.has(&name(key))).collect();
        match given[..] {
            [key] => {
                let text = self.text(&name(key))?;
                Ok(match key {
                    "media_id" => Media::Id(text),
                    "url" => Media::Url(text),
                    "file" => Media::File(text),
                    _ => Media::Base64(text),
                })
            }
            [] => {
                let allowed = media_keys(prefix, origin).join(", ");
                Err(self.error(format!("`{}` is missing; give one of {allowed}", name("media_id"))))
            }
            [first, second, ..] => Err(self.error(format!(
                "`{}` and `{}` are both given; give one of them",
                name(first),
                name(second)
            ))),
        }
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> ReplyError {
        ReplyError::new(self.place, problem)
    }

    fn given(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }
}

/// The keys that say where media is.
pub(super) fn media_keys(prefix: &str, origin: ReplyOrigin) -> Vec<String> {
    let allowed = MEDIA.into_iter().filter(|key| origin == ReplyOrigin::Config || *key != "file");
    allowed.map(|key| format!("{prefix}{key}")).collect()
}

/// The start of what a service wrote: reasons are stored and logged, and an answer may have a megabyte.
pub(super) fn cut(text: &str) -> String {
    const CHARS: usize = 24;
    text.chars().take(CHARS).collect()
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
