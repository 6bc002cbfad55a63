//! A worker that may have lost its message stops: its handler is dropped, and nothing more is sent.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use huixin_queue::testing::Settling as _;
use huixin_queue::{Clock, TestClock};
use huixin_sandbox::Fault;
use huixin_worker::{Context, Outcome, Route, WorkerSettings};

use crate::support::{
    Engine, Gate, Process, Renewing, Stage, Tampered, act, an_outage, assert_texts, eventually,
    on_both_engines,
};

on_both_engines! {
    a_worker_whose_message_another_has_taken_drops_its_handler_and_sends_nothing
    handlers_that_block_every_thread_of_their_runtime_keep_their_leases
}

/// Long enough that a busy machine doesn't take a fifth of it for a step.
const LEASE: Duration = Duration::from_secs(4);

fn waits_at(gate: &Gate) -> Route {
    let gate = gate.clone();
    Route::new(
        "waits",
        act(move |_, context: Context| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Outcome::text(format!("attempt {}", context.attempt))
            }
        }),
    )
}

async fn a_worker_whose_message_another_has_taken_drops_its_handler_and_sends_nothing(engine: Engine) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let clock = TestClock::at(now.as_micros().try_into().unwrap());
    let mut stage = Stage::with_clock(engine, Clock::Test(clock.clone())).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let settings = WorkerSettings { lease: LEASE, concurrency: 1, ..stage.settings() };
    stage.start_with(settings, [waits_at(&gate)]);
    let id = stage.say(&user, "hello").await;
    gate.until_came(1).await;

    let mut call = 0;
    let mut taken = eventually("somebody else has the message", async || {
        // The worker may renew its lease in between: then once more.
        for _ in 0..20 {
            // In small steps, so that it is no gap in the store's service.
            clock.advance(LEASE / 10);
            stage.queue.renew(&[], LEASE).await.unwrap();
        }
        call += 1;
        Some(stage.queue.take(&stage.request(call)).await.unwrap().messages).filter(|taken| !taken.is_empty())
    })
    .await;
    let leased = taken.remove(0);
    assert_eq!((leased.lease.id.as_str(), leased.losses), (id.as_str(), 1));
    gate.until_dropped(1).await;
    eventually("the worker says so", async || (stage.ended("lease_lost") == 1).then_some(())).await;
    // The lease of the other one is as it was, and its word counts.
    stage.queue.complete(&leased.lease).await.unwrap();
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), gate.came()), (0, 1));
    stage.finish().await;
}

