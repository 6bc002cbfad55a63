//! The order of a user's messages, whatever became of an accept whose answer did not come in time.

use std::time::Duration;

use futures::future::join_all;
use huixin_sandbox::{Push, TryOutcome};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::outage::{setup, spooling};
use super::talk::{assert_answered, readyz, talk, wait_until_empty};
use crate::harness::{Process, Proxy, Setup, Stack, long, seed};

/// A receiver that reaches Redis through a network that can be held, and a worker that always reaches it.
async fn behind_a_proxy(receiver: &str) -> (Stack, Proxy, Process, Process) {
    let mut stack = Stack::on_redis(Setup { receiver: receiver.to_owned(), ..setup() }).await;
    let proxy = Proxy::start(stack.redis.as_ref().expect("it is on Redis").port()).await;
    let url = format!("redis://127.0.0.1:{}/0", proxy.port);
    let receiver = stack.spawn("receiver", &[("HUIXIN_QUEUE__URL", &url)]);
    receiver.ready().await;
    let worker = stack.role("worker").await;
    (stack, proxy, receiver, worker)
}

/// Redis stores the first message in time, and the receiver never hears of it: it is in both places. The next ones must not
/// be stored before that is settled, nor behind it twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_stored_without_an_answer_is_answered_once_and_before_the_next_ones() {
    let (stack, proxy, receiver, _worker) = behind_a_proxy("ack_budget = \"2s\"\n").await;
    stack.say("oUser", "before").await;
    proxy.hold_answers(true);
    let sandbox = &stack.sandbox.sandbox;
    // Side by side, a moment apart: the second comes while the first is undecided.
    let side_by_side = (0..3).map(|n| async move {
        tokio::time::sleep(Duration::from_millis(500 * n)).await;
        sandbox.push_once(&Push::text("main", "oUser", format!("while {n}"))).await.outcome
    });
    assert_eq!(join_all(side_by_side).await, [TryOutcome::Acked, TryOutcome::Acked, TryOutcome::Acked]);
    // The worker has the one that Redis stored.
    stack.wait_for_sends("oUser", 2).await;
    stack.say("oUser", "after the first was answered").await;
    stack.say("oOther", "another user").await;
    proxy.hold_answers(false);
    wait_until_empty(&receiver).await;
    stack.say("oUser", "direct again").await;
    stack.wait_for_all_sends(7, Duration::from_secs(60)).await;
    let expected =
        ["before", "while 0", "while 1", "while 2", "after the first was answered", "direct again"];
    assert_eq!(stack.texts_to("oUser"), expected.map(|text| format!("re: {text}")));
    stack.end().await;
}

/// The first message's accept reaches Redis when nobody waits for it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_that_is_applied_too_late_neither_overtakes_nor_is_overtaken() {
    let (stack, proxy, receiver, _worker) = behind_a_proxy("").await;
    stack.say("oUser", "before").await;
    proxy.hold_requests(true);
    for n in 0..3 {
        stack.say("oUser", &format!("while {n}")).await;
    }
    proxy.hold_requests(false);
    // Messages that go straight to the queue again must stand behind the drained ones.
    for n in 0..10 {
        stack.say("oUser", &format!("after {n}")).await;
    }
    stack.wait_for_all_sends(14, Duration::from_secs(60)).await;
    wait_until_empty(&receiver).await;
    let texts = (0..3).map(|n| format!("re: while {n}")).chain((0..10).map(|n| format!("re: after {n}")));
    let expected: Vec<_> = std::iter::once("re: before".to_owned()).chain(texts).collect();
    assert_eq!(stack.texts_to("oUser"), expected);
    stack.end().await;
}

/// A network that is held for about as long as an accept may take, again and again, in either direction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_while_the_network_stalls_at_random() {
    let lasting = Duration::from_secs(if long() { 120 } else { 8 });
    let (stack, proxy, receiver, _worker) = behind_a_proxy("").await;
    let mut chance = StdRng::seed_from_u64(seed());
    let nemesis = tokio::spawn({
        let proxy = proxy.clone();
        async move {
            loop {
                let (requests, held, free) =
                    (chance.random::<bool>(), chance.random_range(50..700), chance.random_range(50..900));
                tokio::time::sleep(Duration::from_millis(free)).await;
                let hold = |hold| if requests { proxy.hold_requests(hold) } else { proxy.hold_answers(hold) };
                hold(true);
                tokio::time::sleep(Duration::from_millis(held)).await;
                hold(false);
            }
        }
    });
    let said = talk(&stack, "stalls", 8, 160, lasting).await;
    nemesis.abort();
    proxy.hold_requests(false);
    proxy.hold_answers(false);
    assert!(said.iter().all(|said| said.outcome == TryOutcome::Acked), "every push is acked");
    stack.wait_for_all_sends(said.len(), Duration::from_secs(60)).await;
    wait_until_empty(&receiver).await;
    println!("the queue was out of reach {} times", receiver.log().matches("pushes go to the spool").count());
    assert_answered(&stack, &said);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_again_while_its_first_try_is_in_the_spool_is_no_second_entry() {
    let (stack, proxy, receiver, _worker) = behind_a_proxy("").await;
    proxy.hold_requests(true);
    let push = Push::text("main", "oUser", "said once");
    let sandbox = &stack.sandbox.sandbox;
    let tries = join_all((0..3).map(|_| sandbox.push_once(&push))).await;
    assert!(tries.iter().all(|one| one.outcome == TryOutcome::Acked), "{tries:?}");
    assert_eq!(sandbox.push_once(&push).await.outcome, TryOutcome::Acked);
    spooling(&receiver).await;
    let counted = async || readyz(&receiver).await.1["spool"]["entries"].as_u64();
    assert_eq!(counted().await, Some(1));
    proxy.hold_requests(false);
    wait_until_empty(&receiver).await;
    assert_eq!(sandbox.push_once(&push).await.outcome, TryOutcome::Acked);
    stack.wait_for_sends("oUser", 1).await;
    stack.wait_until_empty().await;
    assert_eq!(stack.texts_to("oUser"), ["re: said once"]);
    stack.end().await;
}
