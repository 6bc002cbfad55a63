//! By what name a message is known when WeChat pushes it again.
//!
//! WeChat's documentation gives `MsgId` for messages and sender plus `CreateTime` for events. Both have been seen to
//! collide in production: several users' voice messages with one `MsgId`, and different events of one user in one
//! second. So the keys here are wider: whatever is the same in every push of a message and may differ between two.
//! They are made from the inner body, because the encrypted envelope is new at every try.
//!
//! A key is text, its fields joined by `|`. A `|` inside a field is escaped, so that no two different tuples make one
//! key; a very long field (a link in `EventKey`) is replaced by its digest, so that keys stay small in a store that
//! remembers every one for hours. Keys hold OpenIDs: what is shown or logged is [`DedupKey::opaque_id`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::message::Message;
use crate::signature::hex;

/// The dedup key of one message.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DedupKey(String);

impl DedupKey {
    /// The key of a message that was read from `body`. `account` is the configured account's name.
    ///
    /// An event: `e`, account, `ToUserName`, `FromUserName`, `CreateTime`, `Event` in lower case, `EventKey`, `MsgID`,
    /// `UserCardCode`, `Ticket`. A message with an id: `m`, account, `ToUserName`, `FromUserName`, `MsgId`. Any other:
    /// `h`, account, `FromUserName`, `CreateTime`, `MsgType`, SHA-1 of the body.
    pub fn of(message: &Message, account: &str, body: &[u8]) -> DedupKey {
        let field = |name| message.tree.text_of(name).unwrap_or_default().trim();
        if let Some(event) = message.event() {
            return DedupKey::join(&[
                "e",
                account,
                &message.to,
                &message.from,
                field("CreateTime"),
                &event.to_ascii_lowercase(),
                field("EventKey"),
                field("MsgID"),
                field("UserCardCode"),
                field("Ticket"),
            ]);
        }
        match message.msg_id() {
            Some(id) => DedupKey::join(&["m", account, &message.to, &message.from, id]),
            None => {
                let digest = sha1_hex(body);
                let when = field("CreateTime");
                DedupKey::join(&["h", account, &message.from, when, message.msg_type(), &digest])
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

    /// An id for people, logs and other systems: 22 characters of `A–Z a–z 0–9 - _`, the same for the same key, from
    /// which nothing of the key can be read.
    pub fn opaque_id(&self) -> String {
        digest_text(self.0.as_bytes())
    }

    fn join(fields: &[&str]) -> DedupKey {
        let mut key = String::new();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                key.push('|');
            }
            if field.len() > LONGEST_FIELD_BYTES {
                key.push('~');
                key.push_str(&digest_text(field.as_bytes()));
            } else {
                for c in field.chars() {
                    if matches!(c, '|' | '\\' | '~') {
                        key.push('\\');
                    }
                    key.push(c);
                }
            }
        }
        DedupKey(key)
    }
}

/// Debug shows the opaque id: a key in a log would be an OpenID in a log.
impl fmt::Debug for DedupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DedupKey({})", self.opaque_id())
    }
}

/// A field longer than this is replaced by its digest.
const LONGEST_FIELD_BYTES: usize = 128;

fn sha1_hex(body: &[u8]) -> String {
    hex(&Sha1::digest(body))
}

/// The first 16 bytes of SHA-256, as base64url without padding.
fn digest_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..16])
}
