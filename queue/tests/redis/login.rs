//! Ways into a Redis: users with few rights, passwords, databases, prefixes, a socket; and that no error shows a
//! password.

use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::{Inspector, RedisQueue, RedisSettings};
use huixin_queue::testing::conformance::{DEDUP_WINDOW, message};
use huixin_queue::testing::{Proxy, RedisServer, Settling as _};
use huixin_queue::{
    Accepted, ClaimOutcome, Clock, DeadFilter, Memory, Progress, QueueError, Scope, Settled, Settlement,
};

use super::request;
use super::responses::{answer, open_push};

fn open(url: &str, prefix: &str) -> RedisQueue {
    let (url, prefix) = (url.to_owned(), prefix.to_owned());
    let settings = RedisSettings { url, prefix, dedup_window: DEDUP_WINDOW, clock: Clock::Store };
    RedisQueue::open(&settings).expect("the URL is right")
}

/// Everything that receivers, workers and operators do.
async fn use_all_of_it(queue: &RedisQueue) {
    const MINUTE: Duration = Duration::from_secs(60);
    for id in ["completes", "dies", "retries", "is released", "is held", "waits", "is offered"] {
        queue.accept(message(id, id)).await.expect("accept");
    }
    queue.wait(Duration::from_millis(10)).await.expect("wait");
    let taken = queue.take(&request(1)).await.expect("take").messages;
    let lease = |id: &str| {
        let leased = taken.iter().find(|leased| leased.lease.id.as_str() == id);
        leased.expect("all were taken").lease.clone()
    };
    let leases: Vec<_> = taken.iter().map(|leased| leased.lease.clone()).collect();
    queue.renew(&leases, MINUTE).await.expect("renew");
    let (replies, memory) = (Some("an answer".into()), Memory { bytes: "memory".into(), keep_for: MINUTE });
    let progress = Progress { replies, ..Progress::default() };
    queue.record(&lease("completes"), progress, Some(memory)).await.expect("record");
    queue.complete(&lease("completes")).await.expect("complete");
    let dies = lease("dies");
    queue.bury(&dies, "for the test").await.expect("bury");
    queue.retry(&lease("retries"), MINUTE, "for the test").await.expect("retry");
    queue.release(&lease("is released")).await.expect("release");
    queue.hold(&lease("is held"), 0, MINUTE, "for the test").await.expect("hold");
    let waits = lease("waits");
    queue.await_answer(&waits, MINUTE).await.expect("await an answer");
    queue.answer(&waits.lane, &waits.id, "an answer".into()).await.expect("answer");

    let (offered, class) = (lease("is offered"), taken[0].class.clone());
    let push = open_push(queue, "is offered", "push").await;
    let offer = Settlement::Offer { answer: answer(&["part"]) };
    assert_eq!(queue.settle(&offered, offer).await.expect("offer"), Settled::AsAsked);
    let news = queue.news("r", Duration::from_millis(10)).await.expect("news");
    assert_eq!(news, std::slice::from_ref(&offered.lane));
    queue.announce(&offered.lane).await.expect("announce");
    let claimed = queue.claim(&offered.lane, &class, &push, MINUTE).await.expect("claim");
    assert!(matches!(claimed.outcome, ClaimOutcome::Part { .. }), "{claimed:?}");
    queue.confirm(&offered.lane, &push, true).await.expect("confirm");

    queue.set("name", "value".into(), MINUTE).await.expect("set");
    queue.get("name").await.expect("get");
    queue.limit("name", 1, MINUTE).await.expect("limit");
    for scope in [Scope::All, Scope::Class(taken[0].class.clone()), Scope::Lane(dies.lane.clone())] {
        queue.pause(&scope, "for the test").await.expect("pause");
        assert_eq!(queue.paused().await.expect("paused").len(), 1);
        assert!(queue.resume(&scope).await.expect("resume"));
    }
    queue.counts().await.expect("counts");
    queue.lane(&dies.lane).await.expect("lane");
    queue.dead(&DeadFilter::default(), None, 10).await.expect("dead");
    queue.dead_letter(&dies.id).await.expect("dead letter");
    assert_eq!(queue.revive(std::slice::from_ref(&dies.id)).await.expect("revive"), [true]);
    for leased in queue.take(&request(2)).await.expect("take").messages {
        queue.bury(&leased.lease, "for the test").await.expect("bury");
        assert_eq!(queue.drop_dead(&[leased.lease.id]).await.expect("drop"), [true]);
    }
    queue.forget(&offered.lane).await.expect("forget");
    assert_eq!(queue.audit().await.expect("audit"), []);
}

