//! What an endpoint's answer comes to.
//!
//! It is read as loosely as it can be, from JSON of any shape: endpoints that call themselves compatible leave out
//! `usage` and `id`, have finish reasons of their own, give `content` as `null` or as a list of parts, put the model's
//! thoughts in front of the answer, and call errors a success. Of all that is sent, only the text of the first choice and
//! whether a filter stopped it count. A page or a stream never reaches a user.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use super::complaint::{Complaint, Meaning};
use crate::handlers::http_answer::{begins_as_html, retry_after};

/// What an endpoint's answer comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The model's answer, not empty.
    Answer(String),
    /// The model or a filter won't answer.
    Refused,
    /// The conversation is longer than the model takes.
    TooLong { reason: String },
    /// It may work later.
    Again { after: Option<Duration>, reason: String },
    /// It will never work.
    Never { reason: String },
}

/// Reads an answer.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Said {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let value: Option<Value> = serde_json::from_str(text).ok();
    let complaint = value.as_ref().and_then(|value| Complaint::read(status.as_u16(), value));
    if let Some(complaint) = complaint {
        return complained(&complaint, headers);
    }
    if !status.is_success() {
        return complained(&Complaint::of_status(status.as_u16()), headers);
    }
    let again = |reason: &str| Said::Again { after: None, reason: reason.to_owned() };
    match value {
        Some(value) => answered(&value),
        None if begins_as_html(text) => again("the model's endpoint answered with an HTML page"),
        None if is_stream(headers, text) => Said::Never {
            reason: "the model's endpoint answers with an event stream, although none was asked for"
                .to_owned(),
        },
        None => again("the model's endpoint answered what is not JSON"),
    }
}

fn complained(complaint: &Complaint, headers: &HeaderMap) -> Said {
    let reason = format!("the model's endpoint answered {}", complaint.name());
    match complaint.meaning() {
        Meaning::Refused => Said::Refused,
        Meaning::TooLong => Said::TooLong { reason: format!("{reason}: it is too long for the model") },
        Meaning::Again => Said::Again { after: retry_after(headers), reason },
        Meaning::Never(remedy) => Said::Never { reason: format!("{reason}: {remedy}") },
    }
}

fn answered(value: &Value) -> Said {
    let Some(choice) = value.get("choices").and_then(|choices| choices.get(0)) else {
        return Said::Again { after: None, reason: "the model's endpoint gave no choice".to_owned() };
    };
    let finish = choice.get("finish_reason").and_then(Value::as_str).unwrap_or_default();
    if matches!(finish, "content_filter" | "sensitive") {
        return Said::Refused;
    }
    let message = choice.get("message").unwrap_or(&Value::Null);
    let text = text_of(message.get("content").or_else(|| choice.get("text")).unwrap_or(&Value::Null));
    let answer = without_thoughts(&text);
    if !answer.is_empty() {
        return Said::Answer(answer.to_owned());
    }
    if message.get("refusal").and_then(Value::as_str).is_some_and(|refusal| !refusal.is_empty()) {
        return Said::Refused;
    }
    let why = match finish {
        "length" => ": its thoughts used up the tokens, so raise `max_tokens`",
        "tool_calls" | "function_call" => ": it calls tools, which this handler has none of",
        _ => "",
    };
    Said::Again { after: None, reason: format!("the model's answer is empty{why}") }
}

/// A text, or the texts of a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let part = |part: &Value| Some(part.as_str().or_else(|| part.get("text")?.as_str())?.to_owned());
            parts.iter().filter_map(part).collect()
        }
        _ => String::new(),
    }
}

/// The text without the thoughts that some models put in front of it. The beginning of the thoughts may be missing, if it was
/// given to the model as a part of the prompt; then their end must begin a line.
fn without_thoughts(text: &str) -> &str {
    const BEGIN: &str = "<think>";
    const END: &str = "</think>";
    let mut rest = text.trim();
    while let Some(thoughts) = rest.strip_prefix(BEGIN) {
        // Without an end all of it are thoughts.
        rest = thoughts.split_once(END).map_or("", |(_, answer)| answer.trim());
    }
    match rest.split_once(END) {
        Some((thoughts, answer)) if thoughts.ends_with('\n') && !thoughts.contains(BEGIN) => answer.trim(),
        _ if rest.starts_with(END) => rest[END.len()..].trim(),
        _ => rest,
    }
}

fn is_stream(headers: &HeaderMap, text: &str) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("text/event-stream") || text.starts_with("data:")
}

#[cfg(test)]
mod tests;
