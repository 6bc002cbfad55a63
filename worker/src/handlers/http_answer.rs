//! What a service's answer means: from status, headers and body to an outcome, without effects. What comes by call back has
//! no status; its body is read by the same code.
//!
//! | answer | means |
//! | --- | --- |
//! | 2xx with `application/json` | a reply, a list of them, or `{"replies": …}` |
//! | 2xx with other text | a text, trimmed |
//! | 202 | the answer comes by call back, or by and by not at all |
//! | 204, an empty body, an empty list | no reply |
//! | a body that begins as an HTML page | a failed attempt: a proxy's error page must never reach a user, and its header can't be trusted |
//! | 408, 429, 5xx | a failed attempt; `Retry-After` is honoured |
//! | other 4xx, 3xx | final: the message dies |

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::{Map, Value};

use crate::call_back::CalledBack;
use crate::handler::Outcome;
use crate::reply::{self, Origin};

/// The longest answer that is read, in bytes.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// What stands around replies.
const WRAPPER: [&str; 2] = ["replies", "memory"];
/// The longest wait a service may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

pub(super) fn outcome_of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Outcome {
    match status.as_u16() {
        202 => Outcome::Later { within: None },
        200..=299 => answered(headers, body),
        408 | 429 | 500..=599 => {
            Outcome::Retry { after: retry_after(headers), reason: format!("the service answered {status}") }
        }
        300..=399 => fail(&format!("the service answered {status}: redirects are not followed")),
        // Not what it said: that may quote the user, and reasons are logged.
        _ => fail(&format!("the service answered {status}")),
    }
}

fn answered(headers: &HeaderMap, body: &[u8]) -> Outcome {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    read(kind, body).unwrap_or_else(|fault| match fault {
        Fault::Garbled(how) => Outcome::Retry { after: None, reason: format!("the service's answer {how}") },
        Fault::Wrong(error) => fail(&format!("the service's answer can't be sent: {error}")),
    })
}

/// Reads an answer that comes by call back: what may be the body of a 200 may be this, and means the same.
///
/// # Errors
/// When it is no answer; the text names the field and says what to mend.
pub fn read_answer(content_type: Option<&str>, body: &[u8]) -> Result<CalledBack, String> {
    let outcome = read(content_type, body).map_err(|fault| match fault {
        Fault::Garbled(how) => format!("the answer {how}"),
        Fault::Wrong(error) => error,
    })?;
    CalledBack::of(outcome)
}

/// What is wrong with a body.
enum Fault {
    /// It isn't what it says it is: perhaps not the service's own words, and perhaps better the next time.
    Garbled(String),
    /// It is the service's, and can't be sent.
    Wrong(String),
}

fn read(content_type: Option<&str>, body: &[u8]) -> Result<Outcome, Fault> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(Fault::Garbled("is not UTF-8".to_owned()));
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(Outcome::NoReply);
    }
    if begins_as_html(text) {
        return Err(Fault::Garbled("is an HTML page".to_owned()));
    }
    if !is_json(content_type) {
        return Ok(Outcome::text(text));
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Fault::Garbled(format!("is not the JSON that it says it is: {error}")))?;
    outcome_of_json(&value).map_err(Fault::Wrong)
}

/// A reply, a list of them, or `{"replies": …, "memory": …}`, of which either may be left out.
fn outcome_of_json(value: &Value) -> Result<Outcome, String> {
    let wraps = |fields: &Map<String, Value>| fields.contains_key("replies") || fields.contains_key("memory");
    let wrapped = value.as_object().filter(|fields| !fields.contains_key("type") && wraps(fields));
    let (replies, memory) = match wrapped {
        Some(fields) => (fields.get("replies").unwrap_or(&Value::Null), fields.get("memory")),
        None => (value, None),
    };
    if let Some(stray) = wrapped.and_then(|fields| fields.keys().find(|key| !WRAPPER.contains(&key.as_str())))
    {
        return Err(format!("{stray:?} is not a field beside `replies` and `memory`"));
    }
    let bare = wrapped.is_none() && value.as_object().is_some_and(|fields| !fields.contains_key("type"));
    if bare {
        return Err("the JSON has neither `replies` nor, as one reply, a `type`".to_owned());
    }
    let replies = reply::parse(replies, Origin::Service).map_err(|error| error.to_string())?;
    Ok(match memory {
        Some(memory) => Outcome::Remember { replies, memory: memory.clone() },
        None if replies.is_empty() => Outcome::NoReply,
        None => Outcome::Reply(replies),
    })
}

