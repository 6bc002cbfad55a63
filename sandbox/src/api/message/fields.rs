//! The object of a message that is named like its type, and what is asked of its fields.

use serde_json::{Map, Value};

use crate::MediaKind;

/// The fields of a type. A type whose object is missing has none of them.
pub(super) struct MessageFields<'a> {
    object: Option<&'a Map<String, Value>>,
    /// What was asked for by [`media`](MessageFields::media).
    pub(super) media: Vec<(String, MediaKind)>,
}

impl<'a> MessageFields<'a> {
    pub(super) fn of(value: Option<&'a Value>) -> Result<MessageFields<'a>, i64> {
        let object = value.map(|value| value.as_object().ok_or(40035)).transpose()?;
        Ok(MessageFields { object, media: Vec::new() })
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object?.get(name)
    }

    /// Strings, which may be empty.
    pub(super) fn must_have(&self, names: &[&str], code_if_missing: i64) -> Result<(), i64> {
        names.iter().try_for_each(|name| match self.get(name) {
            None => Err(code_if_missing),
            Some(Value::String(_)) => Ok(()),
            Some(_) => Err(40035),
        })
    }

    /// A string that isn't empty.
    pub(super) fn must_have_filled(&self, name: &str, code_if_not: i64) -> Result<(), i64> {
        self.must_have(&[name], code_if_not)?;
        if self.get(name) == Some(&Value::from("")) { Err(code_if_not) } else { Ok(()) }
    }

    /// Strings, if they are there.
    pub(super) fn may_have(&self, names: &[&str]) -> Result<(), i64> {
        let wrong = |name: &&str| self.get(name).is_some_and(|value| !value.is_string());
        if names.iter().any(wrong) { Err(40035) } else { Ok(()) }
    }

    /// The id of media of this kind, which is remembered.
    pub(super) fn media(&mut self, name: &str, kind: MediaKind) -> Result<(), i64> {
        self.must_have(&[name], 41006)?;
        match self.get(name).and_then(Value::as_str) {
            None | Some("") => Err(40007),
            Some(id) => {
                self.media.push((id.to_owned(), kind));
                Ok(())
            }
        }
    }
}
