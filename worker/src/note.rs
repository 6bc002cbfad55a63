//! What the journal knows of a message besides what the queue does: the worker's *note*, small JSON without any text of the message.
//!
//! The queue keeps it as opaque bytes: see [`huixin_queue::Journal`]. A later version may add fields; an older one ignores them, so
//! there is no format number.

use std::time::{Duration, Instant};

use bytes::Bytes;
use huixin_queue::{Lease, Leased};
use huixin_wechat::{ApiError, Message};
use serde::{Deserialize, Serialize};

use crate::message_end::End;
use crate::route::Route;

/// What a worker knows of a message when it lets it go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// WeChat's `MsgId`; events have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<String>,
    /// The type, or `event` and which.
    pub kind: String,
    /// The route that took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// How it left its worker: `answered`, `no_reply`, `unmatched`, `held`, `offered` (in a response), `dead`; empty while it is
    /// handled.
    pub end: String,
    /// The attempt, from 1.
    pub attempts: u32,
    /// How many parts its answer has.
    pub parts: u32,
    /// From its arrival to the start of its handler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queueing_ms: Option<u64>,
    /// How long its handler ran in this attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handling_ms: Option<u64>,
    /// From the first send of this attempt until it left its worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_ms: Option<u64>,
    /// What WeChat refused a send or an upload of this attempt with last, unless that was put right at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The id by which WeChat finds that call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The worker's name.
    pub worker: String,
    #[serde(skip)]
    first_send: Option<Instant>,
}

impl Note {
    pub(crate) fn new(leased: &Leased, message: &Message, route: Option<&Route>, worker: &str) -> Self {
        let kind = match message.event() {
            Some(event) => format!("event {event}"),
            None => message.msg_type().to_owned(),
        };
        Self {
            msg_id: message.msg_id().map(ToOwned::to_owned),
            kind,
            route: route.map(|route| route.name.clone()),
            ..Self::of(leased, worker)
        }
    }

    /// All that is known of a message that isn't read yet.
    pub(crate) fn of(leased: &Leased, worker: &str) -> Self {
        let attempts = leased.failures.saturating_add(leased.losses).saturating_add(1);
        Self { attempts, worker: worker.to_owned(), ..Self::default() }
    }

    /// Its handler has run.
    pub(crate) fn handled(&mut self, queueing: Duration, handling: Duration) {
        (self.queueing_ms, self.handling_ms) = (Some(millis(queueing)), Some(millis(handling)));
    }

    /// A call of WeChat's API for its answer is about to begin.
    pub(crate) fn sending(&mut self, parts: usize) {
        self.parts = u32::try_from(parts).unwrap_or(u32::MAX);
        self.first_send.get_or_insert_with(Instant::now);
    }

    /// WeChat has refused a call.
    pub(crate) fn refused(&mut self, error: &ApiError) {
        let refusal = match error {
            ApiError::Token(inner) => inner,
            other => other,
        };
        if let ApiError::Refused { code, rid, .. } = refusal {
            (self.code, self.rid) = (Some(*code), rid.clone());
        }
    }

    /// The message leaves its worker like this.
    pub(crate) fn leaves(&mut self, end: End) {
        self.end = <&str>::from(end).to_owned();
        self.sending_ms = self.first_send.map(|first| millis(first.elapsed()));
    }

    /// A lease with this note.
    pub(crate) fn on(&self, lease: &Lease) -> Lease {
        // Nothing in it can fail.
        let note = serde_json::to_vec(self).map(Bytes::from).unwrap_or_default();
        Lease { note, ..lease.clone() }
    }

    /// Says in the log how the message has ended.
    pub(crate) fn log(&self) {
        let Self {
            msg_id,
            kind,
            route,
            end,
            attempts,
            parts,
            queueing_ms,
            handling_ms,
            sending_ms,
            code,
            rid,
            ..
        } = self;
        tracing::info!(
            msg_id,
            kind,
            route,
            end,
            attempts,
            parts,
            queueing_ms,
            handling_ms,
            sending_ms,
            code,
            rid,
            "the message has ended"
        );
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
