//! A Redis that can never work is reported at once, with what to use instead; a slow or exchanged one while it serves.

use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::{Gravity, Inspector, RedisQueue, Risk};
use huixin_queue::testing::conformance::message;
use huixin_queue::testing::{RedisServer, slow_disk};
use huixin_queue::{Accepted, Clock, NewMessage, QueueError};

use super::{eventually, open_at, open_with_prefix};

async fn risks(inspector: &Inspector) -> Vec<Risk> {
    let findings = inspector.inspect().await.expect("it can be asked");
    findings.into_iter().map(|finding| finding.risk).collect()
}

/// What the start of a process says, and what to do about it.
async fn refusal(queue: &RedisQueue) -> (String, String) {
    match queue.probe().await {
        Err(error @ QueueError::Misconfigured { .. }) => {
            (error.to_string(), error.hint().expect("it says what to do").to_owned())
        }
        other => panic!("it is no outage, and does not work: {other:?}"),
    }
}

#[tokio::test]
async fn a_server_without_scripts_or_without_one_of_their_commands_is_refused_with_what_to_use() {
    for missing in ["EVALSHA", "SCRIPT", "ZRANGEBYSCORE", "HINCRBY"] {
        let server = RedisServer::start(&["--rename-command", missing, ""]);
        let (problem, hint) = refusal(&open_at(server.url(), Clock::Store)).await;
        assert!(problem.contains("can't run the queue's scripts"), "{missing}: {problem}");
        assert!(hint.contains("Valkey") && hint.contains("not the cluster"), "{missing}: {hint}");
    }
}

#[tokio::test]
async fn a_user_whose_scripts_are_refused_something_is_told_which_rights_it_needs() {
    let server = RedisServer::start(&[]);
    let url = server.url().replace("redis://", "redis://anna:s3cret@");
    let all = "~* +@read +@write +@scripting +@connection +time";
    for rights in [format!("{all} -@scripting"), format!("{all} -zadd"), format!("{all} -hincrby")] {
        let command = format!("ACL SETUSER anna reset on >s3cret {rights}");
        assert!(server.cli(&command.split(' ').collect::<Vec<_>>()).contains("OK"), "{command}");
        let (problem, hint) =
            refusal(&open_with_prefix(url.clone(), "huixin".to_owned(), Clock::Store)).await;
        assert!(problem.contains("lacks a permission"), "{rights}: {problem}");
        assert!(hint.contains("ACL SETUSER"), "{rights}: {hint}");
    }
    // Nothing of what was tried is left.
    assert_eq!(server.cli(&["KEYS", "*probe*"]).trim(), "");
}

#[tokio::test]
async fn a_message_that_a_missing_right_kept_out_is_no_duplicate_when_it_comes_again() {
    let server = RedisServer::start(&[]);
    let queue = open_with_prefix(server.url(), "huixin".to_owned(), Clock::Store);
    for kept_out in [message("bad", "plain"), NewMessage { late: true, ..message("bad", "late") }] {
        // Everything but the list of one lane.
        let mut rule = vec!["ACL", "SETUSER", "default", "resetkeys", "~{huixin:0}:", "~{huixin:0}:[^lo]*"];
        rule.extend([
            "~{huixin:0}:l[^a]*",
            "~{huixin:0}:o[^l]*",
            "~{huixin:0}:lane:g*",
            "~{huixin:0}:older:g*",
        ]);
        assert!(server.cli(&rule).contains("OK"));
        let refused = queue.accept(kept_out.clone()).await.expect_err("its lane can't be written to");
        assert!(refused.to_string().contains("lacks a permission"), "{refused}");
        let good = message("good", &format!("beside {}", kept_out.id));
        assert_eq!(queue.accept(good).await.expect("others are stored"), Accepted::New);
        server.cli(&["ACL", "SETUSER", "default", "allkeys"]);
        assert_eq!(queue.accept(kept_out).await.expect("it is stored now"), Accepted::New);
    }
    assert_eq!(queue.counts().await.expect("it can be asked").open_total(), 4);
    assert_eq!(queue.audit().await.expect("it can be asked"), []);
}

