//! What a service's answer means: from status, headers and body to an outcome, without effects. What comes by call back has
//! no status; its body is read by the same code.
//!
//! | answer | means |
//! | --- | --- |
//! | 2xx with JSON, whatever it is called | a reply, a list of them, or `{"replies": …}` |
//! | 2xx with other text | a text, trimmed |
//! | 2xx with the XML of a passive reply | its text; `success`, as an old handler says: no reply |
//! | 202 | the answer comes by call back, or in the end not at all |
//! | 204, an empty body, an empty list | no reply |
//! | a page, a program's error or trace | a failed attempt: it must never reach a user, and its header can't be trusted |
//! | 408, 429, 5xx | a failed attempt; `Retry-After` is honoured |
//! | other 4xx, 3xx, and what would be the same the next time | final: the message dies |

use std::time::{Duration, SystemTime};

use huixin_wechat::xml::{self, Element};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::body::{self, internals_in};
use crate::call_back::CalledBack;
use crate::handler::Outcome;
use crate::reply::{self, ReplyOrigin};

/// What a service hears when its answer is something else.
const WANTED: &str = "answer with a text, or with JSON and `content-type: application/json`";
/// The longest wait a service may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

pub(super) fn outcome_of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Outcome {
    match status.as_u16() {
        202 => Outcome::Later { within: None },
        200..=299 => answered(status, headers, body),
        408 | 429 | 500..=599 => {
            let reason = format!("the service answered {status}: {}", remedy(status));
            Outcome::Retry { after: retry_after(headers), reason }
        }
        // Not what it said: that may quote the user, and reasons are logged.
        _ => fail(&format!("the service answered {status}: {}", remedy(status))),
    }
}

fn remedy(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..=399 => "redirects are not followed: set `url` to the final address",
        401 | 403 => "check what authentication it expects; a `secret` signs the calls",
        404 | 405 | 410 => "correct `url`, which must accept POST",
        413 => "let it take larger bodies",
        429 => "it asks for fewer calls: lower the route's `at_once`",
        502..=504 => "a proxy in front of it can't reach it",
        500..=599 => "its own log says why",
        _ => "its own log says what it doesn't like",
    }
}

fn answered(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let plain = body::decompressed(headers, body).map_err(AnswerError::Wrong);
    let outcome = plain.and_then(|plain| read(body::content_type(headers), &plain));
    outcome.unwrap_or_else(|fault| match fault {
        AnswerError::Foreign(what) => {
            let reason = format!("the service answered {status}, but its answer {what}; {WANTED}");
            Outcome::Retry { after: None, reason }
        }
        AnswerError::Wrong(how) => fail(&format!("the service answered {status}, but its answer {how}")),
        AnswerError::Reply(error) => fail(&format!("the service's answer can't be sent: {error}")),
    })
}

/// Reads an answer that comes by call back: it may be anything that the body of a 200 may be, with the same meaning.
///
/// # Errors
/// When it is no answer; the text names the field and says what to mend.
pub fn read_answer(content_type: Option<&str>, body: &[u8]) -> Result<CalledBack, String> {
    let outcome = read(content_type, body).map_err(|fault| match fault {
        AnswerError::Foreign(what) => format!("the answer {what}; {WANTED}"),
        AnswerError::Wrong(how) => format!("the answer {how}"),
        AnswerError::Reply(error) => error,
    })?;
    CalledBack::of(outcome)
}

/// What is wrong with a body.
enum AnswerError {
    /// It isn't for a user: perhaps not the service's own words, and perhaps better the next time. As the rest of a sentence.
    Foreign(String),
    /// It can't be read, and will be the same the next time. Likewise.
    Wrong(String),
    /// It is the service's reply, and can't be sent.
    Reply(String),
}

