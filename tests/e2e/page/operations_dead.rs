//! Dead letters at the operations page: found by their cause, read, retried, dropped, one, a group, or all.

use std::time::Instant;

use futures::StreamExt as _;
use huixin_queue::testing::Settling as _;
use huixin_queue::{Class, HeldEffect, Lane, MessageId, NewMessage, TakeRequest};
use serde_json::json;

use super::operations::{Operated, SCRIPT, confirm, is_unharmed, visit};
use crate::harness::{Setup, Stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_found_by_its_cause_read_retried_and_answered() {
    let operated = Operated::start().await;
    let browser = operated.open("en", "#/dead").await;
    browser.wait_for_text("#dead", "There are no dead letters").await;
    for user in ["oAnna", "oBen", "oCleo"] {
        operated.stack.say(user, "fail quietly").await;
    }
    operated.wait_for_dead(3).await;

    // It appears by itself, with what the service said as text.
    let cause = browser.wait_for_text(".cause", "the service's answer can't be sent").await;
    assert!(cause.contains(SCRIPT), "{cause}");
    browser.wait_for_text("#dead td b", "3").await;
    browser.wait_for_text("#dead td.wide", "correct what the service answers").await;
    browser.click(".cause").await;
    browser.wait_for("#dead td .box", 3).await;
    browser.click("#dead td a").await;
    browser.wait_for("#the-letter", 1).await;
    assert!(!browser.script("return document.body.textContent").await.to_string().contains("quietly"));
    assert_eq!(operated.deeds().await, Vec::<String>::new(), "nobody has read it");
    browser.click("#show-text").await;
    browser.wait_for_text("dialog", "noted in the changes").await;
    browser.click("dialog [type=submit]").await;
    browser.wait_for_text("#text", "<![CDATA[fail quietly]]>").await;
    assert_eq!(operated.deeds().await, ["read"]);

    operated.mend();
    confirm(&browser, "#the-letter [data-key^=retry]").await;
    browser.wait_for_text(".toast", "1 letter put back").await;
    operated.wait_for_dead(2).await;
    visit(&browser, "#/dead").await;
    confirm(&browser, "#dead td.actions [data-key^=retry]").await;
    browser.wait_for_text("#dead", "There are no dead letters").await;
    for user in ["oAnna", "oBen", "oCleo"] {
        operated.stack.wait_for_sends(user, 1).await;
        assert_eq!(operated.stack.texts_to(user), ["re fail quietly"]);
    }
    visit(&browser, "#/changes").await;
    let lines = browser.wait_for("#changes tbody tr", 3).await;
    let first = lines[0].text().await.expect("a text");
    assert!(first.contains("127.0.0.1") && first.contains("retried") && first.contains('2'), "{first}");
    is_unharmed(&browser).await;
    browser.close().await;
    operated.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_dropped_one_a_group_and_all_that_match() {
    let operated = Operated::start().await;
    for (n, text) in ["fail", "fail", "fail", "fail", "refused", "refused"].iter().enumerate() {
        operated.stack.say(&format!("oUser{n}"), text).await;
    }
    operated.wait_for_dead(6).await;
    let browser = operated.open("en", "#/dead").await;
    browser.wait_for(".cause", 2).await;
    let causes = browser.texts(".cause").await;
    assert!(causes.iter().any(|cause| cause.contains("40007")), "{causes:?}");

    // One that the filter finds and that is chosen; no is no.
    visit(&browser, "#/dead?account=main&user=oUser0").await;
    browser.wait_until("return document.querySelectorAll('#dead td .box').length", &json!(1)).await;
    browser.click("#dead td .box").await;
    browser.wait_for_text(".chosen", "1 chosen").await;
    browser.click(".chosen .danger").await;
    browser.click("dialog [type=button]").await;
    browser.wait_until_gone("dialog").await;
    assert_eq!(operated.get("status").await["dead"], 6);
    confirm(&browser, ".chosen .danger").await;
    operated.wait_for_dead(5).await;
    // The largest group.
    visit(&browser, "#/dead").await;
    browser.wait_for_text("#dead td b", "3").await;
    browser.click(".cause").await;
    browser.wait_for("#dead td .box", 3).await;
    confirm(&browser, "#dead [data-key^='drop-Drop this group']").await;
    browser.wait_for_text(".toast", "Done.").await;
    operated.wait_for_dead(2).await;
    // The rest.
    visit(&browser, "#/dead").await;
    confirm(&browser, "#dead [data-key^='drop-Drop all']").await;
    browser.wait_for_text("#dead", "There are no dead letters").await;
    assert_eq!(operated.deeds().await, ["drop", "drop", "drop"]);
    is_unharmed(&browser).await;
    browser.close().await;
    operated.end().await;
}

/// Buries so many messages, each of its own user.
async fn bury(stack: &Stack, many: usize) {
    let queue = stack.queue();
    let class = Class::new("main").expect("a class");
    let accept = async |n: usize| {
        let message = NewMessage {
            id: MessageId::new(format!("m{n}")).expect("an id"),
            lane: Lane::new(format!("main/o{n}")).expect("a lane"),
            class: class.clone(),
            payload: bytes::Bytes::new(),
            arrived_us: crate::harness::now_us(),
            not_after: None,
            held: HeldEffect::Leave,
            late: false,
            dead_reason: None,
        };
        queue.accept(message).await.expect("it is stored");
    };
    futures::stream::iter(0..many).map(accept).buffer_unordered(64).collect::<()>().await;
    let worker = huixin_queue::WorkerId::new("gravedigger");
    for call in 1.. {
        let request = TakeRequest {
            max: 500,
            classes: vec![class.clone()].into(),
            worker: worker.clone(),
            call,
            lease_for: std::time::Duration::from_secs(60),
            suspect: true,
        };
        let taken = queue.take(&request).await.expect("the queue answers").messages;
        if taken.is_empty() {
            return;
        }
        let bury = async |lease| queue.bury(lease, "no such order 4711").await.expect("it is buried");
        futures::stream::iter(taken.iter().map(|one| &one.lease))
            .map(bury)
            .buffer_unordered(64)
            .collect::<()>()
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_letters_are_a_page_at_a_time_and_all_go_with_one_word() {
    let mut stack = Stack::on_redis(Setup::default()).await;
    bury(&stack, 10_000).await;
    let receiver = stack.role("receiver").await;
    let url = receiver.url_after("health and metrics are served url=").await;
    let driver = super::browser::Driver::start();
    let began = Instant::now();
    let browser = driver.open("en", &format!("{url}#/dead")).await;
    browser.wait_for_text("#dead", "of 10,000").await;
    println!(
        "the causes of 10,000 letters are shown after {:?}, the start of a browser included",
        began.elapsed()
    );
    browser.wait_for_text(".cause", "no such order …").await;
    browser.click(".cause").await;
    browser.wait_for("#dead td .box", 50).await;
    for _ in 0..3 {
        browser.click("#older").await;
        browser.wait_for("#dead td .box", 50).await;
        let elements = browser.script("return document.querySelectorAll('*').length").await;
        assert!(elements.as_u64().is_some_and(|count| count < 2_000), "{elements} elements");
    }
    visit(&browser, "#/dead").await;
    confirm_long(&browser).await;
    assert_eq!(stack.counts().await.dead, 0);
    browser.close().await;
    drop(receiver);
    stack.end().await;
}

/// Drops all, and sees how far it is.
async fn confirm_long(browser: &super::browser::Browser) {
    browser.click("#dead [data-key^='drop-Drop all']").await;
    browser.click("dialog [type=submit]").await;
    browser.wait_for_text("#progress [role=status]", "000 done").await;
    browser.wait_longer_for(".toast", 1, crate::harness::PATIENCE).await;
    browser.wait_for_text(".toast", "Done. 10,000 letters dropped").await;
}
