//! A stop that loses nothing and says what it did.

use std::time::{Duration, Instant};

use crate::harness::{Backend, Setup, Stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_worker_finishes_or_hands_back_what_it_has() {
    let quick = Backend::start(Duration::from_millis(800)).await;
    let slow = Backend::start(Duration::from_secs(6)).await;
    let routes = format!(
        "[[route]]\nname = \"slow\"\nmatch = {{ text = \"^slow\" }}\nhttp = {{ url = \"{}\" }}\n{}",
        slow.url,
        quick.route()
    );
    let mut stack = Stack::on_redis(Setup { routes, grace: "4s", ..Setup::default() }).await;
    let mut receiver = stack.role("receiver").await;
    let mut first = stack.role("worker").await;
    stack.say("oQuick", "quick").await;
    stack.say("oSlow", "slow").await;
    quick.wait_for_requests(1).await;
    slow.wait_for_requests(1).await;

    first.signal("-TERM");
    first.wait_for_log("stopping").await;
    stack.say("oLate", "late").await;
    let status = first.ended().await;
    let ended = Instant::now();
    assert_eq!(status.code(), Some(0));
    assert!(first.log().contains("finished=1 handed_back=1"), "{}", first.log());
    assert_eq!(stack.texts_to("oQuick"), ["answer to quick"]);
    assert!(stack.texts_to("oLate").is_empty(), "nothing is taken after the stop was asked for");

    // What was handed back is ready at once, without waiting for a lease.
    let mut second = stack.role("worker").await;
    slow.wait_for_requests(2).await;
    assert!(
        slow.requests()[1].at.duration_since(ended) < Duration::from_secs(10),
        "it did not wait for the lease of 15 s"
    );
    stack.wait_for_sends("oSlow", 1).await;
    stack.wait_for_sends("oLate", 1).await;
    stack.wait_until_empty().await;
    assert_eq!(second.stop().await, Some(0));
    assert_eq!(receiver.stop().await, Some(0));
    stack.end().await;
}

#[tokio::test]
async fn a_hangup_is_a_stop_that_loses_nothing() {
    let backend = Backend::start(Duration::from_millis(800)).await;
    let mut stack =
        Stack::on_redis(Setup { routes: backend.route(), grace: "10s", ..Setup::default() }).await;
    let mut receiver = stack.role("receiver").await;
    let mut worker = stack.role("worker").await;
    stack.say("oUser", "hello").await;
    backend.wait_for_requests(1).await;
    for process in [&mut worker, &mut receiver] {
        process.signal("-HUP");
        assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    }
    assert_eq!(stack.texts_to("oUser"), ["answer to hello"]);
    stack.end().await;
}
