//! The kinds of push, each with the fields that its XML has. What a test or a person seldom cares about has a default.

use serde::{Deserialize, Serialize};

/// The kinds of push that the sandbox can make. In the control API `kind` is the name in snake case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PushKind {
    /// A text message.
    Text {
        /// What the user wrote.
        content: String,
        /// The id of the tapped `msgmenu` item, when the text is such a tap.
        #[serde(default)]
        menu_id: Option<String>,
    },
    /// A picture.
    Image {
        /// Where WeChat keeps it.
        #[serde(default = "sample_picture")]
        pic_url: String,
        /// Its media id.
        #[serde(default = "sample_media")]
        media_id: String,
    },
    /// A voice message.
    Voice {
        /// Its media id.
        #[serde(default = "sample_media")]
        media_id: String,
        /// What speech recognition heard; `None` when it is switched off.
        #[serde(default)]
        recognition: Option<String>,
    },
    /// A video.
    Video {
        /// Its media id.
        #[serde(default = "sample_media")]
        media_id: String,
        /// The media id of its preview picture.
        #[serde(default = "sample_media")]
        thumb_media_id: String,
    },
    /// A short video.
    #[serde(rename = "shortvideo")]
    ShortVideo {
        /// Its media id.
        #[serde(default = "sample_media")]
        media_id: String,
        /// The media id of its preview picture.
        #[serde(default = "sample_media")]
        thumb_media_id: String,
    },
    /// A place that the user sends.
    Location {
        /// `Location_X`.
        latitude: f64,
        /// `Location_Y`.
        longitude: f64,
        /// The map's zoom.
        #[serde(default)]
        scale: u32,
        /// The address in words.
        #[serde(default)]
        label: String,
    },
    /// A link.
    Link {
        /// Its title.
        title: String,
        /// Its description.
        #[serde(default)]
        description: String,
        /// Where it leads.
        url: String,
    },
    /// The user follows the account, perhaps by a QR code with a scene.
    Subscribe {
        /// The QR code's scene, without the prefix `qrscene_`.
        #[serde(default)]
        scene: Option<String>,
    },
    /// The user leaves the account.
    Unsubscribe,
    /// A follower scans a QR code with a scene.
    Scan {
        /// The scene.
        scene: String,
    },
    /// The user's position, reported in the background.
    LocationEvent {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// In metres.
        #[serde(default)]
        precision: f64,
    },
    /// A tap on a menu button that has a key.
    Click {
        /// The button's key.
        key: String,
    },
    /// A tap on a menu button that opens a page.
    View {
        /// The page.
        url: String,
    },
    /// A body as it is: for tests of what a receiver does with something else.
    Raw {
        /// The whole body.
        body: String,
    },
}

pub(super) fn sample_picture() -> String {
    "http://mmbiz.qpic.cn/sandbox/0".to_owned()
}

pub(super) fn sample_media() -> String {
    format!("sandbox-media-{:016x}", rand::random::<u64>())
}
