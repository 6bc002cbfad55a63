//! The page of a configuration: sections, keys and where their values came from, without any secret.

use std::collections::BTreeMap;
use std::fmt::Write;

use toml::Value;
use url::Url;

use crate::config::mask::{MASK, masked};
use crate::config::node::Origin;

/// A page being written.
pub(super) struct Page<'a> {
    origins: &'a BTreeMap<String, Origin>,
    text: String,
    section: String,
}

impl<'a> Page<'a> {
    /// An empty one. `origins` tells where each given value came from, by path.
    pub(super) fn new(origins: &'a BTreeMap<String, Origin>) -> Self {
        Self { origins, text: String::new(), section: String::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Where the value at this path came from; none if it is a default.
    pub(super) fn origin(&self, path: &str) -> Option<&'a Origin> {
        self.origins.get(path)
    }

    pub(super) fn section(&mut self, path: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.line(format_args!("{gap}[{path}]"));
        path.clone_into(&mut self.section);
    }

    pub(super) fn key(&mut self, key: &str, value: impl Into<Value>) {
        let path = format!("{}.{key}", self.section);
        let origin = match self.origin(&path) {
            Some(Origin::File(_)) => String::new(),
            Some(Origin::Variable(name)) => format!("  # {name}"),
            Some(Origin::Flag(name)) => format!("  # {name}"),
            None => "  # default".to_owned(),
        };
        self.line(format_args!("{key} = {}{origin}", value.into()));
    }

    pub(super) fn url(&mut self, key: &str, url: Option<&Url>) {
        if let Some(url) = url {
            self.key(key, masked(url).as_str().trim_end_matches('/'));
        }
    }

    pub(super) fn secret(&mut self, key: &str, is_given: bool) {
        if is_given {
            let file = format!("{key}_file");
            let given = |key: &str| self.origin(&format!("{}.{key}", self.section));
            // Without either the value was made up, as `dev` does.
            let from_file = given(&file) > given(key);
            if from_file {
                self.line(format_args!("{key} = \"{MASK}\"  # {file}"));
            } else {
                self.key(key, MASK);
            }
        }
    }

    pub(super) fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing into a string never fails");
    }
}