fn read(content_type: Option<&str>, body: &[u8]) -> Result<Outcome, AnswerError> {
    let text = body::text(content_type, body).map_err(AnswerError::Wrong)?;
    // An old handler's word for "taken, and nothing to say".
    if text.is_empty() || text.eq_ignore_ascii_case("success") {
        return Ok(Outcome::NoReply);
    }
    let says_json = is_json(content_type);
    let may_be_json = says_json || text.starts_with(['{', '[', '"']);
    let parsed = body::read_json(if may_be_json { &text } else { "" });
    match &parsed {
        // `NaN` and the like become `null` only inside of something.
        Ok(value)
            if (says_json && (!value.is_null() || text == "null")) || is_meant_as_json(value, &text) =>
        {
            return outcome_of_json(value).map_err(AnswerError::Reply);
        }
        _ => {}
    }
    if let Some(reply) = text.find("<xml>").and_then(|at| xml::parse(text[at..].as_bytes()).ok()) {
        return passive(&reply).map_err(AnswerError::Wrong);
    }
    let internals = internals_in(&text);
    // What was printed before the answer, or behind it.
    if says_json || internals.is_some() {
        let value = body::first_json_in(&text);
        if let Some(outcome) = value.and_then(|value| outcome_of_json(&value).ok()) {
            return Ok(outcome);
        }
    }
    match internals {
        Some(what) => Err(AnswerError::Foreign(format!("is {what}"))),
        None if text.starts_with("<xml") || text.starts_with("<?xml") => {
            Err(AnswerError::Wrong(format!("is XML that can't be read; {WANTED}")))
        }
        None if says_json => {
            let place = parsed.err().map(|error| format!(" ({error})")).unwrap_or_default();
            Err(AnswerError::Wrong(format!("is declared as JSON but can't be read as such{place}; {WANTED}")))
        }
        None => Ok(Outcome::text(&*text)),
    }
}

/// What the answer shouldn't have and is tolerated: the rest of a sentence whose subject is the answer.
pub(super) fn remark_on(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let plain = body::decompressed(headers, body).ok()?;
    let text = body::text(body::content_type(headers), &plain).ok()?;
    if let Some(what) = internals_in(&text) {
        return Some(format!(
            "has {what} beside the reply: a worker removes it where it can tell the two apart"
        ));
    }
    let begins_as_json = text.starts_with('{') || text.starts_with("[{");
    let error = body::read_json(&text).err().filter(|_| begins_as_json)?;
    Some(format!("begins like JSON but can't be read as such ({error}), so the user gets it as plain text"))
}

/// Whether a text that calls itself something else is JSON all the same: an object, a list of what a reply may be, or a
/// string that only JSON would write so. `[1]` is a text.
fn is_meant_as_json(value: &Value, text: &str) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().all(|item| item.is_object() || item.is_string()),
        Value::String(_) => text.contains('\\'),
        _ => false,
    }
}

/// Reads the passive reply that an old handler would have given WeChat.
fn passive(reply: &Element) -> Result<Outcome, String> {
    match reply.text_of("MsgType").map(str::trim) {
        Some("text") => {
            let text = reply.text_of("Content").unwrap_or_default().trim();
            Ok(if text.is_empty() { Outcome::NoReply } else { Outcome::text(text) })
        }
        _ => Err(format!("is a WeChat reply in XML, but not a text; {WANTED}")),
    }
}

