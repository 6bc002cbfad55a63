//! Reads what WeChat answers, whatever content type it states.
//!
//! Answers come as `text/plain` or JSON, sometimes with raw control characters inside strings, which JSON forbids, and
//! with `errcode` as a number or a string. So the bytes are read first, to a limit, and judged by content alone.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value};

use super::error::{ApiError, CallCause};
use super::wire::Wire;

/// The answer's JSON object, if it isn't a refusal.
pub(super) struct ApiAnswer(Map<String, Value>);

impl ApiAnswer {
    /// Sends the request and reads the answer. `hidden` are the secrets in the request: cut out of `errmsg`.
    ///
    /// # Errors
    /// As [`ApiError`] says. Success is a 2xx with an object whose `errcode` is 0 or absent.
    pub(super) async fn to(
        wire: &Wire,
        request: RequestBuilder,
        hidden: &[&str],
    ) -> Result<ApiAnswer, ApiError> {
        let response = send(request).await?;
        wire.compare_clocks(response.headers());
        let status = response.status();
        let body = read(response, LONGEST_ANSWER_BYTES).await.map_err(ApiError::Unsure)?;
        ApiAnswer::of(status, &body, hidden)
    }

    /// Judges an answer that has been read.
    ///
    /// # Errors
    /// As for [`ApiAnswer::to`].
    pub(super) fn of(status: StatusCode, body: &[u8], hidden: &[&str]) -> Result<ApiAnswer, ApiError> {
        let unreadable = |why| {
            ApiError::Unsure(if status.is_success() {
                CallCause::Unreadable(why)
            } else {
                CallCause::Status(status.as_u16())
            })
        };
        let answer = parse(body).ok_or_else(|| unreadable("not a JSON object"))?;
        match answer.code() {
            Some(Some(0)) | None if status.is_success() => Ok(answer),
            Some(Some(code)) if code != 0 => Err(answer.refusal(code, hidden)),
            Some(None) => Err(unreadable("its errcode is not a number")),
            _ => Err(ApiError::Unsure(CallCause::Status(status.as_u16()))),
        }
    }

    /// A member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A member that is an integer, or a string that holds one.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        integer(self.0.get(name)?)
    }

    /// Whether there is an `errcode`, which is then 0.
    pub(super) fn says_ok(&self) -> bool {
        self.0.contains_key("errcode")
    }

    /// The `errcode`: absent, there but no number, or a number.
    fn code(&self) -> Option<Option<i64>> {
        self.0.get("errcode").map(integer)
    }

    fn refusal(&self, code: i64, hidden: &[&str]) -> ApiError {
        let mut message = self.text("errmsg").unwrap_or_default().to_owned();
        for secret in hidden.iter().filter(|secret| !secret.is_empty()) {
            message = message.replace(secret, "***");
        }
        let rid = rid(&message);
        let message: String = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(LONGEST_MESSAGE_CHARS)
            .collect();
        ApiError::Refused { code, message, rid }
    }
}

/// The longest answer that is read; WeChat's own are a few hundred bytes.
const LONGEST_ANSWER_BYTES: usize = 64 * 1024;

/// The most of an `errmsg` that is kept.
const LONGEST_MESSAGE_CHARS: usize = 512;

/// Sends the request and waits for the head of the answer.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, ApiError> {
    request.send().await.map_err(|error| {
        let unsent = error.is_connect() || error.is_builder();
        let cause = CallCause::http(error);
        if unsent { ApiError::NotSent(cause) } else { ApiError::Unsure(cause) }
    })
}

/// Reads a body of at most so many bytes.
pub(super) async fn read(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, CallCause> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(CallCause::http)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(CallCause::Unreadable("it is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The JSON object in `body`. A control character is legal between JSON's tokens only as white space, and never inside
/// a string, so each may become a blank.
fn parse(body: &[u8]) -> Option<ApiAnswer> {
    let text = String::from_utf8_lossy(body);
    let text: String = text.chars().map(|c| if c < ' ' { ' ' } else { c }).collect();
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    serde_json::from_str(text).ok().map(ApiAnswer)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The request id in an `errmsg`: `… rid: 66f0a1b2-0123abcd-4567cdef`.
fn rid(message: &str) -> Option<String> {
    let (_, after) = message.split_once("rid:")?;
    let id: String = after.trim_start().chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    Some(id).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_inside_strings_and_codes_as_strings_are_read() {
        let answer = parse(b"\xEF\xBB\xBF\n{\"errcode\":\"45015\",\"errmsg\":\"out\x01of\ntime\"}").unwrap();
        assert_eq!(answer.code(), Some(Some(45015)));
        assert_eq!(answer.text("errmsg"), Some("out of time"));
        assert!(parse(b"[]").is_none() && parse(b"").is_none() && parse(b"<html>").is_none());
    }

    #[test]
    fn a_refusal_has_its_rid_and_no_secret() {
        let answer =
            parse(br#"{"errcode":40001,"errmsg":"invalid S3CRET, not latest rid: 66f0a1b2-01ab-ef"}"#)
                .unwrap();
        match answer.refusal(40001, &["", "S3CRET"]) {
            ApiError::Refused { code: 40001, message, rid } => {
                assert_eq!(message, "invalid ***, not latest rid: 66f0a1b2-01ab-ef");
                assert_eq!(rid.as_deref(), Some("66f0a1b2-01ab-ef"));
            }
            other => panic!("{other:?}"),
        }
        let long = format!(r#"{{"errcode":40003,"errmsg":"{} rid: 66f0a1b2-01ab-ef"}}"#, "x".repeat(600));
        let text = parse(long.as_bytes()).unwrap().refusal(40003, &[]).to_string();
        assert!(text.ends_with("x … rid: 66f0a1b2-01ab-ef"), "it stands behind a text that is cut: {text}");
        assert_eq!(rid("hint: [x]"), None);
        assert_eq!(rid("rid: "), None);
    }
}
