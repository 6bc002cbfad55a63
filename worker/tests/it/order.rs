//! One user's messages in order, different users beside each other.

use std::time::Duration;

use huixin_worker::{Context, Outcome, Route};
use regex::Regex;

use crate::support::{Engine, Gate, Stage, act, assert_texts, on_both_engines};

on_both_engines! {
    one_users_messages_are_answered_in_order_although_the_first_fails_twice_and_others_go_on
    every_message_of_many_users_is_answered_once_and_in_order_by_several_workers
}

async fn one_users_messages_are_answered_in_order_although_the_first_fails_twice_and_others_go_on(
    engine: Engine,
) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    let gate = Gate::closed();
    let at_gate = gate.clone();
    let fails = act(move |content: String, context: Context| {
        let gate = at_gate.clone();
        async move {
            gate.pass().await;
            if context.attempt < 3 {
                let after = Some(Duration::from_millis(50));
                return Outcome::Retry { after, reason: "not yet".into() };
            }
            Outcome::text(content)
        }
    });
    let echo = || act(async |content, _| Outcome::text(content));
    stage.start([
        Route::new("fails", fails).when_text(Regex::new("^one$").unwrap()),
        Route::new("echo", echo()),
    ]);
    for text in ["one", "two", "three"] {
        stage.say(&anna, text).await;
    }
    for attempt in 1..=3 {
        gate.until_came(attempt).await;
        // Anna's first message is at its next attempt, and the others of hers are behind it.
        stage.say(&ben, &format!("beside attempt {attempt}")).await;
        stage.texts(&ben, attempt).await;
        assert_eq!(stage.sent_to(&anna), 0);
        gate.open_for(1);
    }
    assert_texts(&stage.texts(&anna, 3).await, &["one", "two", "three"]);
    assert_texts(&stage.texts(&ben, 3).await, &["beside attempt 1", "beside attempt 2", "beside attempt 3"]);
    assert_eq!(gate.came(), 3);
    stage.finish().await;
}

async fn every_message_of_many_users_is_answered_once_and_in_order_by_several_workers(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let users: Vec<String> = (0..20).map(|n| stage.user(&n.to_string())).collect();
    for _ in 0..3 {
        stage.start([Route::new(
            "echo",
            act(async |content, _| {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Outcome::text(content)
            }),
        )]);
    }
    // As many as one push allows answers for, so that no window is used up.
    let texts = ["one", "two", "three", "four", "five"];
    for text in texts {
        for user in &users {
            stage.say(user, text).await;
        }
    }
    stage.rest().await;
    for user in &users {
        assert_texts(&stage.texts(user, texts.len()).await, &texts);
    }
    assert_eq!(stage.ended("answered"), 100);
    stage.finish().await;
}
