//! A language model behind a route: what it is asked, what is remembered, and what becomes of what endpoints deviate in.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use huixin_sandbox::Push;
use huixin_wechat::{Outgoing, Secret};
use huixin_worker::{Outcome, Route};
use regex::Regex;
use serde_json::json;

use crate::support::{Answer, Asked, Backend, Engine, Left, Stage, act, assert_texts, on_both_engines};

on_both_engines! {
    two_users_at_once_have_each_their_own_conversation_in_order
}

/// A model that says what it was asked.
async fn echoing() -> Backend {
    Backend::start(|asked| Answer::said(&format!("on {}", asked.question()))).await
}

fn turns(questions: &[&str]) -> Vec<String> {
    questions.iter().flat_map(|q| [format!("user: {q}"), format!("assistant: on {q}")]).collect()
}

/// What the model is asked for the last of these questions, when the others went before.
fn conversation(questions: &[&str]) -> Vec<String> {
    let (last, before) = questions.split_last().unwrap();
    [turns(before), vec![format!("user: {last}")]].concat()
}

/// What the model was asked when it was asked this.
fn asked_for(model: &Backend, question: &str) -> Vec<Asked> {
    model.asked().into_iter().filter(|asked| asked.question() == question).collect()
}

async fn two_users_at_once_have_each_their_own_conversation_in_order(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let users = [stage.user("anna"), stage.user("bert")];
    let model = echoing().await;
    for _ in 0..2 {
        stage.start([Route::new("chat", model.chat(|_| {}))]);
    }
    // As many as one message lets be answered, should all be there before the first answer.
    let said = ["a", "b"].map(|name| (1..=5).map(|n| format!("{name}{n}")).collect::<Vec<_>>());
    for (one, other) in said[0].iter().zip(&said[1]) {
        stage.say(&users[0], one).await;
        stage.say(&users[1], other).await;
    }
    stage.rest().await;
    for (user, said) in users.iter().zip(&said) {
        let questions: Vec<&str> = said.iter().map(String::as_str).collect();
        for n in 1..=5 {
            let asked = asked_for(&model, questions[n - 1]);
            assert_eq!(asked.len(), 1);
            assert_eq!(asked[0].messages(), conversation(&questions[..n]));
        }
        let answers: Vec<String> = questions.iter().map(|q| format!("on {q}")).collect();
        assert_eq!(stage.sandbox.transcript().texts_to(user.as_str()), answers);
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_model_is_asked_with_its_key_the_filled_in_prompt_and_the_routes_switches() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let model = echoing().await;
    let handler = model.chat(|settings| {
        settings.key = Some(Secret::from("sk-hunter2"));
        settings.system = Some("Speak to {{ account }} about {{ captures.topic }}.".to_owned());
        settings.temperature = Some(0.5);
        settings.extra = json!({"enable_thinking": false}).as_object().unwrap().clone();
    });
    stage.start([Route::new("chat", handler).when_text(Regex::new("^(?<topic>\\w+)").unwrap())]);
    stage.say(&user, "weather today?").await;
    assert_texts(&stage.texts(&user, 1).await, &["on weather today?"]);
    let asked = model.asked().remove(0);
    let system = format!("Speak to {} about weather.", stage.account());
    assert_eq!(
        asked.body,
        json!({
            "model": "fake", "stream": false, "temperature": 0.5, "enable_thinking": false,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": "weather today?"}]
        })
    );
    assert_eq!(asked.header("authorization"), "Bearer sk-hunter2");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(stage.logged("hunter2"), Vec::<String>::new());
    stage.finish().await;
}

#[tokio::test]
async fn what_has_words_is_asked_and_a_word_begins_anew() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let model = echoing().await;
    let route = || Route::new("chat", model.chat(|settings| settings.unreadable = Some("words only".into())));
    stage.start([route()]);
    let account = stage.account().to_owned();
    let voice = |heard| Push::voice(account.as_str(), user.as_str(), heard);
    let text = |text: &str| Push::text(account.as_str(), user.as_str(), text);
    let rows = [
        (text("one"), "on one"),
        (voice(Some("two")), "on two"),
        (Push::image(account.as_str(), user.as_str()), "words only"),
        (voice(None), "words only"),
        (text("【收到不支持的消息类型，暂无法显示】"), "words only"),
        (text("[捂脸]"), "words only"),
        (text(" three "), "on three"),
        (voice(Some("重新开始。")), "好的，我们重新开始。"),
        (text("four"), "on four"),
        (text("RESET"), "好的，我们重新开始。"),
        (text("five"), "on five"),
    ];
    let mut expected = Vec::new();
    for (n, (push, answer)) in rows.into_iter().enumerate() {
        // Each is an action of the user, so WeChat lets all be answered.
        stage.push(push).await;
        expected.push(answer);
        assert_texts(&stage.texts(&user, n + 1).await, &expected);
    }
    let all: Vec<Vec<String>> = model.asked().iter().map(Asked::messages).collect();
    let one_to_three = ["one", "two", "three"];
    let mut expected: Vec<_> = (1..=3).map(|n| conversation(&one_to_three[..n])).collect();
    expected.extend([conversation(&["four"]), conversation(&["five"])]);
    assert_eq!(all, expected);
    stage.finish().await;
}