#[tokio::test]
async fn a_node_of_a_cluster_that_sends_us_elsewhere_is_refused_and_so_is_any_at_the_start() {
    let (with_all, with_none) = (
        RedisServer::start(&["--cluster-enabled", "yes"]),
        RedisServer::start(&["--cluster-enabled", "yes"]),
    );
    with_all.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    with_none.cli(&["CLUSTER", "MEET", "127.0.0.1", &with_all.port().to_string()]);
    let queue = open_at(with_none.url(), Clock::Store);
    let error = eventually("the nodes know each other", async || {
        queue.probe().await.err().filter(|error| !error.is_outage())
    });
    let error = error.await;
    assert!(error.to_string().contains("cluster"), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("not the cluster")), "{error:?}");
    for server in [&with_all, &with_none] {
        let inspector = Inspector::open(&server.url()).expect("the URL is right");
        assert_eq!(risks(&inspector).await, [Risk::Cluster]);
    }
    assert_eq!(Risk::Cluster.gravity(), Gravity::Unusable);
}

#[tokio::test]
async fn a_redis_that_was_emptied_or_exchanged_is_told_and_still_takes_messages() {
    let server = RedisServer::start(&[]);
    let queue = open_with_prefix(server.url(), "p".to_owned(), Clock::Store);
    let inspector = Inspector::open(&server.url()).expect("the URL is right").of_queue("p");
    assert_eq!(risks(&inspector).await, [], "there is no queue yet");
    queue.accept(message("lane", "m1")).await.expect("accept");
    assert_eq!(risks(&inspector).await, []);
    server.cli(&["FLUSHALL"]);
    assert_eq!(queue.accept(message("lane", "m2")).await.expect("accept"), Accepted::New);
    assert_eq!(risks(&inspector).await, [Risk::Exchanged]);
    // Somebody makes it anew; for this process it stays another one.
    open_with_prefix(server.url(), "p".to_owned(), Clock::Store).ping().await.expect("it is made");
    assert_eq!(risks(&inspector).await, [Risk::Exchanged]);
    assert_eq!(Risk::Exchanged.gravity(), Gravity::Alarm);
    let started_later = Inspector::open(&server.url()).expect("the URL is right").of_queue("p");
    assert_eq!(risks(&started_later).await, []);
    assert_eq!(risks(&started_later).await, []);
}

#[tokio::test]
async fn a_redis_that_is_started_again_on_its_files_is_the_same() {
    let mut server = RedisServer::start(&["--appendfsync", "always"]);
    let queue = open_with_prefix(server.url(), "p".to_owned(), Clock::Store);
    let inspector = Inspector::open(&server.url()).expect("the URL is right").of_queue("p");
    queue.accept(message("lane", "m1")).await.expect("accept");
    assert_eq!(risks(&inspector).await, []);
    server.kill();
    server.restart();
    assert_eq!(risks(&inspector).await, []);
}

#[tokio::test]
async fn a_slow_fsync_is_a_risk_while_and_after_it_is_seen_and_a_quick_one_is_none() {
    let quick = RedisServer::start(&[]);
    let slow = RedisServer::start_in(&slow_disk(Duration::from_millis(1_500)), &[]);
    for (server, expected) in [(&quick, None), (&slow, Some(Risk::SlowFsync))] {
        let queue = open_at(server.url(), Clock::Store);
        let inspector = Inspector::open(&server.url()).expect("the URL is right");
        let mut n = 0;
        let found = tokio::time::timeout(Duration::from_secs(4), async {
            loop {
                // One fsync a second follows from this.
                n += 1;
                queue.accept(message("lane", &format!("m{n}"))).await.expect("accept");
                if let Some(risk) = risks(&inspector).await.pop() {
                    return risk;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert_eq!(found.await.ok(), expected);
        if expected.is_some() {
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(risks(&inspector).await, [Risk::SlowFsync], "it may be so again in a moment");
        }
    }
}
