//! Subscription notifications (订阅通知): what a user chose, and what became of a notification.
//!
//! XML has a container of its own for each event, with `List` repeated in it; JSON has `List` at the top level, an array
//! or, for one entry, an object. In the tree the two differ only in the container, so both places are read.

use serde::Serialize;

use super::field::{number, word};
use crate::xml::Element;

/// A user's choice for one template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionChoice {
    /// The template.
    pub template_id: String,
    /// `SubscribeStatusString`: `accept` or `reject`.
    pub status: String,
    /// `PopupScene`, where the user was asked: 1 a web page, 2 an article, 0 a mini program. None
    /// when WeChat doesn't say, as when the user changed the choice later.
    pub popup_scene: Option<u64>,
}

/// What became of one notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionResult {
    /// The template.
    pub template_id: String,
    /// `MsgID`, the id of the notification that was sent. No inbound message has an id of this kind.
    pub sent_id: String,
    /// `ErrorCode`: 0 is success.
    pub error_code: Option<i64>,
    /// `ErrorStatus`, the code in words.
    pub error_status: String,
}

impl SubscriptionChoice {
    pub(super) fn all(tree: &Element, container: &str) -> Vec<SubscriptionChoice> {
        let choice = |entry: &Element| SubscriptionChoice {
            template_id: word(entry, "TemplateId"),
            status: word(entry, "SubscribeStatusString"),
            popup_scene: number(entry, "PopupScene"),
        };
        entries(tree, container).map(choice).collect()
    }
}

impl SubscriptionResult {
    pub(super) fn all(tree: &Element, container: &str) -> Vec<SubscriptionResult> {
        let result = |entry: &Element| SubscriptionResult {
            template_id: word(entry, "TemplateId"),
            sent_id: word(entry, "MsgID"),
            error_code: number(entry, "ErrorCode"),
            error_status: word(entry, "ErrorStatus"),
        };
        entries(tree, container).map(result).collect()
    }
}

/// The entries in the container, then those at the top level; an element without anything in it is none.
fn entries<'a>(tree: &'a Element, container: &'a str) -> impl Iterator<Item = &'a Element> {
    let inside = tree.all(container).flat_map(|container| container.all("List"));
    inside.chain(tree.all("List")).filter(|entry| !entry.children.is_empty())
}
