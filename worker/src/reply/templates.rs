//! Which parts of a message are templates when it stands in the configuration.

use huixin_wechat::{Article, Content, Media, MenuItem, Outgoing};
use serde_json::Value;

/// The texts and the addresses of a message, by the name of their field: what a user reads or follows.
///
/// Ids, files and base64 are not among them. A file whose name a user could choose, say by `{{ content }}`, would give
/// them all that the worker can read.
pub fn templates(message: &mut Outgoing) -> Vec<(&'static str, &mut String)> {
    match &mut message.content {
        Content::Text { content } => vec![("content", content)],
        Content::Image { media } | Content::Voice { media } => address("url", media).into_iter().collect(),
        Content::Video { media, thumb, title, description } => {
            let addresses = address("url", media).into_iter().chain(address("thumb_url", thumb));
            [("title", title), ("description", description)].into_iter().chain(addresses).collect()
        }
        Content::Music { title, description, musicurl, hqmusicurl, thumb } => {
            let texts = [("title", title), ("description", description)];
            let addresses = [("musicurl", musicurl), ("hqmusicurl", hqmusicurl)];
            texts.into_iter().chain(addresses).chain(address("thumb_url", thumb)).collect()
        }
        Content::News { articles } => articles
            .iter_mut()
            .flat_map(|Article { title, description, url, picurl }| {
                [("title", title), ("description", description), ("url", url), ("picurl", picurl)]
            })
            .collect(),
        Content::Mpnews { media_id: _ }
        | Content::MpnewsArticle { article_id: _ }
        | Content::WxCard { card_id: _ }
        | Content::Transfer => Vec::new(),
        Content::MsgMenu { head_content, list, tail_content } => {
            let mut texts = vec![("head_content", head_content)];
            texts.extend(list.iter_mut().map(|MenuItem { id: _, content }| ("content", content)));
            texts.push(("tail_content", tail_content));
            texts
        }
        Content::MiniProgramPage { title, appid: _, pagepath, thumb } => {
            let texts = [("title", title), ("pagepath", pagepath)];
            texts.into_iter().chain(address("thumb_url", thumb)).collect()
        }
        Content::Link { title, description, url, thumb_url } => {
            vec![("title", title), ("description", description), ("url", url), ("thumb_url", thumb_url)]
        }
    }
}

/// Whether there is anything to fill in.
pub(super) fn is_one(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|opening| text.contains(opening))
}

/// The field that looks like a template and would be sent as it stands.
pub(super) fn misplaced(message: &Outgoing) -> Option<String> {
    let mut rest = message.clone();
    for (_, text) in templates(&mut rest) {
        text.clear();
    }
    // What can't be written as JSON has no texts.
    found("", &serde_json::to_value(&rest).unwrap_or_default())
}

fn found(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => is_one(text).then(|| name.to_owned()),
        Value::Array(items) => items.iter().find_map(|item| found(name, item)),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| found(name, value)),
        _ => None,
    }
}

fn address<'a>(name: &'static str, media: &'a mut Media) -> Option<(&'static str, &'a mut String)> {
    match media {
        Media::Url(url) => Some((name, url)),
        Media::Id(_) | Media::File(_) | Media::Base64(_) => None,
    }
}
