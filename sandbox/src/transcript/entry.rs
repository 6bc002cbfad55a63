//! One line of the transcript, and its form as JSON, which the control API and the page share.

use serde::Serialize;
use serde_json::Value;

use crate::{FaultForm, OpenId, TryOutcome};

/// One thing that happened. As JSON it is one flat object, `what` naming the kind in snake case.
#[derive(Clone, Debug, Serialize)]
pub struct TranscriptEntry {
    /// Its number: 1, 2, 3 … without gaps.
    pub seq: u64,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// The account's name; empty when a request named none that exists.
    pub account: String,
    /// The user; empty when a request named none.
    pub user: OpenId,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The user did something, and its push begins.
    Said {
        /// The push.
        msg_id: String,
        /// The message type or the event's name.
        kind: String,
        /// The text, key or address.
        content: String,
        /// The id of the file that came with it.
        #[serde(skip_serializing_if = "Option::is_none")]
        media_id: Option<String>,
        /// Where its picture is.
        #[serde(skip_serializing_if = "Option::is_none")]
        pic_url: Option<String>,
        /// What a place or a link shows besides.
        #[serde(flatten)]
        card: Option<SaidCard>,
    },
    /// A push is made once more with the same body, which its receiver should know.
    Replayed {
        /// The push.
        msg_id: String,
    },
    /// A try of the push ended.
    Tried {
        /// The push.
        msg_id: String,
        /// Which try, from 1; 0 for one made outside the rules by `push_once`.
        n: u32,
        /// How long it took.
        took_ms: f64,
        /// How it ended.
        outcome: TryOutcome,
    },
    /// The receiver acked the push.
    Acked {
        /// The push.
        msg_id: String,
        /// From the start of the first try.
        ms: f64,
        /// How many tries it took.
        tries: u32,
    },
    /// The user sees the notice that the account's server has failed.
    FaultNotice {
        /// The push.
        msg_id: String,
    },
    /// A background push failed, which the user doesn't see.
    GivenUp {
        /// The push.
        msg_id: String,
    },
    /// Many tries were not answered: the account's owner gets an alarm.
    Alarmed {
        /// How many, within the time of the rule.
        unanswered: usize,
    },
    /// More of them were not answered: the account gets no pushes for a time.
    Stopped {
        /// How many.
        unanswered: usize,
        /// For how long.
        for_s: f64,
    },
    /// A try was not made, nor will others of its push be, because the account gets no pushes now.
    Withheld {
        /// The push.
        msg_id: String,
    },
    /// What the user did was taken in, and no route takes it, so that there is no answer.
    Unmatched {
        /// The message type or the event's name.
        kind: String,
        /// The text, key or address.
        content: String,
    },
    /// The answer in a push's response was shown to the user.
    Replied {
        /// The push.
        msg_id: String,
        /// Which try was answered, as in `Tried`.
        n: u32,
        /// Its `MsgType`.
        kind: String,
        /// Its text, when it is a text message.
        text: Option<String>,
        /// The whole of it, in the shape of a customer-service message.
        message: Value,
        /// The push that it answers: the same.
        #[serde(rename = "for")]
        answers: Option<String>,
    },
    /// A customer-service message was accepted and shown to the user.
    Sent {
        /// Its `msgtype`.
        kind: String,
        /// Its text, when it is a text message.
        text: Option<String>,
        /// Which send it is since the user's last trigger, from 1; 0 when there was none and windows aren't enforced.
        nth: u32,
        /// Which try it is: how often this very body has come since one was last answered with success.
        attempt: u32,
        /// The whole request.
        message: Value,
        /// The push that it answers, if that is known.
        #[serde(rename = "for")]
        answers: Option<String>,
    },
    /// A send was refused.
    Refused {
        /// The `errcode`.
        code: i64,
        /// The `errmsg`.
        reason: String,
        /// Which try it was, as in `Sent`.
        attempt: u32,
        /// The request, when it was JSON; else null.
        message: Value,
        /// The push that it should have answered, if that is known.
        #[serde(rename = "for")]
        answers: Option<String>,
    },
    /// The account's typing indicator went on or off.
    Typing {
        /// Whether it is on.
        on: bool,
    },
    /// A file was uploaded.
    Uploaded {
        /// The id that it got.
        media_id: String,
        /// `image`, `voice`, `video` or `thumb`.
        kind: &'static str,
        /// How large it is.
        bytes: usize,
    },
    /// A file was fetched.
    Fetched {
        /// Its id.
        media_id: String,
    },
    /// A call for the typing indicator, an upload or a fetch was refused.
    CallRefused {
        /// `typing`, `upload` or `media_get`.
        on: &'static str,
        /// The `errcode`.
        code: i64,
        /// The `errmsg`.
        reason: String,
    },
    /// An injected fault began to act on a request.
    Faulted {
        /// The call, by the name of its [`Endpoint`](crate::Endpoint); `push` for a try of a push.
        on: &'static str,
        /// The fault: its name as `fault`, its numbers beside it.
        #[serde(flatten)]
        fault: FaultForm,
        /// Which try it was, as in `Sent` or `Tried`; 0 for other calls than sends.
        attempt: u32,
    },
}

/// What a place or a link shows besides its name.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum SaidCard {
    /// Where the place is.
    Position {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
    },
    /// What the link is about.
    Link {
        /// Its description.
        description: String,
        /// Where it leads.
        url: String,
    },
}

impl What {
    /// The text of a text message that was shown to the user.
    pub fn text(&self) -> Option<&str> {
        match self {
            What::Sent { text, .. } | What::Replied { text, .. } => text.as_deref(),
            _ => None,
        }
    }

    /// The push that this is about, if it is about one.
    pub fn msg_id(&self) -> Option<&str> {
        match self {
            What::Said { msg_id, .. }
            | What::Replayed { msg_id }
            | What::Tried { msg_id, .. }
            | What::Acked { msg_id, .. }
            | What::Replied { msg_id, .. }
            | What::FaultNotice { msg_id }
            | What::Withheld { msg_id }
            | What::GivenUp { msg_id } => Some(msg_id),
            _ => None,
        }
    }

    /// About how many bytes of outside data it holds.
    pub(super) fn bytes(&self) -> usize {
        match self {
            What::Said { content, card: Some(SaidCard::Link { description, url }), .. } => {
                content.len() + description.len() + url.len()
            }
            What::Said { content, .. } | What::Unmatched { content, .. } => content.len(),
            What::Tried { outcome: TryOutcome::BadReply(text) | TryOutcome::PassiveReply(text), .. } => {
                text.len()
            }
            What::Sent { message, .. } | What::Replied { message, .. } | What::Refused { message, .. } => {
                weight(message)
            }
            _ => 0,
        }
    }
}

/// Small values in a tree cost far more than their characters: count the nodes too.
fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(weight).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + 32 + weight(value)).sum(),
        _ => 0,
    };
    inside + 32
}