/// A lease that is confirmed after it was given up would count as one that its worker died of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_that_takes_longer_than_the_lease_is_given_up_and_counts_as_no_loss() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let clock = TestClock::at(now.as_micros().try_into().unwrap());
    let mut stage = Stage::with_clock(Engine::Sqlite, Clock::Test(clock.clone())).await;
    let user = stage.user("anna");
    stage.say(&user, "hello").await;
    let lost = stage.queue.take(&stage.request(1)).await.unwrap().messages;
    assert_eq!(lost.len(), 1, "another worker has it, and dies");
    let queue = stage.queue.clone();
    let passes = async || {
        // In small steps, so that it is no gap in the store's service.
        for _ in 0..20 {
            clock.advance(LEASE / 10);
            queue.renew(&[], LEASE).await.unwrap();
        }
    };
    passes().await;

    let tampered = Tampered::new(stage.queue.clone());
    tampered.renewing(Renewing::Fails(an_outage().await));
    let settings = WorkerSettings { lease: LEASE, ..stage.settings() };
    let route = Route::new(
        "says",
        act(async |_, context: Context| Outcome::text(format!("attempt {}", context.attempt))),
    );
    let worker = stage.worker(tampered.clone(), settings, [route]);
    stage.start_this(worker);
    eventually("it is given up", async || (stage.ended("lease_lost") == 1).then_some(())).await;
    tampered.renewing(Renewing::Works);
    eventually("it comes again", async || {
        passes().await;
        (stage.sent_to(&user) == 1).then_some(())
    })
    .await;
    assert_texts(&stage.texts(&user, 1).await, &["attempt 2"]);
    stage.rest().await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cannot_renew_fences_itself_before_the_queue_may_give_its_message_to_another() {
    let trouble = [("fails", Renewing::Fails(an_outage().await)), ("hangs", Renewing::Hangs)];
    let tests = trouble.map(async |(name, renewing)| {
        let mut stage = Stage::on(Engine::Sqlite).await;
        let (user, gate) = (stage.user("anna"), Gate::closed());
        let queue = start_on_tampered(&mut stage, [waits_at(&gate)]);
        stage.say(&user, "hello").await;
        gate.until_came(1).await;
        let began = Instant::now();
        queue.renewing(renewing);
        gate.until_dropped(1).await;
        let took = began.elapsed();
        assert!(took < LEASE, "{name}: {took:?}");
        // It renewed at most a fifth of the lease before, and doesn't give up sooner than it must.
        assert!(took > LEASE.mul_f64(0.5), "{name}: {took:?}");
        assert_eq!(stage.sent_to(&user), 0);

        queue.renewing(Renewing::Works);
        gate.open_for(1);
        assert_texts(&stage.texts(&user, 1).await, &["attempt 2"]);
        stage.rest().await;
        assert_eq!((stage.sent_to(&user), stage.ended("lease_lost"), gate.came()), (1, 1, 2));
        stage.finish().await;
    });
    futures::future::join_all(tests).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_hears_that_its_lease_is_lost_drops_the_handler_at_once() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let queue = start_on_tampered(&mut stage, [waits_at(&gate)]);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    let began = Instant::now();
    queue.renewing(Renewing::Lost);
    gate.until_dropped(1).await;
    assert!(began.elapsed() < LEASE / 2, "{:?}", began.elapsed());
    queue.renewing(Renewing::Works);
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 1).await, &["attempt 2"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_still_waits_for_its_token_when_the_lease_is_lost_is_not_made() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let runs = Gate::opened();
    // The token comes long after the lease has run out.
    let slow = Fault::Delay(LEASE + Duration::from_secs(2));
    stage.sandbox.faults().on_token(slow.clone(), 1);
    let queue = start_on_tampered(&mut stage, [waits_at(&runs)]);
    stage.say(&user, "hello").await;
    stage.faulted(&slow, 1).await;
    queue.renewing(Renewing::Lost);
    eventually("the worker gives up", async || (stage.ended("lease_lost") == 1).then_some(())).await;
    assert_eq!(stage.sent_to(&user), 0);
    // From here on what is sent, is sent under the next lease; it is announced, so unsure.
    queue.renewing(Renewing::Works);
    assert_texts(&stage.texts(&user, 1).await, &["attempt 1"]);
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), runs.came(), stage.unsure()), (1, 1, 1));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stood_still_beyond_its_lease_sends_nothing_under_it() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let queue = Tampered::new(stage.queue.clone());
    // Nobody looks at the lease's time: neither the thread that does otherwise, nor another take.
    let stalled = Gate::opened();
    queue.renewing(Renewing::Stalls(stalled.clone(), LEASE * 2));
    let settings = WorkerSettings { lease: LEASE, concurrency: 1, ..stage.settings() };
    let worker = stage.worker(queue.clone(), settings, [waits_at(&gate)]);
    stage.start_this(worker);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    stalled.until_came(1).await;
    queue.renewing(Renewing::Works);
    tokio::time::sleep(LEASE).await;
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 1).await, &["attempt 1"]);
    stage.rest().await;
    // The handler was cut when it went on without its lease, and ran again under the next one.
    assert_eq!((stage.ended("lease_lost"), stage.ended("answered")), (1, 1));
    assert_eq!((stage.sent_to(&user), gate.came(), stage.unsure()), (1, 2, 0));
    stage.finish().await;
}

async fn handlers_that_block_every_thread_of_their_runtime_keep_their_leases(engine: Engine) {
    const LEASE: Duration = Duration::from_secs(2);
    let mut stage = Stage::on(engine).await;
    let users = [stage.user("anna"), stage.user("ben")];
    for user in &users {
        stage.say(user, "hello").await;
    }
    let begun = Gate::opened();
    let blocking = {
        let begun = begun.clone();
        act(move |_, context: Context| {
            let begun = begun.clone();
            async move {
                begun.pass().await;
                // As in a handler that calls a library which knows nothing of async.
                std::thread::sleep(LEASE * 2);
                Outcome::text(format!("attempt {}", context.attempt))
            }
        })
    };
    // One thread, so the second handler begins when the first is done, and its lease is as old as the other's.
    let settings = WorkerSettings { lease: LEASE, ..stage.settings() };
    let process = Process::start(&stage, settings, [Route::new("blocks", blocking)]);
    begun.until_came(1).await;
    let (began, mut call) = (Instant::now(), 0);
    while began.elapsed() < LEASE.mul_f64(1.8) {
        call += 1;
        let taken = stage.queue.take(&stage.request(call)).await.unwrap().messages;
        assert!(taken.is_empty(), "after {:?} somebody else got {taken:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for user in &users {
        assert_texts(&stage.texts(user, 1).await, &["attempt 1"]);
    }
    stage.open(0).await;
    assert_eq!((begun.came(), stage.ended("lease_lost")), (2, 0));
    process.kill();
    stage.finish().await;
}

fn start_on_tampered(stage: &mut Stage, routes: impl IntoIterator<Item = Route>) -> Arc<Tampered> {
    let queue = Tampered::new(stage.queue.clone());
    let settings = WorkerSettings { lease: LEASE, ..stage.settings() };
    let worker = stage.worker(queue.clone(), settings, routes);
    stage.start_this(worker);
    queue
}
