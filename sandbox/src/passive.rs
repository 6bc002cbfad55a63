//! The answer to a push, judged as WeChat judges it.
//!
//! `success` and nothing at all are acks. A reply is XML with the two parties the right way round, a time in seconds and a
//! type that exists. Everything else (JSON, HTML, a debug line before the XML, a trailing newline after `success`) is a
//! faulty server, and the user sees so at once: being lenient here would hide from a test what a user would see.

use huixin_wechat::xml::{self, Element};

use crate::{OpenId, SandboxAccount, TryOutcome};

/// What the body of a 200 answer means.
pub(crate) fn judge(account: &SandboxAccount, user: &OpenId, body: &[u8]) -> TryOutcome {
    if body.is_empty() || body == b"success" {
        return TryOutcome::Acked;
    }
    match read_reply(account, user, body) {
        Ok(text) => TryOutcome::PassiveReply(text),
        Err(reason) => TryOutcome::BadReply(format!("{reason}: {}", beginning(body))),
    }
}

fn read_reply(account: &SandboxAccount, user: &OpenId, body: &[u8]) -> Result<String, &'static str> {
    let tree = xml::parse(body).map_err(|_| "neither an ack nor XML")?;
    if tree.text_of("ToUserName") != Some(user.as_str()) {
        return Err("ToUserName is not the user");
    }
    if tree.text_of("FromUserName") != Some(account.original_id.as_str()) {
        return Err("FromUserName is not the account");
    }
    let seconds = tree.text_of("CreateTime").and_then(|time| time.parse::<u32>().ok());
    if seconds.is_none() {
        return Err("CreateTime is not in seconds");
    }
    let kind = tree.text_of("MsgType").unwrap_or_default();
    match kind {
        "text" => text_of_reply(&tree),
        "image" | "voice" | "video" | "music" | "news" | "transfer_customer_service" => {
            Ok(format!("[{kind}]"))
        }
        _ => Err("MsgType is unknown"),
    }
}

fn text_of_reply(tree: &Element) -> Result<String, &'static str> {
    match tree.text_of("Content").unwrap_or_default() {
        "" => Err("Content is empty"),
        content if content.len() > 2048 => Err("Content is over 2048 bytes"),
        content => Ok(content.to_owned()),
    }
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}
