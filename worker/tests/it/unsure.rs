//! A send whose end nobody knows: what the route says becomes of it.

use std::time::Duration;

use huixin_queue::Progress;
use huixin_queue::testing::Settling as _;
use huixin_sandbox::Fault;
use huixin_worker::{Outcome, Route, Unsure};

use crate::support::{Engine, Gate, Stage, act, assert_texts, on_both_engines, text};

on_both_engines! {
    dropped_it_counts_as_sent_and_the_rest_goes_on
    held_it_waits_with_the_rest_until_the_user_writes_again
    after_a_crash_the_route_decides_as_well
}

/// `two` is answered with two parts, anything else with itself.
fn two(runs: &Gate) -> Route {
    let runs = runs.clone();
    Route::new(
        "two",
        act(move |content, _| {
            let runs = runs.clone();
            async move {
                runs.pass().await;
                match content == "two" {
                    true => Outcome::Reply(["one", "two"].map(text).into()),
                    false => Outcome::text(content),
                }
            }
        }),
    )
}

async fn dropped_it_counts_as_sent_and_the_rest_goes_on(engine: Engine) {
    for (fault, arrived) in [(Fault::Cut, 0), (Fault::CutAfterAccept, 1)] {
        let mut stage = Stage::on(engine).await;
        let (user, runs) = (stage.user("anna"), Gate::opened());
        stage.sandbox.faults().on_send(fault, 1);
        stage.start([two(&runs).unsure(Unsure::Drop)]);
        stage.say(&user, "two").await;
        assert_texts(&stage.texts(&user, arrived + 1).await, &["one", "two"][1 - arrived..]);
        stage.rest().await;
        assert_eq!((stage.sent_to(&user), runs.came(), stage.unsure()), (arrived + 1, 1, 1));
        assert_eq!((stage.ended("answered"), stage.ended("retried")), (1, 0));
        stage.finish().await;
    }
}

async fn held_it_waits_with_the_rest_until_the_user_writes_again(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    stage.sandbox.faults().on_send(Fault::Cut, 1);
    stage.start([two(&runs).unsure(Unsure::Hold)]);
    stage.say(&user, "two").await;
    stage.held(1).await;
    assert_eq!((stage.sent_to(&user), stage.unsure()), (0, 1));
    stage.say(&user, "hello?").await;
    assert_texts(&stage.texts(&user, 3).await, &["one", "two", "hello?"]);
    stage.rest().await;
    assert_eq!((runs.came(), stage.unsure()), (2, 1));
    stage.finish().await;
}

async fn after_a_crash_the_route_decides_as_well(engine: Engine) {
    for (policy, texts) in
        [(Unsure::Resend, vec!["one", "two"]), (Unsure::Drop, vec!["two"]), (Unsure::Hold, vec![])]
    {
        let mut stage = Stage::on(engine).await;
        let (user, runs) = (stage.user("anna"), Gate::opened());
        stage.say(&user, "two").await;
        // A worker that recorded the answer and its intent to send the first part, and is gone.
        let taken = stage.queue.take(&stage.request(1)).await.unwrap();
        let [leased] = &taken.messages[..] else { panic!("{taken:?}") };
        let replies = serde_json::json!({"format": 1, "parts": [
            {"type": "text", "content": "one"}, {"type": "text", "content": "two"}], "failures": 0, "dies_of": null});
        let replies = Some(replies.to_string().into_bytes().into());
        let progress = Progress { replies, sent: 0, sending: Some(0) };
        stage.queue.record(&leased.lease, progress, None).await.unwrap();
        stage.queue.release(&leased.lease).await.unwrap();
        stage.start([two(&runs).unsure(policy)]);
        assert_texts(&stage.texts(&user, texts.len()).await, &texts);
        if policy == Unsure::Hold {
            stage.held(1).await;
            stage.say(&user, "hello?").await;
            assert_texts(&stage.texts(&user, 3).await, &["one", "two", "hello?"]);
        }
        stage.rest().await;
        assert_eq!((stage.unsure(), runs.came()), (1, usize::from(policy == Unsure::Hold)), "{policy:?}");
        stage.finish().await;
    }
}

#[tokio::test]
async fn a_hanging_wechat_is_given_up_after_the_timeout_and_is_unsure() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    stage.sandbox.faults().on_send(Fault::Hang, 1);
    let client =
        stage.client_with(&format!("sandbox-secret-of-{}", stage.account()), Duration::from_millis(300));
    let worker = huixin_worker::Worker::new(stage.queue.clone(), stage.settings());
    stage.start_this(worker.account(stage.account(), client).route(two(&runs).unsure(Unsure::Drop)));
    stage.say(&user, "two").await;
    assert_texts(&stage.texts(&user, 1).await, &["two"]);
    stage.rest().await;
    assert_eq!(stage.unsure(), 1);
    stage.finish().await;
}
