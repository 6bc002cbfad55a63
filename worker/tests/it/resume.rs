//! A worker that dies in the middle: what is recorded is not done again.
//!
//! WeChat hangs, or is slow, at a chosen send; there the worker is killed. Another one gets the message when the lease
//! has run out.

use std::time::Duration;

use huixin_sandbox::Fault;
use huixin_worker::handlers::ReplyHandler;
use huixin_worker::{Context, Outcome, Route, WorkerSettings};
use serde_json::json;

use crate::support::{Engine, Gate, Left, Process, Stage, act, assert_texts, on_both_engines, text};

on_both_engines! {
    the_next_worker_sends_only_the_parts_that_were_not_sent_and_the_handler_does_not_run_again
    the_part_that_was_under_way_may_arrive_twice_and_is_counted
    a_handler_that_was_running_runs_again_and_the_users_next_message_comes_after
    a_message_that_was_dying_dies_elsewhere_and_the_user_is_told_once
}

/// Acts on no call, but counts one: so a later order meets the call after.
const NO_FAULT: Fault = Fault::Delay(Duration::ZERO);

fn short(stage: &Stage) -> WorkerSettings {
    WorkerSettings { lease: Duration::from_secs(1), ..stage.settings() }
}

fn three_parts(runs: &Gate) -> Route {
    let runs = runs.clone();
    Route::new(
        "three",
        act(move |_, _| {
            let runs = runs.clone();
            async move {
                runs.pass().await;
                Outcome::Reply(["one", "two", "three"].map(text).into())
            }
        }),
    )
}

async fn the_next_worker_sends_only_the_parts_that_were_not_sent_and_the_handler_does_not_run_again(
    engine: Engine,
) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    let faults = stage.sandbox.faults();
    faults.on_send(NO_FAULT, 1);
    faults.on_send(Fault::Hang, 1);
    let process = Process::start(&stage, short(&stage), [three_parts(&runs)]);
    stage.say(&user, "hello").await;
    stage.faulted(&Fault::Hang, 1).await;
    process.kill();
    assert_texts(&stage.texts(&user, 1).await, &["one"]);

    stage.start([three_parts(&runs)]);
    assert_texts(&stage.texts(&user, 3).await, &["one", "two", "three"]);
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), runs.came(), stage.unsure()), (3, 1, 1));
    stage.finish().await;
}

async fn the_part_that_was_under_way_may_arrive_twice_and_is_counted(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    // It arrives after its sender has died, and before the lease has run out.
    let slow = Fault::Delay(Duration::from_millis(200));
    let faults = stage.sandbox.faults();
    faults.on_send(NO_FAULT, 1);
    faults.on_send(slow.clone(), 1);
    let process = Process::start(&stage, short(&stage), [three_parts(&runs)]);
    stage.say(&user, "hello").await;
    stage.faulted(&slow, 1).await;
    process.kill();
    assert_texts(&stage.texts(&user, 2).await, &["one", "two"]);

    stage.start([three_parts(&runs)]);
    assert_texts(&stage.texts(&user, 4).await, &["one", "two", "two", "three"]);
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), runs.came(), stage.unsure()), (4, 1, 1));
    stage.finish().await;
}

async fn a_handler_that_was_running_runs_again_and_the_users_next_message_comes_after(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let echo = |gate: &Gate| {
        let gate = gate.clone();
        Route::new(
            "echo",
            act(move |content, context: Context| {
                let gate = gate.clone();
                async move {
                    gate.pass().await;
                    Outcome::text(format!("{content}, attempt {}", context.attempt))
                }
            }),
        )
    };
    let process = Process::start(&stage, short(&stage), [echo(&gate)]);
    stage.say(&user, "one").await;
    stage.say(&user, "two").await;
    gate.until_came(1).await;
    process.kill();
    gate.until_dropped(1).await;
    gate.open_for(2);
    stage.start([echo(&gate)]);
    assert_texts(&stage.texts(&user, 2).await, &["one, attempt 2", "two, attempt 1"]);
    stage.rest().await;
    assert_eq!((gate.came(), stage.unsure()), (3, 0));
    stage.finish().await;
}

async fn a_message_that_was_dying_dies_elsewhere_and_the_user_is_told_once(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    let gives_up = |runs: &Gate| {
        let runs = runs.clone();
        let handler = act(move |_, _| {
            let runs = runs.clone();
            async move {
                runs.pass().await;
                Outcome::Fail { reason: "no such order".into() }
            }
        });
        Route::new("gives up", handler).failure_reply("sorry")
    };
    stage.sandbox.faults().on_send(Fault::Hang, 1);
    let process = Process::start(&stage, short(&stage), [gives_up(&runs)]);
    stage.say(&user, "hello").await;
    stage.faulted(&Fault::Hang, 1).await;
    process.kill();
    assert_eq!(stage.queue.counts().await.unwrap().dead, 0);
    stage.start([gives_up(&runs)]);
    stage.dead(1).await;
    assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
    assert_eq!((runs.came(), stage.unsure()), (1, 1));
    stage.finish_with(Left { dead: &["no such order"], ..Left::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fixed_reply_is_computed_again_and_its_unsure_send_counted() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let fixed = || Route::new("fixed", ReplyHandler::new(&json!("attempt {{ attempt }}")).unwrap());
    stage.sandbox.faults().on_send(Fault::Hang, 1);
    let process = Process::start(&stage, short(&stage), [fixed()]);
    stage.say(&user, "hello").await;
    stage.faulted(&Fault::Hang, 1).await;
    process.kill();
    stage.start([fixed()]);
    assert_texts(&stage.texts(&user, 1).await, &["attempt 2"]);
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), stage.unsure()), (1, 1));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_configuration_answered_is_still_sent() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    stage.sandbox.faults().on_send(Fault::Hang, 1);
    let process = Process::start(&stage, short(&stage), [three_parts(&runs)]);
    stage.say(&user, "hello").await;
    stage.faulted(&Fault::Hang, 1).await;
    process.kill();
    stage.start([]);
    assert_texts(&stage.texts(&user, 3).await, &["one", "two", "three"]);
    stage.rest().await;
    assert_eq!((stage.ended("answered"), stage.ended("unmatched")), (1, 0));
    stage.finish().await;
}