pub(super) fn begins_as_html(text: &str) -> bool {
    let start: String = text.chars().take(1024).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html")
        || start.starts_with("<html")
        || (start.starts_with("<?xml") && start.contains("<html"))
}

fn is_json(content_type: Option<&str>) -> bool {
    let kind =
        content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    // "At once" would use up all attempts within a second: then the backoff decides.
    Some(wait.min(RETRY_AFTER_MAX)).filter(|wait| !wait.is_zero())
}

fn fail(reason: &str) -> Outcome {
    Outcome::Fail { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use huixin_wechat::{Content, Media, Outgoing};

    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Outcome {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        outcome_of(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    const JSON: &str = "application/json; charset=utf-8";
    const TEXT: &str = "text/plain";

    #[test]
    fn replies_are_read_from_json_and_from_text() {
        let two =
            Outcome::Reply(vec![Outgoing::text("a"), Content::Image { media: Media::Id("m".into()) }.into()]);
        let rows = [
            (answer(200, JSON, r#""hello""#), Outcome::text("hello")),
            (answer(200, JSON, r#"{"type":"text","content":" hello "}"#), Outcome::text("hello")),
            (answer(200, JSON, r#"["a",{"type":"image","media_id":"m"}]"#), two.clone()),
            (answer(201, JSON, r#"{"replies":["a",{"type":"image","media_id":"m"}]}"#), two),
            (answer(200, "application/problem+json", r#""hello""#), Outcome::text("hello")),
            (answer(200, TEXT, "\u{feff} hello\n"), Outcome::text("hello")),
            (answer(200, TEXT, r#"{"type":"text"}"#), Outcome::text(r#"{"type":"text"}"#)),
            (
                answer(200, TEXT, "<a href=\"http://x\">link</a>"),
                Outcome::text("<a href=\"http://x\">link</a>"),
            ),
        ];
        for (outcome, expected) in rows {
            assert_eq!(outcome, expected);
        }
    }

    #[test]
    fn nothing_to_say_is_no_reply() {
        for outcome in [
            answer(204, TEXT, ""),
            answer(200, JSON, ""),
            answer(200, TEXT, " \n"),
            answer(200, JSON, "[]"),
            answer(200, JSON, "null"),
            answer(200, JSON, r#"{"replies":[]}"#),
            answer(200, JSON, r#"["", " "]"#),
        ] {
            assert_eq!(outcome, Outcome::NoReply);
        }
    }

    #[test]
    fn a_memory_stands_beside_replies_or_alone_and_null_forgets() {
        let remembered = |replies: &[&str], memory: Value| Outcome::Remember {
            replies: replies.iter().copied().map(Outgoing::text).collect(),
            memory,
        };
        let rows = [
            (r#"{"replies":"a","memory":{"n":1}}"#, remembered(&["a"], serde_json::json!({"n": 1}))),
            (r#"{"memory":"kept"}"#, remembered(&[], "kept".into())),
            (r#"{"replies":[],"memory":null}"#, remembered(&[], Value::Null)),
        ];
        for (body, expected) in rows {
            assert_eq!(answer(200, JSON, body), expected);
        }
        let Outcome::Fail { reason } = answer(200, JSON, r#"{"reply":"a","memory":1}"#) else {
            panic!("final")
        };
        assert!(reason.contains(r#""reply" is not a field"#), "{reason}");
    }

    #[test]
    fn what_may_be_an_answer_may_come_by_call_back() {
        let bodies = [
            (JSON, r#""hello""#),
            (JSON, r#"["a",{"type":"image","media_id":"m"}]"#),
            (JSON, r#"{"replies":"a","memory":{"n":1}}"#),
            (JSON, r#"{"memory":null}"#),
            (TEXT, "hello"),
            (TEXT, ""),
        ];
        for (kind, body) in bodies {
            let read = read_answer(Some(kind), body.as_bytes()).unwrap();
            let expected = CalledBack::of(answer(200, kind, body)).unwrap();
            assert_eq!(read, expected, "{body}");
        }
        assert_eq!(read_answer(None, b"{}"), CalledBack::of(Outcome::text("{}")));
    }

    #[test]
    fn what_is_wrong_with_an_answer_by_call_back_is_told_to_its_sender() {
        let large = format!(r#"{{"memory":"{}"}}"#, "x".repeat(crate::MEMORY_MAX_BYTES));
        let rows: [(&str, &[u8], &str); 7] = [
            (JSON, b"{oops", "the answer is not the JSON that it says it is"),
            (TEXT, b"<!DOCTYPE html><html>502</html>", "the answer is an HTML page"),
            (TEXT, b"\xff\xfe", "the answer is not UTF-8"),
            (JSON, br#"[{"type":"txt"}]"#, "reply 1: `type` is \"txt\""),
            (JSON, br#"{"type":"image"}"#, "media_id"),
            (JSON, br#"{"replies":[],"memo":1}"#, "\"memo\" is not a field beside `replies` and `memory`"),
            (JSON, large.as_bytes(), "the memory has 262146 bytes as JSON, more than 262144"),
        ];
        for (kind, body, expected) in rows {
            let error = read_answer(Some(kind), body).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_answer_that_comes_later_is_awaited() {
        assert_eq!(answer(202, TEXT, "accepted"), Outcome::Later { within: None });
    }

    #[test]
    fn a_page_of_a_proxy_never_reaches_a_user() {
        for page in [
            "<!DOCTYPE html><html>502</html>",
            "\n <HTML><body>",
            "\u{feff}<html lang=en>",
            "<?xml version='1.0'?>\n<html>",
        ] {
            for kind in [TEXT, JSON, "text/html"] {
                let outcome = answer(200, kind, page);
                assert!(matches!(&outcome, Outcome::Retry { .. }), "{page}: {outcome:?}");
            }
        }
    }

    #[test]
    fn a_status_decides_between_another_attempt_and_the_end() {
        for status in [408, 429, 500, 502, 503, 599] {
            assert!(matches!(answer(status, TEXT, "x"), Outcome::Retry { .. }), "{status}");
        }
        for status in [301, 302, 307, 400, 401, 404, 410, 422] {
            assert!(matches!(answer(status, TEXT, "x"), Outcome::Fail { .. }), "{status}");
        }
        let Outcome::Fail { reason } = answer(422, TEXT, "no such code") else { panic!("422 is final") };
        assert_eq!(
            reason, "the service answered 422 Unprocessable Entity",
            "what it said may quote the user"
        );
    }

    #[test]
    fn rubbish_that_calls_itself_json_is_a_failed_attempt_and_a_wrong_reply_is_final() {
        assert!(matches!(answer(200, JSON, "{oops"), Outcome::Retry { .. }));
        let Outcome::Fail { reason } = answer(200, JSON, r#"{"type":"txt"}"#) else { panic!("final") };
        assert!(reason.contains("`type` is \"txt\""), "{reason}");
    }

    #[test]
    fn the_service_may_say_when_to_try_again() {
        let at = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            match outcome_of(StatusCode::SERVICE_UNAVAILABLE, &headers, b"") {
                Outcome::Retry { after, .. } => after,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(at("7"), Some(Duration::from_secs(7)));
        assert_eq!(at("999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(at("soon"), None);
        assert_eq!((at("0"), at("Sun, 06 Nov 1994 08:49:37 GMT")), (None, None));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(at(&soon).is_some_and(|wait| (90..=100).contains(&wait.as_secs())));
    }
}
