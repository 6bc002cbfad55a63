//! The events that have types here, by `Event` in any case (WeChat itself writes `SCAN` and `scan`): follow, scan and
//! location, the menu, results of jobs, subscription notifications, and sessions of customer service.
//!
//! All others (cards, shops, reviews, mini programs: some hundred, and new ones without notice) are `Unknown` and read
//! from the tree: what is typed is what nearly every account gets, and a type that is wrong about a rare event is worse
//! than none.
//!
//! As JSON, a variant has the name of the event in lower case and the names of its fields.

use serde::Serialize;

use super::field::{inside, prose, word, word_if_any};
use super::{MassSendJob, PublishJob, SubscriptionChoice, SubscriptionResult};
use crate::xml::Element;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// The user followed the account.
    Subscribe {
        /// The scene of the QR code, if one led here: `EventKey` without its prefix `qrscene_`.
        scene: Option<String>,
        /// The ticket of that QR code.
        ticket: Option<String>,
        /// The payment after which the user followed: `EventKey` without its prefix `last_trade_no_`.
        transaction_id: Option<String>,
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
    /// The account learned where the user is, without the user having sent anything.
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
    /// A menu button with a mini program was tapped.
    #[serde(rename = "view_miniprogram")]
    ViewMiniProgram {
        /// The page of the mini program.
        page: String,
        /// `MenuId`, for personalised menus.
        menu_id: Option<String>,
    },
    /// A code was scanned from the menu, and WeChat showed the result.
    #[serde(rename = "scancode_push")]
    ScanCodePush {
        /// The button's key.
        key: String,
        /// `qrcode` or `barcode`.
        scan_type: String,
        /// What the code says, as it is.
        scan_result: String,
    },
    /// A code was scanned from the menu, and the user waits for the account to answer.
    #[serde(rename = "scancode_waitmsg")]
    ScanCodeWaitMsg {
        /// The button's key.
        key: String,
        /// `qrcode` or `barcode`.
        scan_type: String,
        /// What the code says, as it is.
        scan_result: String,
    },
    /// Pictures were taken from the menu. They follow as messages.
    #[serde(rename = "pic_sysphoto")]
    PicSysPhoto {
        /// The button's key.
        key: String,
        /// The MD5 of each picture, in hex. Their number is the length of the list: WeChat's `Count` may be wrong.
        picture_md5s: Vec<String>,
    },
    /// Pictures were taken, or chosen from the album, from the menu. They follow as messages.
    #[serde(rename = "pic_photo_or_album")]
    PicPhotoOrAlbum {
        /// The button's key.
        key: String,
        /// As with [`PicSysPhoto`](Event::PicSysPhoto).
        picture_md5s: Vec<String>,
    },
    /// Pictures were chosen from WeChat's album, from the menu. They follow as messages.
    #[serde(rename = "pic_weixin")]
    PicWeixin {
        /// The button's key.
        key: String,
        /// As with [`PicSysPhoto`](Event::PicSysPhoto).
        picture_md5s: Vec<String>,
    },
    /// A place was chosen from the menu. It follows as a message.
    #[serde(rename = "location_select")]
    LocationSelect {
        /// The button's key.
        key: String,
        /// `Location_X`, degrees, the decimal text as sent.
        latitude: String,
        /// `Location_Y`, degrees, the decimal text as sent.
        longitude: String,
        /// Zoom of the map.
        scale: String,
        /// The place in words.
        label: String,
        /// `Poiname`: the name of the point of interest, perhaps empty.
        poi_name: String,
    },
    /// A template message was delivered, or wasn't.
    TemplateSendJobFinish {
        /// `MsgID`, the id that the call to send was answered with. No inbound message has an id of this kind.
        sent_id: String,
        /// `success`, `failed:user block`, `failed:system failed`; without the blank that WeChat writes behind the colon
        /// at times.
        status: String,
        /// Whether the status is `success`.
        succeeded: bool,
    },
    /// A broadcast is done.
    MassSendJobFinish(MassSendJob),
    /// A publication is done (`PUBLISHJOBFINISH`, in some documents `FREEPUBLISHJOBFINISH`).
    PublishJobFinish(PublishJob),
    /// A user was asked for subscription notifications and chose.
    #[serde(rename = "subscribe_msg_popup_event")]
    SubscribeMsgPopup {
        /// One choice for each template.
        choices: Vec<SubscriptionChoice>,
    },
    /// A user changed a choice.
    #[serde(rename = "subscribe_msg_change_event")]
    SubscribeMsgChange {
        /// One choice for each template.
        choices: Vec<SubscriptionChoice>,
    },
    /// Subscription notifications were delivered, or weren't.
    #[serde(rename = "subscribe_msg_sent_event")]
    SubscribeMsgSent {
        /// One result for each notification.
        results: Vec<SubscriptionResult>,
    },
    /// A session with a person of customer service began. `FromUserName` is the user.
    #[serde(rename = "kf_create_session")]
    KfCreateSession {
        /// Who serves: `name@account`.
        kf_account: String,
    },
    /// A session with a person of customer service ended.
    #[serde(rename = "kf_close_session")]
    KfCloseSession {
        /// Who served.
        kf_account: String,
    },
    /// A session went from one person of customer service to another.
    #[serde(rename = "kf_switch_session")]
    KfSwitchSession {
        /// Who served.
        from_kf_account: String,
        /// Who serves now.
        to_kf_account: String,
    },
    /// Any other. Its name is [`Message::event`](super::Message::event).
    Unknown,
}

