//! A permit first, then the message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use huixin_queue::LaneState;
use huixin_worker::{Context, Outcome, Route, WorkerSettings};

use crate::support::{Engine, Gate, Stage, Tampered, act, assert_texts, eventually, on_both_engines};

on_both_engines! {
    no_more_handlers_run_at_once_than_there_are_permits
    a_message_that_cannot_be_started_is_left_for_others
}

async fn no_more_handlers_run_at_once_than_there_are_permits(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (gate, inside, most) = (Gate::closed(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let users: Vec<String> = (0..12).map(|n| stage.user(&n.to_string())).collect();
    for user in &users {
        stage.say(user, "hello").await;
    }
    let (at_gate, counter, highest) = (gate.clone(), inside.clone(), most.clone());
    let route = Route::new(
        "waits",
        act(move |content, _| {
            let (gate, inside, most) = (at_gate.clone(), counter.clone(), highest.clone());
            async move {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                gate.pass().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                Outcome::text(content)
            }
        }),
    );
    stage.start_with(WorkerSettings { concurrency: 3, ..stage.settings() }, [route]);
    for done in 0..4 {
        // Three are in; they go out together.
        gate.until_came(3 * (done + 1)).await;
        assert_eq!(stage.queue.counts().await.unwrap().running, 3);
        gate.open_for(3);
    }
    stage.rest().await;
    assert_eq!((most.load(Ordering::SeqCst), gate.came()), (3, 12));
    for user in &users {
        assert_texts(&stage.texts(user, 1).await, &["hello"]);
    }
    stage.finish().await;
}

async fn a_message_that_cannot_be_started_is_left_for_others(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben, gate) = (stage.user("anna"), stage.user("ben"), Gate::closed());
    stage.say(&anna, "one").await;
    stage.say(&ben, "two").await;
    let echo = |gate: &Gate| {
        let gate = gate.clone();
        Route::new(
            "echo",
            act(move |content, _| {
                let gate = gate.clone();
                async move {
                    gate.pass().await;
                    Outcome::text(content)
                }
            }),
        )
    };
    let settings = WorkerSettings { concurrency: 1, ..stage.settings() };
    let worker = stage.worker(stage.queue.clone(), settings, [echo(&gate)]);
    let health = worker.health();
    stage.start_this(worker);
    gate.until_came(1).await;
    eventually("the worker is full", async || {
        (health.since_last_take() == Some(Duration::ZERO)).then_some(())
    })
    .await;
    assert_eq!(stage.state(&anna).await, Some(LaneState::Leased));
    assert_eq!(stage.state(&ben).await, Some(LaneState::Ready));
    // Another worker has it at once.
    stage.start([echo(&Gate::opened())]);
    assert_texts(&stage.texts(&ben, 1).await, &["two"]);
    assert_eq!(stage.sent_to(&anna), 0);
    gate.open_for(1);
    assert_texts(&stage.texts(&anna, 1).await, &["one"]);
    stage.finish().await;
}

#[tokio::test]
async fn what_comes_without_a_permit_is_handed_back_at_once_and_is_no_loss() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    for user in [&anna, &ben] {
        stage.say(user, "hello").await;
    }
    let (gate, queue) = (Gate::closed(), Tampered::new(stage.queue.clone()));
    queue.give_more();
    let at_gate = gate.clone();
    let attempts = Route::new(
        "waits",
        act(move |_, context: Context| {
            let gate = at_gate.clone();
            async move {
                gate.pass().await;
                Outcome::text(format!("attempt {}", context.attempt))
            }
        }),
    );
    let settings = WorkerSettings { concurrency: 1, ..stage.settings() };
    stage.start_this(stage.worker(queue, settings, [attempts]));
    gate.until_came(1).await;
    // Were it left until its lease ends, that would be a loss, and what comes then its second attempt.
    eventually("theirs is ready again", async || {
        (stage.state(&ben).await == Some(LaneState::Ready)).then_some(())
    })
    .await;
    assert_eq!(stage.state(&anna).await, Some(LaneState::Leased));
    gate.open_for(2);
    for user in [&anna, &ben] {
        assert_texts(&stage.texts(user, 1).await, &["attempt 1"]);
    }
    stage.rest().await;
    assert_eq!(gate.came(), 2);
    stage.finish().await;
}
