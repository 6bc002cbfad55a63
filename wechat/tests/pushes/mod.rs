//! Every push of WeChat's documentation: what it is as a value, as JSON, as a dedup key, and what it lets the account send.
//!
//! The rows are in [`messages`], [`events`] and, for what has no types, [`others`]; [`document`] holds `docs/message.md`
//! against the code.

mod document;
mod events;
mod lists;
mod messages;
mod others;
mod row;

use std::collections::HashSet;

use huixin_wechat::xml::Element;
use huixin_wechat::{Event, Kind, Message, Trigger};
use proptest::prelude::*;
use serde_json::Value;

use row::{Row, key_of, read};

fn typed() -> Vec<Row> {
    messages::rows().into_iter().chain(events::rows()).collect()
}

#[test]
fn every_message_and_event_has_its_value_json_key_and_trigger() {
    for row in typed() {
        let message = read(&row.body);
        assert_eq!(message.kind, row.kind, "{}", row.body);
        assert_eq!(message.typed_json(), row.json, "{}", row.body);
        assert_eq!(key_of(&row.body), row.key, "{}", row.body);
        assert_eq!(message.trigger(), row.trigger, "{}", row.body);
        assert_eq!(message.info_type(), None);
    }
}

#[test]
fn every_other_push_is_unknown_keeps_all_fields_and_gives_no_right() {
    for other in others::rows() {
        let message = read(&other.body());
        assert_eq!(message.kind, Kind::Event(Event::Unknown), "{}", other.name);
        assert_eq!(message.event(), Some(other.name));
        assert_eq!(message.typed_json(), Value::Null, "{}", other.name);
        assert_eq!(message.trigger(), Trigger::Silent, "{}", other.name);
        assert_eq!(message.tree.to_json(), other.fields(), "{}", other.name);
        assert_eq!(key_of(&other.body()), other.key(), "{}", other.name);
    }
}

#[test]
fn the_same_push_twice_is_one_whoever_writes_it_how() {
    let bodies =
        typed().into_iter().map(|row| row.body).chain(others::rows().into_iter().map(|row| row.body()));
    for body in bodies {
        let again = body
            .replace("]]></", "]]> </")
            .replace(">\n", ">\r\n  ")
            .replace("</xml>", "<Encrypt><![CDATA[new at every try]]></Encrypt></xml>");
        assert_ne!(body, again);
        let [first, second] = [&body, &again].map(|body| {
            let message = read(body);
            message.dedup_key("main", b"the inner body")
        });
        assert_eq!(first, second, "{body}");
    }
}

#[test]
fn no_two_rows_are_one_push() {
    let rows = typed();
    let bodies: HashSet<&str> = rows.iter().map(|row| row.body.as_str()).collect();
    assert_eq!(bodies.len(), rows.len(), "a row is there twice");
    let events = rows.iter().filter(|row| matches!(row.kind, Kind::Event(_)));
    let keys: Vec<_> = events.map(|row| read(&row.body).dedup_key("main", b"")).collect();
    let distinct: HashSet<_> = keys.iter().collect();
    assert_eq!(keys.len() - distinct.len(), events::WRITTEN_TWICE);
}

proptest! {
    #[test]
    fn whatever_the_elements_say_nothing_panics(
        names in prop::collection::vec(prop::sample::select(names()), 0..12),
        texts in prop::collection::vec("\\PC{0,8}|[0-9]{0,24}|event|err\\([0-9]{1,22}\\)", 12),
        nested in any::<bool>(),
    ) {
        let mut tree = Element::new("xml");
        for (name, text) in names.iter().zip(texts) {
            let mut element = Element::leaf(*name, text.clone());
            if nested {
                element.push(Element::leaf("List", text.clone())).push(Element::leaf("item", text));
            }
            tree.push(element);
        }
        let message = Message::from_tree(tree);
        let typed = message.typed_json();
        let unknown = matches!(message.kind, Kind::Unknown | Kind::Event(Event::Unknown));
        prop_assert_eq!(typed.is_null(), unknown);
        prop_assert_eq!(message.dedup_key("main", b"x"), message.clone().dedup_key("main", b"x"));
    }
}

/// Names that mean something somewhere.
fn names() -> Vec<&'static str> {
    vec![
        "MsgType",
        "Event",
        "EventKey",
        "MsgId",
        "MsgID",
        "CreateTime",
        "Status",
        "TotalCount",
        "ScanCodeInfo",
        "SendPicsInfo",
        "SendLocationInfo",
        "PublishEventInfo",
        "fail_idx",
        "CopyrightCheckResult",
        "ArticleUrlResult",
        "SubscribeMsgSentEvent",
        "List",
        "Idx",
        "FileTotalLen",
        "InfoType",
    ]
}
