//! What routes remember of a user.

use std::time::Duration;

use huixin_sandbox::Push;
use huixin_worker::{Condition, Context, Outcome, Route};
use serde_json::{Value, json};

use crate::support::{Engine, Gate, Stage, act, assert_texts, on_both_engines, text};

on_both_engines! {
    a_handler_finds_what_it_left_for_this_user_and_no_other_route_does
    a_memory_is_over_when_its_time_is
    null_forgets_and_a_memory_without_a_reply_is_kept_too
    who_unsubscribes_is_forgotten_whatever_runs_or_waits_before
    who_unsubscribes_is_forgotten_also_if_that_message_dies
}

/// A route that counts, in its memory, what a user has said to it.
fn counting(name: &str) -> Route {
    let called = name.to_owned();
    let count = move |_, context: Context| {
        let called = called.clone();
        async move {
            let n = context.memory.as_ref().and_then(Value::as_u64).unwrap_or(0) + 1;
            Outcome::Remember { replies: vec![text(&format!("{called} {n}"))], memory: json!(n) }
        }
    };
    Route::new(name, act(count))
}

async fn a_handler_finds_what_it_left_for_this_user_and_no_other_route_does(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    let shared = counting("third").when_text("^c".parse().unwrap()).memory("first", Duration::from_secs(60));
    let first = counting("first").when_text("^a".parse().unwrap());
    stage.start([first, counting("second").when_text("^b".parse().unwrap()), shared]);
    for (user, said) in [(&anna, "a"), (&anna, "a"), (&ben, "a"), (&anna, "b"), (&anna, "c"), (&anna, "a")] {
        stage.say(user, said).await;
    }
    assert_texts(&stage.texts(&anna, 5).await, &["first 1", "first 2", "second 1", "third 3", "first 4"]);
    assert_texts(&stage.texts(&ben, 1).await, &["first 1"]);
    stage.finish().await;
}

async fn a_memory_is_over_when_its_time_is(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, gate) = (stage.user("anna"), Gate::opened());
    let seen = gate.clone();
    let handler = act(move |_, context: Context| {
        let seen = seen.clone();
        async move {
            seen.pass().await;
            let replies = vec![text(&format!("{:?}", context.memory.is_some()))];
            Outcome::Remember { replies, memory: json!("kept") }
        }
    });
    let keep_for = Duration::from_secs(1);
    stage.start([Route::new("forgets", handler).memory("forgets", keep_for)]);
    stage.say(&anna, "one").await;
    assert_texts(&stage.texts(&anna, 1).await, &["false"]);
    // What is waited for is the time itself.
    tokio::time::sleep(keep_for).await;
    stage.say(&anna, "two").await;
    stage.say(&anna, "three").await;
    let texts = stage.texts(&anna, 3).await;
    assert_eq!(texts[1], "false", "its time was over");
    assert_eq!(gate.came(), 3);
    stage.finish().await;
}

async fn null_forgets_and_a_memory_without_a_reply_is_kept_too(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let anna = stage.user("anna");
    let handler = act(|content: String, context: Context| async move {
        match content.as_str() {
            "keep" => Outcome::Remember { replies: vec![], memory: json!({ "n": 1 }) },
            "forget" => Outcome::Remember { replies: vec![], memory: Value::Null },
            _ => Outcome::text(context.memory.unwrap_or_default().to_string()),
        }
    });
    stage.start([Route::new("keeps", handler)]);
    for said in ["ask", "keep", "ask", "forget", "ask"] {
        stage.say(&anna, said).await;
    }
    assert_texts(&stage.texts(&anna, 3).await, &["null", "{\"n\":1}", "null"]);
    stage.finish().await;
}

async fn who_unsubscribes_is_forgotten_whatever_runs_or_waits_before(engine: Engine) {
    who_unsubscribes_is_forgotten(engine, None).await;
}

async fn who_unsubscribes_is_forgotten_also_if_that_message_dies(engine: Engine) {
    let event = Condition { event: Some("unsubscribe".into()), ..Condition::default() };
    let fails = act(async |_, _| Outcome::Fail { reason: "the service is away".into() });
    who_unsubscribes_is_forgotten(engine, Some(Route::new("fails", fails).when(event))).await;
}

/// With a route for the message of it, which then dies, or without.
async fn who_unsubscribes_is_forgotten(engine: Engine, dies: Option<Route>) {
    let mut stage = Stage::on(engine).await;
    let (anna, gate) = (stage.user("anna"), Gate::closed());
    let passed = gate.clone();
    let handler = act(move |said: String, context: Context| {
        let gate = passed.clone();
        async move {
            gate.pass().await;
            let known =
                context.memory.and_then(|memory| memory.as_str().map(str::to_owned)).unwrap_or_default();
            Outcome::Remember { replies: vec![text(&format!("{known};"))], memory: json!(known + &said) }
        }
    });
    stage.start(dies.into_iter().chain([Route::new("knows", handler)]));
    gate.open_for(1);
    stage.say(&anna, "my number").await;
    stage.texts(&anna, 1).await;
    stage.say(&anna, "runs").await;
    gate.until_came(2).await;
    stage.say(&anna, "waits").await;
    stage.push(Push::unsubscribe(stage.account(), anna.as_str())).await;
    stage.push(Push::subscribe(stage.account(), anna.as_str(), None)).await;
    gate.open_for(3);
    stage.say(&anna, "who am I?").await;
    // The first two of these may know each other, and nothing that was said before.
    assert_texts(&stage.texts(&anna, 4).await[3..], &[";"]);
    stage.open(0).await;
    stage.finish_with_dead(0).await;
}