#[tokio::test]
async fn a_user_with_the_rights_that_the_error_names_can_do_everything_and_nothing_beside_it() {
    let server = RedisServer::start(&[]);
    let set_user = |rules: &str| {
        let command = format!("ACL SETUSER anna reset on >s3cret {rules}");
        let answer = server.cli(&command.split(' ').collect::<Vec<_>>());
        assert!(answer.contains("OK"), "{command}: {answer}");
    };
    let url = server.url().replace("redis://", "redis://anna:s3cret@");

    set_user("~* +hget");
    let error = open(&url, "huixin").ping().await.expect_err("it needs more");
    let hint = error.hint().expect("it says what").to_owned();
    let (_, rules) = hint.split_once("ACL SETUSER name ").expect("it names a command");
    set_user(rules);
    use_all_of_it(&open(&url, "huixin")).await;
    let inspector = Inspector::open(&url).expect("the URL is right");
    assert_eq!(inspector.inspect().await.expect("it can look"), []);

    let error = open(&url, "other").ping().await.expect_err("another queue's keys are not for it");
    assert!(matches!(error, QueueError::Misconfigured { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    let flush = ["--user", "anna", "--pass", "s3cret", "FLUSHALL"];
    assert!(server.cli(&flush).contains("NOPERM"), "it can't do harm");

    // Without the right to look, that is a finding and not an error.
    set_user(&rules.replace("+info", "-info").replace("+config|get", "-config"));
    let findings = inspector.inspect().await.expect("it can ask");
    let [unread] = &findings[..] else { panic!("{findings:?}") };
    assert!(unread.problem.contains("INFO") && unread.problem.contains("append-only"), "{findings:?}");
}

#[tokio::test]
async fn a_password_without_a_user_lets_in() {
    let server = RedisServer::start(&["--requirepass", "s3cret:@/?#"]);
    let url = server.url().replace("redis://", "redis://:s3cret%3A%40%2F%3F%23@");
    let queue = open(&url, "huixin");
    use_all_of_it(&queue).await;
    assert_eq!(queue.place(), server.url());
}

#[tokio::test]
async fn queues_with_another_prefix_or_in_another_database_know_nothing_of_each_other() {
    let server = RedisServer::start(&[]);
    let second = server.url().replace("/0", "/1");
    let queues = [open(&server.url(), "huixin"), open(&server.url(), "huixin2"), open(&second, "huixin")];
    for queue in &queues {
        // The same message is new to each.
        assert_eq!(queue.accept(message("lane", "m")).await.expect("accept"), Accepted::New);
    }
    for queue in &queues {
        let taken = queue.take(&request(1)).await.expect("take").messages;
        assert_eq!(taken.len(), 1);
        for other in &queues {
            let held = other.complete(&taken[0].lease).await;
            assert_eq!(held.is_ok(), std::ptr::eq(queue, other), "a lease is of one queue: {held:?}");
        }
    }
    for queue in &queues {
        assert_eq!(queue.counts().await.expect("counts").open_total(), 0);
        assert_eq!(queue.audit().await.expect("audit"), []);
    }
    let error = open(&server.url().replace("/0", "/99"), "huixin").ping().await.expect_err("there are 16");
    assert!(matches!(error, QueueError::Misconfigured { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redis_at_a_socket_is_as_good_as_one_at_a_port() {
    let server = RedisServer::start(&["--unixsocket", "redis.sock", "--requirepass", "s3cret"]);
    let socket = server.folder().join("redis.sock");
    let url = format!("redis+unix://{}?db=1&pass=s3cret", socket.display());
    let queue = open(&url, "huixin");
    use_all_of_it(&queue).await;
    assert_eq!(queue.place(), format!("redis+unix://{}", socket.display()));
    let inspector = Inspector::open(&url).expect("the URL is right");
    assert_eq!(inspector.inspect().await.expect("it can look"), []);
}

#[tokio::test]
async fn no_error_shows_the_password() {
    let nobody = tokio::net::TcpSocket::new_v4().expect("a socket can be made");
    nobody.bind("127.0.0.1:0".parse().expect("an address")).expect("a loopback port can be bound");
    let refused = nobody.local_addr().expect("it has an address");
    let (locked, open) = (RedisServer::start(&["--requirepass", "another"]), RedisServer::start(&[]));
    let silent = Proxy::to(open.port()).await;
    silent.silence_all();
    let user = "anna:s3cret";
    let urls = [
        format!("redis://{user}@{refused}/0"),
        format!("redis://{user}@nowhere.invalid/0"),
        format!("redis://{user}@127.0.0.1:{}/0", locked.port()),
        format!("redis://:s3cret@127.0.0.1:{}/0", locked.port()),
        format!("redis://{user}@127.0.0.1:{}/99", open.port()),
        format!("redis://{user}@{}/0", silent.address()),
        format!("redis://{user}@127.0.0.1:port/0"),
        format!("redis://{user}@127.0.0.1/database"),
        format!("http://{user}@127.0.0.1/0"),
        "redis+unix:///nowhere/redis.sock?user=anna&pass=s3cret".to_owned(),
    ];
    for url in urls {
        let settings = RedisSettings {
            url: url.clone(),
            prefix: "p".to_owned(),
            dedup_window: DEDUP_WINDOW,
            clock: Clock::Store,
        };
        let mut shown = String::new();
        match RedisQueue::open(&settings) {
            Ok(queue) => {
                shown += &format!("{queue:?} {}", queue.place());
                shown += &reply(&queue.ping().await.expect_err("it can't be used"));
                let wait = queue.wait(Duration::from_millis(10)).await;
                shown += &reply(&wait.expect_err("it can't be used"));
            }
            Err(error) => shown += &reply(&error),
        }
        match Inspector::open(&url) {
            Ok(inspector) => {
                shown += &format!("{inspector:?} {} {}", inspector.place(), inspector.cli());
                if let Err(error) = inspector.inspect().await {
                    shown += &reply(&error);
                }
            }
            Err(error) => shown += &reply(&error),
        }
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

/// All that an error says to people.
fn reply(error: &QueueError) -> String {
    let mut text = format!("{error} {error:?} {}", error.hint().unwrap_or_default());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    text
}
