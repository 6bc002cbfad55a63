//! Pushes by which users fetch what waits for them.

use huixin_queue::prelude::*;

use super::stage::*;
use super::wire::*;

/// A tap on the link, as most accounts get it.
fn tap(id: u32, content: &str) -> String {
    let rest = format!("<Content>{content}</Content><MsgId>{id}</MsgId><bizmsgmenuid>huixin</bizmsgmenuid>");
    made("text", &rest)
}

#[tokio::test]
async fn a_fetch_word_gets_what_waits_and_is_not_stored() {
    let words = ["继续", " 查看回复\n", "%E7%BB%A7%E7%BB%AD"];
    for (id, word) in words.into_iter().enumerate() {
        let stage = Stage::of(push(None), hasty()).await;
        assert!(said(stage.post_text(100, "hi").await).await.starts_with("later:"));
        let leased = stage.take().await;
        stage.hold(&leased, &["hello"]).await;
        let id = id.try_into().unwrap();
        assert_eq!(said(stage.post_text(id, word).await).await, "hello", "{word}");
        stage.until_stored(0).await;
        assert_eq!(said(stage.post_text(id, word).await).await, "hello", "its next try gets the same");
        assert_eq!(stage.stored().await, 0);
    }
}

#[tokio::test]
async fn a_fetch_push_waits_for_what_is_under_way() {
    let stage = Stage::of(push(None), patient()).await;
    let slow = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    drop(slow);
    stage.until_open(0).await;
    let fetch = stage.post("main", &tap(2, "继续"), 0).await;
    stage.until_open(1).await;
    stage.hold(&leased, &["hello"]).await;
    assert_eq!(said(fetch).await, "hello");
}

#[tokio::test]
async fn with_nothing_to_fetch_a_typed_word_is_a_message_and_a_tap_gets_nothing() {
    let stage = Stage::of(push(None), patient()).await;
    assert_eq!(said(stage.post("main", &tap(1, "%E7%BB%A7%E7%BB%AD"), 0).await).await, "");
    assert_eq!(stage.stored().await, 0);
    let typed = stage.post_text(2, "继续").await;
    let leased = stage.take().await;
    stage.hold(&leased, &["continued"]).await;
    assert_eq!(said(typed).await, "continued");
}

#[tokio::test]
async fn a_fetch_push_whose_time_is_up_ends_as_any_other() {
    let stage = Stage::of(push(None), hasty()).await;
    let slow = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    assert!(said(slow).await.starts_with("later:"));
    assert!(said(stage.post_text(2, "继续").await).await.starts_with("later:"));
    stage.complete(&leased).await;
    assert_eq!(stage.stored().await, 0);
}

#[tokio::test]
async fn a_fetch_word_is_a_message_like_any_other_for_an_account_with_the_api() {
    let stage = Stage::of(either(), hasty()).await;
    assert_eq!(said(stage.post_text(1, "继续").await).await, "");
    assert_eq!(stage.queue.lane(&lane()).await.unwrap().unwrap().waiting.len(), 1);
}
