//! Media of messages: where it is, and what WeChat takes.
//!
//! A message names its media by the id that WeChat gave it when it was uploaded. A reply may also say where to get the media;
//! the sender uploads it first and puts the id in its place.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

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

/// The same under the keys of a message's small picture: `thumb_media_id`, `thumb_url`, `thumb_file`, `thumb_base64`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Media")]
pub(super) enum ThumbKeys {
    #[serde(rename = "thumb_media_id")]
    Id(String),
    #[serde(rename = "thumb_url")]
    Url(String),
    #[serde(rename = "thumb_file")]
    File(String),
    #[serde(rename = "thumb_base64")]
    Base64(String),
}

/// The kinds of temporary media, `type` of `POST /cgi-bin/media/upload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A recording of at most 60 seconds.
    Voice,
    /// A film.
    Video,
    /// The small picture of a video or of music.
    Thumb,
}

/// A type of file that WeChat takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileType {
    /// Its media type, `image/jpeg`.
    pub mime: &'static str,
    /// The end of its name, `jpg`: WeChat looks at the name of what is uploaded.
    pub extension: &'static str,
}

const PNG: FileType = FileType { mime: "image/png", extension: "png" };
const JPEG: FileType = FileType { mime: "image/jpeg", extension: "jpg" };
const GIF: FileType = FileType { mime: "image/gif", extension: "gif" };
const AMR: FileType = FileType { mime: "audio/amr", extension: "amr" };
const MP3: FileType = FileType { mime: "audio/mpeg", extension: "mp3" };
const MP4: FileType = FileType { mime: "video/mp4", extension: "mp4" };

impl MediaKind {
    /// WeChat's name for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The largest file that WeChat takes.
    ///
    /// Of pictures its page says both 10 MB and 2 MB. The larger is the limit here, since what is refused here could
    /// have arrived; WeChat itself says no to what it finds too large (40009, 45001).
    pub fn max_bytes(self) -> usize {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        match self {
            Self::Image | Self::Video => 10 * MIB,
            Self::Voice => 2 * MIB,
            Self::Thumb => 64 * KIB,
        }
    }

    /// The types of file that WeChat takes.
    pub fn file_types(self) -> &'static [FileType] {
        match self {
            Self::Image => &[JPEG, PNG, GIF],
            Self::Voice => &[AMR, MP3],
            Self::Video => &[MP4],
            Self::Thumb => &[JPEG],
        }
    }
}
