//! A pushed message with types: the fields that are documented, over the tree that has everything.
//!
//! Nothing here can fail once the tree is read. A field that is missing is empty, a kind or an event that this version
//! doesn't know is `Unknown`, and its elements are all in [`Message::tree`]: WeChat adds kinds and elements without
//! notice, and a message that isn't acknowledged is shown to the user as a fault of the account.
//!
//! Ids, names and numbers are trimmed, because WeChat sends some with blanks around; what a user or an operator wrote
//! (`Content`, `Label`, `EventKey`, titles) stays as it is. Ids and decimals stay text, whatever they look like; what is
//! counted is a number, or none if it can't be read. A list is what is in it, whatever the count beside it says.
//!
//! For programs in other languages the same value is [`Message::typed_json`], whose schema is `docs/message.md`.

mod event;
mod field;
mod head;
mod job;
mod kind;
mod origin;
mod subscription;
mod trigger;

use serde_json::{Value, json};

pub use event::Event;
pub use head::MessageHead;
pub use job::{ArticleLink, CopyrightArticle, CopyrightCheck, MassSendJob, PublishJob};
pub use kind::Kind;
pub use origin::Origin;
pub use subscription::{SubscriptionChoice, SubscriptionResult};
pub use trigger::{Trigger, UnknownTrigger};

use self::field::word;
use crate::body::{self, BodyError};
use crate::xml::Element;

/// One message or event that WeChat pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The account's original id, `gh_…` (`ToUserName`).
    pub to: String,
    /// The sender's OpenID (`FromUserName`). Empty for pushes that concern no user.
    pub from: String,
    /// When WeChat made it, in Unix seconds; 0 when missing or not a number.
    pub created_at: i64,
    /// What it is, with the typed fields.
    pub kind: Kind,
    /// Where a message came from, beyond its sender.
    pub origin: Origin,
    /// The body as read, every element included.
    pub tree: Element,
}

impl Message {
    /// Reads a plain body, XML or JSON; in the encrypted modes the inner one.
    ///
    /// # Errors
    /// Only what [`body::parse`] refuses; a well-formed message of any content is read.
    pub fn parse(body: &[u8]) -> Result<Message, BodyError> {
        body::parse(body).map(|parsed| Message::from_tree(parsed.tree))
    }

    /// Gives the tree types. Never fails: missing fields are empty.
    pub fn from_tree(tree: Element) -> Message {
        Message {
            to: word(&tree, "ToUserName"),
            from: word(&tree, "FromUserName"),
            created_at: MessageHead::of(&tree).created_at(),
            kind: Kind::of(&tree),
            origin: Origin::of(&tree),
            tree,
        }
    }

    /// What must be known of it before it is stored.
    pub fn head(&self) -> MessageHead<'_> {
        MessageHead::of(&self.tree)
    }

    /// `MsgType` as sent, trimmed; empty if missing.
    pub fn msg_type(&self) -> &str {
        self.head().msg_type()
    }

    /// `Event` as spelled, trimmed: compare it without regard to case. None if this isn't an event.
    pub fn event(&self) -> Option<&str> {
        self.head().event()
    }

    /// `EventKey` of an event, as it is; None if missing or empty.
    pub fn event_key(&self) -> Option<&str> {
        if !self.is_event() {
            return None;
        }
        self.tree.text_of("EventKey").filter(|key| !key.is_empty())
    }

    /// `MsgId`, trimmed: usually 17 or 19 digits, but a string. Events have none (their `MsgID` is the id of
    /// something that was sent).
    pub fn msg_id(&self) -> Option<&str> {
        self.head().msg_id()
    }

    /// What a push for a third-party platform is about: `InfoType` where there is no `MsgType`, trimmed. Such a push
    /// (`component_verify_ticket`, `authorized`…) is no message, and WeChat wants the literal answer `success`.
    pub fn info_type(&self) -> Option<&str> {
        if !self.msg_type().is_empty() {
            return None;
        }
        self.tree.text_of("InfoType").map(str::trim).filter(|info| !info.is_empty())
    }

    /// The text of a text message, perhaps empty; None for any other kind.
    pub fn content(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { content, .. } => Some(content),
            _ => None,
        }
    }

    /// What WeChat heard in a voice message, if it heard something.
    pub fn recognition(&self) -> Option<&str> {
        match &self.kind {
            Kind::Voice { recognition, .. } => recognition.as_deref(),
            _ => None,
        }
    }

    /// The typed value as JSON, by the schema in `docs/message.md`: `type`, for events `event` (both in lower case), and
    /// the fields of [`Kind`] and [`Event`] under their names here, all of them always; for messages also `msg_id` and
    /// `origin`. `null` if the kind or the event is unknown: then there is nothing but the tree.
    pub fn typed_json(&self) -> Value {
        if matches!(self.kind, Kind::Unknown | Kind::Event(Event::Unknown)) {
            return Value::Null;
        }
        // All maps in these types have texts as keys, and nothing else can fail.
        let mut typed = serde_json::to_value(&self.kind).unwrap_or_default();
        if let (Value::Object(typed), false) = (&mut typed, self.is_event()) {
            let origin = if self.origin.is_empty() { Value::Null } else { json!(self.origin) };
            typed.insert("msg_id".to_owned(), json!(self.msg_id()));
            typed.insert("origin".to_owned(), origin);
        }
        typed
    }

    /// What right to send this push opens.
    pub fn trigger(&self) -> Trigger {
        self.head().trigger()
    }

    /// Whether `MsgType` is `event`.
    pub fn is_event(&self) -> bool {
        self.head().is_event()
    }
}
