//! Media of messages: where it is, and what WeChat takes.
//!
//! A message names its media by the id that WeChat gave it when it was uploaded. A reply may also say where the media is
//! to be had; whoever sends it uploads it first and puts the id in its place.
//!
//! For pictures WeChat's page on uploads says 10 MB in one place and 2 MB in another. The larger is the limit here: a
//! picture between the two may well be taken, and if it isn't, WeChat's own refusal (40006, 40009) says so and costs one
//! call. Refusing it ourselves would take from everybody what perhaps works. 2 MB is safe.

use serde::{Deserialize, Serialize};

/// Where the media of a message is. Its serialised form is one key: `media_id`, `url`, `file` or `base64`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Media {
    /// With WeChat, temporary or permanent.
    #[serde(rename = "media_id")]
    Id(String),
    /// At an http or https address.
    #[serde(rename = "url")]
    Url(String),
    /// In a file of the machine that sends.
    #[serde(rename = "file")]
    File(String),
    /// Here, in standard base64.
    #[serde(rename = "base64")]
    Base64(String),
}

/// The kinds of temporary media, `type` of `POST /cgi-bin/media/upload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A recording of at most 60 seconds.
    Voice,
    /// A film.
    Video,
    /// The small picture of a video, of music, of a mini program's page.
    Thumb,
}

impl MediaKind {
    /// WeChat's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::Thumb => "thumb",
        }
    }

    /// The most bytes that WeChat takes of this kind.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Image | Self::Video => 10 * 1024 * 1024,
            Self::Voice => 2 * 1024 * 1024,
            Self::Thumb => 64 * 1024,
        }
    }

    /// The MIME types of the files that WeChat takes of this kind.
    pub const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Image => &["image/png", "image/jpeg", "image/gif"],
            Self::Voice => &["audio/amr", "audio/mpeg"],
            Self::Video => &["video/mp4"],
            Self::Thumb => &["image/jpeg"],
        }
    }
}
