//! A push: what a user did, and the XML that tells the account's server.
//!
//! The body has the shape that WeChat sends: `<xml>` without a declaration, one element a line, CDATA around strings, bare
//! numbers. It is made once and is the same on every try; only the query around it changes.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{OpenId, Opener, clock};

mod body;
mod kind;

pub use kind::PushKind;
use kind::{sample_media, sample_picture};

/// One message or event from a user to an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// The account it is for, by name.
    pub account: String,
    /// Who sends it.
    pub user: OpenId,
    /// What it is.
    pub kind: PushKind,
    /// The `MsgId`: 17 digits, unique in this process and rising. Events don't carry it, but the transcript does.
    pub msg_id: String,
    /// The `CreateTime`, in Unix seconds.
    pub created_at: i64,
}

/// What a push does to the account's right to write to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushTrigger {
    /// A window opens, or opens anew.
    Opens(Opener),
    /// The user has left: no window.
    Leave,
    /// Nothing changes: LOCATION, VIEW and other events.
    Background,
}

impl Push {
    /// A push of any kind, made now, with a fresh id.
    pub fn new(account: impl Into<String>, user: impl Into<OpenId>, kind: PushKind) -> Push {
        let (account, user) = (account.into(), user.into());
        Push { account, user, kind, msg_id: fresh_msg_id(), created_at: clock::unix_secs() }
    }

    /// A text message.
    pub fn text(account: impl Into<String>, user: impl Into<OpenId>, content: impl Into<String>) -> Push {
        Push::new(account, user, PushKind::Text { content: content.into(), menu_id: None })
    }

    /// A picture.
    pub fn image(account: impl Into<String>, user: impl Into<OpenId>) -> Push {
        Push::new(account, user, PushKind::Image { pic_url: sample_picture(), media_id: sample_media() })
    }

    /// A voice message, with what speech recognition heard if that is on.
    pub fn voice(account: impl Into<String>, user: impl Into<OpenId>, recognition: Option<&str>) -> Push {
        let recognition = recognition.map(str::to_owned);
        Push::new(account, user, PushKind::Voice { media_id: sample_media(), recognition })
    }

    /// A video.
    pub fn video(account: impl Into<String>, user: impl Into<OpenId>) -> Push {
        let (media_id, thumb_media_id) = (sample_media(), sample_media());
        Push::new(account, user, PushKind::Video { media_id, thumb_media_id })
    }

    /// A short video.
    pub fn shortvideo(account: impl Into<String>, user: impl Into<OpenId>) -> Push {
        let (media_id, thumb_media_id) = (sample_media(), sample_media());
        Push::new(account, user, PushKind::ShortVideo { media_id, thumb_media_id })
    }

    /// A place: latitude, longitude, and the address in words.
    pub fn location(
        account: impl Into<String>,
        user: impl Into<OpenId>,
        latitude: f64,
        longitude: f64,
        label: impl Into<String>,
    ) -> Push {
        let kind = PushKind::Location { latitude, longitude, scale: 16, label: label.into() };
        Push::new(account, user, kind)
    }

    /// A link.
    pub fn link(
        account: impl Into<String>,
        user: impl Into<OpenId>,
        title: impl Into<String>,
        description: impl Into<String>,
        url: impl Into<String>,
    ) -> Push {
        let (title, description, url) = (title.into(), description.into(), url.into());
        Push::new(account, user, PushKind::Link { title, description, url })
    }

    /// A follow, perhaps by a QR code with a scene.
    pub fn subscribe(account: impl Into<String>, user: impl Into<OpenId>, scene: Option<&str>) -> Push {
        Push::new(account, user, PushKind::Subscribe { scene: scene.map(str::to_owned) })
    }

    /// An unfollow.
    pub fn unsubscribe(account: impl Into<String>, user: impl Into<OpenId>) -> Push {
        Push::new(account, user, PushKind::Unsubscribe)
    }

    /// A follower's scan of a QR code.
    pub fn scan(account: impl Into<String>, user: impl Into<OpenId>, scene: impl Into<String>) -> Push {
        Push::new(account, user, PushKind::Scan { scene: scene.into() })
    }

    /// A position reported in the background.
    pub fn location_event(
        account: impl Into<String>,
        user: impl Into<OpenId>,
        latitude: f64,
        longitude: f64,
    ) -> Push {
        Push::new(account, user, PushKind::LocationEvent { latitude, longitude, precision: 30.0 })
    }

    /// A tap on a menu button with a key.
    pub fn click(account: impl Into<String>, user: impl Into<OpenId>, key: impl Into<String>) -> Push {
        Push::new(account, user, PushKind::Click { key: key.into() })
    }

    /// A tap on a menu button that opens a page.
    pub fn view(account: impl Into<String>, user: impl Into<OpenId>, url: impl Into<String>) -> Push {
        Push::new(account, user, PushKind::View { url: url.into() })
    }

    /// A body as it is. Its fault notice and its window follow from the `MsgType` and `Event` that can be read in it.
    pub fn raw(account: impl Into<String>, user: impl Into<OpenId>, body: impl Into<String>) -> Push {
        Push::new(account, user, PushKind::Raw { body: body.into() })
    }

    /// Whether it is an event, which a reply may answer with several articles.
    pub(crate) fn is_event(&self) -> bool {
        self.event().is_some()
    }

    /// The same push as an account gets it that isn't told which item was tapped.
    pub(crate) fn without_menu_id(mut self) -> Push {
        if let PushKind::Text { menu_id, .. } = &mut self.kind {
            *menu_id = None;
        }
        self
    }

    /// The same push with another `CreateTime`.
    pub fn created_at(mut self, unix_secs: i64) -> Push {
        self.created_at = unix_secs;
        self
    }
}

/// Rising and unique: ten ids fit in each microsecond since 1970, which today gives the 17 digits of real ones.
fn fresh_msg_id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = clock::unix_us().saturating_mul(10);
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
    let last = last.unwrap_or_else(|last| last);
    now.max(last + 1).to_string()
}
