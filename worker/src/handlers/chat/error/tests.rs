//! Errors as vendors give them, and the table of the documentation against the code's.

use serde_json::json;

use super::*;

fn meaning(status: u16, body: &Value) -> Meaning {
    EndpointError::read(status, body).expect("it is an error").meaning()
}

fn name_of(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Refused => "refused",
        Meaning::TooLong => "shorter",
        Meaning::StreamOnly => "stream",
        Meaning::Again => "again",
        Meaning::Never(_) => "final",
    }
}

#[test]
fn vendors_errors_are_told_apart() {
    let rows = [
        // OpenAI
        (
            400,
            json!({"error": {"message": "This model's maximum context length is 8192 tokens.", "type":
            "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
            "shorter",
        ),
        (
            429,
            json!({"error": {"message": "You exceeded your current quota", "type": "insufficient_quota",
            "param": null, "code": "insufficient_quota"}}),
            "final",
        ),
        (
            429,
            json!({"error": {"message": "Rate limit reached. Reduce the length", "type": "tokens", "code":
            "rate_limit_exceeded"}}),
            "again",
        ),
        (401, json!({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}), "final"),
        // Azure
        (
            400,
            json!({"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's \
            content management policy.", "code": "content_filter", "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
            "refused",
        ),
        // DeepSeek
        (402, json!({"error": {"message": "Insufficient Balance", "type": "unknown_error"}}), "final"),
        (503, json!({"error": {"message": "Service is too busy", "type": "service_unavailable"}}), "again"),
        // DashScope, the compatible mode and the native form
        (
            400,
            json!({"error": {"code": "data_inspection_failed", "message": "Output data may contain", "type":
            "data_inspection_failed"}, "request_id": "r"}),
            "refused",
        ),
        (
            400,
            json!({"error": {"code": "invalid_parameter_error", "type": "invalid_request_error", "message":
            "<400> InternalError.Algo.DataInspectionFailed: Input text data"}, "request_id": "r"}),
            "refused",
        ),
        (
            400,
            json!({"error": {"code": "invalid_parameter_error", "type": "invalid_request_error", "message":
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]"}}),
            "shorter",
        ),
        (
            429,
            json!({"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message":
            "You exceeded your current quota"}, "request_id": "r"}),
            "again",
        ),
        (400, json!({"code": "Arrearage", "message": "Access denied", "request_id": "r"}), "final"),
        (401, json!({"code": "InvalidApiKey", "message": "No API-key", "request_id": "r"}), "final"),
        // Moonshot
        (400, json!({"error": {"type": "content_filter", "message": "considered high risk"}}), "refused"),
        (
            400,
            json!({"error": {"type": "invalid_request_error", "message": "Your request exceeded model token limit"}}),
            "shorter",
        ),
        (429, json!({"error": {"type": "exceeded_current_quota_error", "message": "x"}}), "final"),
        (429, json!({"error": {"type": "engine_overloaded_error", "message": "x"}}), "again"),
        // Zhipu
        (
            400,
            json!({"error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全内容"}}),
            "refused",
        ),
        (400, json!({"error": {"code": "1261", "message": "Prompt 超长"}}), "shorter"),
        (429, json!({"error": {"code": "1113", "message": "您的账户已欠费"}}), "final"),
        (429, json!({"error": {"code": 1302, "message": "并发数过高"}}), "again"),
        // MiniMax: errors are successes
        (200, json!({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}), "final"),
        (200, json!({"choices": null, "base_resp": {"status_code": 1027, "status_msg": "x"}}), "refused"),
        // Ollama
        (404, json!({"error": "model \"qwen\" not found, try pulling it first"}), "final"),
        // vLLM
        (
            400,
            json!({"object": "error", "message": "This model's maximum context length is 4096 tokens.", "type":
            "BadRequestError", "param": null, "code": 400}),
            "shorter",
        ),
        // llama.cpp
        (
            400,
            json!({"error": {"code": 400, "type": "exceed_context_size_error", "message": "x"}}),
            "shorter",
        ),
        // Gateways
        (422, json!({"detail": "bad temperature"}), "final"),
        (200, json!({"error": {"code": 429, "message": "slow down"}}), "again"),
        (200, json!({"error": {"code": "404", "message": "nothing here"}}), "final"),
        (200, json!({"error": "something is wrong"}), "again"),
        (200, json!({"code": 20012, "message": "model does not exist"}), "again"),
        (502, json!({"error": {"message": "context length", "code": "content_filter"}}), "again"),
    ];
    for (status, body, expected) in rows {
        assert_eq!(name_of(meaning(status, &body)), expected, "{status} {body}");
    }
}

#[test]
fn the_status_alone_decides_when_the_body_says_nothing() {
    for (status, expected) in [
        (307, "final"),
        (400, "final"),
        (401, "final"),
        (402, "final"),
        (403, "final"),
        (404, "final"),
        (408, "again"),
        (413, "shorter"),
        (422, "final"),
        (429, "again"),
        (500, "again"),
        (529, "again"),
    ] {
        assert_eq!(name_of(EndpointError::of_status(status).meaning()), expected, "{status}");
    }
}

#[test]
fn an_answer_is_no_error() {
    for body in [
        json!({"choices": []}),
        json!({"choices": [], "error": null}),
        json!({"choices": [], "error": false}),
        json!({"choices": [], "error": {}, "code": 0, "message": ""}),
        json!({"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}}),
        json!({}),
        json!([]),
        json!("text"),
    ] {
        assert_eq!(EndpointError::read(200, &body), None, "{body}");
    }
}

#[test]
fn an_error_is_named_by_its_codes_and_never_by_its_words() {
    let name = |body: Value| EndpointError::read(400, &body).unwrap().name();
    assert_eq!(name(json!({"error": {"code": "bad_thing", "message": "sk-secret"}})), "400 (bad_thing)");
    assert_eq!(name(json!({"error": {"code": "sk secret", "type": "some.type"}})), "400 (some.type)");
    assert_eq!(name(json!({"error": {"code": "x".repeat(65)}})), "400");
    assert_eq!(name(json!({"error": "sk-secret"})), "400");
}

#[test]
fn the_table_of_errors_in_the_documentation_is_the_table_that_decides() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/chat-handler.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut seen = Vec::new();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    for (cause, end) in rows {
        let Some(expected) = end.strip_prefix("**").and_then(|end| end.split("**").next()) else {
            continue;
        };
        for one in cause.split('`').skip(1).step_by(2) {
            let (status, code) = one.split_once(' ').unwrap_or((one, ""));
            let Ok(status) = status.parse() else { continue };
            let response = match code {
                "" => EndpointError::of_status(status),
                code => EndpointError::read(status, &json!({"error": {"code": code}})).unwrap(),
            };
            assert_eq!(name_of(response.meaning()), expected, "{one}");
            seen.push(code.to_owned());
        }
    }
    for code in [REFUSED, TOO_LONG, NO_MONEY, QUOTA].into_iter().flat_map(|codes| codes.split(' ')) {
        assert!(seen.iter().any(|shown| shown.eq_ignore_ascii_case(code)), "{code} is not documented");
    }
}
