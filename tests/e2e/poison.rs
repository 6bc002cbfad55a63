//! One message that kills its worker each time, among many that don't.

use std::time::Duration;

use crate::harness::{Backend, Setup, Stack, long};

/// The worker is killed as soon as the service has been asked about the bad message: as by a handler that aborts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_kills_its_workers_dies_and_the_others_are_answered() {
    let good = if long() { 255 } else { 40 };
    let backend = Backend::start(Duration::from_millis(if long() { 150 } else { 100 })).await;
    let routes = backend.route() + "failure_reply = \"sorry\"\n";
    let mut stack = Stack::on_redis(Setup { routes, lease: "2s", ..Setup::default() }).await;
    stack.expect_errors("the message is dead");
    let receiver = stack.role("receiver").await;
    for n in 0..good {
        if n == good / 2 {
            stack.say("oBad", "bad").await;
        }
        stack.say(&format!("oGood{n}"), "good").await;
    }
    let mut kills = 0;
    let mut worker = stack.role("worker").await;
    let asked = |content: &str| backend.requests().iter().filter(|asked| asked.content == content).count();
    loop {
        let before = backend.requests().len();
        if asked("bad") > kills {
            worker.kill();
            kills += 1;
            worker = stack.role("worker").await;
        }
        let counts = stack.counts().await;
        if counts.open_total() == 0 {
            break;
        }
        // Something is asked at least once a lease, as long as there is something left.
        backend.wait_for_more_requests(before).await;
    }
    assert_eq!(kills, 3, "the third loss is the end");
    let mut repeated = 0;
    for n in 0..good {
        let texts = stack.texts_to(&format!("oGood{n}"));
        assert!(!texts.is_empty() && texts.iter().all(|text| text == "answer to good"), "{n}: {texts:?}");
        repeated += texts.len() - 1;
    }
    let unsure = stack.unsure_sends().len();
    assert!(
        repeated <= unsure,
        "{repeated} answers came again, after {unsure} sends that a kill left unsure"
    );
    stack.wait_for_sends("oBad", 1).await;
    assert_eq!(stack.texts_to("oBad"), ["sorry"], "its user hears of it");
    let letter = stack.dead().await.remove(0);
    assert_eq!((letter.lane.as_str(), letter.losses), ("main/oBad", 3));
    assert!(letter.reason.starts_with("3 workers died while they handled it: "), "{}", letter.reason);
    println!(
        "{good} good messages answered, asked {} times; the bad one is dead after {kills} losses",
        asked("good")
    );
    drop((worker, receiver));
    stack.end_with_dead().await;
}
