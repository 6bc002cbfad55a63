//! `[route.match]`: which messages a route takes.
//!
//! What can never hold is a mistake here, with the way out: a route that takes nothing looks like one that works until
//! the first user writes.

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
    /// WeChat's `EventKey`. At most one of this and the next two is given.
    pub event_key: Option<String>,
    /// What it begins with.
    pub event_key_prefix: Option<String>,
    /// A pattern that is found in it.
    pub event_key_pattern: Option<Regex>,
    /// A pattern that is found in the text.
    pub text: Option<Regex>,
    /// A pattern that is found in what WeChat recognised in a voice message.
    pub speech: Option<Regex>,
}

impl Condition {
    /// The names that its patterns give to what they capture.
    pub(super) fn captures(&self) -> BTreeSet<String> {
        let patterns = [&self.text, &self.speech, &self.event_key_pattern].into_iter().flatten();
        patterns.flat_map(|pattern| pattern.capture_names().flatten().map(str::to_owned)).collect()
    }
}

pub(super) fn read(mut section: Section<'_>, accounts: &BTreeMap<String, AccountConfig>) -> Condition {
    let condition = Condition {
        account: section.parsed("account", |node| known_account(node, accounts)),
        type_: section.text("type"),
        event: section.text("event"),
        event_key: section.text("event_key"),
        event_key_prefix: section.text("event_key_prefix"),
        event_key_pattern: section.parsed("event_key_pattern", |node| pattern("event_key_pattern", node)),
        text: section.parsed("text", |node| pattern("text", node)),
        speech: section.parsed("speech", |node| pattern("speech", node)),
    };
    for (key, mistake) in condition.contradictions() {
        section.mistake(key, None, mistake);
    }
    section.finish();
    condition
}

impl Condition {
    /// What can never hold, by the key that is in the way.
    fn contradictions(&self) -> Vec<(&'static str, Mistake)> {
        let mut found = Vec::new();
        let type_ = self.type_.as_deref();
        let is = |wanted: &str| type_.is_some_and(|type_| type_.eq_ignore_ascii_case(wanted));
        let of_events = self.event.is_some() || is("event");
        if let (Some(type_), true, false) = (type_, self.event.is_some(), is("event")) {
            let why = format!("can never hold: `type` is `{type_}`, and only events have an `event`");
            found.push(("event", Mistake::new(why).hint("leave `type` out")));
        }
        let keys = [
            ("event_key", self.event_key.is_some()),
            ("event_key_prefix", self.event_key_prefix.is_some()),
            ("event_key_pattern", self.event_key_pattern.is_some()),
        ];
        let mut first = None;
        for (key, _) in keys.into_iter().filter(|(_, given)| *given) {
            if let Some(first) = first {
                let mistake = Mistake::new(format!("is given together with `{first}`"));
                found.push((key, mistake.hint("leave one of them out: a pattern can say all of it")));
            } else if !of_events {
                let why = "can never hold: a route without `event` takes no events, and only they have keys";
                found.push((key, Mistake::new(why).hint("add the event, like event = \"CLICK\"")));
            }
            first = first.or(Some(key));
        }
        for (given, key, carrier, other_key, other_carrier) in [
            (self.text.is_some(), "text", "text", "speech", "voice"),
            (self.speech.is_some(), "speech", "voice", "text", "text"),
        ] {
            let mistake = match type_.filter(|_| !is(carrier)) {
                _ if !given => continue,
                _ if of_events => Mistake::new(format!("can never hold: events have no {key}"))
                    .hint("make two routes of it"),
                None => continue,
                Some(type_) => {
                    let why = format!("`type` is `{type_}`, and only a {carrier} message has `{key}`");
                    let hint = match is(other_carrier) {
                        true => format!("write `{other_key}` in its place, or leave `type` out"),
                        false => "leave `type` out".to_owned(),
                    };
                    Mistake::new(format!("can never hold: {why}")).hint(hint)
                }
            };
            found.push((key, mistake));
        }
        if self.text.is_some() && self.speech.is_some() && !of_events {
            let mistake =
                Mistake::new("can never hold together with `text`: no message is a text and a voice");
            found.push(("speech", mistake.hint("make two routes of it")));
        }
        found
    }
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

fn pattern(key: &str, node: &Node) -> Result<Regex, Mistake> {
    Regex::new(&value::text(node)?).map_err(|error| {
        // The whole text draws the pattern over several lines; its last one says what is wrong.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        Mistake::new(format!("is not a regular expression: {why}"))
            .hint(format!("single quotes keep backslashes as they are: {key} = '^\\d+$'"))
    })
}
