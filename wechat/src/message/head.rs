//! What must be known of a push before it is stored: whose it is, which one it is, and what right it opens.
//!
//! All of it is read off the tree where it is asked for, without the types and copies of a [`Message`](super::Message), which
//! takes the same from here: so a receiver and a worker can't come to different results.

use super::Trigger;
use super::field::trimmed;
use crate::xml::Element;

/// A pushed message's tree, asked for no more than its identity.
#[derive(Debug, Clone, Copy)]
pub struct MessageHead<'a> {
    pub(crate) tree: &'a Element,
}

impl<'a> MessageHead<'a> {
    /// The head of the message with this tree.
    pub fn of(tree: &'a Element) -> MessageHead<'a> {
        MessageHead { tree }
    }

    /// The account's original id, `gh_…` (`ToUserName`).
    pub fn to(self) -> &'a str {
        trimmed(self.tree, "ToUserName")
    }

    /// The sender's OpenID (`FromUserName`). Empty for pushes that concern no user.
    pub fn from(self) -> &'a str {
        trimmed(self.tree, "FromUserName")
    }

    /// When WeChat made it, in Unix seconds; 0 when missing or not a number.
    pub fn created_at(self) -> i64 {
        trimmed(self.tree, "CreateTime").parse().unwrap_or(0)
    }

    /// See [`Message::msg_type`](super::Message::msg_type).
    pub fn msg_type(self) -> &'a str {
        trimmed(self.tree, "MsgType")
    }

    /// See [`Message::is_event`](super::Message::is_event).
    pub fn is_event(self) -> bool {
        self.msg_type().eq_ignore_ascii_case("event")
    }

    /// See [`Message::event`](super::Message::event).
    pub fn event(self) -> Option<&'a str> {
        self.is_event().then(|| trimmed(self.tree, "Event"))
    }

    /// See [`Message::msg_id`](super::Message::msg_id).
    pub fn msg_id(self) -> Option<&'a str> {
        if self.is_event() {
            return None;
        }
        // The last, since WeChat's own comes behind all that a person wrote.
        self.tree.all("MsgId").last().map(|id| id.text.trim()).filter(|id| !id.is_empty())
    }

    /// What right to send the push opens.
    pub fn trigger(self) -> Trigger {
        let from_menu = !trimmed(self.tree, "bizmsgmenuid").is_empty();
        Trigger::of(self.msg_type(), self.event(), from_menu)
    }
}
