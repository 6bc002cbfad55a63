//! A route that takes only so many messages at once, and those that wait for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_queue::testing::Settling as _;
use huixin_queue::{Clock, LaneState, Leased, TestClock};
use huixin_worker::{Context, Outcome, Route, WorkerSettings};

use crate::support::{Engine, Gate, LEASE, Stage, act, assert_texts, echo, eventually, on_both_engines};

on_both_engines! {
    a_full_route_leaves_the_permits_to_others_and_loses_nothing
    who_waits_for_a_place_is_told_that_it_takes_longer
    what_waits_for_a_place_is_handed_back_at_a_stop_and_no_attempt_is_used
    a_message_that_has_outlived_two_workers_does_not_wait_under_its_lease
}

/// A route for texts that begin with `slow`, which takes so many at once.
fn slow(gate: &Gate, at_once: usize) -> Route {
    let gate = gate.clone();
    let handler = act(move |content, context: Context| {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            Outcome::text(format!("{content}, attempt {}", context.attempt))
        }
    });
    Route::new("slow", handler).when_text("^slow".parse().unwrap()).at_once(at_once)
}

async fn a_full_route_leaves_the_permits_to_others_and_loses_nothing(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (gate, others) = (Gate::closed(), Gate::opened());
    // Two are at the handler, two wait beside it, and what comes on top is put off.
    let users: Vec<String> = (0..12).map(|n| stage.user(&format!("slow{n}"))).collect();
    for user in &users {
        stage.say(user, "slow").await;
    }
    let settings = WorkerSettings { concurrency: 4, ..stage.settings() };
    stage.start_with(settings, [slow(&gate, 2), echo(&others)]);
    gate.until_came(2).await;
    for n in 0..20 {
        let user = stage.user(&format!("fast{n}"));
        stage.say(&user, "fast").await;
        assert_texts(&stage.texts(&user, 1).await, &["fast"]);
    }
    assert_eq!(gate.came(), 2, "no more than its limit");
    gate.open_for(users.len());
    for user in &users {
        assert_texts(&stage.texts(user, 1).await, &["slow, attempt 1"]);
    }
    assert_eq!((gate.came(), gate.dropped()), (users.len(), 0));
    stage.finish().await;
}

async fn who_waits_for_a_place_is_told_that_it_takes_longer(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (first, second, gate) = (stage.user("first"), stage.user("second"), Gate::closed());
    stage.start([slow(&gate, 1).notice(Duration::from_millis(100), "one moment")]);
    stage.say(&first, "slow").await;
    gate.until_came(1).await;
    stage.say(&second, "slow").await;
    assert_texts(&stage.texts(&second, 1).await, &["one moment"]);
    assert_eq!(gate.came(), 1, "it has no place yet");
    gate.open_for(2);
    assert_texts(&stage.texts(&second, 2).await, &["one moment", "slow, attempt 1"]);
    stage.texts(&first, 2).await;
    stage.finish().await;
}

async fn what_waits_for_a_place_is_handed_back_at_a_stop_and_no_attempt_is_used(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let gate = Gate::closed();
    let users: Vec<String> = (0..4).map(|n| stage.user(&n.to_string())).collect();
    for user in &users {
        stage.say(user, "slow").await;
    }
    // Leases so long that what goes on sooner was handed back.
    let settings = || WorkerSettings {
        lease: Duration::from_secs(600),
        grace: Duration::from_secs(30),
        ..stage.settings()
    };
    let patient = settings();
    stage.start_with(settings(), [slow(&gate, 2)]);
    gate.until_came(2).await;
    eventually("all are taken", async || {
        let running = stage.queue.counts().await.unwrap().running;
        (running == 4).then_some(())
    })
    .await;
    stage.ask_to_stop();
    eventually("those who wait are handed back at once", async || {
        let running = stage.queue.counts().await.unwrap().running;
        (running == 2).then_some(())
    })
    .await;
    gate.open_for(2);
    let stopped = stage.stop().await;
    assert_eq!((stopped[0].finished, stopped[0].released), (2, 2));
    let mut states = Vec::new();
    for user in &users {
        states.push(stage.state(user).await);
    }
    assert_eq!(states.iter().filter(|state| **state == Some(LaneState::Ready)).count(), 2, "{states:?}");
    gate.open_for(2);
    stage.start_with(patient, [slow(&gate, 1)]);
    for user in &users {
        assert_texts(&stage.texts(user, 1).await, &["slow, attempt 1"]);
    }
    stage.finish().await;
}

async fn a_message_that_has_outlived_two_workers_does_not_wait_under_its_lease(engine: Engine) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let clock = TestClock::at(now.as_micros().try_into().unwrap());
    let mut stage = Stage::with_clock(engine, Clock::Test(clock.clone())).await;
    let (suspect, other, gate) = (stage.user("suspect"), stage.user("other"), Gate::closed());
    stage.say(&suspect, "slow").await;
    let mut taken = take(&stage, 1).await;
    for losses in 1..=2 {
        // Begun, and then never heard of again.
        stage.queue.renew(std::slice::from_ref(&taken.lease), LEASE).await.unwrap();
        for _ in 0..20 {
            // In small steps, so that it is no gap in the store's service.
            clock.advance(LEASE / 10);
            stage.queue.renew(&[], LEASE).await.unwrap();
        }
        taken = take(&stage, 1 + u64::from(losses)).await;
        assert_eq!(taken.losses, losses);
    }
    stage.start([slow(&gate, 1)]);
    stage.say(&other, "slow").await;
    gate.until_came(1).await;
    stage.queue.release(&taken.lease).await.unwrap();
    stage.put_off(&suspect, "too many messages wait for its route").await;
    gate.open_for(2);
    assert_texts(&stage.texts(&other, 1).await, &["slow, attempt 1"]);
    clock.advance(LEASE);
    assert_texts(&stage.texts(&suspect, 1).await, &["slow, attempt 3"]);
    stage.finish().await;
}

async fn take(stage: &Stage, call: u64) -> Leased {
    stage.queue.take(&stage.request(call)).await.unwrap().messages.remove(0)
}
