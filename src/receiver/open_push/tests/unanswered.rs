//! Tries that are left unanswered, and what is said instead.

use std::time::{Duration, Instant};

use ::metrics::set_default_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;

use super::stage::*;
use super::wire::*;
use crate::receiver::open_push::PushLimits;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_slow_answer_goes_out_in_the_response_of_a_later_try() {
    let stage = Stage::of(push(Some((2, DAY))), hasty()).await;
    let began = Instant::now();
    assert_eq!(got(stage.post_text(1, "hi").await).await, Got::Nothing);
    let took = began.elapsed();
    assert!(took >= hasty().cut_after, "WeChat hangs up first: it is cut after {took:?}");
    let again = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    stage.hold(&leased, &["hello"]).await;
    assert_eq!(said(again).await, "hello");
    assert_eq!(stage.stored().await, 0);
}

#[tokio::test]
async fn the_last_try_gets_the_notice() {
    let stage = Stage::of(push(Some((100, DAY))), hasty()).await;
    for _ in 0..2 {
        assert_eq!(got(stage.post_text(1, "hi").await).await, Got::Nothing);
    }
    for _ in 0..2 {
        assert!(said(stage.post_text(1, "hi").await).await.starts_with("later:"));
    }
    let late = stage.post("main", &text_push(2, "lost its first tries"), 9).await;
    assert!(said(late).await.starts_with("later:"));
}

#[tokio::test]
async fn no_more_tries_than_the_budget_are_left_unanswered() {
    // On one thread: the recorder is of this one only.
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = set_default_local_recorder(&recorder);
    let stage = Stage::of(push(Some((5, DAY))), hasty()).await;
    let mut unanswered = 0;
    for id in 0..6 {
        let first = got(stage.post_text(id, "hi").await).await;
        unanswered += u32::from(first == Got::Nothing);
    }
    assert_eq!(unanswered, 3, "half of them may be saved, the others come with the time");
    let shown = recorder.handle().render();
    assert!(shown.contains("huixin_receiver_over_budget_total{account=\"main\"} 3\n"), "{shown}");
}

#[tokio::test]
async fn without_a_budget_no_try_is_left_unanswered() {
    let stage = Stage::of(push(None), hasty()).await;
    assert!(said(stage.post_text(1, "hi").await).await.starts_with("later:"));
}

#[tokio::test]
async fn a_client_that_hangs_up_on_an_unanswered_try_gives_its_room_back_at_once() {
    let limits = PushLimits { cut_after: NEVER, ..hasty() };
    let stage = Stage::of(push(Some((2, DAY))), limits).await;
    let push = stage.post_text(1, "hi").await;
    stage.until_open(1).await;
    drop(push);
    stage.until_open(0).await;
}

#[tokio::test]
async fn one_push_more_than_there_is_room_for_is_stored_and_ends_at_once() {
    let limits = PushLimits { at_once: 2, ..patient() };
    for (answers, says) in [(push(Some((9, DAY))), "later:"), (either(), "")] {
        let stage = Stage::of(answers, limits.clone()).await;
        let open = [stage.post_text(1, "1").await, stage.post_text(2, "2").await];
        stage.until_open(2).await;
        assert!(said(stage.post_text(3, "3").await).await.starts_with(says));
        assert_eq!(stage.stored().await, 3);
        let ordinary = made("event", "<Event>VIEW</Event>");
        assert_eq!(got(stage.post("main", &ordinary, 0).await).await, Got::Body(String::new()));
        drop(open);
        stage.until_open(0).await;
        let _room_again = stage.post_text(4, "4").await;
        stage.until_open(1).await;
    }
}

#[tokio::test]
async fn a_stop_ends_open_pushes_at_once() {
    let never_asked = Some((9, DAY));
    for (answers, says) in [(push(never_asked), "later:"), (either(), "")] {
        let stage = Stage::of(answers, patient()).await;
        let push = stage.post_text(1, "hi").await;
        stage.until_open(1).await;
        stage.until_stored(1).await;
        stage.stop();
        assert!(said(push).await.starts_with(says));
        stage.stopped().await.unwrap();
    }
}
