//! The events that have types here: follow, scan, location and menu, by `Event` in any case (WeChat itself writes
//! `SCAN` and `scan`). All others, and there are a hundred, are `Unknown` and read from the tree.

use super::{prose, word, word_if_any};
use crate::xml::Element;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The user followed the account.
    Subscribe {
        /// The scene of the QR code, if one led here: `EventKey` without its prefix `qrscene_`.
        scene: Option<String>,
        /// The ticket of that QR code.
        ticket: Option<String>,
    },
    /// The user left. Nothing may be sent any more.
    Unsubscribe,
    /// A follower scanned a QR code with a scene.
    Scan {
        /// The scene.
        scene: String,
        /// The ticket of the QR code.
        ticket: Option<String>,
    },
    /// The account was told where the user is, without the user having sent anything.
    Location {
        /// Degrees, the decimal text as sent.
        latitude: String,
        /// Degrees, the decimal text as sent.
        longitude: String,
        /// Metres, the decimal text as sent.
        precision: String,
    },
    /// A menu button with a key was tapped.
    Click {
        /// The button's key.
        key: String,
    },
    /// A menu button with a link was tapped.
    View {
        /// The link.
        url: String,
        /// `MenuId`, for personalised menus.
        menu_id: Option<String>,
    },
    /// Any other. Its name is [`Message::event`](super::Message::event).
    Unknown,
}

impl Event {
    pub(super) fn of(tree: &Element) -> Event {
        match word(tree, "Event").to_ascii_lowercase().as_str() {
            "subscribe" => {
                let ticket = word_if_any(tree, "Ticket");
                Event::Subscribe { scene: followed_scene(&prose(tree, "EventKey"), ticket.is_some()), ticket }
            }
            "unsubscribe" => Event::Unsubscribe,
            "scan" => Event::Scan { scene: prose(tree, "EventKey"), ticket: word_if_any(tree, "Ticket") },
            "location" => Event::Location {
                latitude: word(tree, "Latitude"),
                longitude: word(tree, "Longitude"),
                precision: word(tree, "Precision"),
            },
            "click" => Event::Click { key: prose(tree, "EventKey") },
            "view" => Event::View { url: word(tree, "EventKey"), menu_id: word_if_any(tree, "MenuId") },
            _ => Event::Unknown,
        }
    }
}

/// The scene in the `EventKey` of a follow. The prefix is taken off once: a scene may begin with it itself. A key
/// without it is a scene only beside a ticket; after a payment it is a transaction (`last_trade_no_…`).
fn followed_scene(key: &str, has_ticket: bool) -> Option<String> {
    match key.strip_prefix("qrscene_") {
        Some(scene) => Some(scene.to_owned()),
        None if has_ticket && !key.is_empty() => Some(key.to_owned()),
        None => None,
    }
}