#[tokio::test]
async fn turns_beyond_the_limits_are_left_out_and_the_question_is_not() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let [few, small, none] = ["few", "small", "none"].map(|name| stage.user(name));
    let model = echoing().await;
    // A turn of this test has 5 or 6 tokens and 8 around: two of them fit.
    let handlers = [
        model.chat(|settings| settings.turns = 2),
        model.chat(|settings| settings.context_tokens = 30),
        model.chat(|settings| settings.turns = 0),
    ];
    let routes = ["few", "small", "none"].into_iter().zip(handlers);
    stage.start(routes.map(|(name, handler)| {
        Route::new(name, handler).when_text(Regex::new(&format!("^{name}")).unwrap())
    }));
    let long = format!("small {}", "long ".repeat(100));
    for n in 1..=4 {
        for (user, name) in [(&few, "few"), (&small, "small"), (&none, "none")] {
            stage.say(user, &format!("{name} {n}")).await;
        }
    }
    stage.say(&small, &long).await;
    stage.say(&small, "small 6").await;
    stage.rest().await;
    let messages = |question: &str| asked_for(&model, question)[0].messages();
    assert_eq!(messages("few 4"), conversation(&["few 2", "few 3", "few 4"]));
    assert_eq!(messages("small 4"), conversation(&["small 2", "small 3", "small 4"]));
    assert_eq!(messages("none 4"), conversation(&["none 4"]));
    let long = long.trim();
    assert_eq!(messages(long), conversation(&["small 3", "small 4", long]));
    assert_eq!(
        messages("small 6"),
        conversation(&[long, "small 6"]),
        "the turn before stays, whatever it has"
    );
    stage.finish().await;
}

#[tokio::test]
async fn a_conversation_is_over_when_its_time_is() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let model = echoing().await;
    let kept = Duration::from_secs(1);
    stage.start([Route::new("chat", model.chat(|_| {})).memory("chat", kept)]);
    stage.say(&user, "one").await;
    stage.texts(&user, 1).await;
    // Time itself is what is waited for.
    tokio::time::sleep(kept + Duration::from_millis(100)).await;
    stage.say(&user, "two").await;
    stage.texts(&user, 2).await;
    assert_eq!(model.asked()[1].messages(), conversation(&["two"]));
    stage.finish().await;
}

#[tokio::test]
async fn what_another_handler_remembers_under_the_same_name_is_no_conversation() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let model = echoing().await;
    let other = act(|_, _| async {
        Outcome::Remember { replies: vec![Outgoing::text("counted")], memory: json!({"n": 1}) }
    });
    let day = Duration::from_secs(86_400);
    stage.start([
        Route::new("count", other).when_text(Regex::new("^count$").unwrap()).memory("shared", day),
        Route::new("chat", model.chat(|_| {})).memory("shared", day),
    ]);
    for text in ["count", "one", "two"] {
        stage.say(&user, text).await;
    }
    assert_texts(&stage.texts(&user, 3).await, &["counted", "on one", "on two"]);
    stage.logs("the stored conversation can't be used").await;
    assert_eq!(model.asked()[1].messages(), conversation(&["one", "two"]));
    stage.finish().await;
}

