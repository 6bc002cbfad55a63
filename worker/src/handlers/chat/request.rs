//! The body of a request: the system prompt, the turns before, the question, and what the route asks for.

use serde_json::{Map, Value, json};

use super::history::Turn;
use super::settings::ChatSettings;

/// The body of a request.
pub(super) fn body(
    settings: &ChatSettings,
    system: Option<&str>,
    turns: &[Turn],
    question: &str,
    stream: bool,
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
    body.insert("stream".to_owned(), stream.into());
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_system_prompt_the_turns_and_the_question_in_order() {
        let mut settings = ChatSettings::new("http://127.0.0.1:1/v1".parse().unwrap(), "m");
        let turn = Turn { id: "m1".into(), question: "q1".into(), answer: "a1".into() };
        assert_eq!(
            body(&settings, None, &[], "q", false),
            json!({"model": "m", "stream": false, "messages": [{"role": "user", "content": "q"}]})
        );
        (settings.temperature, settings.max_tokens) = (Some(0.5), Some(100));
        settings.extra = json!({"enable_thinking": false, "max_tokens": null, "model": "x", "stream": true})
            .as_object()
            .unwrap()
            .clone();
        assert_eq!(
            body(&settings, Some("be kind"), &[turn], "q2", false),
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
}
