//! Answers that go out in a response.

use huixin_queue::prelude::*;
use huixin_queue::{LaneState, Settled};
use huixin_wechat::{AesKey, sign};
use huixin_worker::Condition;

use super::stage::*;
use super::wire::*;
use crate::receiver::Answers;
use crate::receiver::open_push::PushLimits;

#[tokio::test]
async fn an_answer_goes_out_in_the_open_response_as_soon_as_it_is_held() {
    let stage = Stage::of(push(None), patient()).await;
    let push = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    stage.hold(&leased, &["hello"]).await;
    let Got::Body(body) = got(push).await else { panic!("no answer") };
    for element in ["<ToUserName><![CDATA[oUser]]>", "<FromUserName><![CDATA[gh_1]]>", "<![CDATA[hello]]>"] {
        assert!(body.contains(element), "{body}");
    }
    stage.until_stored(0).await;
    assert_eq!(stage.queue.audit().await.unwrap(), []);
}

#[tokio::test]
async fn an_offered_answer_goes_out_in_the_open_response_and_ends_its_message() {
    let stage = Stage::of(either(), patient()).await;
    let push = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    stage.until_open(1).await;
    assert_eq!(stage.offer(&leased, "hello").await, Settled::AsAsked);
    assert_eq!(said(push).await, "hello");
    stage.until_stored(0).await;
    assert_eq!(stage.queue.dead_letter(&leased.lease.id).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_with_the_api_answers_empty_when_its_wait_is_over_and_keeps_the_message() {
    let stage = Stage::of(either(), hasty()).await;
    let push = stage.post_text(1, "hi").await;
    assert_eq!(said(push).await, "");
    let leased = stage.take().await;
    assert_eq!(stage.offer(&leased, "hello").await, Settled::NobodyWaits);
}

#[tokio::test]
async fn a_message_that_ends_without_a_reply_is_answered_empty_at_once() {
    for answers in [push(None), either()] {
        let stage = Stage::of(answers, patient()).await;
        let push = stage.post_text(1, "hi").await;
        let leased = stage.take().await;
        stage.until_open(1).await;
        stage.complete(&leased).await;
        assert_eq!(said(push).await, "");
    }
}

#[tokio::test]
async fn a_try_again_gets_what_an_earlier_one_got() {
    let stage = Stage::of(push(None), patient()).await;
    let first = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    stage.hold(&leased, &["hello"]).await;
    assert_eq!(said(first).await, "hello");
    stage.until_stored(0).await;
    for _ in 0..2 {
        assert_eq!(said(stage.post_text(1, "hi").await).await, "hello");
    }
    assert_eq!(stage.stored().await, 0, "it isn't stored again");
}

#[tokio::test]
async fn a_newer_try_and_a_newer_push_end_the_older_ones_empty() {
    let stage = Stage::of(push(None), PushLimits { look_every: SOON, ..patient() }).await;
    let first = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    stage.until_open(1).await;
    let again = stage.post_text(1, "hi").await;
    assert_eq!(said(first).await, "");
    let newer = stage.post_text(2, "are you there?").await;
    assert_eq!(said(again).await, "");
    stage.hold(&leased, &["hello"]).await;
    assert!(said(newer).await.starts_with("hello"));
}

#[tokio::test]
async fn a_later_push_gets_the_oldest_answer_with_a_link_to_the_rest() {
    let stage = Stage::of(push(None), hasty()).await;
    assert_eq!(said(stage.post_text(1, "one").await).await, "later: LINK");
    let leased = stage.take().await;
    stage.hold(&leased, &["first of one", "second of one"]).await;
    assert_eq!(said(stage.post_text(2, "two").await).await, "first of one\nLINK");
    let held = stage.queue.lane(&lane()).await.unwrap().unwrap().held;
    assert_eq!(held, [leased.lease.id], "it isn't woken, but waits for a response");
    let leased = stage.take().await;
    stage.complete(&leased).await;
    assert_eq!(said(stage.post_text(2, "two").await).await, "first of one\nLINK");
    assert_eq!(said(stage.post_text(3, "three").await).await, "second of one\nLINK");
}

#[tokio::test]
async fn an_encrypted_push_gets_an_encrypted_answer() {
    let stage = Stage::of(push(None), hasty()).await;
    let key = AesKey::decode(AES_KEY).unwrap();
    let timestamp = now_s().to_string();
    let encrypt = huixin_wechat::envelope::seal(&key, "wx1", text_push(1, "hi").as_bytes());
    let (signature, msg_signature) =
        (sign(&[TOKEN, &timestamp, "n"]), sign(&[TOKEN, &timestamp, "n", &encrypt]));
    let query = format!(
        "signature={signature}&timestamp={timestamp}&nonce=n&encrypt_type=aes&msg_signature={msg_signature}"
    );
    let body = format!("<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>");
    let Got::Body(body) = got(stage.post_with("sealed", &query, &body).await).await else {
        panic!("no answer")
    };
    let encrypt = huixin_wechat::envelope::encrypt_of(body.as_bytes()).unwrap();
    let opened = huixin_wechat::envelope::open(&key, "wx1", &encrypt).unwrap();
    assert!(text_in(std::str::from_utf8(&opened).unwrap()).starts_with("later:"));
}

#[tokio::test]
async fn what_no_user_did_on_purpose_is_acked_at_once() {
    let stage = Stage::of(push(None), patient()).await;
    for event in ["LOCATION", "unsubscribe", "VIEW", "TEMPLATESENDJOBFINISH"] {
        let body = made("event", &format!("<Event>{event}</Event>"));
        assert_eq!(got(stage.post("main", &body, 0).await).await, Got::Body(String::new()), "{event}");
    }
    for event in ["CLICK", "SCAN", "subscribe"] {
        let push = stage.post("main", &made("event", &format!("<Event>{event}</Event>")), 0).await;
        stage.until_open(1).await;
        drop(push);
        stage.until_open(0).await;
    }
}

#[tokio::test]
async fn an_account_of_the_api_keeps_a_push_open_only_if_its_route_may_hand_the_user_over() {
    let text = |pattern: &str| Condition { text: Some(pattern.parse().unwrap()), ..Condition::default() };
    let may_transfer = vec![(text("^hi"), false), (text("person"), true), (Condition::default(), false)];
    let stage = Stage::of(Answers::Api { may_transfer, push_wait: NEVER }, patient()).await;
    for (id, other) in [(1, "hi, a person please"), (2, "hello")] {
        assert_eq!(said(stage.post_text(id, other).await).await, "");
        let leased = stage.take().await;
        assert_eq!(stage.offer(&leased, "no").await, Settled::NobodyWaits);
        stage.complete(&leased).await;
    }
    let push = stage.post_text(3, "a person please").await;
    let leased = stage.take().await;
    stage.until_open(1).await;
    assert_eq!(stage.offer(&leased, "yes").await, Settled::AsAsked);
    assert!(matches!(stage.queue.lane(&lane()).await.unwrap().unwrap().state, LaneState::Delayed { .. }));
    assert_eq!(said(push).await, "yes");
}