#[tokio::test]
async fn failed_attempts_and_refusals_leave_the_conversation_as_it_was() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let tries = AtomicU32::new(0);
    let filtered = r#"{"error":{"code":"data_inspection_failed","message":"x"},"request_id":"r"}"#;
    let model = Backend::start(move |asked| match asked.question().as_str() {
        "busy" if tries.fetch_add(1, Ordering::Relaxed) < 2 => Answer::status(503),
        "bad" => Answer::of(400, "application/json", filtered),
        "wrong" => Answer::of(400, "application/json", r#"{"error":{"code":"bad_thing"}}"#),
        question => Answer::said(&format!("on {question}")),
    })
    .await;
    let handler = model.chat(|settings| settings.refused = "not that".to_owned());
    stage.start([Route::new("chat", handler).failure_reply("sorry")]);
    let mut expected = Vec::new();
    for (text, answer) in
        [("one", "on one"), ("busy", "on busy"), ("bad", "not that"), ("wrong", "sorry"), ("two", "on two")]
    {
        stage.say(&user, text).await;
        expected.push(answer);
        assert_texts(&stage.texts(&user, expected.len()).await, &expected);
    }
    assert_eq!(asked_for(&model, "busy").len(), 3);
    for asked in asked_for(&model, "busy") {
        assert_eq!(asked.messages(), conversation(&["one", "busy"]));
    }
    assert_eq!(asked_for(&model, "two")[0].messages(), conversation(&["one", "busy", "two"]));
    stage.finish_with(Left { dead: &["400 (bad_thing): check `model`"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_conversation_too_long_for_the_model_goes_on_with_half_of_its_turns() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let model = Backend::start(|asked| match (asked.question().as_str(), asked.messages().len()) {
        ("5", 6..) | ("never", _) => {
            Answer::of(400, "application/json", r#"{"error":{"code":"context_length_exceeded"}}"#)
        }
        (question, _) => Answer::said(&format!("on {question}")),
    })
    .await;
    stage.start([Route::new("chat", model.chat(|_| {}))]);
    for text in ["1", "2", "3", "4", "5"] {
        stage.say(&user, text).await;
    }
    // So many can be answered after one message of theirs; then they must write again.
    stage.texts(&user, 5).await;
    for text in ["6", "never"] {
        stage.say(&user, text).await;
    }
    let dead = stage.dead(1).await.remove(0);
    assert!(dead.reason.contains("too long for the model"), "{}", dead.reason);
    let asked: Vec<_> = asked_for(&model, "5").iter().map(Asked::messages).collect();
    assert_eq!(asked, [conversation(&["1", "2", "3", "4", "5"]), conversation(&["3", "4", "5"])]);
    assert_eq!(asked_for(&model, "6")[0].messages(), conversation(&["3", "4", "5", "6"]));
    // 4 turns, 2, 1, none: then there is nothing to leave out.
    assert_eq!(asked_for(&model, "never").len(), 4);
    assert_texts(&stage.texts(&user, 6).await, &["on 1", "on 2", "on 3", "on 4", "on 5", "on 6"]);
    stage.finish_with(Left { dead: &["too long for the model"], ..Left::default() }).await;
}

#[tokio::test]
async fn what_endpoints_deviate_in_is_answered_or_tried_again_but_never_sent() {
    let page = "<!DOCTYPE html><html>502</html>";
    let empty = r#"{"choices":[{"message":{"content":"<think>hm"},"finish_reason":"stop"}]}"#;
    let rows = [
        ("thoughts", Answer::said("<think>hm</think>\n\nfine"), 1),
        ("bare", Answer::json(r#"{"choices":[{"message":{"content":[{"text":"fine"}]}}]}"#), 1),
        ("as text", Answer::text(r#"{"choices":[{"message":{"content":"fine"}}]}"#), 1),
        ("a page", Answer::of(200, "text/html", page), 2),
        ("a bad gateway", Answer::of(502, "text/html", page), 2),
        ("busy", Answer::status(429), 2),
        (
            "broken off",
            Answer::json(r#"{"choices":[{"message":{"content":"fi"},"finish_reason":"error"}]}"#),
            2,
        ),
        ("no choice", Answer::json(r#"{"choices":[]}"#), 2),
        ("empty", Answer::json(empty), 2),
        ("rubbish", Answer::json("{oops"), 2),
        ("an error as a success", Answer::json(r#"{"error":{"message":"x","code":500}}"#), 2),
        ("a bare error", Answer::json(r#"{"code":1234,"message":"x"}"#), 2),
        ("slow", Answer::said("late").after(Duration::from_secs(30)), 2),
    ];
    let mut stage = Stage::on(Engine::Sqlite).await;
    let script = rows.clone();
    let before = Mutex::new(BTreeSet::new());
    let model = Backend::start(move |asked| {
        if !before.lock().unwrap().insert(asked.question()) {
            return Answer::said("fine");
        }
        script.iter().find(|(name, ..)| *name == asked.question()).unwrap().1.clone()
    })
    .await;
    stage.start([Route::new("chat", model.chat(|settings| settings.timeout = Duration::from_secs(2)))]);
    let users: Vec<String> = rows.iter().map(|_| stage.user("row")).collect();
    for (user, (name, ..)) in users.iter().zip(&rows) {
        stage.say(user, name).await;
    }
    stage.rest().await;
    for (user, (name, _, times)) in users.iter().zip(&rows) {
        assert_eq!(stage.sandbox.transcript().texts_to(user.as_str()), ["fine"], "{name}");
        assert_eq!(asked_for(&model, name).len(), *times, "{name}");
    }
    stage.finish().await;
}

#[tokio::test]
async fn what_can_not_mend_itself_is_not_tried_again_and_says_what_to_do() {
    let error = |status, code: &str| {
        let body = json!({"error": {"code": code, "message": "sk-hunter2 of a user"}});
        Answer::of(status, "application/json", &body.to_string())
    };
    let rows = [
        ("key", error(401, "invalid_api_key"), "answered 401 (invalid_api_key): check `key`"),
        (
            "model",
            error(404, "model_not_found"),
            "answered 404 (model_not_found): check `base_url` and `model`",
        ),
        ("money", error(429, "insufficient_quota"), "429 (insufficient_quota): top up"),
        ("balance", Answer::status(402), "answered 402: top up"),
        ("redirect", Answer::status(307).with("location", "/elsewhere"), "redirects are not followed"),
        (
            "cut",
            Answer::json(r#"{"choices":[{"message":{"content":"half of"},"finish_reason":"length"}]}"#),
            "so raise `max_tokens`",
        ),
        ("long", Answer::text(&"x".repeat(1024 * 1024 + 1)), "more than 1048576 bytes"),
    ];
    let mut stage = Stage::on(Engine::Sqlite).await;
    let script = rows.clone();
    let model = Backend::start(move |asked| {
        script.iter().find(|(name, ..)| *name == asked.question()).unwrap().1.clone()
    })
    .await;
    stage.start([Route::new("chat", model.chat(|_| {})).failure_reply("sorry")]);
    let mut reasons = Vec::new();
    for (n, (name, _, reason)) in rows.iter().enumerate() {
        let user = stage.user("row");
        stage.say(&user, name).await;
        assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
        stage.dead(n as u64 + 1).await;
        reasons.push(*reason);
    }
    assert_eq!(model.asked().len(), rows.len(), "none was asked twice");
    assert_eq!(stage.logged("hunter2"), Vec::<String>::new());
    stage.finish_with(Left { dead: &reasons, ..Left::default() }).await;
}

#[tokio::test]
async fn a_conversation_that_its_own_past_makes_the_model_refuse_goes_on_without_it() {
    let filtered = r#"{"error":{"code":"data_inspection_failed","message":"x"},"request_id":"r"}"#;
    let unfit = r#"{"error":{"code":"invalid_request_error","message":"x"}}"#;
    for refusal in [filtered, unfit] {
        let mut stage = Stage::on(Engine::Sqlite).await;
        let user = stage.user("anna");
        let model = Backend::start(move |asked| {
            let before = &asked.messages()[..asked.messages().len() - 1];
            match before.iter().any(|message| message.contains("touchy")) {
                true => Answer::of(400, "application/json", refusal),
                false => Answer::said(&format!("on {}", asked.question())),
            }
        })
        .await;
        stage.start([Route::new("chat", model.chat(|_| {}))]);
        let mut expected = Vec::new();
        for (text, answer) in [("touchy", "on touchy"), ("two", "on two"), ("three", "on three")] {
            stage.say(&user, text).await;
            expected.push(answer);
            assert_texts(&stage.texts(&user, expected.len()).await, &expected);
        }
        assert_eq!(asked_for(&model, "two").len(), 2, "with the turn before, and without");
        assert_eq!(
            asked_for(&model, "three")[0].messages(),
            conversation(&["two", "three"]),
            "it is forgotten"
        );
        stage.finish().await;
    }
}

#[tokio::test]
async fn an_endpoint_that_answers_with_a_stream_only_is_asked_for_one() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let model = Backend::start(|asked| match asked.body["stream"].as_bool() {
        Some(true) => {
            let event = r#"data: {"choices":[{"delta":{"content":"fine"},"finish_reason":"stop"}]}"#;
            Answer::of(200, "text/event-stream", &format!("{event}\n\ndata: [DONE]\n\n"))
        }
        _ => Answer::of(
            400,
            "application/json",
            r#"{"error":{"message":"This model only support stream mode"}}"#,
        ),
    })
    .await;
    stage.start([Route::new("chat", model.chat(|_| {}))]);
    for count in 1..=2 {
        stage.say(&user, "hello").await;
        stage.texts(&user, count).await;
    }
    assert_eq!(model.asked().len(), 3, "the second question is asked so at once");
    stage.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_is_away_is_asked_again_and_its_address_is_told() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let (model, mut door) = Backend::away(|_| Answer::said("here again"));
    stage.start([Route::new("chat", model.chat(|_| {})).attempts(100)]);
    stage.say(&user, "hello").await;
    let lane = stage.put_off(&user, "could not be reached: ").await;
    let reason = lane.last_error.unwrap();
    let url = format!("(http://127.0.0.1:{}/", model.url().port().unwrap());
    assert!(reason.contains(&url) && reason.contains("correct `base_url`"), "{reason}");
    door.listen();
    assert_texts(&stage.texts(&user, 1).await, &["here again"]);
    stage.finish().await;
}
