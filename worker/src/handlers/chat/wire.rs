//! The request and what its answer says, without effects.
//!
//! The answer is read as loosely as it can be, from JSON of any shape: endpoints that call themselves compatible leave out
//! `usage` and `id`, have finish reasons of their own, give `content` as `null` or as a list of parts, put the model's
//! thoughts in front of the answer, and call errors a success. Of all that is sent, only the text of the first choice and
//! whether a filter stopped it count. A page or a stream never reaches a user.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value, json};
use std::time::Duration;

use super::complaint::{Complaint, Meaning};
use super::history::Turn;
use super::settings::ChatSettings;
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

/// The body of a request.
pub(super) fn request(
    settings: &ChatSettings,
    system: Option<&str>,
    turns: &[Turn],
    question: &str,
) -> Value {
    let message = |role: &str, content: &str| json!({"role": role, "content": content});
    let mut messages: Vec<Value> = system.map(|text| message("system", text)).into_iter().collect();
    for turn in turns {
        messages.push(message("user", &turn.question));
        messages.push(message("assistant", &turn.answer));
    }
    messages.push(message("user", question));
    let mut body = Map::new();
    if let Some(temperature) = settings.temperature {
        body.insert("temperature".to_owned(), temperature.into());
    }
    if let Some(max_tokens) = settings.max_tokens {
        body.insert("max_tokens".to_owned(), max_tokens.into());
    }
    body.extend(settings.extra.clone());
    body.insert("model".to_owned(), settings.model.as_str().into());
    body.insert("messages".to_owned(), messages.into());
    body.insert("stream".to_owned(), false.into());
    Value::Object(body)
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
mod tests {
    use reqwest::header::RETRY_AFTER;

    use super::*;

    fn said(body: &str) -> Said {
        read(StatusCode::OK, &HeaderMap::new(), body.as_bytes())
    }

    fn answer(text: &str) -> Said {
        Said::Answer(text.to_owned())
    }

    #[test]
    fn a_request_has_the_system_prompt_the_turns_and_the_question_in_order() {
        let mut settings = ChatSettings::new("http://127.0.0.1:1/v1".parse().unwrap(), "m");
        let turn = Turn { id: "m1".into(), question: "q1".into(), answer: "a1".into() };
        assert_eq!(
            request(&settings, None, &[], "q"),
            json!({"model": "m", "stream": false, "messages": [{"role": "user", "content": "q"}]})
        );
        (settings.temperature, settings.max_tokens) = (Some(0.5), Some(100));
        settings.extra = json!({"enable_thinking": false, "max_tokens": null, "model": "x", "stream": true})
            .as_object()
            .unwrap()
            .clone();
        assert_eq!(
            request(&settings, Some("be kind"), &[turn], "q2"),
            json!({
                "model": "m", "stream": false, "temperature": 0.5, "max_tokens": null, "enable_thinking": false,
                "messages": [
                    {"role": "system", "content": "be kind"},
                    {"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"},
                    {"role": "user", "content": "q2"},
                ]
            })
        );
    }

    #[test]
    fn an_answer_is_found_in_whatever_form_vendors_give_it() {
        let rows = [
            (
                "OpenAI",
                json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,
                "message": {"role": "assistant", "content": " hello\n", "refusal": null}, "logprobs": null,
                "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}),
            ),
            (
                "DeepSeek",
                json!({"choices": [{"message": {"role": "assistant", "content": "hello", "reasoning_content":
                "they greet me"}, "finish_reason": "stop"}], "usage": {"prompt_cache_hit_tokens": 0}}),
            ),
            (
                "DashScope",
                json!({"choices": [{"message": {"role": "assistant", "content": "hello", "reasoning_content": ""},
                "finish_reason": "stop", "index": 0, "logprobs": null}], "object": "chat.completion",
                "system_fingerprint": null, "usage": {"prompt_tokens": "7"}}),
            ),
            (
                "Zhipu",
                json!({"choices": [{"finish_reason": "stop", "index": "0", "message": {"content": "\nhello"}}],
                "request_id": "1", "web_search": []}),
            ),
            (
                "MiniMax",
                json!({"choices": [{"message": {"content": "hello"}}], "base_resp": {"status_code": 0,
                "status_msg": ""}}),
            ),
            ("bare", json!({"choices": [{"message": {"content": "hello"}}]})),
            (
                "an unknown end",
                json!({"choices": [{"message": {"content": "hello"}, "finish_reason": "eos"}]}),
            ),
            ("cut short", json!({"choices": [{"message": {"content": "hello"}, "finish_reason": "length"}]})),
            (
                "a number for an end",
                json!({"choices": [{"message": {"content": "hello"}, "finish_reason": 1}]}),
            ),
            (
                "parts",
                json!({"choices": [{"message": {"content": [{"type": "text", "text": "hel"}, {"type": "x"}, "lo"]}}]}),
            ),
            ("an old text", json!({"choices": [{"text": "hello"}]})),
            ("no error", json!({"error": null, "code": 0, "choices": [{"message": {"content": "hello"}}]})),
            ("thoughts", json!({"choices": [{"message": {"content": "<think>\nhm\n</think>\n\nhello"}}]})),
        ];
        for (vendor, body) in rows {
            assert_eq!(said(&body.to_string()), answer("hello"), "{vendor}");
            assert_eq!(said(&format!("\u{feff}\n{body}\n")), answer("hello"), "{vendor}");
        }
    }

    #[test]
    fn thoughts_in_front_of_an_answer_are_dropped() {
        let rows = [
            ("<think>a</think>b", "b"),
            (" <think>\na\n</think>\n\nb\n", "b"),
            ("<think></think><think>a</think> b", "b"),
            ("<think>never done", ""),
            ("hm, let me see\n</think>\n\nb", "b"),
            ("</think>\nb", "b"),
            ("write </think> to end", "write </think> to end"),
            ("use <think>a\n</think> so", "use <think>a\n</think> so"),
            ("b", "b"),
            ("", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(without_thoughts(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_tried_again_refused_or_final() {
        let choice = |choice: Value| json!({"choices": [choice]}).to_string();
        let again = |part: &'static str| (part, "again");
        let rows = [
            (String::new(), again("not JSON")),
            ("{oops".to_owned(), again("not JSON")),
            ("{}".to_owned(), again("no choice")),
            (r#"{"choices":[]}"#.to_owned(), again("no choice")),
            (r#"{"choices":{}}"#.to_owned(), again("no choice")),
            (choice(json!({})), again("empty")),
            (choice(json!({"message": {"content": null}})), again("empty")),
            (
                choice(json!({"message": {"content": " "}, "finish_reason": "length"})),
                again("raise `max_tokens`"),
            ),
            (
                choice(json!({"message": {"content": "<think>x"}, "finish_reason": "length"})),
                again("raise `max_tokens`"),
            ),
            (
                choice(
                    json!({"message": {"content": null, "tool_calls": []}, "finish_reason": "tool_calls"}),
                ),
                again("tools"),
            ),
            (" <!DOCTYPE html><html>x".to_owned(), again("HTML page")),
            (r#"{"error":"something"}"#.to_owned(), again("answered 200")),
            ("data: {\"choices\":[]}\n\n".to_owned(), ("event stream", "never")),
            (
                choice(json!({"message": {"content": "half"}, "finish_reason": "content_filter"})),
                ("", "refused"),
            ),
            (choice(json!({"message": {"content": ""}, "finish_reason": "sensitive"})), ("", "refused")),
            (choice(json!({"message": {"content": null, "refusal": "no"}})), ("", "refused")),
        ];
        for (body, (part, expected)) in rows {
            let (reason, end) = match said(&body) {
                Said::Answer(text) => (text, "answer"),
                Said::Refused => (String::new(), "refused"),
                Said::TooLong { reason } => (reason, "too long"),
                Said::Again { reason, .. } => (reason, "again"),
                Said::Never { reason } => (reason, "never"),
            };
            assert_eq!(end, expected, "{body}: {reason}");
            assert!(reason.contains(part), "{body}: {reason}");
        }
    }

    #[test]
    fn a_busy_endpoint_may_say_when_to_ask_again() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        let body = br#"{"error":{"code":"rate_limit_exceeded","message":"sk-1 is too fast"}}"#;
        let reason = "the model's endpoint answered 429 (rate_limit_exceeded)".to_owned();
        assert_eq!(
            read(StatusCode::TOO_MANY_REQUESTS, &headers, body),
            Said::Again { after: Some(Duration::from_secs(7)), reason }
        );
    }

    #[test]
    fn an_error_that_stays_names_its_remedy() {
        let reason = |status, body: &str| match read(status, &HeaderMap::new(), body.as_bytes()) {
            Said::Never { reason } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reason(StatusCode::UNAUTHORIZED, r#"{"error":{"message":"bad sk-1","type":"invalid_api_key"}}"#),
            "the model's endpoint answered 401 (invalid_api_key): check `key`"
        );
        assert_eq!(
            reason(StatusCode::NOT_FOUND, "<html>not here</html>"),
            "the model's endpoint answered 404: check `base_url` and `model`"
        );
    }
}
