//! The XML of a push, and what follows from its kind.
//!
//! Strings are put into CDATA as they are, a `]]>` too, because WeChat doesn't escape it; numbers stay bare, as WeChat
//! writes them, so that a receiver is tested with both forms. Which windows a push opens and whether its failure is shown
//! is decided here from WeChat's documentation, and deliberately not by asking the code that is under test.

use std::borrow::Cow;

use huixin_wechat::xml;

use super::{Push, PushKind, PushTrigger};
use crate::{MediaKind, Opener, SaidCard};

impl Push {
    /// The body that is posted, `account_original_id` being its `ToUserName`.
    pub fn body(&self, account_original_id: &str) -> String {
        if let PushKind::Raw { body } = &self.kind {
            return body.clone();
        }
        let mut lines = Lines::default();
        lines.text("ToUserName", account_original_id);
        lines.text("FromUserName", self.user.as_str());
        lines.number("CreateTime", self.created_at);
        lines.text("MsgType", &self.message_type());
        let event = self.event();
        if let Some(event) = &event {
            lines.text("Event", event);
        }
        self.own_elements(&mut lines);
        if event.is_none() {
            lines.number("MsgId", &self.msg_id);
        }
        lines.close()
    }

    /// Its `FromUserName` and `ToUserName`, which a reply has the other way round.
    pub(crate) fn parties(&self, account_original_id: &str) -> (String, String) {
        let own = (self.user.as_str().to_owned(), account_original_id.to_owned());
        let PushKind::Raw { body } = &self.kind else { return own };
        let of = |name| element_of(body, name);
        (of("FromUserName").unwrap_or(own.0), of("ToUserName").unwrap_or(own.1))
    }

    /// The name under which the transcript shows it: the message type, or the event's name.
    pub fn name(&self) -> String {
        self.event().unwrap_or_else(|| self.message_type()).into_owned()
    }

    /// What the transcript shows of it: the text, the key, the address.
    pub fn summary(&self) -> String {
        match &self.kind {
            PushKind::Text { content, .. } => content.clone(),
            PushKind::Image { pic_url, .. } => pic_url.clone(),
            PushKind::Voice { media_id, recognition } => recognition.as_ref().unwrap_or(media_id).clone(),
            PushKind::Video { media_id, .. } | PushKind::ShortVideo { media_id, .. } => media_id.clone(),
            PushKind::Location { label, latitude, longitude, .. } if label.is_empty() => {
                format!("{latitude}, {longitude}")
            }
            PushKind::Location { label, .. } => label.clone(),
            PushKind::Link { title, .. } => title.clone(),
            PushKind::Subscribe { scene } => scene.clone().unwrap_or_default(),
            PushKind::Unsubscribe => String::new(),
            PushKind::Scan { scene } => scene.clone(),
            PushKind::LocationEvent { latitude, longitude, .. } => format!("{latitude}, {longitude}"),
            PushKind::Click { key } => key.clone(),
            PushKind::View { url } => url.clone(),
            PushKind::Raw { body } => body.clone(),
        }
    }

    /// What the transcript shows of a place or a link besides.
    pub(crate) fn card(&self) -> Option<SaidCard> {
        match &self.kind {
            &PushKind::Location { latitude, longitude, .. } => {
                Some(SaidCard::Position { latitude, longitude })
            }
            PushKind::Link { description, url, .. } => {
                Some(SaidCard::Link { description: description.clone(), url: url.clone() })
            }
            _ => None,
        }
    }

    /// The media that comes with it, which the account may fetch and send on.
    pub(crate) fn media(&self) -> Vec<(&str, MediaKind)> {
        match &self.kind {
            PushKind::Image { media_id, .. } => vec![(media_id, MediaKind::Image)],
            PushKind::Voice { media_id, .. } => vec![(media_id, MediaKind::Voice)],
            PushKind::Video { media_id, thumb_media_id }
            | PushKind::ShortVideo { media_id, thumb_media_id } => {
                vec![(media_id, MediaKind::Video), (thumb_media_id, MediaKind::Thumb)]
            }
            _ => Vec::new(),
        }
    }

    /// What the push does to the right to write to this user.
    pub(crate) fn trigger(&self) -> PushTrigger {
        let Some(event) = self.event() else {
            let tapped = matches!(&self.kind, PushKind::Text { menu_id: Some(_), .. });
            return PushTrigger::Opens(if tapped { Opener::Click } else { Opener::Message });
        };
        match event.to_ascii_lowercase().as_str() {
            "subscribe" => PushTrigger::Opens(Opener::Follow),
            "scan" => PushTrigger::Opens(Opener::Scan),
            "click" | "scancode_push" | "scancode_waitmsg" => PushTrigger::Opens(Opener::Click),
            "unsubscribe" => PushTrigger::Leave,
            _ => PushTrigger::Background,
        }
    }

