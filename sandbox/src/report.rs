//! What became of a push: one report for the whole, one for each try.

use serde::Serialize;

/// What became of a push.
#[derive(Clone, Debug, Serialize)]
pub struct PushReport {
    /// The `MsgId` of the push, as in the transcript.
    pub msg_id: String,
    /// The tries, in order.
    pub tries: Vec<TryReport>,
    /// Whether one of them was acked (or answered with a valid passive reply).
    pub acked: bool,
    /// From the start of the first try to the ack, so that failed tries count.
    pub ack_ms: Option<f64>,
}

/// What became of one try.
#[derive(Clone, Debug, Serialize)]
pub struct TryReport {
    /// When it began, in milliseconds after the first try of the same push.
    pub started_ms: f64,
    /// How long it took.
    pub took_ms: f64,
    /// How it ended.
    pub outcome: TryOutcome,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", content = "detail", rename_all = "snake_case")]
pub enum TryOutcome {
    /// 200 with an empty body or `success`.
    Acked,
    /// 200 with a valid XML reply: an ack, and this text for the user (a type in brackets for other replies).
    PassiveReply(String),
    /// Another status than 200. WeChat tries again.
    Status(u16),
    /// No complete answer within the time. WeChat tries again.
    Timeout,
    /// No connection, or it broke. WeChat tries again.
    Unreachable(String),
    /// 200 with a body that is neither an ack nor a reply: the user sees the fault notice at once.
    BadReply(String),
}

impl TryOutcome {
    /// Whether the push is settled as received.
    pub fn is_ack(&self) -> bool {
        matches!(self, TryOutcome::Acked | TryOutcome::PassiveReply(_))
    }

    /// Whether WeChat would try the push again.
    pub fn is_retried(&self) -> bool {
        matches!(self, TryOutcome::Status(_) | TryOutcome::Timeout | TryOutcome::Unreachable(_))
    }
}
