//! What an endpoint's answer means.
//!
//! It is read as loosely as it can be, from JSON of any shape: endpoints that call themselves compatible leave out `usage`
//! and `id`, have finish reasons of their own, give `content` as `null` or as a list of parts, put the model's thoughts in
//! front of the answer, stream though nobody asked for it, and call errors a success. Of all that is sent, only the text of
//! the first choice and how it ended count. An answer that broke off counts as none, and a page never reaches a user.

use std::borrow::Cow;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::error::{EndpointError, Meaning};
use super::visible_text;
use crate::handlers::body::{self, begins_as_html};
use crate::handlers::http_answer::retry_after;

/// The finish reasons of a whole answer, in lower case. None given is as good.
const GOOD_ENDS: &str = "\
    stop eos eos_token end end_turn endturn stop_sequence stop_token complete completed done finish \
    finished normal";
const FILTERED: &str = "content_filter sensitive safety refusal prohibited_content blocklist recitation";
const CUT: &str = "length max_tokens model_length max_output_tokens";

/// What an endpoint's answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChatResponse {
    /// The model's answer, not empty.
    Answer(String),
    /// The model or a filter won't answer.
    Refused,
    /// The conversation is longer than the model takes.
    TooLong { reason: String },
    /// It answers with a stream of events only.
    StreamOnly { reason: String },
    /// It may work later.
    Again { after: Option<Duration>, reason: String },
    /// It will never work like this; perhaps with other messages.
    Unfit { reason: String },
    /// It will never work.
    Never { reason: String },
}

/// Reads an answer.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatResponse {
    let never = |how: String| ChatResponse::Never {
        reason: format!("the model's endpoint answered {status}, which {how}"),
    };
    let plain = match body::decompressed(headers, body) {
        Ok(plain) => plain,
        Err(how) => return never(how),
    };
    let kind = body::content_type(headers);
    let text =
        body::text(kind, &plain).unwrap_or_else(|_| String::from_utf8_lossy(&plain).into_owned().into());
    let is_html = begins_as_html(&text);
    let value = body::read_json(&text).ok().or_else(|| streamed(kind, &text));
    let error = value.as_ref().and_then(|value| EndpointError::read(status.as_u16(), value));
    if let Some(error) = error {
        return complained(&error, headers, false);
    }
    if !status.is_success() {
        return complained(&EndpointError::of_status(status.as_u16()), headers, is_html);
    }
    let again = |what: &str| {
        let reason = format!("the model's endpoint answered {status} with {what}");
        ChatResponse::Again { after: None, reason }
    };
    match value {
        Some(value) => answered(&value),
        None if is_html => again(&format!("an HTML page: {HTML_REMEDY}")),
        None => again("what is not JSON"),
    }
}

/// What to do when the address isn't the endpoint's.
const HTML_REMEDY: &str = "check `base_url`, which may lack /v1 at its end";

/// A stream of events, put together as the answer that it would have been. `None` if the text is no stream.
fn streamed(kind: Option<&str>, text: &str) -> Option<Value> {
    let is_stream = kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"));
    if !is_stream && !text.starts_with("data:") && !text.starts_with("event:") && !text.starts_with(": ") {
        return None;
    }
    let (mut content, mut thoughts, mut finish) = (String::new(), String::new(), Value::Null);
    let mut is_done = false;
    for data in text.lines().filter_map(|line| line.trim_start().strip_prefix("data:")) {
        let data = data.trim();
        is_done |= data == "[DONE]";
        let Ok(event) = body::read_json(data) else { continue };
        if EndpointError::read(200, &event).is_some() {
            return Some(event);
        }
        let Some(choice) = choice_of(&event) else { continue };
        let response = message_of(choice);
        content.push_str(&content_of(choice, response));
        thoughts.push_str(&thoughts_of(response));
        if let Some(reason) = choice.get("finish_reason").filter(|reason| !reason.is_null()) {
            finish = reason.clone();
        }
    }
    if finish.is_null() && !is_done {
        finish = "a break in the stream".into();
    }
    let message = json!({"content": content, "reasoning_content": thoughts});
    Some(json!({"choices": [{"message": message, "finish_reason": finish}]}))
}

