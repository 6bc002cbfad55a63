//! Stopping: take nothing more, let what runs finish, hand back the rest, and say which.

use std::time::Duration;

use huixin_queue::LaneState;
use huixin_sandbox::Fault;
use huixin_worker::{Context, Outcome, Route, Stopped, WorkerSettings};

use crate::support::{
    Engine, Gate, Stage, Tampered, act, assert_texts, eventually, on_both_engines, text, within,
};

on_both_engines! {
    a_running_handler_finishes_within_the_grace_and_nothing_new_is_taken
    a_handler_that_outlasts_the_grace_is_handed_back_and_no_attempt_is_used
    what_a_take_under_way_brings_is_handed_back
}

fn waits_at(gate: &Gate) -> Route {
    let gate = gate.clone();
    Route::new(
        "waits",
        act(move |content, context: Context| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Outcome::text(format!("{content}, attempt {}", context.attempt))
            }
        }),
    )
}

/// Leases so long that whatever goes on sooner was handed back.
fn patient(stage: &Stage, grace: Duration) -> WorkerSettings {
    WorkerSettings { lease: Duration::from_secs(600), grace, ..stage.settings() }
}

async fn a_running_handler_finishes_within_the_grace_and_nothing_new_is_taken(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben, gate) = (stage.user("anna"), stage.user("ben"), Gate::closed());
    stage.start_with(patient(&stage, Duration::from_secs(30)), [waits_at(&gate)]);
    stage.say(&anna, "one").await;
    gate.until_came(1).await;
    stage.ask_to_stop();
    stage.say(&anna, "two").await;
    stage.say(&ben, "three").await;
    gate.open_for(1);
    assert_eq!(stage.stop().await, [Stopped { finished: 1, released: 0 }]);
    assert_texts(&stage.texts(&anna, 1).await, &["one, attempt 1"]);
    assert_eq!(
        (stage.state(&anna).await, stage.state(&ben).await),
        (Some(LaneState::Ready), Some(LaneState::Ready))
    );
    assert_eq!((gate.came(), gate.dropped()), (1, 0));

    gate.open_for(2);
    stage.start([waits_at(&gate)]);
    assert_texts(&stage.texts(&anna, 2).await, &["one, attempt 1", "two, attempt 1"]);
    assert_texts(&stage.texts(&ben, 1).await, &["three, attempt 1"]);
    stage.finish().await;
}

async fn a_handler_that_outlasts_the_grace_is_handed_back_and_no_attempt_is_used(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (slow, quick, gate) = (stage.user("slow"), stage.user("quick"), Gate::closed());
    let quick_gate = Gate::closed();
    stage.start_with(
        patient(&stage, Duration::from_millis(500)),
        [waits_at(&quick_gate).when_text(regex::Regex::new("quick").unwrap()), waits_at(&gate)],
    );
    stage.say(&slow, "slow").await;
    stage.say(&quick, "quick").await;
    gate.until_came(1).await;
    quick_gate.until_came(1).await;
    stage.ask_to_stop();
    quick_gate.open_for(1);
    assert_eq!(stage.stop().await, [Stopped { finished: 1, released: 1 }]);
    assert_eq!((gate.dropped(), stage.sent_to(&slow), stage.ended("released")), (1, 0, 1));
    assert_eq!(stage.state(&slow).await, Some(LaneState::Ready));

    gate.open_for(1);
    stage.start([waits_at(&gate)]);
    assert_texts(&stage.texts(&slow, 1).await, &["slow, attempt 1"]);
    stage.finish().await;
}

async fn what_a_take_under_way_brings_is_handed_back(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, taken, handlers) = (stage.user("anna"), Gate::closed(), Gate::opened());
    let queue = Tampered::holding_back(stage.queue.clone(), taken.clone());
    let worker = stage.worker(queue, patient(&stage, Duration::from_secs(30)), [waits_at(&handlers)]);
    stage.start_this(worker);
    stage.say(&user, "hello").await;
    // The queue has leased it, and the worker hasn't heard.
    taken.until_came(1).await;
    assert_eq!(stage.state(&user).await, Some(LaneState::Leased));
    stage.ask_to_stop();
    taken.open_for(1);
    assert_eq!(stage.stop().await, [Stopped { finished: 0, released: 1 }]);
    assert_eq!((stage.state(&user).await, handlers.came()), (Some(LaneState::Ready), 0));
    stage.start([waits_at(&handlers)]);
    assert_texts(&stage.texts(&user, 1).await, &["hello, attempt 1"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_take_that_is_never_answered_does_not_keep_a_worker_from_stopping() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, taken) = (stage.user("anna"), Gate::closed());
    let queue = Tampered::holding_back(stage.queue.clone(), taken.clone());
    let settings = WorkerSettings { lease: Duration::from_secs(1), ..stage.settings() };
    let worker = stage.worker(queue, settings, []);
    stage.start_this(worker);
    stage.say(&user, "hello").await;
    taken.until_came(1).await;
    assert_eq!(stage.stop().await, [Stopped { finished: 0, released: 0 }]);
    // Nobody could hand it back: its lease runs out.
    stage.start([waits_at(&Gate::opened())]);
    assert_texts(&stage.texts(&user, 1).await, &["hello, attempt 2"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_dropped_drops_its_handlers_and_hands_their_messages_back() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let settings = patient(&stage, Duration::from_secs(30));
    let worker = stage.worker(stage.queue.clone(), settings, [waits_at(&gate)]);
    let running = tokio::spawn(worker.run(std::future::pending()));
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    running.abort();
    gate.until_dropped(1).await;
    eventually("the message is ready again", async || {
        (stage.state(&user).await == Some(LaneState::Ready)).then_some(())
    })
    .await;
    gate.open_for(1);
    stage.start([waits_at(&gate)]);
    assert_texts(&stage.texts(&user, 1).await, &["hello, attempt 1"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_under_way_is_let_finish_and_the_parts_after_it_are_handed_back() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    let two = |runs: &Gate| {
        let runs = runs.clone();
        Route::new(
            "two",
            act(move |_, _| {
                let runs = runs.clone();
                async move {
                    runs.pass().await;
                    Outcome::Reply(["one", "two"].map(text).into())
                }
            }),
        )
    };
    // The first part takes longer than the grace.
    let slow = Fault::Delay(Duration::from_millis(800));
    stage.sandbox.faults().on_send(slow.clone(), 1);
    stage.start_with(patient(&stage, Duration::from_millis(100)), [two(&runs)]);
    stage.say(&user, "hello").await;
    stage.faulted(&slow, 1).await;
    assert_eq!(stage.stop().await, [Stopped { finished: 0, released: 1 }]);
    assert_texts(&stage.texts(&user, 1).await, &["one"]);
    stage.start([two(&runs)]);
    assert_texts(&stage.texts(&user, 2).await, &["one", "two"]);
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), runs.came(), stage.unsure()), (2, 1, 0));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_stops_at_once() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    stage.start([]);
    assert_eq!(within("it stops", stage.stop()).await, [Stopped::default()]);
    stage.finish().await;
}
