//! The table of a chat route.

use huixin_worker::handlers::ChatSettings;
use serde_json::json;

use huixin_worker::AiLabel;

use super::*;

fn chat(table: &str) -> (ChatSettings, Config) {
    let config = load(&source(&format!("[[route]]\nchat = {table}\n{MINIMAL}")));
    let HandlerConfig::Chat(settings) = &config.routes[0].handler else { panic!("the route chats") };
    ((**settings).clone(), config)
}

#[test]
fn an_address_and_a_model_are_enough() {
    let (settings, config) = chat("{ base_url = 'http://127.0.0.1:11434/v1', model = 'qwen3' }");
    assert_eq!((settings.base_url.as_str(), settings.model.as_str()), ("http://127.0.0.1:11434/v1", "qwen3"));
    assert_eq!((settings.turns, settings.context_tokens, settings.timeout.as_secs()), (10, 4000, 120));
    assert_eq!(settings.forget, ["重新开始", "reset"]);
    assert!(settings.key.is_none() && settings.temperature.is_none() && settings.unreadable.is_some());
    assert!(config.routes[0].markdown, "models write Markdown");
    let text = "[[route]]\nmarkdown = false\nchat = { base_url = 'http://h/', model = 'm' }\n";
    assert!(!load(&source(&format!("{text}{MINIMAL}"))).routes[0].markdown);
}

#[test]
fn every_key_is_read_and_printed_so_that_it_can_be_read_again() {
    let table = "{ base_url = 'https://me:hunter2@h/v1?k=hunter2', model = 'm', key = 'hunter2', \
        system = 'Talk to {{ user }}.', temperature = 1, max_tokens = 500, turns = 3, context_tokens = 900, \
        forget = ['bye'], forgotten = 'f', refused = 'r', unreadable = false, timeout = '90s', \
        extra = { enable_thinking = false, stop = ['a', 'b'], thinking = { type = 'disabled' }, top_p = 0.5, n = 1 } }";
    let (settings, config) = chat(table);
    assert_eq!(settings.key.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(settings.system.as_deref(), Some("Talk to {{ user }}."));
    assert_eq!((settings.temperature, settings.max_tokens), (Some(1.0), Some(500)));
    assert_eq!((settings.turns, settings.context_tokens, settings.timeout.as_secs()), (3, 900, 90));
    assert_eq!((settings.forget, settings.unreadable), (vec!["bye".to_owned()], None));
    assert_eq!((settings.forgotten.as_str(), settings.refused.as_str()), ("f", "r"));
    let extra = json!({
        "enable_thinking": false, "stop": ["a", "b"], "thinking": {"type": "disabled"}, "top_p": 0.5, "n": 1
    });
    assert_eq!(json!(settings.extra), extra);

    let printed = config.print_effective();
    assert!(!printed.contains("hunter2") && !format!("{config:?}").contains("hunter2"), "{printed}");
    let again = load(&source(&printed));
    let chat_of = |text: &str| text.lines().find(|line| line.starts_with("chat = ")).unwrap().to_owned();
    assert_eq!(chat_of(&again.print_effective()), chat_of(&printed));
}

#[test]
fn what_can_not_be_meant_is_a_mistake() {
    let rows = [
        ("{ model = 'm' }", "base_url` is missing"),
        ("{ base_url = 'http://h/' }", "model` is missing"),
        ("{ base_url = 'ftp://h/', model = 'm' }", "must be an http or https URL"),
        ("{ base_url = 'http://h/v1/chat/completions', model = 'm' }", "which is added to it"),
        ("{ base_url = 'http://h/', model = 'm', key = 'a b' }", "has characters that no key has"),
        ("{ base_url = 'http://h/', model = 'm', system = '{{ user' }", "has a bad template"),
        ("{ base_url = 'http://h/', model = 'm', temperature = 2.1 }", "must be from 0.0 to 2.0"),
        ("{ base_url = 'http://h/', model = 'm', temperature = 3 }", "must be from 0.0 to 2.0"),
        ("{ base_url = 'http://h/', model = 'm', temperature = nan }", "must be from 0.0 to 2.0"),
        ("{ base_url = 'http://h/', model = 'm', turns = 101 }", "must be from 0 to 100"),
        ("{ base_url = 'http://h/', model = 'm', unreadable = true }", "or `false` for none"),
        ("{ base_url = 'http://h/', model = 'm', extra = { stream = true } }", "has `stream`"),
        ("{ base_url = 'http://h/', model = 'm', extra = 'x' }", "must be a table"),
        ("{ base_url = 'http://h/', model = 'm', extra = { a = inf } }", "a number that JSON can't express"),
        ("{ base_url = 'http://h/', model = 'm', extra = { a = 2026-01-01 } }", "has a date"),
        ("{ base_url = 'http://h/', model = 'm', modle = 'x' }", "did you mean `model`?"),
        ("'gpt'", "must be a table"),
    ];
    for (table, expected) in rows {
        let said = problems(&source(&format!("[[route]]\nchat = {table}\n{MINIMAL}")), Role::Run);
        assert!(said.contains(expected), "{table}: {said}");
    }
}

#[test]
fn what_a_model_writes_is_labelled_unless_the_route_says_otherwise() {
    let chat = "chat = { base_url = 'http://h/', model = 'm' }";
    for (route, label) in [
        (chat.to_owned(), AiLabel::WeChat),
        (format!("{chat}\nai_label = false"), AiLabel::None),
        (format!("{chat}\nai_label = '由 AI 生成'"), AiLabel::Text("由 AI 生成".to_owned())),
        ("reply = 'hi'".to_owned(), AiLabel::None),
        ("reply = 'hi'\nai_label = true".to_owned(), AiLabel::WeChat),
    ] {
        let config = load(&source(&format!("[[route]]\n{route}\n{MINIMAL}")));
        assert_eq!(config.routes[0].ai_label, label, "{route}");
        let again = load(&source(&format!("{}\n{MINIMAL}", route_of(&config.print_effective()))));
        assert_eq!(again.routes[0].ai_label, label, "as printed");
    }
    let wrong = problems(&source(&format!("[[route]]\n{chat}\nai_label = 1\n{MINIMAL}")), Role::Run);
    assert!(wrong.contains("WeChat's own line"), "{wrong}");
}

/// The printed route, which is the last on the page.
fn route_of(printed: &str) -> &str {
    &printed[printed.find("[[route]]").unwrap()..]
}
