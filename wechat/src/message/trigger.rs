//! What a push lets the account send: how many messages, and for how long.
//!
//! The numbers are those of WeChat's documentation of customer-service messages (客服消息) of 2025 and 2026. They are defaults:
//! WeChat changed them in 2021 and 2023, so callers let the operator overrule them. The push's `CreateTime` counts; WeChat's
//! answer 45015 or 45047 has the last word.
//!
//! Two rows of WeChat's tables aren't here. *A payment* opens unlimited messages for 48 hours by one page, and is absent from
//! the pages about the API. What is pushed is a follow (`subscribe` with `last_trade_no_…`), so it counts as one: of two
//! rights the smaller is the safe guess, since sends beyond it are held for later, while sends that WeChat refuses are lost.
//! *Entering customer service* (2 messages) is for mini programs. Their events are `Silent` here, and so are sessions of
//! customer service that begin, end or move (`kf_…_session`): what the user did before had its own right.

use std::time::Duration;

use strum::{Display, EnumString, IntoStaticStr};

/// The kind of right that a push opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", parse_err_ty = UnknownTrigger, parse_err_fn = unknown)]
pub enum Trigger {
    /// The user sent something.
    Message,
    /// The user tapped a menu button that the account hears of (`CLICK`, `scancode_push`, `scancode_waitmsg`), or an item of
    /// a menu message, which WeChat counts as a click though it arrives as a text.
    Click,
    /// A follower scanned a QR code with a scene.
    Scan,
    /// The user followed, with or without a QR code.
    Subscribe,
    /// The user left: whatever right there was is gone.
    Unsubscribe,
    /// Everything else, which gives no right and takes none: `LOCATION`, `VIEW`, `pic_…` and `location_select` (what was
    /// chosen follows as messages, which do), results of jobs, unknown events.
    Silent,
}

impl Trigger {
    /// Every trigger, in the order of declaration.
    pub const ALL: [Trigger; 6] = [
        Trigger::Message,
        Trigger::Click,
        Trigger::Scan,
        Trigger::Subscribe,
        Trigger::Unsubscribe,
        Trigger::Silent,
    ];

    /// Of a push with this `MsgType`: an event, or a message, perhaps from the menu.
    pub(super) fn of(msg_type: &str, event: Option<&str>, from_menu: bool) -> Trigger {
        if let Some(event) = event {
            return match event.to_ascii_lowercase().as_str() {
                "click" | "scancode_push" | "scancode_waitmsg" => Trigger::Click,
                "scan" => Trigger::Scan,
                "subscribe" => Trigger::Subscribe,
                "unsubscribe" => Trigger::Unsubscribe,
                _ => Trigger::Silent,
            };
        }
        if from_menu && msg_type.eq_ignore_ascii_case("text") {
            return Trigger::Click;
        }
        // Without a type it is no message of a user (third-party pushes have `InfoType`), nor is a device's.
        if msg_type.is_empty() || is_of_a_device(msg_type) {
            return Trigger::Silent;
        }
        // An unknown type that isn't an event is something a user sent: files came before anyone had documented them.
        Trigger::Message
    }

    /// How long after the push messages may be sent; zero where none may.
    pub fn window(self) -> Duration {
        match self {
            Trigger::Message => Duration::from_secs(48 * 60 * 60),
            Trigger::Click | Trigger::Scan | Trigger::Subscribe => Duration::from_secs(60),
            Trigger::Unsubscribe | Trigger::Silent => Duration::ZERO,
        }
    }

    /// How many messages may be sent in that time.
    pub fn sends(self) -> u32 {
        match self {
            Trigger::Message => 5,
            Trigger::Click | Trigger::Scan | Trigger::Subscribe => 3,
            Trigger::Unsubscribe | Trigger::Silent => 0,
        }
    }

    /// The trigger's name in stored messages and metrics; [`FromStr`](std::str::FromStr) reads it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The types that devices push, or pushed (`device_text`, `device_event`, `device_status`, `hardware`).
fn is_of_a_device(msg_type: &str) -> bool {
    let msg_type = msg_type.to_ascii_lowercase();
    msg_type == "hardware" || msg_type.starts_with("device_")
}

/// A name that is no trigger's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of trigger")]
pub struct UnknownTrigger(String);

fn unknown(name: &str) -> UnknownTrigger {
    UnknownTrigger(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trigger_is_read_back_from_its_name() {
        for trigger in Trigger::ALL {
            assert_eq!(trigger.as_str().parse(), Ok(trigger));
            assert_eq!(trigger.sends() > 0, !trigger.window().is_zero());
        }
        assert!("Message".parse::<Trigger>().is_err());
    }
}
