//! The answer to a push, read as WeChat reads it.
//!
//! `success` and nothing at all are acks. A reply is XML in one of seven forms, with the two parties of the push the other
//! way round and a time in seconds; sealed in safe mode, as it likes in compatible mode. Everything else (JSON, HTML, a
//! debug line before the XML, a trailing newline after `success`) is a faulty server, and the user sees so at once: being
//! lenient here would hide from a test what a user would see.
//!
//! The limits are WeChat's, written down here: asking the code that makes replies would find none of its mistakes.
//!
//! What was read has the shape of a customer-service message, so that there is one form to show and to look at.

use huixin_wechat::{
    envelope::open,
    sign,
    xml::{self, Element},
};
use serde_json::{Value, json};

use crate::{MediaKind, Mode, Push, SandboxAccount};

/// The most bytes of a text.
const MAX_TEXT_BYTES: usize = 2_047;
/// How many articles are shown in answer to an event.
const MAX_ARTICLES: usize = 8;

/// A reply that WeChat would show.
pub(crate) struct PassiveMessage {
    /// Its `MsgType`.
    pub(crate) kind: String,
    /// Its text, when it is one.
    pub(crate) text: Option<String>,
    /// The whole of it, as a customer-service message would have it.
    pub(crate) message: Value,
    /// The media that the account must have.
    pub(crate) media: Vec<(String, MediaKind)>,
}

type Read<T> = Result<T, &'static str>;

/// What the body of a 200 answer says: nothing, or a message. The error tells what is wrong, with the body's beginning.
pub(crate) fn read(
    account: &SandboxAccount,
    push: &Push,
    body: &[u8],
) -> Result<Option<PassiveMessage>, String> {
    if body.is_empty() || body == b"success" {
        return Ok(None);
    }
    let message = opened(account, body).and_then(|tree| message_of(account, push, &tree));
    message.map(Some).map_err(|reason| format!("{reason}: {}", beginning(body)))
}

/// The reply itself, whether it came sealed or not.
fn opened(account: &SandboxAccount, body: &[u8]) -> Read<Element> {
    let outer = tree_of(body)?;
    let key = account.sealing_key();
    let Some(encrypt) = outer.text_of("Encrypt").map(str::trim) else {
        let must_be_sealed = key.is_some() && account.mode == Mode::Safe;
        return if must_be_sealed { Err("it is not sealed") } else { Ok(outer) };
    };
    let key = key.ok_or("it is sealed, and the account is in plain mode")?;
    let of = |name| outer.text_of(name).unwrap_or_default();
    if sign(&[&account.token, of("TimeStamp"), of("Nonce"), encrypt]) != of("MsgSignature") {
        return Err("MsgSignature is wrong");
    }
    tree_of(&open(key, &account.app_id, encrypt).map_err(|_| "Encrypt can't be opened")?)
}

fn tree_of(body: &[u8]) -> Read<Element> {
    let bare = body.trim_ascii();
    if !bare.starts_with(b"<xml>") || !bare.ends_with(b"</xml>") {
        return Err("neither an ack nor XML");
    }
    xml::parse(bare).map_err(|_| "neither an ack nor XML")
}

fn message_of(account: &SandboxAccount, push: &Push, tree: &Element) -> Read<PassiveMessage> {
    let (from, to) = push.parties(&account.original_id);
    if tree.text_of("ToUserName") != Some(from.as_str()) {
        return Err("ToUserName is not the user");
    }
    if tree.text_of("FromUserName") != Some(to.as_str()) {
        return Err("FromUserName is not the account");
    }
    if tree.text_of("CreateTime").and_then(|time| time.parse::<u32>().ok()).is_none() {
        return Err("CreateTime is not in seconds");
    }
    let kind = tree.text_of("MsgType").unwrap_or_default();
    let mut media = Vec::new();
    let mut medium = |form: &Element, name, kind| {
        let id = filled(form, name)?;
        media.push((id.clone(), kind));
        Ok::<String, &'static str>(id)
    };
    let form = match kind {
        "text" => json!({ "content": text_of(tree)? }),
        "image" => json!({ "media_id": medium(group(tree, "Image")?, "MediaId", MediaKind::Image)? }),
        "voice" => json!({ "media_id": medium(group(tree, "Voice")?, "MediaId", MediaKind::Voice)? }),
        "video" => {
            let video = group(tree, "Video")?;
            json!({
                "media_id": medium(video, "MediaId", MediaKind::Video)?, "title": video.text_of("Title"),
                "description": video.text_of("Description"),
            })
        }
        "music" => {
            let music = group(tree, "Music")?;
            json!({
                "title": music.text_of("Title"), "description": music.text_of("Description"),
                "musicurl": music.text_of("MusicUrl"), "hqmusicurl": music.text_of("HQMusicUrl"),
                "thumb_media_id": medium(music, "ThumbMediaId", MediaKind::Thumb)?,
            })
        }
        "news" => json!({ "articles": articles_of(tree, push.is_event())? }),
        "transfer_customer_service" => {
            json!({ "kf_account": tree.get("TransInfo").and_then(|info| info.text_of("KfAccount")) })
        }
        _ => return Err("MsgType is unknown"),
    };
    let text = form["content"].as_str().map(str::to_owned);
    let message = json!({ "touser": from, "msgtype": kind, (kind): form });
    Ok(PassiveMessage { kind: kind.to_owned(), text, message, media })
}