fn complained(error: &EndpointError, headers: &HeaderMap, is_html: bool) -> ChatResponse {
    let reason = format!("the model's endpoint answered {}", error.name());
    match error.meaning() {
        Meaning::Refused => ChatResponse::Refused,
        Meaning::TooLong => ChatResponse::TooLong { reason: reason + ": it is too long for the model" },
        Meaning::StreamOnly => {
            ChatResponse::StreamOnly { reason: reason + ": it only answers with a stream, but sent none" }
        }
        Meaning::Again => ChatResponse::Again { after: retry_after(headers), reason },
        Meaning::Never(_) if is_html => {
            ChatResponse::Never { reason: format!("{reason} with an HTML page: {HTML_REMEDY}") }
        }
        Meaning::Never(remedy) => {
            let reason = format!("{reason}: {}", error.remedy(remedy));
            match error.is_about_the_request() {
                true => ChatResponse::Unfit { reason },
                false => ChatResponse::Never { reason },
            }
        }
    }
}

fn answered(value: &Value) -> ChatResponse {
    let again = |reason: String| ChatResponse::Again { after: None, reason };
    let Some(choice) = choice_of(value) else {
        return again("the model's endpoint returned no `choices`".to_owned());
    };
    if let Some(error) = EndpointError::read(200, choice) {
        return complained(&error, &HeaderMap::new(), false);
    }
    let message = message_of(choice);
    let finish = choice.get("finish_reason").and_then(Value::as_str).unwrap_or_default();
    let end = finish.to_ascii_lowercase();
    let text = visible_text::answer(&content_of(choice, message));
    let refusal = message.get("refusal").and_then(Value::as_str).is_some_and(|refusal| !refusal.is_empty());
    let is_one_of = |ends: &str| ends.split(' ').any(|known| known == end);
    if is_one_of(FILTERED) || (refusal && text.is_empty()) {
        return ChatResponse::Refused;
    }
    if is_one_of(CUT) {
        let what =
            if text.is_empty() { "its reasoning used up the tokens" } else { "the answer was cut off" };
        let reason = format!("{what} (`finish_reason` is `{finish}`), so raise `max_tokens`");
        return ChatResponse::Never { reason };
    }
    if is_one_of("tool_calls function_call tool_use") {
        let reason = format!(
            "the model calls tools (`finish_reason` is `{finish}`), but this handler has none: remove them from `extra`"
        );
        return ChatResponse::Never { reason };
    }
    if !end.is_empty() && !is_one_of(GOOD_ENDS) {
        let finish: String =
            finish.chars().filter(|c| c.is_ascii_alphanumeric() || "_- ".contains(*c)).take(40).collect();
        return again(format!("the model's answer was cut off: its `finish_reason` is `{finish}`"));
    }
    if !text.is_empty() {
        return ChatResponse::Answer(text);
    }
    let thoughts = thoughts_of(message);
    // Where a server takes an answer for thoughts, the end of the thoughts stands before the answer.
    match thoughts.to_ascii_lowercase().rfind("</think>") {
        Some(at) if !visible_text::answer(&thoughts[at..]).is_empty() => ChatResponse::Answer(visible_text::answer(&thoughts[at..])),
        _ if !thoughts.is_empty() => again(
            "the model's answer is empty, but its `reasoning_content` is not: limit the reasoning in `extra`, for \
             example with { enable_thinking = false }, or serve it without a reasoning parser"
                .to_owned(),
        ),
        _ => again("the model's answer is empty".to_owned()),
    }
}

fn choice_of(value: &Value) -> Option<&Value> {
    let inside = value.get("output").or_else(|| value.get("data")).unwrap_or(&Value::Null);
    value.get("choices").or_else(|| inside.get("choices"))?.get(0)
}

fn message_of(choice: &Value) -> &Value {
    choice.get("message").or_else(|| choice.get("delta")).unwrap_or(&Value::Null)
}

fn content_of(choice: &Value, message: &Value) -> String {
    let content = message.get("content").filter(|content| !content.is_null());
    text_of(content.or_else(|| choice.get("text")).unwrap_or(&Value::Null)).into_owned()
}

fn thoughts_of(message: &Value) -> String {
    let thoughts = message.get("reasoning_content").or_else(|| message.get("reasoning"));
    text_of(thoughts.unwrap_or(&Value::Null)).into_owned()
}

/// A text, or the texts of a list of parts, each a text or an object with one. Thoughts and calls are parts too.
fn text_of(content: &Value) -> Cow<'_, str> {
    match content {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(parts) => parts.iter().map(text_of).collect::<Vec<_>>().concat().into(),
        Value::Object(part) => {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
            let is_other = ["think", "reason", "tool", "function"].iter().any(|other| kind.contains(other));
            let inside = ["text", "content", "value", "parts"].iter().find_map(|name| part.get(*name));
            inside.filter(|_| !is_other).map_or(Cow::Borrowed(""), text_of)
        }
        _ => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests;
