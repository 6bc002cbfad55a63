//! Passive replies: the message that may be the answer to a push itself.
//!
//! Huixin acknowledges at once and answers later, so nothing uses this; it is here for programs that must answer within
//! WeChat's five seconds, and for programs that play WeChat. The forms and the order of their elements are those of WeChat's
//! documentation (被动回复用户消息): old servers are said to read by position. Text is in CDATA, numbers are bare, and nothing stands
//! between elements, since WeChat takes blanks for part of the value.
//!
//! A reply that WeChat can't take is shown to the user as a fault of the account, so what is known to be refused is an
//! error here, by the name of its element.

mod fetch_link;
mod sealed;
mod write;

pub use fetch_link::{FETCH_MENU_ID, fetch_link};
pub use sealed::Sealer;

use crate::message::Message;

/// A reply to one push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The user's OpenID (`ToUserName`).
    pub to: String,
    /// The account's original id, `gh_…` (`FromUserName`).
    pub from: String,
    /// When it was made, in Unix seconds; milliseconds break it.
    pub created_at: u64,
    /// Whether it answers an event. A message can be answered with one article only.
    pub to_event: bool,
    /// What it says.
    pub form: Form,
}

impl Reply {
    /// The most bytes of a text. WeChat's documentation says 2,048; 2,047 were measured.
    pub const MOST_TEXT_BYTES: usize = 2047;
    /// The most articles in answer to an event.
    pub const MOST_ARTICLES: usize = 8;

    /// A reply to `message`, made at `created_at` (Unix seconds).
    pub fn to(message: &Message, created_at: u64, form: Form) -> Reply {
        Reply {
            to: message.from.clone(),
            from: message.to.clone(),
            created_at,
            to_event: message.is_event(),
            form,
        }
    }

    /// The reply as XML: the body to answer with in plain mode, or to seal with [`Sealer`].
    ///
    /// `]]>` is split over two sections, line ends become newlines, and characters that XML forbids are dropped.
    ///
    /// # Errors
    /// [`PassiveReplyError`]: what WeChat wouldn't take.
    pub fn to_xml(&self) -> Result<String, PassiveReplyError> {
        self.check()?;
        Ok(write::xml(self))
    }

    fn check(&self) -> Result<(), PassiveReplyError> {
        let needed = |field, text: &str| {
            if write::text(text).trim().is_empty() { Err(PassiveReplyError::Empty { field }) } else { Ok(()) }
        };
        needed("ToUserName", &self.to)?;
        needed("FromUserName", &self.from)?;
        match &self.form {
            Form::Text { content } => {
                needed("Content", content)?;
                let bytes = write::text(content).len();
                if bytes > Reply::MOST_TEXT_BYTES {
                    return Err(PassiveReplyError::TooLong {
                        field: "Content",
                        bytes,
                        limit: Reply::MOST_TEXT_BYTES,
                    });
                }
                Ok(())
            }
            Form::Image { media_id } | Form::Voice { media_id } | Form::Video { media_id, .. } => {
                needed("MediaId", media_id)
            }
            Form::Music { thumb_media_id, .. } => needed("ThumbMediaId", thumb_media_id),
            Form::News { articles } => {
                let limit = if self.to_event { Reply::MOST_ARTICLES } else { 1 };
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

/// What a reply says: WeChat's seven forms.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        title: Option<String>,
        /// Below it.
        description: Option<String>,
    },
    /// `music`.
    Music {
        /// Its name.
        title: Option<String>,
        /// Below the name.
        description: Option<String>,
        /// Where it is.
        music_url: Option<String>,
        /// Where it is in better quality, for Wi-Fi.
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
    Transfer {
        /// To whom; none: to anyone who is free.
        kf_account: Option<String>,
    },
}

/// One article of [`Form::News`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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

/// What WeChat wouldn't take. Shows names and numbers, never a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassiveReplyError {
    /// An element that must have something in it has nothing, or only white space.
    #[error("{field} must not be empty")]
    Empty {
        /// The element.
        field: &'static str,
    },
    /// A text is too long.
    #[error("{field} has {bytes} bytes; {limit} are allowed")]
    TooLong {
        /// The element.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A list is too long.
    #[error("{field} has {count} items; {limit} are allowed here")]
    TooMany {
        /// The element.
        field: &'static str,
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
}
