//! The fields of one object of a reply, asked for by name.

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
    pub(super) fn only(&self, what: &str, known: &[String]) -> Result<(), ReplyError> {
        match self.fields.iter().find(|(key, value)| !known.contains(key) && !value.is_null()) {
            None => Ok(()),
            Some((unknown, _)) => {
                let known = known.join(", ");
                Err(self.error(format!("`{}` is not a field of {what}; those are {known}", cut(unknown))))
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Result<(), ReplyError> {
        let text = self.optional_text(name)?;
        text.map(drop).ok_or_else(|| self.error(format!("`{name}` is missing; give it as a text")))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, ReplyError> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(format!("`{name}` must be a text, and is {}", kind_of(other)))),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<(), ReplyError> {
        match self.given(name) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(other) => {
                Err(self.error(format!("`{name}` must be true or false, and is {}", kind_of(other))))
            }
        }
    }

    /// A list of objects, whose errors say which of them is meant.
    pub(super) fn objects(
        &self,
        name: &str,
        read: impl Fn(&Fields<'_>) -> Result<(), ReplyError>,
    ) -> Result<(), ReplyError> {
        let list = match self.given(name) {
            None => return Err(self.error(format!("`{name}` is missing; give it as a list"))),
            Some(Value::Array(list)) => list,
            Some(other) => {
                return Err(self.error(format!("`{name}` must be a list, and is {}", kind_of(other))));
            }
        };
        list.iter().zip(1..).try_for_each(|(value, number)| {
            let place = format!("{}, `{name}` {number}", self.place);
            match value {
                Value::Object(object) => read(&Fields::new(&place, object)),
                other => {
                    Err(ReplyError::new(&place, format!("must be an object, and is {}", kind_of(other))))
                }
            }
        })
    }

    /// A file of the worker's machine is for its configuration to name.
    pub(super) fn no_files(&self) -> Result<(), ReplyError> {
        let prefix = ["", "thumb_"].into_iter().find(|prefix| self.has(&format!("{prefix}file")));
        prefix.map_or(Ok(()), |prefix| {
            Err(self.error(format!(
                "`{prefix}file` names a file on the worker's machine, which only its configuration may do; give \
                 one of {}",
                media_keys(prefix, ReplyOrigin::Service).join(", ")
            )))
        })
    }

    /// Exactly one of the ways to say where media is; `prefix` is empty or `thumb_`.
    pub(super) fn media(&self, prefix: &str, origin: ReplyOrigin) -> Result<(), ReplyError> {
        let name = |key: &str| format!("{prefix}{key}");
        let given: Vec<&str> = MEDIA.into_iter().filter(|key| self.has(&name(key))).collect();
        match given[..] {
            [key] => self.text(&name(key)),
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
