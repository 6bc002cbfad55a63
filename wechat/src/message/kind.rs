//! The kinds of message in WeChat's documentation of ordinary messages (接收普通消息), by `MsgType`, and two that it
//! leaves out: files and cards of mini programs.
//!
//! As JSON, a variant has the name of `MsgType` in lower case and the names of its fields.

use serde::Serialize;

use super::Event;
use super::field::{number, prose, word, word_if_any};
use crate::xml::Element;

/// What was pushed. A field that is missing or empty in the body is empty here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A text. Stickers and other unsupported things arrive as a fixed text that says so.
    Text {
        /// What the user wrote, untrimmed, perhaps empty.
        content: String,
        /// `bizmsgmenuid`: which item of a menu message was tapped; `content` is then the item's label.
        menu_id: Option<String>,
    },
    /// A picture.
    Image {
        /// Where WeChat serves it.
        pic_url: String,
        /// Its temporary material, three days.
        media_id: String,
    },
    /// A voice message.
    Voice {
        /// Its temporary material; 8 kHz if the format is `amr`.
        media_id: String,
        /// `amr`, `speex`…
        format: String,
        /// The same in 16 kHz, on newer pushes.
        media_id_16k: Option<String>,
        /// What speech recognition heard; an empty element is none.
        recognition: Option<String>,
    },
    /// A video.
    Video {
        /// Its temporary material.
        media_id: String,
        /// Its cover.
        thumb_media_id: String,
    },
    /// A video made inside the chat.
    ShortVideo {
        /// Its temporary material.
        media_id: String,
        /// Its cover.
        thumb_media_id: String,
    },
    /// A place that the user sent.
    Location {
        /// `Location_X`, degrees, the decimal text as sent.
        latitude: String,
        /// `Location_Y`, degrees, the decimal text as sent.
        longitude: String,
        /// Zoom of the map.
        scale: String,
        /// The place in words.
        label: String,
    },
    /// A link.
    Link {
        /// Its title.
        title: String,
        /// Its description.
        description: String,
        /// Where it leads.
        url: String,
    },
    /// A file. WeChat gives no way to fetch it.
    File {
        /// Its name.
        title: String,
        /// Often its size in words; perhaps empty.
        description: String,
        /// `FileKey`.
        file_key: String,
        /// `FileMd5`: the MD5 of its content, in hex.
        file_md5: String,
        /// `FileTotalLen`, in bytes.
        size_bytes: Option<u64>,
    },
    /// A card of a mini program.
    MiniProgramPage {
        /// Its title.
        title: String,
        /// The mini program's AppID.
        app_id: String,
        /// The page that it opens.
        page_path: String,
        /// Where WeChat serves its picture.
        thumb_url: String,
        /// The picture as temporary material.
        thumb_media_id: String,
    },
    /// Not a message: something happened.
    Event(Event),
    /// Another `MsgType`, or none. The elements are in [`Message::tree`](super::Message::tree).
    Unknown,
}

impl Kind {
    /// Every `MsgType` that has a kind here. WeChat may push others, now or later.
    pub const TYPES: [&str; 10] = [
        "text",
        "image",
        "voice",
        "video",
        "shortvideo",
        "location",
        "link",
        "file",
        "miniprogrampage",
        "event",
    ];

    pub(super) fn of(tree: &Element) -> Kind {
        let (word, prose) = (|name| word(tree, name), |name| prose(tree, name));
        match word("MsgType").to_ascii_lowercase().as_str() {
            "text" => Kind::Text { content: prose("Content"), menu_id: word_if_any(tree, "bizmsgmenuid") },
            "image" => Kind::Image { pic_url: word("PicUrl"), media_id: word("MediaId") },
            "voice" => Kind::Voice {
                media_id: word("MediaId"),
                format: word("Format"),
                media_id_16k: word_if_any(tree, "MediaId16K"),
                recognition: Some(prose("Recognition")).filter(|heard| !heard.trim().is_empty()),
            },
            "video" => Kind::Video { media_id: word("MediaId"), thumb_media_id: word("ThumbMediaId") },
            "shortvideo" => {
                Kind::ShortVideo { media_id: word("MediaId"), thumb_media_id: word("ThumbMediaId") }
            }
            "location" => Kind::Location {
                latitude: word("Location_X"),
                longitude: word("Location_Y"),
                scale: word("Scale"),
                label: prose("Label"),
            },
            "link" => {
                Kind::Link { title: prose("Title"), description: prose("Description"), url: word("Url") }
            }
            "file" => Kind::File {
                title: prose("Title"),
                description: prose("Description"),
                file_key: word("FileKey"),
                file_md5: word("FileMd5"),
                size_bytes: number(tree, "FileTotalLen"),
            },
            "miniprogrampage" => Kind::MiniProgramPage {
                title: prose("Title"),
                app_id: word("AppId"),
                page_path: word("PagePath"),
                thumb_url: word("ThumbUrl"),
                thumb_media_id: word("ThumbMediaId"),
            },
            "event" => Kind::Event(Event::of(tree)),
            _ => Kind::Unknown,
        }
    }
}
