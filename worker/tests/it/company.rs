//! What a user sees while a handler is slow.

use std::time::Duration;

use huixin_sandbox::What;
use huixin_worker::{Outcome, Route};

use crate::support::{Engine, Gate, Stage, act, assert_texts, eventually, on_both_engines};

on_both_engines! {
    a_slow_handler_is_announced_once_and_its_answer_comes_after
}

/// Handlers that wait until they are let go on.
fn slow(gate: &Gate, outcome: Outcome) -> Route {
    let gate = gate.clone();
    let run = move |_, _| {
        let (gate, outcome) = (gate.clone(), outcome.clone());
        async move {
            gate.pass().await;
            outcome
        }
    };
    Route::new("slow", act(run))
}

/// What was shown to the user about typing, on or off.
fn typing(stage: &Stage, user: &str) -> Vec<bool> {
    let entries = stage.sandbox.transcript().entries();
    let of_user = entries.iter().filter(|entry| entry.user == user);
    of_user.filter_map(|entry| if let What::Typing { on } = entry.what { Some(on) } else { None }).collect()
}

async fn a_slow_handler_is_announced_once_and_its_answer_comes_after(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    stage.start([slow(&gate, Outcome::text("answer")).notice(Duration::from_millis(200), "please wait")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["please wait"]);
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 2).await, &["please wait", "answer"]);
    stage.rest().await;
    assert_eq!((stage.unsure(), stage.counted("huixin_worker_notices_total", "")), (0, 1));
    stage.finish().await;
}

#[tokio::test]
async fn a_fast_handler_is_not_announced() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::opened());
    stage.start([slow(&gate, Outcome::text("answer")).notice(Duration::from_millis(500), "please wait")]);
    stage.say(&user, "hello").await;
    stage.rest().await;
    assert_texts(&stage.texts(&user, 1).await, &["answer"]);
    assert_eq!(typing(&stage, &user), Vec::<bool>::new());
    stage.finish().await;
}

#[tokio::test]
async fn an_attempt_after_the_first_does_not_announce_again() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let route = Route::new(
        "twice",
        act(async |_, context: huixin_worker::Context| {
            tokio::time::sleep(Duration::from_millis(400)).await;
            match context.attempt {
                1 => Outcome::Retry { after: Some(Duration::from_millis(100)), reason: "once more".into() },
                _ => Outcome::text("answer"),
            }
        }),
    );
    stage.start([route.notice(Duration::from_millis(100), "please wait")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 2).await, &["please wait", "answer"]);
    stage.rest().await;
    stage.finish().await;
}

#[tokio::test]
async fn the_last_send_of_a_message_is_left_for_its_answer() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let mut settings = stage.settings();
    settings.rights.message.sends = 1;
    let route = slow(&gate, Outcome::text("answer")).notice(Duration::from_millis(50), "never said");
    stage.start_with(settings, [route]);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 1).await, &["answer"]);
    stage.rest().await;
    stage.finish().await;
}

#[tokio::test]
async fn typing_is_shown_while_a_handler_is_slow_and_ended_when_nothing_is_said() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (silent, talks, gate) = (stage.user("silent"), stage.user("talks"), Gate::closed());
    stage.start([slow(&gate, Outcome::NoReply)]);
    stage.say(&silent, "hello").await;
    eventually("typing is shown", async || (typing(&stage, &silent) == [true]).then_some(())).await;
    gate.open_for(1);
    eventually("typing is ended", async || (typing(&stage, &silent) == [true, false]).then_some(())).await;
    stage.rest().await;

    let without = Gate::closed();
    stage.start([slow(&without, Outcome::text("answer")).typing(false)]);
    stage.say(&talks, "hello").await;
    without.until_came(1).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    without.open_for(1);
    assert_texts(&stage.texts(&talks, 1).await, &["answer"]);
    stage.rest().await;
    assert_eq!(typing(&stage, &talks), Vec::<bool>::new());
    stage.finish().await;
}
