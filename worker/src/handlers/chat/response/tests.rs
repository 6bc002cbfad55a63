//! Answers in every form that vendors give them.

use reqwest::header::RETRY_AFTER;
use serde_json::json;

use super::*;

fn response(body: &str) -> ChatResponse {
    read(StatusCode::OK, &HeaderMap::new(), body.as_bytes())
}

fn answer(text: &str) -> ChatResponse {
    ChatResponse::Answer(text.to_owned())
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
        (
            "Anthropic's end",
            json!({"choices": [{"message": {"content": "hello"}, "finish_reason": "end_turn"}]}),
        ),
        ("a number for an end", json!({"choices": [{"message": {"content": "hello"}, "finish_reason": 1}]})),
        (
            "parts",
            json!({"choices": [{"message": {"content": [{"type": "text", "text": "hel"}, {"type": "x"}, "lo"]}}]}),
        ),
        (
            "parts of other shapes",
            json!({"choices": [{"message": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "hel"}, {"text": {"value": "lo"}}]}}]}),
        ),
        ("one part", json!({"choices": [{"message": {"content": {"text": "hello"}}}]})),
        (
            "DashScope's native form",
            json!({"output": {"choices": [{"message": {"content": [{"text": "hello"}]}}]}}),
        ),
        (
            "signs of a template",
            json!({"choices": [{"message": {"content": "<|im_start|>assistant\nhello<|im_end|>"}}]}),
        ),
        ("an old text", json!({"choices": [{"text": "hello"}]})),
        ("no error", json!({"error": null, "code": 0, "choices": [{"message": {"content": "hello"}}]})),
        ("thoughts", json!({"choices": [{"message": {"content": "<think>\nhm\n</think>\n\nhello"}}]})),
    ];
    for (vendor, body) in rows {
        assert_eq!(response(&body.to_string()), answer("hello"), "{vendor}");
        assert_eq!(response(&format!("\u{feff}\n{body}\n")), answer("hello"), "{vendor}");
    }
}

#[test]
fn a_stream_that_nobody_asked_for_is_read_as_one_answer() {
    let chunk = |delta: Value, finish: Value| {
        format!("data: {}\n\n", json!({"choices": [{"delta": delta, "finish_reason": finish}]}))
    };
    let begun = [
        chunk(json!({"role": "assistant", "reasoning_content": "hm"}), Value::Null),
        chunk(json!({"content": "hel"}), Value::Null),
    ]
    .concat();
    let whole =
        format!(": keep-alive\n\n{begun}{}data: [DONE]\n\n", chunk(json!({"content": "lo"}), json!("stop")));
    assert_eq!(response(&whole), answer("hello"));
    assert_eq!(response(&format!("{begun}data: [DONE]\n")), answer("hel"));
    for broken in [begun.clone(), format!("{begun}data: {{\"error\":{{\"message\":\"x\"}}}}\n")] {
        assert!(matches!(response(&broken), ChatResponse::Again { .. }), "{broken}: {:?}", response(&broken));
    }
}

#[test]
fn an_answer_that_broke_off_is_none_and_the_field_is_named() {
    let choice = |finish: &str| {
        json!({"choices": [{"message": {"content": "half of"}, "finish_reason": finish}]}).to_string()
    };
    for finish in [
        "error",
        "insufficient_system_resource",
        "aborted",
        "network_error",
        "timeout",
        "repetition_truncation",
    ] {
        let ChatResponse::Again { reason, .. } = response(&choice(finish)) else {
            panic!("{finish}: {:?}", response(&choice(finish)))
        };
        assert!(reason.contains("finish_reason") && reason.contains(finish), "{reason}");
    }
    for finish in ["length", "max_tokens", "MAX_TOKENS"] {
        let ChatResponse::Never { reason } = response(&choice(finish)) else {
            panic!("{finish}: {:?}", response(&choice(finish)))
        };
        assert!(reason.contains("raise `max_tokens`"), "{reason}");
    }
    for beside in [
        json!({"error": {"code": 502, "message": "x"}, "choices": [{"message": {"content": "half of"}}]}),
        json!({"choices": [{"message": {"content": "half of"}, "error": {"code": 502, "message": "x"}}]}),
        json!({"code": 50007, "message": "x", "choices": [{"message": {"content": "half of"}}]}),
    ] {
        assert!(matches!(response(&beside.to_string()), ChatResponse::Again { .. }), "{beside}");
    }
}

#[test]
fn an_answer_in_the_place_for_thoughts_is_taken_only_if_it_is_told_from_them() {
    let only = |thoughts: &str| {
        json!({"choices": [{"message": {"content": null, "reasoning_content": thoughts}, "finish_reason": "stop"}]}).to_string()
    };
    assert_eq!(response(&only("hm\n</think>\nhello")), answer("hello"));
    let ChatResponse::Again { reason, .. } = response(&only("they greet me")) else {
        panic!("thoughts are no answer")
    };
    assert!(reason.contains("`reasoning_content`") && reason.contains("`extra`"), "{reason}");
}

