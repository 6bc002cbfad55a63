//! A service that fails for one message of a user doesn't cost them the answer to the next: a tap on a menu can be answered for
//! a minute only.

use std::time::{Duration, Instant};

use huixin_sandbox::{Push, TryOutcome};

use crate::harness::{Backend, Said, Setup, Stack};

/// Less than the default, so that the test doesn't take as long.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a tap can be answered.
const WINDOW: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_on_a_menu_is_answered_in_time_behind_a_message_that_keeps_failing() {
    let broken = Backend::saying(|_| (Duration::ZERO, Said::Bare(500, "text/plain", "no"))).await;
    let routes = format!(
        "[[route]]\nname = \"menu\"\nmatch = {{ event = \"CLICK\" }}\nreply = \"the menu\"\n{}attempts = 100\n\
         patience = \"{}s\"\nfailure_reply = \"try again later\"\n",
        broken.route(),
        PATIENCE.as_secs(),
    );
    let mut stack = Stack::on_redis(Setup { routes, ..Setup::default() }).await;
    stack.expect_errors("the message is dead");
    let _receiver = stack.role("receiver").await;
    let _worker = stack.role("worker").await;

    stack.say("anna", "hello").await;
    broken.wait_for_requests(2).await;
    let tapped = Instant::now();
    let tap = stack.sandbox.sandbox.push_once(&Push::click("main", "anna", "today")).await.outcome;
    assert_eq!(tap, TryOutcome::Acked);
    stack.wait_for_sends("anna", 2).await;
    let waited = tapped.elapsed();
    assert!(waited < WINDOW, "it waited for {waited:?}");
    assert_eq!(stack.texts_to("anna"), ["try again later", "the menu"]);
    stack.wait_until_empty().await;
    let letters = stack.dead().await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].reason.contains("made way for the user's next messages"), "{}", letters[0].reason);
    assert!(letters[0].failures < 99, "not for want of attempts");
    stack.end_with_dead().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_on_a_menu_does_not_wait_for_as_long_as_a_failing_service_asks_for() {
    let broken = Backend::saying(|_| (Duration::ZERO, Said::RetryAfter(503, 600))).await;
    let routes = format!(
        "[[route]]\nname = \"menu\"\nmatch = {{ event = \"CLICK\" }}\nreply = \"the menu\"\n{}patience = \"{}s\"\n\
         failure_reply = \"try again later\"\n",
        broken.route(),
        PATIENCE.as_secs(),
    );
    let mut stack = Stack::embedded(Setup { routes, ..Setup::default() }).await;
    stack.expect_errors("the message is dead");
    let run = stack.role("run").await;
    stack.say("anna", "hello").await;
    broken.wait_for_requests(1).await;
    let tap = stack.sandbox.sandbox.push_once(&Push::click("main", "anna", "today")).await.outcome;
    assert_eq!(tap, TryOutcome::Acked);
    stack.wait_for_sends("anna", 2).await;
    assert_eq!(stack.texts_to("anna"), ["try again later", "the menu"]);
    assert_eq!(broken.requests().len(), 2, "it is asked once more at the end of its patience");
    drop(run);
    stack.end_with_dead().await;
}
