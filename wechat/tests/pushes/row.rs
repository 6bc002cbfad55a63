//! A row of the table: a push, and all that is made of it.

use huixin_wechat::{Event, Kind, Message, Trigger};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "gh_0123456789ab";
pub(crate) const USER: &str = "oFakeOpenId_0123456789abcdef";
pub(crate) const MSG_ID: &str = "24801004976846051";

/// A push, and what is expected of it.
pub(crate) struct Row {
    /// The whole body.
    pub(crate) body: String,
    pub(crate) kind: Kind,
    /// The whole of the typed JSON.
    pub(crate) json: Value,
    /// As [`key_of`] gives it.
    pub(crate) key: String,
    pub(crate) trigger: Trigger,
}

/// A message. `json` is without what all messages have.
pub(crate) fn message(msg_type: &str, rest: &str, kind: Kind, mut json: Value, trigger: Trigger) -> Row {
    json["type"] = json!(msg_type);
    json["msg_id"] = json!(MSG_ID);
    json["origin"] = Value::Null;
    let body = push(msg_type, &format!("{rest}\n<MsgId>{MSG_ID}</MsgId>"));
    Row { body, kind, json, key: format!("m|main|{ACCOUNT}|{USER}|{MSG_ID}"), trigger }
}

/// An event. `json` is without its name; `key` is what the dedup key has behind the name.
pub(crate) fn event(
    name: &str,
    rest: &str,
    event: Event,
    mut json: Value,
    key: &str,
    trigger: Trigger,
) -> Row {
    let lower = name.to_ascii_lowercase();
    json["type"] = json!("event");
    json["event"] = json!(lower.strip_prefix("free").unwrap_or(&lower));
    let key = format!("e|main|{ACCOUNT}|{USER}|1718000010|{lower}|{key}");
    Row { body: event_body(name, rest), kind: Kind::Event(event), json, key, trigger }
}

/// A body with the common elements.
pub(crate) fn push(msg_type: &str, rest: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName>\n<FromUserName><![CDATA[{USER}]]></FromUserName>\n\
         <CreateTime>1718000010</CreateTime>\n<MsgType><![CDATA[{msg_type}]]></MsgType>\n{rest}\n</xml>"
    )
}

/// The body of an event.
pub(crate) fn event_body(name: &str, rest: &str) -> String {
    push("event", &format!("<Event><![CDATA[{name}]]></Event>\n{rest}"))
}

pub(crate) fn read(body: &str) -> Message {
    Message::parse(body.as_bytes()).unwrap()
}

/// The dedup key as text, with `#` for the digest of the rest of an event.
pub(crate) fn key_of(body: &str) -> String {
    let key = read(body).dedup_key("main", body.as_bytes());
    let mut parts: Vec<&str> = key.as_str().split('|').collect();
    if parts[0] == "e" && parts.len() == 11 {
        assert_eq!(parts[10].len(), 22, "a digest of 16 bytes");
        parts[10] = "#";
    }
    parts.join("|")
}