fn text_of(tree: &Element) -> Read<String> {
    let content = filled(tree, "Content")?;
    if content.len() > MAX_TEXT_BYTES { Err("Content is too long") } else { Ok(content) }
}

/// As many articles as are shown: one in answer to a message, up to eight in answer to an event.
fn articles_of(tree: &Element, to_event: bool) -> Read<Vec<Value>> {
    let items: Vec<&Element> = group(tree, "Articles")?.all("item").collect();
    let count = tree.text_of("ArticleCount").and_then(|count| count.parse().ok());
    if items.is_empty() || count != Some(items.len()) {
        return Err("ArticleCount is not the number of articles");
    }
    let article = |item: &Element| {
        let of = |name| item.text_of(name).unwrap_or_default();
        json!({ "title": of("Title"), "description": of("Description"), "url": of("Url"), "picurl": of("PicUrl") })
    };
    let shown = if to_event { MAX_ARTICLES } else { 1 };
    Ok(items.into_iter().take(shown).map(article).collect())
}

fn group<'a>(tree: &'a Element, name: &'static str) -> Read<&'a Element> {
    tree.get(name).ok_or("the element of its MsgType is missing")
}

fn filled(tree: &Element, name: &'static str) -> Read<String> {
    match tree.text_of(name).filter(|text| !text.trim().is_empty()) {
        Some(text) => Ok(text.to_owned()),
        None if name == "Content" => Err("Content is empty"),
        None => Err("the media id is missing"),
    }
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use huixin_wechat::{
        AesKey, Message, PushBody, PushKeys, PushQuery, admit,
        passive::{Form, respond},
    };
    use url::Url;

    use super::*;
    use crate::envelope::Envelope;

    const USER: &str = "oHuixinXiaoming0000000000001";

    /// The message in an answer to a tap.
    fn read_as(kind: &str, form: &str) -> Result<Value, String> {
        let account = SandboxAccount::named("main");
        let body = format!(
            "<xml><ToUserName>{USER}</ToUserName><FromUserName>{}</FromUserName><CreateTime>1718000011</CreateTime>\
             <MsgType>{kind}</MsgType>{form}</xml>",
            account.original_id
        );
        let read = read(&account, &Push::click("main", USER, "k"), body.as_bytes())?;
        Ok(read.unwrap().message[kind].take())
    }

    #[test]
    fn the_response_to_a_push_in_any_mode_is_read_back() {
        let key = AesKey::decode("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").unwrap();
        for mode in [Mode::Plain, Mode::Compatible, Mode::Safe] {
            let account =
                SandboxAccount { mode, aes_key: Some(key.clone()), ..SandboxAccount::named("main") };
            let push = Push::text("main", USER, "hello");
            let posted = Envelope::around(&account, &push.user, push.body(&account.original_id).into());
            let address = posted.address(&Url::parse("http://receiver/").unwrap());
            let query = PushQuery::parse(address.query().unwrap()).unwrap();
            let keys = PushKeys {
                tokens: vec![account.token.as_str().into()],
                aes_keys: account.sealing_key().into_iter().cloned().collect(),
                app_id: account.app_id.clone(),
                accept_plain: false,
            };
            let (body, opened_with) = match admit(&keys, &query, &posted.body).unwrap() {
                PushBody::Opened { body, key } => (body, Some(key)),
                _ => (posted.body.to_vec(), None),
            };
            let (message, form) =
                (Message::parse(&body).unwrap(), Form::Text { content: "]]> 你好".to_owned() });
            let answer = respond(&keys, opened_with, &query, &message, form, 1_718_000_011).unwrap();
            assert_eq!(answer.contains("<Encrypt>"), mode != Mode::Plain, "{mode:?}");
            let shown = read(&account, &push, answer.as_bytes()).unwrap().unwrap();
            assert_eq!(shown.text.as_deref(), Some("]]> 你好"), "{mode:?}");
        }
    }

    #[test]
    fn a_text_has_at_most_2047_bytes() {
        let of = |bytes| read_as("text", &format!("<Content>{}</Content>", "x".repeat(bytes)));
        assert_eq!(of(2_047).unwrap()["content"].as_str().unwrap().len(), 2_047);
        assert!(of(2_048).unwrap_err().starts_with("Content is too long"));
    }

    #[test]
    fn an_event_is_answered_with_eight_articles_and_the_ninth_is_dropped() {
        let items: String = (1..=9).map(|n| format!("<item><Title>{n}</Title></item>")).collect();
        let news = format!("<ArticleCount>9</ArticleCount><Articles>{items}</Articles>");
        let read = read_as("news", &news).unwrap();
        let shown = read["articles"].as_array().unwrap();
        assert_eq!((shown.len(), &shown[7]["title"]), (8, &json!("8")));
    }

    #[test]
    fn a_user_is_handed_over_to_an_agent_or_to_anyone() {
        let to_anna = "<TransInfo><KfAccount>anna@kf</KfAccount></TransInfo>";
        for (form, kf_account) in [(to_anna, json!("anna@kf")), ("", Value::Null)] {
            let read = read_as("transfer_customer_service", form);
            assert_eq!(read, Ok(json!({ "kf_account": kf_account })));
        }
    }
}
