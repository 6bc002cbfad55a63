//! What a reply says: WeChat's seven forms.
//!
//! A form is also what is stored of a part of an answer until the response to a push takes it, as JSON with WeChat's names of the
//! types. The process that stores it and the one that reads it may be of two versions, so unknown fields are ignored, and
//! what may be left out may be missing.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::{PassiveReplyError, Reply, sent_text};

/// What a reply says. Serialised as `{"type": "text", "content": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(tag = "type", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Form {
    /// `text`.
    Text {
        /// At most [`Reply::MOST_TEXT_BYTES`] bytes; not empty.
        content: String,
    },
    /// `image`.
    Image {
        /// An uploaded image.
        media_id: String,
    },
    /// `voice`.
    Voice {
        /// An uploaded voice.
        media_id: String,
    },
    /// `video`.
    Video {
        /// An uploaded video.
        media_id: String,
        /// Above it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// Below it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
    /// `music`.
    Music {
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// Below the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// Where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        music_url: Option<String>,
        /// Where it is in better quality, for Wi-Fi.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hq_music_url: Option<String>,
        /// An uploaded cover; needed.
        thumb_media_id: String,
    },
    /// `news`.
    News {
        /// One; to an event, up to [`Reply::MOST_ARTICLES`].
        articles: Vec<NewsItem>,
    },
    /// `transfer_customer_service`: hands the conversation to a person.
    #[serde(rename = "transfer_customer_service")]
    #[strum(serialize = "transfer_customer_service")]
    Transfer {
        /// To whom; none: to anyone who is free.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kf_account: Option<String>,
    },
}

/// One article of [`Form::News`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewsItem {
    /// The headline.
    pub title: String,
    /// Below the headline, of a single article.
    pub description: String,
    /// The picture: 360 × 200 pixels for the first, 200 × 200 for others.
    pub pic_url: String,
    /// Where it leads.
    pub url: String,
}

impl Form {
    /// WeChat's name of the form, `MsgType`.
    pub fn msgtype(&self) -> &'static str {
        self.into()
    }

    /// A text with `link` below it, on a line of its own. A text that has no room for it stays as it is, since one that is too
    /// long would be shown as a fault; so does what is no text.
    #[must_use]
    pub fn with_link(mut self, link: &str) -> Form {
        if let Form::Text { content } = &mut self
            && sent_text(content).len() + 1 + link.len() <= Reply::MOST_TEXT_BYTES
        {
            content.push('\n');
            content.push_str(link);
        }
        self
    }

    /// Whether WeChat would take it, in answer to an event or to a message.
    ///
    /// # Errors
    /// [`PassiveReplyError`]: what WeChat wouldn't take.
    pub fn check(&self, to_event: bool) -> Result<(), PassiveReplyError> {
        match self {
            Form::Text { content } => {
                needed("Content", content)?;
                let (bytes, limit) = (sent_text(content).len(), Reply::MOST_TEXT_BYTES);
                match bytes > limit {
                    true => Err(PassiveReplyError::TooLong { field: "Content", bytes, limit }),
                    false => Ok(()),
                }
            }
            Form::Image { media_id } | Form::Voice { media_id } | Form::Video { media_id, .. } => {
                needed("MediaId", media_id)
            }
            Form::Music { thumb_media_id, .. } => needed("ThumbMediaId", thumb_media_id),
            Form::News { articles } => {
                let limit = if to_event { Reply::MOST_ARTICLES } else { 1 };
                match articles.len() {
                    0 => Err(PassiveReplyError::Empty { field: "Articles" }),
                    count if count > limit => {
                        Err(PassiveReplyError::TooMany { field: "Articles", count, limit })
                    }
                    _ => Ok(()),
                }
            }
            Form::Transfer { kf_account } => kf_account.as_ref().map_or(Ok(()), |kf| needed("KfAccount", kf)),
        }
    }
}

/// An element that must have something in it.
pub(super) fn needed(field: &'static str, text: &str) -> Result<(), PassiveReplyError> {
    if sent_text(text).trim().is_empty() { Err(PassiveReplyError::Empty { field }) } else { Ok(()) }
}
