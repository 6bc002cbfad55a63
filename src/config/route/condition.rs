//! `[route.match]`: which messages a route takes.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::config::account::AccountConfig;
use crate::config::node::Node;
use crate::config::problem::{Mistake, nearest};
use crate::config::section::Section;
use crate::config::value;

/// Conditions, all of which must hold; without any, the route takes every message that is no event.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// The name of an account; always one that is configured.
    pub account: Option<String>,
    /// `text`, `image`, …, `event`: WeChat's `MsgType`, as written in the file.
    pub type_: Option<String>,
    /// `subscribe`, `CLICK`, …: WeChat's `Event`, as written in the file.
    pub event: Option<String>,
    /// WeChat's `EventKey`.
    pub event_key: Option<String>,
    /// A pattern that is found in the text.
    pub text: Option<Regex>,
}

impl Condition {
    /// The names that its patterns give to what they capture.
    pub(super) fn captures(&self) -> BTreeSet<String> {
        self.text.iter().flat_map(|text| text.capture_names().flatten().map(str::to_owned)).collect()
    }
}

pub(super) fn read(mut section: Section<'_>, accounts: &BTreeMap<String, AccountConfig>) -> Condition {
    let condition = Condition {
        account: section.parsed("account", |node| known_account(node, accounts)),
        type_: section.text("type"),
        event: section.text("event"),
        event_key: section.text("event_key"),
        text: section.parsed("text", pattern),
    };
    let of_events = condition.event.is_some()
        || condition.type_.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("event"));
    if condition.event_key.is_some() && !of_events {
        let mistake =
            Mistake::new("can never hold: a route without `event` takes no events, and only they have keys");
        section.mistake("event_key", None, mistake.hint("add the event, like event = \"CLICK\""));
    }
    if condition.text.is_some() && of_events {
        let mistake = Mistake::new("can never hold: events have no text");
        section.mistake("text", None, mistake.hint("make two routes of it"));
    }
    section.finish();
    condition
}

fn known_account(node: &Node, accounts: &BTreeMap<String, AccountConfig>) -> Result<String, Mistake> {
    let name = value::text(node)?;
    if accounts.contains_key(&name) {
        return Ok(name);
    }
    let names = || accounts.keys().map(String::as_str);
    let hint = nearest(&name, names(), 0.5).map_or_else(
        || format!("known accounts: {}", names().collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    Err(Mistake::new(format!("names the unknown account `{name}`")).hint(hint))
}

fn pattern(node: &Node) -> Result<Regex, Mistake> {
    Regex::new(&value::text(node)?).map_err(|error| {
        // The whole text draws the pattern over several lines; its last one says what is wrong.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        Mistake::new(format!("is not a regular expression: {why}"))
            .hint("single quotes keep backslashes as they are: text = '^\\d+$'")
    })
}
