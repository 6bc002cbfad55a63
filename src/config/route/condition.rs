//! `[route.match]`: which messages a route takes.
//!
//! A condition that can never hold is a mistake here, reported with the way out: a route that takes nothing looks like
//! one that works until the first user writes.

use std::collections::BTreeMap;

use huixin_wechat::{Event, Kind};
use huixin_worker::Condition;

use super::names::CaptureNames;
use super::pattern;
use crate::config::account::AccountConfig;
use crate::config::node::Node;
use crate::config::problem::{Mistake, nearest};
use crate::config::section::Section;
use crate::config::value;

/// The condition, and what its patterns capture.
pub(super) fn read(
    mut section: Section<'_>,
    accounts: &BTreeMap<String, AccountConfig>,
) -> (Condition, CaptureNames) {
    let patterns = ["text", "speech", "event_key_pattern"].into_iter().filter(|key| section.has(key)).count();
    let condition = Condition {
        account: section.parsed("account", |node| known_account(node, accounts)),
        kind: type_(&mut section),
        event: event(&mut section),
        event_key: section.text("event_key"),
        event_key_prefix: section.text("event_key_prefix"),
        event_key_pattern: section
            .parsed("event_key_pattern", |node| pattern::read("event_key_pattern", node)),
        text: section.parsed("text", |node| pattern::read("text", node)),
        speech: section.parsed("speech", |node| pattern::read("speech", node)),
    };
    for (key, mistake) in contradictions(&condition) {
        section.mistake(key, None, mistake);
    }
    let read: Vec<_> =
        [&condition.text, &condition.speech, &condition.event_key_pattern].into_iter().flatten().collect();
    let captures = CaptureNames::of(read.iter().copied(), read.len() < patterns);
    (condition, captures)
}

/// What can never hold, by the key that is in the way.
fn contradictions(condition: &Condition) -> Vec<(&'static str, Mistake)> {
    let mut found = Vec::new();
    let type_ = condition.kind.as_deref();
    let is = |wanted: &str| type_.is_some_and(|type_| type_.eq_ignore_ascii_case(wanted));
    let of_events = condition.event.is_some() || is("event");
    if let (Some(type_), true, false) = (type_, condition.event.is_some(), is("event")) {
        let why = format!("can never hold: `type` is `{type_}`, and only events have an `event`");
        found.push(("event", Mistake::new(why).hint("leave `type` out")));
    }
    let keys = [
        ("event_key", condition.event_key.is_some()),
        ("event_key_prefix", condition.event_key_prefix.is_some()),
        ("event_key_pattern", condition.event_key_pattern.is_some()),
    ];
    let mut first = None;
    for (key, _) in keys.into_iter().filter(|(_, given)| *given) {
        if let Some(first) = first {
            let mistake = Mistake::new(format!("is given together with `{first}`"));
            found.push((key, mistake.hint("leave one of them out: one pattern can cover both")));
        } else if !of_events {
            let why = "can never hold: a route without `event` takes no events, and only they have keys";
            found.push((key, Mistake::new(why).hint("add the event, like event = \"CLICK\"")));
        }
        first = first.or(Some(key));
    }
    for (given, key, carrier, other_key, other_carrier) in [
        (condition.text.is_some(), "text", "text", "speech", "voice"),
        (condition.speech.is_some(), "speech", "voice", "text", "text"),
    ] {
        let mistake = match type_.filter(|_| !is(carrier)) {
            _ if !given => continue,
            _ if of_events => {
                Mistake::new(format!("can never hold: events have no {key}")).hint("make two routes of it")
            }
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
    if condition.text.is_some() && condition.speech.is_some() && !of_events {
        let mistake = Mistake::new("can never hold together with `text`: no message is a text and a voice");
        found.push(("speech", mistake.hint("make two routes of it")));
    }
    found
}
fn known_account(node: &Node, accounts: &BTreeMap<String, AccountConfig>) -> Result<String, Mistake> {
    let name = value::text(node)?;
    if accounts.contains_key(&name) {
        return Ok(name);
    }
    Err(Mistake::unknown("account", &name, accounts.keys().map(String::as_str)))
}

/// A type that this version doesn't know is doubted and not refused: WeChat adds types without notice, their messages have
/// all that was pushed in `fields`, and nobody should wait for a new version to route them.
fn type_(section: &mut Section<'_>) -> Option<String> {
    doubted(section, "type", &Kind::TYPES, |text| {
        let near = nearest(text, Kind::TYPES, 0.5)
            .map(|near| format!("did you mean `{near}`? "))
            .unwrap_or_default();
        let hint = format!("{near}known types: {}", Kind::TYPES.join(", "));
        Some((format!("is `{text}`, a type of message that this version doesn't know"), hint))
    })
}

/// There are some hundred events, and those that have no type in Huixin are just as good: only a name close to a known
/// one is doubted.
fn event(section: &mut Section<'_>) -> Option<String> {
    doubted(section, "event", &Event::NAMES, |text| {
        let near = nearest(&text.to_ascii_lowercase(), Event::NAMES, 0.8)?;
        Some((
            format!("is `{text}`, an event that this version doesn't know"),
            format!("did you mean `{near}`?"),
        ))
    })
}

fn doubted(
    section: &mut Section<'_>,
    key: &'static str,
    known: &[&str],
    doubt: impl FnOnce(&str) -> Option<(String, String)>,
) -> Option<String> {
    let node = section.origin_of(key);
    let text = section.text(key)?;
    if !known.iter().any(|known| known.eq_ignore_ascii_case(&text))
        && let Some((message, hint)) = doubt(&text)
    {
        section.doubt(key, node.as_ref(), Mistake::new(message).hint(hint));
    }
    Some(text)
}
