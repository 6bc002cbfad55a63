//! What the values of a message must be: nothing empty where WeChat wants something, http addresses, one article.
//!
//! Lengths are not checked: WeChat publishes only that of a text, and texts are made to fit. Nor are ids, which only
//! WeChat knows.

use huixin_wechat::{Article, Content, Media, MenuItem, Outgoing};
use url::Url;

use super::ReplyError;
use crate::media::encoded::{decoded, is_data_url};

/// Checks the message at `place`. If `later` is true for a value, it is a template whose result isn't known yet.
pub(super) fn part(place: &str, part: &Outgoing, later: impl Fn(&str) -> bool) -> Result<(), ReplyError> {
    let values = TemplateValues { place, later };
    if let Some(kf_account) = &part.kf_account {
        values.filled("kf_account", kf_account)?;
    }
    match &part.content {
        // An empty text is left out, and a long one is cut.
        Content::Text { .. } | Content::Transfer => Ok(()),
        Content::Image { media } | Content::Voice { media } => values.media("", media),
        Content::Video { media, thumb, title: _, description: _ } => {
            values.media("", media)?;
            values.media("thumb_", thumb)
        }
        Content::Music { title, description, musicurl, hqmusicurl, thumb } => {
            values.all_filled([("title", title), ("description", description)])?;
            values.address("musicurl", musicurl)?;
            values.address_or_empty("hqmusicurl", hqmusicurl)?;
            values.media("thumb_", thumb)
        }
        Content::News { articles } => {
            let [Article { title, description: _, url, picurl }] = &articles[..] else {
                let given = articles.len();
                return Err(values.error(format!(
                    "`articles` has {given}, and WeChat takes exactly one; give a reply of type news for each"
                )));
            };
            values.filled("title", title)?;
            values.address("url", url)?;
            values.address_or_empty("picurl", picurl)
        }
        Content::Mpnews { media_id } => values.filled("media_id", media_id),
        Content::MpnewsArticle { article_id } => values.filled("article_id", article_id),
        Content::MsgMenu { head_content: _, list, tail_content: _ } => {
            if list.is_empty() {
                return Err(values.error("`list` is empty; give at least one answer to tap"));
            }
            list.iter().enumerate().try_for_each(|(index, MenuItem { id, content })| {
                let place = format!("{place}, `list` {}", index + 1);
                let values = TemplateValues { place: &place, later: &values.later };
                values.all_filled([("id", id), ("content", content)])
            })
        }
        Content::WxCard { card_id } => values.filled("card_id", card_id),
        Content::MiniProgramPage { title, appid, pagepath, thumb } => {
            values.all_filled([("title", title), ("appid", appid), ("pagepath", pagepath)])?;
            values.media("thumb_", thumb)
        }
        Content::Link { title, description, url, thumb_url } => {
            values.all_filled([("title", title), ("description", description)])?;
            values.address("url", url)?;
            values.address("thumb_url", thumb_url)
        }
    }
}

struct TemplateValues<'a, F> {
    place: &'a str,
    later: F,
}

impl<F: Fn(&str) -> bool> TemplateValues<'_, F> {
    fn all_filled<const N: usize>(&self, fields: [(&str, &String); N]) -> Result<(), ReplyError> {
        fields.into_iter().try_for_each(|(name, text)| self.filled(name, text))
    }

    fn filled(&self, name: &str, text: &str) -> Result<(), ReplyError> {
        if !text.trim().is_empty() {
            return Ok(());
        }
        Err(self.error(format!("`{name}` is empty, but WeChat requires a value")))
    }

    fn media(&self, prefix: &str, media: &Media) -> Result<(), ReplyError> {
        match media {
            Media::Id(id) => self.filled(&format!("{prefix}media_id"), id),
            Media::Url(url) if is_data_url(url) => self.base64(&format!("{prefix}url"), url),
            Media::Url(url) => self.address(&format!("{prefix}url"), url),
            Media::File(path) => self.filled(&format!("{prefix}file"), path),
            Media::Base64(text) => self.base64(&format!("{prefix}base64"), text),
        }
    }

    fn base64(&self, name: &str, text: &str) -> Result<(), ReplyError> {
        self.filled(name, text)?;
        let what = "give it in the standard alphabet, or as a `data:` URL";
        decoded(text).map(|_| ()).map_err(|error| self.error(format!("`{name}` {error}; {what}")))
    }

    fn address_or_empty(&self, name: &str, address: &str) -> Result<(), ReplyError> {
        if address.is_empty() { Ok(()) } else { self.address(name, address) }
    }

    /// The error doesn't repeat the address: it may hold a password.
    fn address(&self, name: &str, address: &str) -> Result<(), ReplyError> {
        if (self.later)(address) {
            return Ok(());
        }
        self.filled(name, address)?;
        let blank = address.contains(|c: char| c.is_whitespace() || c.is_control());
        match Url::parse(address) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && !blank => Ok(()),
            _ => Err(self.error(format!(
                "`{name}` is not an http or https address; give a full one, with spaces as %20"
            ))),
        }
    }

    fn error(&self, problem: impl Into<String>) -> ReplyError {
        ReplyError::new(self.place, problem)
    }
}