    /// Whether the user sees the fault notice when the push fails.
    pub(crate) fn is_visible(&self) -> bool {
        matches!(self.trigger(), PushTrigger::Opens(_))
    }

    fn message_type(&self) -> Cow<'_, str> {
        Cow::Borrowed(match &self.kind {
            PushKind::Text { .. } => "text",
            PushKind::Image { .. } => "image",
            PushKind::Voice { .. } => "voice",
            PushKind::Video { .. } => "video",
            PushKind::ShortVideo { .. } => "shortvideo",
            PushKind::Location { .. } => "location",
            PushKind::Link { .. } => "link",
            PushKind::Raw { body } => {
                return Cow::Owned(element_of(body, "MsgType").unwrap_or("raw".to_owned()));
            }
            _ => "event",
        })
    }

    pub(super) fn event(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(match &self.kind {
            PushKind::Subscribe { .. } => "subscribe",
            PushKind::Unsubscribe => "unsubscribe",
            PushKind::Scan { .. } => "SCAN",
            PushKind::LocationEvent { .. } => "LOCATION",
            PushKind::Click { .. } => "CLICK",
            PushKind::View { .. } => "VIEW",
            PushKind::Raw { body } => return element_of(body, "Event").map(Cow::Owned),
            _ => return None,
        }))
    }

    fn own_elements(&self, lines: &mut Lines) {
        match &self.kind {
            PushKind::Text { content, menu_id } => {
                lines.text("Content", content);
                lines.texts(menu_id.iter().map(|id| ("bizmsgmenuid", id)));
            }
            PushKind::Image { pic_url, media_id } => {
                lines.texts([("PicUrl", pic_url), ("MediaId", media_id)]);
            }
            PushKind::Voice { media_id, recognition } => {
                lines.text("MediaId", media_id);
                lines.text("Format", "amr");
                lines.texts(recognition.iter().map(|heard| ("Recognition", heard)));
            }
            PushKind::Video { media_id, thumb_media_id }
            | PushKind::ShortVideo { media_id, thumb_media_id } => {
                lines.texts([("MediaId", media_id), ("ThumbMediaId", thumb_media_id)]);
            }
            PushKind::Location { latitude, longitude, scale, label } => {
                lines.number("Location_X", latitude);
                lines.number("Location_Y", longitude);
                lines.number("Scale", scale);
                lines.text("Label", label);
            }
            PushKind::Link { title, description, url } => {
                lines.texts([("Title", title), ("Description", description), ("Url", url)]);
            }
            PushKind::Subscribe { scene: None } | PushKind::Unsubscribe => lines.text("EventKey", ""),
            PushKind::Subscribe { scene: Some(scene) } => lines.scanned(&format!("qrscene_{scene}"), scene),
            PushKind::Scan { scene } => lines.scanned(scene, scene),
            PushKind::LocationEvent { latitude, longitude, precision } => {
                lines.number("Latitude", latitude);
                lines.number("Longitude", longitude);
                lines.number("Precision", precision);
            }
            PushKind::Click { key } => lines.text("EventKey", key),
            PushKind::View { url } => {
                lines.text("EventKey", url);
                lines.number("MenuId", 100_000_001);
            }
            PushKind::Raw { .. } => {}
        }
    }
}

/// The text of an element of a raw body, when the body can be read that far.
fn element_of(body: &str, name: &str) -> Option<String> {
    let tree = xml::parse(body.as_bytes()).ok()?;
    tree.text_of(name).map(|text| text.trim().to_owned())
}

/// The elements, one a line, the first on the line of `<xml>`: the layout of real pushes.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn text(&mut self, name: &str, value: &str) {
        self.line(&format!("<{name}><![CDATA[{value}]]></{name}>"));
    }

    fn texts<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, &'a String)>) {
        fields.into_iter().for_each(|(name, value)| self.text(name, value));
    }

    /// The code that was scanned.
    fn scanned(&mut self, key: &str, scene: &str) {
        self.text("EventKey", key);
        self.text("Ticket", &format!("TICKET_{scene}"));
    }

    fn number(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(&format!("<{name}>{value}</{name}>"));
    }

    fn line(&mut self, element: &str) {
        self.0.push_str(if self.0.is_empty() { "<xml>" } else { "\n" });
        self.0.push_str(element);
    }

    fn close(self) -> String {
        self.0 + "\n</xml>"
    }
}