/// A reply, a list of them, or `{"replies": …, "memory": …}`; either key may be left out.
fn outcome_of_json(value: &Value) -> Result<Outcome, String> {
    let is_wrapper = |key: &str| key == "replies" || key == "memory";
    let (replies, memory) = match value.as_object().filter(|fields| !fields.contains_key("type")) {
        None => (value, None),
        Some(fields) if !fields.keys().any(|key| is_wrapper(key)) => {
            return Err("the JSON has neither `replies` nor, for a single reply, `type`".to_owned());
        }
        Some(fields) => {
            if let Some(stray) = fields.keys().find(|key| !is_wrapper(key)) {
                return Err(format!("{stray:?} is unknown; only `replies` and `memory` are allowed here"));
            }
            (fields.get("replies").unwrap_or(&Value::Null), fields.get("memory"))
        }
    };
    let replies = reply::parse(replies, ReplyOrigin::Service).map_err(|error| error.to_string())?;
    Ok(match memory {
        Some(memory) => Outcome::Remember { replies, memory: memory.clone() },
        None if replies.is_empty() => Outcome::NoReply,
        None => Outcome::Reply(replies),
    })
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
    use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};

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
            // JSON under another content type is still JSON; a text that only looks like JSON is a text.
            (answer(200, TEXT, r#"{"type":"text","content":"hello"}"#), Outcome::text("hello")),
            (answer(200, "text/html", r#"["hello"]"#), Outcome::text("hello")),
            (answer(200, TEXT, r#""a \"b\"\n\u4f60""#), Outcome::text("a \"b\"\n你")),
            (answer(200, TEXT, r#""hello""#), Outcome::text(r#""hello""#)),
            (answer(200, TEXT, "[18-546]: {3}"), Outcome::text("[18-546]: {3}")),
            (answer(200, TEXT, "42"), Outcome::text("42")),
            (answer(200, TEXT, "[1]"), Outcome::text("[1]")),
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
            answer(200, TEXT, "success"),
            answer(200, "text/html", " Success\n"),
            answer(200, TEXT, "[]"),
            answer(
                200,
                "text/xml",
                "<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[]]></Content></xml>",
            ),
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
        assert!(reason.contains(r#""reply" is unknown"#), "{reason}");
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
        assert!(read_answer(None, b"{}").is_err(), "JSON under no name is JSON");
    }

    #[test]
    fn what_is_wrong_with_an_answer_by_call_back_is_told_to_its_sender() {
        let large = format!(r#"{{"memory":"{}"}}"#, "x".repeat(crate::MEMORY_MAX_BYTES));
        let rows: [(&str, &[u8], &str); 7] = [
            (JSON, b"{oops", "the answer is declared as JSON but can't be read as such"),
            (TEXT, b"<!DOCTYPE html><html>502</html>", "the answer is an HTML page"),
            (TEXT, b"\xc4\xe3", "the answer is not UTF-8, and declares no other `charset`"),
            (JSON, br#"[{"type":"txt"}]"#, "reply 1: `type` is \"txt\""),
            (JSON, br#"{"type":"image"}"#, "media_id"),
            (
                JSON,
                br#"{"replies":[],"memo":1}"#,
                "\"memo\" is unknown; only `replies` and `memory` are allowed here",
            ),
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
    fn what_a_program_says_when_it_breaks_never_reaches_a_user() {
        let rows = [
            "<!DOCTYPE html><html>502</html>",
            "\n <HTML><body>",
            "\u{feff}<html lang=en>",
            "<?xml version='1.0'?>\n<html>",
            "<!-- cached -->\n<!doctype html><title>x</title>",
            "<center><h1>502 Bad Gateway</h1></center>",
            "<?php echo 1;",
            "<br />\n<b>Warning</b>:  Undefined variable $x in <b>/var/www/a.php</b> on line <b>3</b><br />\nhello",
            "\nWarning: Undefined variable $x in /var/www/a.php on line 3\nhello",
            "hello\nPHP Notice:  Undefined index: a in /var/www/a.php on line 7",
            "Deprecated: x is deprecated in C:\\www\\a.php on line 7",
            "PHP Fatal error:  Uncaught Error: x in /a.php:3\nStack trace:\n#0 {main}\n  thrown in /a.php on line 3",
            "Traceback (most recent call last):\n  File \"/app/a.py\", line 3, in <module>\nKeyError: 'x'",
            "  File \"a.py\", line 1\n    x =\nSyntaxError: invalid syntax",
            "java.lang.NullPointerException: null\n\tat com.example.A.b(A.java:12)\n\tat java.base/x.Y.z(Unknown Source)",
            "Exception in thread \"main\" java.lang.Error",
            "TypeError: Cannot read properties of undefined\n    at handle (/app/a.js:1:2)\n    at node:internal/x:1:2",
            "ReferenceError: x is not defined\n    at file:///app/a.mjs:3:1",
            "System.NullReferenceException: Object reference not set\r\n   at App.A.B(String c) in C:\\a.cs:line 3",
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()",
            "thread 'main' panicked at src/main.rs:1:2:\nx",
            "/app/a.rb:3:in 'b': undefined method 'c' for nil (NoMethodError)",
            "Can't locate object method \"x\" at /app/a.pl line 3.",
            "SQLSTATE[HY000] [2002] Connection refused",
            "ORA-00942: table or view does not exist",
            "array(1) {\n  [\"a\"]=>\n  int(1)\n}",
            "Array\n(\n    [a] => 1\n)",
            "undefined",
            "[object Object]",
            "502 Bad Gateway",
            "Internal Server Error",
        ];
        for page in rows {
            for kind in [TEXT, JSON, "text/html"] {
                let Outcome::Retry { reason, .. } = answer(200, kind, page) else {
                    panic!("{page}: {:?}", answer(200, kind, page))
                };
                assert!(reason.contains("answered 200 OK, but its answer is "), "{reason}");
                assert!(reason.contains("application/json"), "it says what is wanted: {reason}");
            }
        }
        for kind in [TEXT, JSON] {
            let read = answer(200, kind, "null");
            assert!(!matches!(read, Outcome::Reply(_)), "{read:?}");
        }
        for text in [
            "Warning: the shop is closed on Monday",
            "error 404 means not found",
            "Not found",
            "look at the trace:\n```\nTraceback (most recent call last):\n```",
            "<a href=\"http://x\">link</a>",
            "<b>hello</b>",
        ] {
            assert_eq!(answer(200, TEXT, text), Outcome::text(text));
        }
    }

    #[test]
    fn an_answer_beside_what_a_program_says_is_read_if_it_is_clearly_meant() {
        let warning =
            "<br />\n<b>Warning</b>:  Undefined array key \"x\" in <b>/a.php</b> on line <b>3</b><br />\n";
        let json = r#"{"type":"text","content":"hello"}"#;
        let xml = "<xml><ToUserName><![CDATA[o]]></ToUserName><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>";
        for kind in [JSON, TEXT, "text/html", "text/xml"] {
            for body in [
                format!("{warning}{json}"),
                xml.to_owned(),
                format!("{warning}{xml}"),
                format!("<?xml version='1.0'?>\n{xml}\n"),
            ] {
                assert_eq!(answer(200, kind, &body), Outcome::text("hello"), "{kind}: {body}");
            }
        }
        let behind = format!("debug: start\n{json}\n<!-- 12 ms -->");
        assert_eq!(answer(200, JSON, &behind), Outcome::text("hello"));
        for body in [
            "<xml><MsgType>image</MsgType><Image><MediaId>m</MediaId></Image></xml>",
            "<xml><Encrypt>x</Encrypt></xml>",
            "<?xml version='1.0'?><answer>hello</answer>",
            r#"{"code":0,"msg":"ok"}"#,
            r#"{"timestamp":1,"status":500,"error":"Internal Server Error","path":"/"}"#,
        ] {
            assert!(
                matches!(answer(200, TEXT, body), Outcome::Fail { .. }),
                "{body}: {:?}",
                answer(200, TEXT, body)
            );
        }
    }

    #[test]
    fn an_answer_is_read_in_the_character_set_and_the_compression_that_it_declares() {
        let bodies: [(&str, &str, Vec<u8>); 5] = [
            ("text/plain; charset=GBK", "", vec![0xc4, 0xe3, 0xba, 0xc3]),
            ("text/plain; charset=\"big5\"", "", vec![0xa7, 0x41, 0xa6, 0x6e]),
            ("text/plain;charset=utf-16le", "", vec![0x60, 0x4f, 0x7d, 0x59]),
            ("text/plain;charset=ISO-8859-1", "", "你好".as_bytes().to_vec()),
            ("application/json; charset=gb2312", "", vec![b'"', 0xc4, 0xe3, 0xba, 0xc3, b'"']),
        ];
        for (kind, coding, body) in bodies {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
            headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
            assert_eq!(outcome_of(StatusCode::OK, &headers, &body), Outcome::text("你好"), "{kind}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        let broken = outcome_of(StatusCode::OK, &headers, &[0x1f, 0x8b, 0xff]);
        assert!(matches!(&broken, Outcome::Fail { reason } if reason.contains("gzip")), "{broken:?}");
        let gbk = outcome_of(StatusCode::OK, &HeaderMap::new(), &[0xc4, 0xe3]);
        assert!(matches!(&gbk, Outcome::Fail { reason } if reason.contains("charset")), "{gbk:?}");
        let json = "{\"type\":\"text\",\"content\":\"a\nb \\ud83d\"}";
        assert_eq!(answer(200, JSON, json), Outcome::text("a\nb \u{fffd}"));
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
            reason, "the service answered 422 Unprocessable Entity: its own log says what it doesn't like",
            "what it said may quote the user"
        );
    }

    #[test]
    fn rubbish_that_calls_itself_json_and_a_wrong_reply_are_final() {
        assert!(matches!(answer(200, JSON, "{oops"), Outcome::Fail { .. }));
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
