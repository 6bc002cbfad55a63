//! What a handler gets and what it gives back.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use huixin_wechat::{Message, Outgoing};
use serde_json::Value;
use url::Url;

/// The slow logic behind a route.
///
/// **It may run twice for one message**: after a crash of the worker, or when its lease was lost although it still ran.
/// Once its replies are recorded it doesn't run again, whatever happens to the sending. A handler with effects of its
/// own uses [`Context::id`] as the idempotency key.
///
/// **Order**: messages of one user come one at a time; those of others run at the same time.
///
/// **Cancellation**: the future is dropped when the worker loses the message's lease or must stop before the handler is
/// done. The message then runs again elsewhere.
///
/// **Time**: it may take minutes. The only limit from outside is [`Context::reply_until`], after which WeChat takes no
/// answer; a handler that calls others sets its own timeouts.
///
/// **Panics** are caught and count as a failed attempt.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles one message.
    async fn handle(&self, message: &Message, context: &Context) -> Outcome;

    /// How long it takes at most, if it bounds that itself: one that takes much longer is reported as a bug.
    fn takes_at_most(&self) -> Option<Duration> {
        None
    }

    /// Whether running it again costs nothing and gives the same replies. A single reply of such a handler is computed
    /// again after a crash instead of being recorded first, which saves the store a write.
    fn is_cheap(&self) -> bool {
        false
    }

    /// Whether one of its replies, as they stand in the configuration, hands the user over to a person.
    fn may_transfer(&self) -> bool {
        false
    }
}

/// The most that a route may remember of a user, in bytes of JSON.
pub const MEMORY_MAX_BYTES: usize = 256 * 1024;

/// How a handler ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Send these, in order. Texts are trimmed, empty ones dropped; if nothing is left it is [`Outcome::NoReply`].
    Reply(Vec<Outgoing>),
    /// Send these, and let [`Context::memory`] give this with the user's next message of this route. `null` forgets. The
    /// memory is stored in one step with the replies, so a message handled twice leaves the same memory as one handled once.
    Remember {
        /// What to send; may be nothing.
        replies: Vec<Outgoing>,
        /// What to remember, at most [`MEMORY_MAX_BYTES`] as JSON.
        memory: Value,
    },
    /// Done, and nothing to say.
    NoReply,
    /// The answer comes by call back, to [`Context::callback_url`]: the message and the user's later ones wait for it. If
    /// none comes in time the attempt has failed.
    Later {
        /// For how long; `None` lets the route decide.
        within: Option<Duration>,
    },
    /// It failed now and may work later: a failed attempt. After the route's last attempt the message dies.
    Retry {
        /// When to try again; `None` lets the worker's backoff decide.
        after: Option<Duration>,
        /// Why, for people. Without secrets: it is stored and shown.
        reason: String,
    },
    /// It will never work: the message dies now.
    Fail {
        /// Why, for people. Without secrets: it is stored and shown.
        reason: String,
    },
}

impl Outcome {
    /// A reply of one text.
    pub fn text(content: impl Into<String>) -> Self {
        Self::Reply(vec![Outgoing::text(content)])
    }

    /// Why it failed, if it did.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self {
            Self::Retry { reason, .. } | Self::Fail { reason } => Some(reason),
            _ => None,
        }
    }
}

/// What a handler knows besides the message.
#[derive(Clone, Debug)]
pub struct Context {
    /// The message's id: opaque, the same on every attempt.
    pub id: String,
    /// The account's name in the configuration.
    pub account: String,
    /// The route's name.
    pub route: String,
    /// Which start of the handler this is, from 1: failed attempts and lost leases both count.
    pub attempt: u32,
    /// When the receiver accepted the message.
    pub accepted_at: SystemTime,
    /// Until when WeChat takes answers to it; `None` if the message opens no right to answer.
    pub reply_until: Option<SystemTime>,
    /// How many messages this push lets the account send.
    pub sends_left: u32,
    /// What the route's text pattern captured, by the group's name and by its number.
    pub captures: BTreeMap<String, String>,
    /// What this route remembers of the user, unless its time is over.
    pub memory: Option<Value>,
    /// Where an answer by call back is posted to; `None` if this worker has no address for it.
    pub callback_url: Option<Url>,
}