#[test]
fn an_error_names_the_field_that_the_endpoint_refuses_and_the_key_for_it() {
    let reason = |error: Value| match read(
        StatusCode::BAD_REQUEST,
        &HeaderMap::new(),
        json!({"error": error}).to_string().as_bytes(),
    ) {
        ChatResponse::Never { reason } => reason,
        other => panic!("{other:?}"),
    };
    let unsupported = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    for (error, part) in [
        (json!({"message": unsupported, "param": "max_tokens"}), "max_completion_tokens = 1000"),
        (json!({"message": unsupported}), "`max_tokens`"),
        (
            json!({"message": "invalid temperature: only 1 is allowed for this model"}),
            "`temperature`: change that key of the route",
        ),
        (
            json!({"message": "parameter.enable_thinking must be set to true"}),
            "`enable_thinking`: change it in `extra`",
        ),
    ] {
        assert!(reason(error.clone()).contains(part), "{error}: {}", reason(error.clone()));
    }
    let stream = json!({"error": {"message": "This model only support stream mode, please enable the stream parameter to access the model."}});
    let response = read(StatusCode::BAD_REQUEST, &HeaderMap::new(), stream.to_string().as_bytes());
    assert!(matches!(response, ChatResponse::StreamOnly { .. }), "{response:?}");
    let page = b"<!DOCTYPE html><title>One API</title>";
    for status in [StatusCode::OK, StatusCode::NOT_FOUND] {
        let text = format!("{:?}", read(status, &HeaderMap::new(), page));
        assert!(text.contains("/v1") && text.contains("HTML page"), "{text}");
    }
}

#[test]
fn what_is_no_answer_is_tried_again_refused_or_final() {
    let choice = |choice: Value| json!({"choices": [choice]}).to_string();
    let again = |part: &'static str| (part, "again");
    let rows = [
        (String::new(), again("not JSON")),
        ("{oops".to_owned(), again("not JSON")),
        ("{}".to_owned(), again("no `choices`")),
        (r#"{"choices":[]}"#.to_owned(), again("no `choices`")),
        (r#"{"choices":{}}"#.to_owned(), again("no `choices`")),
        (choice(json!({})), again("empty")),
        (choice(json!({"message": {"content": null}})), again("empty")),
        (
            choice(json!({"message": {"content": " "}, "finish_reason": "length"})),
            ("raise `max_tokens`", "never"),
        ),
        (
            choice(json!({"message": {"content": "<think>x"}, "finish_reason": "length"})),
            ("reasoning used up", "never"),
        ),
        (
            choice(json!({"message": {"content": null, "tool_calls": []}, "finish_reason": "tool_calls"})),
            ("tools", "never"),
        ),
        (" <!DOCTYPE html><html>x".to_owned(), again("HTML page")),
        (r#"{"error":"something"}"#.to_owned(), again("answered 200")),
        ("data: {\"choices\":[]}\n\n".to_owned(), again("a break in the stream")),
        (choice(json!({"message": {"content": "half"}, "finish_reason": "content_filter"})), ("", "refused")),
        (choice(json!({"message": {"content": ""}, "finish_reason": "sensitive"})), ("", "refused")),
        (choice(json!({"message": {"content": null, "refusal": "no"}})), ("", "refused")),
    ];
    for (body, (part, expected)) in rows {
        let (reason, end) = match response(&body) {
            ChatResponse::Answer(text) => (text, "answer"),
            ChatResponse::Refused => (String::new(), "refused"),
            ChatResponse::TooLong { reason } => (reason, "too long"),
            ChatResponse::Again { reason, .. } => (reason, "again"),
            ChatResponse::StreamOnly { reason } => (reason, "stream"),
            ChatResponse::Unfit { reason } => (reason, "unfit"),
            ChatResponse::Never { reason } => (reason, "never"),
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
        ChatResponse::Again { after: Some(Duration::from_secs(7)), reason }
    );
}

#[test]
fn an_error_that_stays_names_its_remedy() {
    let reason = |status, body: &str| match read(status, &HeaderMap::new(), body.as_bytes()) {
        ChatResponse::Never { reason } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(StatusCode::UNAUTHORIZED, r#"{"error":{"message":"bad sk-1","type":"invalid_api_key"}}"#),
        "the model's endpoint answered 401 (invalid_api_key): check `key`"
    );
    assert_eq!(
        reason(StatusCode::NOT_FOUND, "<html>not here</html>"),
        "the model's endpoint answered 404 with an HTML page: check `base_url`, which may lack /v1 at its end"
    );
}
