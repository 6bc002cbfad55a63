//! The queue goes away and comes back.

use std::sync::Arc;
use std::time::Duration;

use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::RedisServer;
use huixin_queue::{Clock, QueueError};
use huixin_worker::{Outcome, Route, Stopped, Worker, WorkerError, WorkerSettings};

use crate::support::{Engine, Gate, Stage, Tampered, act, an_outage, assert_texts, eventually, within};

/// Handlers that wait at the gate and are counted when they are done.
fn counted(gate: &Gate, done: &Gate) -> Route {
    let (gate, done) = (gate.clone(), done.clone());
    Route::new(
        "waits",
        act(move |content, _| {
            let (gate, done) = (gate.clone(), done.clone());
            async move {
                gate.pass().await;
                done.pass().await;
                Outcome::text(content)
            }
        }),
    )
}

async fn says_that_it_is_away(stage: &Stage, server: &RedisServer) {
    let place = format!("127.0.0.1:{}", server.port());
    eventually("the worker says that the queue is away", async || {
        let lines = stage.logged(&place);
        lines.iter().any(|line| line.contains("the queue is unavailable")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_run_while_redis_is_killed_are_answered_once_when_it_is_back() {
    let mut server = RedisServer::start(&["--appendfsync", "always"]);
    let mut stage = Stage::on_redis(&server, Clock::Store).await;
    let (gate, done) = (Gate::closed(), Gate::opened());
    let users: Vec<String> = (0..6).map(|n| stage.user(&n.to_string())).collect();
    let settings = WorkerSettings { lease: Duration::from_secs(15), ..stage.settings() };
    stage.start_with(settings, [counted(&gate, &done)]);
    for user in &users {
        stage.say(user, "one").await;
        stage.say(user, "two").await;
    }
    gate.until_came(users.len()).await;
    server.kill();
    gate.open_for(2 * users.len());
    // The handlers end although there is no queue; nothing is sent before it is recorded.
    done.until_came(users.len()).await;
    says_that_it_is_away(&stage, &server).await;
    assert!(users.iter().all(|user| stage.sent_to(user) == 0));
    server.restart();
    for user in &users {
        assert_texts(&stage.texts(user, 2).await, &["one", "two"]);
    }
    stage.rest().await;
    assert!(users.iter().all(|user| stage.sent_to(user) == 2));
    assert_eq!((done.came(), gate.dropped(), stage.unsure()), (12, 0, 0));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_starts_while_redis_is_away_waits_for_it() {
    let mut server = RedisServer::start(&[]);
    let mut stage = Stage::on_redis(&server, Clock::Store).await;
    let user = stage.user("anna");
    server.kill();
    let worker =
        stage.worker(stage.queue.clone(), stage.settings(), [counted(&Gate::opened(), &Gate::opened())]);
    let health = worker.health();
    stage.start_this(worker);
    says_that_it_is_away(&stage, &server).await;
    assert_eq!(health.since_last_take(), None);
    server.restart();
    eventually("it is back", async || health.since_last_take()).await;
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_can_stop_while_redis_is_away_and_its_message_comes_again() {
    let mut server = RedisServer::start(&["--appendfsync", "always"]);
    let mut stage = Stage::on_redis(&server, Clock::Store).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let settings = WorkerSettings { grace: Duration::from_millis(100), ..stage.settings() };
    stage.start_with(settings, [counted(&gate, &Gate::opened())]);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    server.kill();
    // It could neither be finished nor handed back.
    assert_eq!(stage.stop().await, [Stopped { finished: 0, released: 0 }]);
    assert_eq!(gate.dropped(), 1);
    server.restart();
    gate.open_for(1);
    stage.start([counted(&gate, &Gate::opened())]);
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_can_never_be_used_ends_the_worker_with_what_to_do() {
    let server = RedisServer::start(&["--requirepass", "right"]);
    let settings = RedisSettings {
        url: server.url(),
        prefix: "p".into(),
        dedup_window: Duration::from_secs(60),
        clock: Clock::Store,
    };
    let queue = Arc::new(RedisQueue::open(&settings).unwrap());
    let worker = Worker::new(queue, WorkerSettings::default());
    let error = within("it ends", worker.run(std::future::pending())).await.unwrap_err();
    let WorkerError::Queue(error) = error else { panic!("{error:?}") };
    assert!(matches!(error, QueueError::Misconfigured { .. }) && error.hint().is_some(), "{error:?}");
}

#[tokio::test]
async fn a_settle_that_was_done_and_whose_answer_got_lost_is_no_alarm() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let queue = Tampered::losing_an_answer(stage.queue.clone(), an_outage().await);
    let worker = stage.worker(queue, stage.settings(), [counted(&Gate::opened(), &Gate::opened())]);
    stage.start_this(worker);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.rest().await;
    assert_eq!((stage.ended("unsettled"), stage.ended("lease_lost"), stage.sent_to(&user)), (1, 0, 1));
    let log = stage.log();
    assert!(
        log.iter().any(|line| line.contains("INFO") && line.contains("the first call succeeded")),
        "{log:?}"
    );
    assert!(!log.iter().any(|line| line.contains("WARN") || line.contains("ERROR")), "{log:?}");
    stage.finish().await;
}
