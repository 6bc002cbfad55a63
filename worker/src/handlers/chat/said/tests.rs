//! Answers in every form that vendors give them.

use reqwest::header::RETRY_AFTER;
use serde_json::json;

use super::*;

fn said(body: &str) -> Said {
    read(StatusCode::OK, &HeaderMap::new(), body.as_bytes())
}

fn answer(text: &str) -> Said {
    Said::Answer(text.to_owned())
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
        ("an unknown end", json!({"choices": [{"message": {"content": "hello"}, "finish_reason": "eos"}]})),
        ("cut short", json!({"choices": [{"message": {"content": "hello"}, "finish_reason": "length"}]})),
        ("a number for an end", json!({"choices": [{"message": {"content": "hello"}, "finish_reason": 1}]})),
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
            choice(json!({"message": {"content": null, "tool_calls": []}, "finish_reason": "tool_calls"})),
            again("tools"),
        ),
        (" <!DOCTYPE html><html>x".to_owned(), again("HTML page")),
        (r#"{"error":"something"}"#.to_owned(), again("answered 200")),
        ("data: {\"choices\":[]}\n\n".to_owned(), ("event stream", "never")),
        (choice(json!({"message": {"content": "half"}, "finish_reason": "content_filter"})), ("", "refused")),
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