impl Event {
    /// Every `Event` that has a type here, in lower case.
    pub const NAMES: [&str; 23] = [
        "subscribe",
        "unsubscribe",
        "scan",
        "location",
        "click",
        "view",
        "view_miniprogram",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
        "templatesendjobfinish",
        "masssendjobfinish",
        "publishjobfinish",
        "freepublishjobfinish",
        "subscribe_msg_popup_event",
        "subscribe_msg_change_event",
        "subscribe_msg_sent_event",
        "kf_create_session",
        "kf_close_session",
        "kf_switch_session",
    ];

    pub(super) fn of(tree: &Element) -> Event {
        let key = || prose(tree, "EventKey");
        match word(tree, "Event").to_ascii_lowercase().as_str() {
            "subscribe" => followed(tree),
            "unsubscribe" => Event::Unsubscribe,
            "scan" => Event::Scan { scene: key(), ticket: word_if_any(tree, "Ticket") },
            "location" => Event::Location {
                latitude: word(tree, "Latitude"),
                longitude: word(tree, "Longitude"),
                precision: word(tree, "Precision"),
            },
            "click" => Event::Click { key: key() },
            "view" => Event::View { url: word(tree, "EventKey"), menu_id: word_if_any(tree, "MenuId") },
            "view_miniprogram" => {
                Event::ViewMiniProgram { page: word(tree, "EventKey"), menu_id: word_if_any(tree, "MenuId") }
            }
            "scancode_push" => {
                let (scan_type, scan_result) = scanned(tree);
                Event::ScanCodePush { key: key(), scan_type, scan_result }
            }
            "scancode_waitmsg" => {
                let (scan_type, scan_result) = scanned(tree);
                Event::ScanCodeWaitMsg { key: key(), scan_type, scan_result }
            }
            "pic_sysphoto" => Event::PicSysPhoto { key: key(), picture_md5s: picture_md5s(tree) },
            "pic_photo_or_album" => Event::PicPhotoOrAlbum { key: key(), picture_md5s: picture_md5s(tree) },
            "pic_weixin" => Event::PicWeixin { key: key(), picture_md5s: picture_md5s(tree) },
            "location_select" => selected(tree),
            "templatesendjobfinish" => {
                let status = word(tree, "Status");
                let status = status.split(':').map(str::trim).collect::<Vec<_>>().join(":");
                let succeeded = status.eq_ignore_ascii_case("success");
                Event::TemplateSendJobFinish { sent_id: word(tree, "MsgID"), status, succeeded }
            }
            "masssendjobfinish" => Event::MassSendJobFinish(MassSendJob::of(tree)),
            "publishjobfinish" | "freepublishjobfinish" => Event::PublishJobFinish(PublishJob::of(tree)),
            "subscribe_msg_popup_event" => {
                Event::SubscribeMsgPopup { choices: SubscriptionChoice::all(tree, "SubscribeMsgPopupEvent") }
            }
            "subscribe_msg_change_event" => Event::SubscribeMsgChange {
                choices: SubscriptionChoice::all(tree, "SubscribeMsgChangeEvent"),
            },
            "subscribe_msg_sent_event" => {
                Event::SubscribeMsgSent { results: SubscriptionResult::all(tree, "SubscribeMsgSentEvent") }
            }
            "kf_create_session" => Event::KfCreateSession { kf_account: word(tree, "KfAccount") },
            "kf_close_session" => Event::KfCloseSession { kf_account: word(tree, "KfAccount") },
            "kf_switch_session" => Event::KfSwitchSession {
                from_kf_account: word(tree, "FromKfAccount"),
                to_kf_account: word(tree, "ToKfAccount"),
            },
            _ => Event::Unknown,
        }
    }
}

/// A follow. A prefix is taken off once: a scene may begin with it itself. A key without `qrscene_` is a scene only
/// beside a ticket.
fn followed(tree: &Element) -> Event {
    let key = prose(tree, "EventKey");
    let ticket = word_if_any(tree, "Ticket");
    let (scene, transaction_id) = match (key.strip_prefix("qrscene_"), key.strip_prefix("last_trade_no_")) {
        (Some(scene), _) => (Some(scene.to_owned()), None),
        (None, _) if ticket.is_some() && !key.is_empty() => (Some(key), None),
        (None, Some(transaction)) => (None, Some(transaction.trim().to_owned()).filter(|id| !id.is_empty())),
        (None, None) => (None, None),
    };
    Event::Subscribe { scene, ticket, transaction_id }
}

/// `ScanType` and `ScanResult` of `ScanCodeInfo`.
fn scanned(tree: &Element) -> (String, String) {
    match tree.get("ScanCodeInfo") {
        Some(info) => (word(info, "ScanType"), prose(info, "ScanResult")),
        None => Default::default(),
    }
}

/// The pictures in `SendPicsInfo`.
fn picture_md5s(tree: &Element) -> Vec<String> {
    let Some(info) = tree.get("SendPicsInfo") else { return Vec::new() };
    inside(info, "PicList", "item").map(|item| word(item, "PicMd5Sum")).collect()
}

/// The place in `SendLocationInfo`.
fn selected(tree: &Element) -> Event {
    let nothing = Element::default();
    let place = tree.get("SendLocationInfo").unwrap_or(&nothing);
    Event::LocationSelect {
        key: prose(tree, "EventKey"),
        latitude: word(place, "Location_X"),
        longitude: word(place, "Location_Y"),
        scale: word(place, "Scale"),
        label: prose(place, "Label"),
        poi_name: prose(place, "Poiname"),
    }
}
