//! `docs/message.md` against the code: every example, every name in a table, every value's type, and no kind left out.
//!
//! A part of the document is what stands under one heading with names in code: a table of the names in the JSON, and
//! pairs of a push and its JSON. A heading with several names is for several events of one form; an example of the first
//! stands for all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::row::{push, read};
use super::typed;

const DOCUMENT: &str = include_str!("../../../docs/message.md");

/// What every `typed` has, or every one of a message.
const COMMON: [&str; 4] = ["type", "event", "msg_id", "origin"];

/// What stands under one heading.
struct Part<'a> {
    /// The names in the heading; none for the part about every message.
    names: Vec<&'a str>,
    /// Whether they are names of events.
    events: bool,
    /// Name to value, of the table.
    table: BTreeMap<&'a str, &'a str>,
    examples: Vec<(&'a str, Value)>,
}

fn parts() -> Vec<Part<'static>> {
    let (before, events) = DOCUMENT.split_once("\n## Events\n").unwrap();
    let (before, messages) = before.split_once("\n## Messages\n").unwrap();
    let common = before.split_once("\n## Every message\n").unwrap().1;
    let mut parts = vec![part("", common, false)];
    for (text, events) in [(messages, false), (events, true)] {
        for under in text.split("\n### ").skip(1) {
            let (heading, text) = under.split_once('\n').unwrap();
            parts.push(part(heading, text, events));
        }
    }
    assert!(parts.len() > 20);
    parts
}

fn part(heading: &'static str, text: &'static str, events: bool) -> Part<'static> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let table = rows.map(|row| {
        let (name, rest) = row.split_once("` | ").unwrap();
        (name, rest.split_once(" | ").unwrap().0)
    });
    let (pushes, values) = (blocks(text, "xml"), blocks(text, "json"));
    assert!(!pushes.is_empty() && pushes.len() == values.len(), "{heading}: a push without its JSON");
    let values = values.into_iter().map(|json| serde_json::from_str(json).unwrap());
    Part {
        names: heading.split('`').skip(1).step_by(2).collect(),
        events,
        table: table.collect(),
        examples: pushes.into_iter().zip(values).collect(),
    }
}

fn blocks(text: &'static str, language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

impl Part<'_> {
    /// The body of a push with nothing in it but its name.
    fn bare(&self, name: &str) -> String {
        if self.events { push("event", &format!("<Event>{name}</Event>")) } else { push(name, "") }
    }

    /// Holds a JSON against the table: whether it has other names, or a value of another type.
    fn assert_describes(&self, typed: &Value) {
        for (name, value) in names_in(typed) {
            let kind = self.table.get(name.as_str());
            let kind = kind.unwrap_or_else(|| panic!("{:?}: `{name}` isn't in the table", self.names));
            assert!(is(kind, value), "{:?}: `{name}` is no {kind}: {value}", self.names);
        }
    }
}

/// All names in a JSON, by their path, but the common ones.
fn names_in(typed: &Value) -> Vec<(String, &Value)> {
    let mut names = Vec::new();
    walk("", typed, &mut names);
    names.retain(|(name, _)| !COMMON.contains(&name.split('.').next().unwrap()));
    names
}

fn walk<'a>(path: &str, value: &'a Value, names: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                names.push((path.clone(), value));
                walk(&path, value, names);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| walk(&format!("{path}[]"), value, names)),
        _ => {}
    }
}

/// Whether a value is what the table's second column says.
fn is(kind: &str, value: &Value) -> bool {
    let all = |is: fn(&Value) -> bool| value.as_array().is_some_and(|list| list.iter().all(is));
    match kind {
        "text" => value.is_string(),
        "number" => value.is_u64() || value.is_i64(),
        "object" => value.is_object(),
        "true or false" => value.is_boolean(),
        "list of texts" => all(Value::is_string),
        "list of numbers" => all(Value::is_u64),
        "list of objects" => all(Value::is_object),
        kind => match kind.strip_suffix(" or null") {
            Some(kind) => value.is_null() || is(kind, value),
            None => panic!("{kind:?} is no type"),
        },
    }
}

#[test]
fn every_push_in_the_document_is_the_json_beside_it() {
    let common = blocks(DOCUMENT, "xml")[0];
    for part in parts() {
        for (fragment, value) in &part.examples {
            let first = part.names.first().copied().unwrap_or_default();
            let others = part.names.iter().skip(1).filter(|_| part.examples.len() == 1);
            for name in others.chain([&first]) {
                let fragment =
                    if first.is_empty() { (*fragment).to_owned() } else { fragment.replace(first, name) };
                let text = value.to_string();
                let expected = if first.is_empty() { text } else { text.replace(first, name) };
                let typed = read(&format!("<xml>{common}{fragment}</xml>")).typed_json();
                assert_eq!(typed, serde_json::from_str::<Value>(&expected).unwrap(), "{fragment}");
            }
        }
    }
}

#[test]
fn every_table_has_the_names_of_its_examples_and_no_others() {
    for part in parts().iter().skip(1) {
        let shown: BTreeSet<String> =
            part.examples.iter().flat_map(|(_, value)| names_in(value)).map(|(name, _)| name).collect();
        let listed: BTreeSet<String> = part.table.keys().map(|&name| name.to_owned()).collect();
        assert_eq!(shown, listed, "{:?}", part.names);
    }
    let common = &parts()[0];
    let mut typed = common.examples[0].1.clone();
    let names: BTreeSet<&str> = ["type", "msg_id", "origin"].into();
    typed.as_object_mut().unwrap().retain(|name, _| names.contains(name.as_str()));
    let mut shown = Vec::new();
    walk("", &typed, &mut shown);
    assert_eq!(
        shown.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
        common.table.keys().copied().collect()
    );
    assert!(shown.iter().all(|(name, value)| is(common.table[name.as_str()], value)));
}

#[test]
fn the_document_describes_every_typed_push_of_the_table() {
    let parts = parts();
    let mut seen = BTreeSet::new();
    for row in typed() {
        let name = |name: &str| row.json[name].as_str();
        let events = name("type") == Some("event");
        let name = if events { name("event") } else { name("type") }.unwrap();
        let part = parts.iter().find(|part| part.events == events && part.names.contains(&name));
        part.unwrap_or_else(|| panic!("{name} isn't in the document")).assert_describes(&row.json);
        seen.insert((events, name.to_owned()));
    }
    for part in &parts {
        for &name in &part.names {
            assert!(seen.contains(&(part.events, name.to_owned())), "the table test has no row for {name}");
        }
    }
}

#[test]
fn a_push_with_nothing_in_it_has_null_where_the_document_says_so_and_all_names() {
    for part in parts().iter().skip(1) {
        for name in &part.names {
            let typed = read(&part.bare(name)).typed_json();
            let names = names_in(&typed);
            let listed = part.table.keys().filter(|name| !name.contains(['.', '[']));
            assert_eq!(names.len(), listed.count(), "{name}: {typed}");
            for (path, value) in names {
                let expected = match part.table[path.as_str()] {
                    kind if kind.ends_with(" or null") => Value::Null,
                    kind if kind.starts_with("list") => json!([]),
                    "true or false" => json!(false),
                    _ => json!(""),
                };
                assert_eq!(*value, expected, "{name}: {path}");
            }
        }
    }
}
