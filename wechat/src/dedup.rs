//! By what name a message is known when WeChat pushes it again.
//!
//! WeChat's documentation gives `MsgId` for messages and sender plus `CreateTime` for events. Both have been seen to
//! collide in production: several users' voice messages with one `MsgId`, and different events of one user in one
//! second. So the keys here are wider: whatever is the same in every push of a message and may differ between two.
//! They are made from the inner body, because the encrypted envelope is new at every try.
//!
//! **Events** have no id. Sender, second, `Event`, `EventKey`, `MsgID`, `UserCardCode` and `Ticket` tell apart what a
//! person does, but not what WeChat reports in bulk: two results of notifications to one user, two reviewed pictures,
//! two publications, two approved cards of one second have their ids in a list, a container, or a field of their own,
//! and new events come with new ones. Is the rest of the body fit for a key? It describes what happened, which doesn't
//! change between tries; but WeChat nowhere says that it pushes the same bytes again. So the key gets a digest,
//! not of the bytes but of the *content*, which layout, CDATA, the order of elements and the `Encrypt` of compatible
//! mode don't change. And it gets one only where the safer error is to take one event for two:
//!
//! - Events that only report (`Silent`) have it. If WeChat did change something between two tries, a handler would run
//!   twice, as it may at any crash, over a push that opens no right to send; two events taken for one would lose one for
//!   good.
//! - Events that open the right to send, and `unsubscribe`, don't. Here a repeat would be a second answer to the user, and
//!   the fields above do tell apart what one person can do in one second. For `scancode_…`, whose key is only the button's,
//!   the result of the scan counts too.
//!
//! A key is text, its fields joined by `|`. A `|` inside a field is escaped, so that no two different tuples make one
//! key; a very long field (a link in `EventKey`) is replaced by its digest, so that keys stay small in a store that
//! remembers every one for hours. Keys hold OpenIDs: what is shown or logged is [`DedupKey::opaque_id`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use derive_more::Debug;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::message::{Message, MessageHead, Trigger};
use crate::signature::hex;
use crate::xml::Element;

/// The dedup key of one message. It prints as its opaque id: a key in a log would be an OpenID in a log.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[debug("DedupKey({})", self.opaque_id())]
pub struct DedupKey(String);

impl DedupKey {
    /// The key of a message that was read from `body`. `account` is the configured account's name.
    ///
    /// An event: `e`, account, `ToUserName`, `FromUserName`, `CreateTime`, `Event` in lower case, `EventKey`, `MsgID`,
    /// `UserCardCode`, `Ticket`, and, if anything is left that counts, a digest of it. A message with an id: `m`,
    /// account, `ToUserName`, `FromUserName`, `MsgId`. Any other: `h`, account, `FromUserName`, `CreateTime`, `MsgType`,
    /// SHA-1 of the body.
    pub fn of(head: MessageHead<'_>, account: &str, body: &[u8]) -> DedupKey {
        let field = |name| head.tree.text_of(name).unwrap_or_default().trim();
        if let Some(event) = head.event() {
            let event = event.to_ascii_lowercase();
            let mut fields = vec![
                "e",
                account,
                head.to(),
                head.from(),
                field("CreateTime"),
                &event,
                field("EventKey"),
                field("MsgID"),
                field("UserCardCode"),
                field("Ticket"),
            ];
            let rest = rest_of_event(head);
            fields.extend(rest.as_deref());
            return DedupKey::join(&fields);
        }
        match head.msg_id() {
            Some(id) => DedupKey::join(&["m", account, head.to(), head.from(), id]),
            None => {
                let digest = sha1_hex(body);
                let when = field("CreateTime");
                DedupKey::join(&["h", account, head.from(), when, head.msg_type(), &digest])
            }
        }
    }

    /// The key of a body that can't be read: `u`, account, SHA-1 of the body.
    pub fn of_unreadable(account: &str, body: &[u8]) -> DedupKey {
        DedupKey::join(&["u", account, &sha1_hex(body)])
    }

    /// The key, for a store. It may hold an OpenID.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id for people, logs and other systems: an `m` (a hyphen in front would read as a flag on a command line) and 22
    /// characters of `A–Z a–z 0–9 - _`. It is the same for the same key, and nothing of the key can be read from it.
    pub fn opaque_id(&self) -> String {
        ["m", &digest_text(self.0.as_bytes())].concat()
    }

    fn join(fields: &[&str]) -> DedupKey {
        let mut key = String::with_capacity(fields.iter().map(|field| field.len() + 1).sum());
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                key.push('|');
            }
            if field.len() > LONGEST_FIELD_BYTES {
                key.push('~');
                key.push_str(&digest_text(field.as_bytes()));
            } else if memchr::memchr3(b'|', b'\\', b'~', field.as_bytes()).is_some() {
                for c in field.chars() {
                    if matches!(c, '|' | '\\' | '~') {
                        key.push('\\');
                    }
                    key.push(c);
                }
            } else {
                key.push_str(field);
            }
        }
        DedupKey(key)
    }
}

impl MessageHead<'_> {
    /// See [`Message::dedup_key`].
    pub fn dedup_key(self, account: &str, body: &[u8]) -> DedupKey {
        DedupKey::of(self, account, body)
    }
}

impl Message {
    /// The name by which a repeated push of this message is known. `account` is the configured account's name, `body`
    /// the bytes that the message was read from.
    pub fn dedup_key(&self, account: &str, body: &[u8]) -> DedupKey {
        self.head().dedup_key(account, body)
    }
}

/// A field longer than this is replaced by its digest.
const LONGEST_FIELD_BYTES: usize = 128;

/// The elements that an event's key has as they are, or that say nothing about the event.
const NAMED: [&str; 10] = [
    "ToUserName",
    "FromUserName",
    "CreateTime",
    "MsgType",
    "Event",
    "EventKey",
    "MsgID",
    "UserCardCode",
    "Ticket",
    "Encrypt",
];

/// The digest of the other elements, as far as they count.
fn rest_of_event(head: MessageHead<'_>) -> Option<String> {
    let reports = head.trigger() == Trigger::Silent;
    let counts = |element: &&Element| {
        let is = |name: &str| element.name.eq_ignore_ascii_case(name);
        if reports { !NAMED.into_iter().any(is) } else { is("ScanCodeInfo") }
    };
    let rest: Vec<&Element> = head.tree.children.iter().filter(counts).collect();
    if rest.is_empty() {
        return None;
    }
    let mut content = Vec::new();
    append(&mut content, rest);
    Some(digest_text(&content))
}

/// Appends elements so that no two different contents make the same bytes. The order among elements of one name is that of a
/// list and counts; the order of others doesn't.
fn append(content: &mut Vec<u8>, mut elements: Vec<&Element>) {
    elements.sort_by(|a, b| a.name.cmp(&b.name));
    content.extend((elements.len() as u64).to_be_bytes());
    for element in elements {
        for text in [&element.name, &element.text] {
            content.extend((text.len() as u64).to_be_bytes());
            content.extend(text.as_bytes());
        }
        append(content, element.children.iter().collect());
    }
}

fn sha1_hex(body: &[u8]) -> String {
    hex(&Sha1::digest(body))
}

/// The first 16 bytes of SHA-256, as base64url without padding.
fn digest_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..16])
}
