//! A bug that panics in one of the worker's own loops is logged, and ends no loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huixin_worker::{Context, Outcome, Route, WorkerSettings};

use crate::support::{Call, Engine, Gate, Stage, Tampered, act, assert_texts, eventually};

/// Long enough that a busy machine doesn't take a fifth of it for a step.
const LEASE: Duration = Duration::from_secs(4);

fn waits_at(gate: &Gate) -> Route {
    let gate = gate.clone();
    let handler = act(move |_, context: Context| {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            Outcome::text(format!("attempt {}", context.attempt))
        }
    });
    Route::new("waits", handler)
}

fn start(stage: &mut Stage, gate: &Gate) -> Arc<Tampered> {
    let queue = Tampered::new(stage.queue.clone());
    let settings = WorkerSettings { lease: LEASE, ..stage.settings() };
    let worker = stage.worker(queue.clone(), settings, [waits_at(gate)]);
    stage.start_this(worker);
    queue
}

/// Waits until at least so many error lines about this test's queue say this.
async fn logged(stage: &Stage, times: usize, text: &str) {
    let place = stage.queue.place().to_owned();
    let is_it = |line: &String| line.contains("ERROR") && line.contains(text);
    eventually(&format!("an error says {text:?}"), async || {
        let lines = stage.logged(&place);
        (lines.into_iter().filter(is_it).count() >= times).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_messages_are_taken_is_told_and_the_worker_takes_on() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let queue = start(&mut stage, &Gate::opened());
    for call in [Call::Take, Call::Wait, Call::Taken] {
        queue.panic_at(call, 1);
    }
    // The answer to the last take was lost by the panic: the same messages come again, and no attempt was used.
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["attempt 1"]);
    logged(&stage, 3, "the loop that takes messages panicked").await;
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), stage.ended("answered")), (1, 1));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_stops_although_its_loop_panics() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let queue = start(&mut stage, &Gate::opened());
    queue.panic_at(Call::Take, usize::MAX);
    queue.panic_at(Call::Wait, 1);
    logged(&stage, 2, "the loop that takes messages panicked").await;
    stage.stop().await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_leases_are_renewed_is_told_and_costs_no_lease() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let queue = start(&mut stage, &gate);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    queue.panic_at(Call::Renew, 2);
    logged(&stage, 2, "renewing leases panicked").await;
    // Beyond the lease that was there before the panics.
    let began = Instant::now();
    let mut call = 0;
    while began.elapsed() < LEASE {
        call += 1;
        let taken = stage.queue.take(&stage.request(call)).await.unwrap().messages;
        assert!(taken.is_empty(), "after {:?} somebody else got {taken:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 1).await, &["attempt 1"]);
    stage.rest().await;
    assert_eq!((gate.dropped(), stage.ended("lease_lost")), (0, 0));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_renewing_only_panics_no_handler_runs_on_without_its_lease() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let queue = start(&mut stage, &gate);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    let began = Instant::now();
    queue.panic_at(Call::Renew, usize::MAX);
    gate.until_dropped(1).await;
    assert!(began.elapsed() < LEASE, "{:?}", began.elapsed());
    assert_eq!(stage.sent_to(&user), 0);
    queue.panic_at(Call::Renew, 0);
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 1).await, &["attempt 2"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_an_answer_is_recorded_costs_the_message_an_attempt_and_nothing_else() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let queue = start(&mut stage, &Gate::opened());
    queue.panic_at(Call::Record, 1);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["attempt 2"]);
    assert_eq!(queue.panics_left(Call::Record), 0);
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), stage.ended("retried"), stage.unsure()), (1, 1, 0));
    stage.finish().await;
}
