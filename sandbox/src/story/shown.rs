//! The parts of a story, each with its form as JSON.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::TEXT_MAX_BYTES;
use crate::{FaultForm, TryOutcome};

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum MessageStage {
    /// WeChat pushes it.
    Pushed,
    /// Its receiver has acked it.
    Stored,
    /// A worker has taken it.
    Taken,
    /// Its handler begins.
    Handling {
        /// The route.
        route: String,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// Its handler has ended.
    Handled {
        /// How long it took.
        ms: f64,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// Its answer is recorded.
    Recorded {
        /// How many parts it has.
        parts: usize,
    },
    /// A part of its answer is with the user.
    Sent {
        /// Which, from 1.
        part: usize,
        /// Of how many.
        of: usize,
    },
    /// Its worker lets it go.
    Ended {
        /// How, in one word.
        end: String,
        /// Why, unless that is clear.
        reason: Option<String>,
    },
}

/// What a worker asked a service, and what that said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// In which attempt.
    pub attempt: u32,
    /// When it was asked, in Unix milliseconds.
    pub at_ms: u64,
    /// How long it took.
    pub took_ms: f64,
    /// `POST`, or `SQL` for a database.
    pub method: String,
    /// Who was asked.
    pub url: String,
    /// What.
    pub request: String,
    /// The HTTP status, if there is one.
    pub status: Option<u16>,
    /// What was answered.
    pub response: Option<String>,
    /// Why there is no usable answer.
    pub error: Option<String>,
}

/// A [`MessageStage`], and when.
#[derive(Debug, Serialize)]
pub(crate) struct StageShown {
    pub(crate) at_ms: u64,
    #[serde(flatten)]
    pub(crate) stage: MessageStage,
}

/// A try of a push.
#[derive(Debug, Serialize)]
pub(crate) struct TryShown {
    n: u32,
    at_ms: u64,
    took_ms: f64,
    result: &'static str,
    detail: Option<String>,
    response: Option<String>,
}

/// A call of WeChat's API.
#[derive(Debug, Serialize)]
pub(crate) struct ApiCallShown {
    pub(crate) at_ms: u64,
    pub(crate) path: String,
    pub(crate) request: Value,
    pub(crate) errcode: Option<i64>,
    pub(crate) errmsg: Option<String>,
    /// The trouble that it met.
    pub(crate) fault: Option<FaultForm>,
    /// How long the request is.
    #[serde(skip)]
    pub(crate) bytes: usize,
}

impl Exchange {
    pub(super) fn bytes(&self) -> usize {
        256 + self.url.len() + self.request.len() + self.response.as_ref().map_or(0, String::len)
    }
}

impl TryShown {
    pub(super) fn new(
        n: u32,
        at_ms: u64,
        took_ms: f64,
        outcome: &TryOutcome,
        response: Option<&Bytes>,
    ) -> TryShown {
        let (result, detail) = match outcome {
            TryOutcome::Acked => ("acked", None),
            TryOutcome::PassiveReply(text) => ("passive_reply", Some(cut_text(text))),
            TryOutcome::Status(status) => {
                ("status", Some(format!("the server answered with HTTP status {status}")))
            }
            TryOutcome::Timeout => ("timeout", None),
            TryOutcome::Unreachable(why) => ("unreachable", Some(cut_text(why))),
            TryOutcome::BadReply(why) => ("bad_reply", Some(cut_text(why))),
        };
        let response = response.map(|body| cut_text(&String::from_utf8_lossy(body)));
        TryShown { n, at_ms, took_ms, result, detail, response }
    }

    pub(super) fn bytes(&self) -> usize {
        128 + [&self.detail, &self.response].into_iter().flatten().map(String::len).sum::<usize>()
    }
}

impl ApiCallShown {
    pub(super) fn bytes(&self) -> usize {
        // Small values in a tree cost far more than their characters.
        256 + 4 * self.bytes.min(TEXT_MAX_BYTES)
    }
}

/// As much of a text as is kept.
pub(crate) fn cut_text(text: &str) -> String {
    match text.len() <= TEXT_MAX_BYTES {
        true => text.to_owned(),
        false => format!("{}…", &text[..text.floor_char_boundary(TEXT_MAX_BYTES)]),
    }
}
