//! What a message to a user can be: WeChat's twelve types of customer-service messages, and the hand-over to a person, which can
//! only be the response to a push.
//!
//! The names are WeChat's, in the types and in the flat serialised form, so that one declaration says what a reply may hold,
//! what is recorded of it, and what goes to WeChat. Media alone may also be somewhere else than with WeChat: see [`Media`].
//! Nothing is checked here: the code that reads a reply does that, and can say what is wrong with it.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::media::{Media, MediaKind, ThumbKeys};

/// A message without its sender's signs. Serialised flat: `{"type": "text", "content": "…"}`.
///
/// It grows with WeChat, and is exhaustive all the same: the compiler must point out a new type to code that treats texts and
/// addresses in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "type", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Content {
    /// A text: at most 2,000 bytes to be safe (45002 beyond), not empty (44004).
    Text {
        /// The text; may hold newlines and `<a href="…">` links.
        content: String,
    },
    /// A picture.
    Image {
        /// A [`MediaKind::Image`].
        #[serde(flatten)]
        media: Media,
    },
    /// A recording.
    Voice {
        /// A [`MediaKind::Voice`].
        #[serde(flatten)]
        media: Media,
    },
    /// A film. Just after its upload WeChat may still be transcoding it (46007).
    Video {
        /// A [`MediaKind::Video`].
        #[serde(flatten)]
        media: Media,
        /// The picture before it plays, a [`MediaKind::Thumb`]: `thumb_media_id` and so on.
        #[serde(flatten, with = "ThumbKeys")]
        thumb: Media,
        /// The headline; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        title: String,
        /// The lines below it; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        description: String,
    },
    /// Music that plays from an address.
    Music {
        /// The headline.
        title: String,
        /// The line below it.
        description: String,
        /// Where it plays from.
        musicurl: String,
        /// Where it plays from over Wi-Fi; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        hqmusicurl: String,
        /// The picture beside it, a [`MediaKind::Thumb`].
        #[serde(flatten, with = "ThumbKeys")]
        thumb: Media,
    },
    /// A link with title, description and picture.
    News {
        /// Exactly one; more are refused (45008).
        articles: Vec<Article>,
    },
    /// An article that was uploaded as material. Deprecated by WeChat: accounts that have the draft box use
    /// [`Content::MpnewsArticle`].
    Mpnews {
        /// The article's material.
        media_id: String,
    },
    /// A published article.
    MpnewsArticle {
        /// Its id, from the call that published it or from the event `PUBLISHJOBFINISH`.
        article_id: String,
    },
    /// A question with answers to tap. The tap comes back as a text message with `bizmsgmenuid`.
    MsgMenu {
        /// The lines above; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        head_content: String,
        /// The answers: at least one.
        list: Vec<MenuItem>,
        /// The lines below; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        tail_content: String,
    },
    /// A coupon, one without custom codes.
    WxCard {
        /// The coupon's id.
        card_id: String,
    },
    /// A page of a mini program that is linked with the account.
    MiniProgramPage {
        /// The card's headline.
        title: String,
        /// The mini program's AppID.
        appid: String,
        /// The page, `pages/index/index?foo=bar`.
        pagepath: String,
        /// The card's picture, best 520×416. Named as a thumb is, but a [`MediaKind::Image`].
        #[serde(flatten, with = "ThumbKeys")]
        thumb: Media,
    },
    /// A link, for the customer service of mini programs only.
    Link {
        /// The headline.
        title: String,
        /// The lines below it.
        description: String,
        /// Where a tap leads.
        url: String,
        /// The picture's address.
        thumb_url: String,
    },
    /// Hands the conversation to a person: the one that the message's `kf_account` names, or anyone who is free.
    #[serde(rename = "transfer_customer_service")]
    #[strum(serialize = "transfer_customer_service")]
    Transfer,
}

/// The link of [`Content::News`]. WeChat asks for all four; they may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// The headline.
    pub title: String,
    /// The lines below it.
    #[serde(default)]
    pub description: String,
    /// Where a tap leads.
    pub url: String,
    /// The picture's address; large 640×320, small 80×80.
    #[serde(default)]
    pub picurl: String,
}

/// An answer of [`Content::MsgMenu`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuItem {
    /// What comes back as `bizmsgmenuid`.
    pub id: String,
    /// What the user reads and taps, and what comes back as the text.
    pub content: String,
}

/// A macro, so that one table serves shared and mutable borrows.
macro_rules! media_of {
    ($content:expr) => {{
        let found = match $content {
            Self::Image { media } => [Some((MediaKind::Image, media)), None],
            Self::Voice { media } => [Some((MediaKind::Voice, media)), None],
            Self::Video { media, thumb, .. } => {
                [Some((MediaKind::Video, media)), Some((MediaKind::Thumb, thumb))]
            }
            Self::Music { thumb, .. } => [Some((MediaKind::Thumb, thumb)), None],
            Self::MiniProgramPage { thumb, .. } => [Some((MediaKind::Image, thumb)), None],
            _ => [None, None],
        };
        found.into_iter().flatten()
    }};
}

impl Content {
    /// WeChat's name of the type, `msgtype`.
    pub fn msgtype(&self) -> &'static str {
        self.into()
    }

    /// The media in it that can be somewhere else than with WeChat, and what kind each must be.
    pub fn media(&self) -> impl Iterator<Item = (MediaKind, &Media)> {
        media_of!(self)
    }

    /// The same, to be changed: put uploaded media in as [`Media::Id`].
    pub fn media_mut(&mut self) -> impl Iterator<Item = (MediaKind, &mut Media)> {
        media_of!(self)
    }
}
