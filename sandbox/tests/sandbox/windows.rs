use std::time::Duration;

use huixin_sandbox::{Push, SandboxConfig, Window};

use crate::support::{USER, start_with_user};

#[tokio::test]
async fn a_message_allows_five_sends_and_the_next_message_five_more() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    for round in 0..2 {
        for n in 0..5 {
            assert_eq!(client.send_text("a").await, 0, "round {round}, send {n}");
        }
        assert_eq!(client.send_text("a").await, 45047);
        running.sandbox.push(Push::text("main", USER, "more")).await;
    }
}

#[tokio::test]
async fn a_tap_allows_three_sends() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let taps = [
        Push::click("main", USER, "k"),
        Push::scan("main", USER, "s"),
        Push::subscribe("main", USER, None),
        Push::raw("main", USER, Push::click("main", USER, "k").body("gh_sandbox_main")),
    ];
    for tap in taps {
        running.sandbox.push(tap.clone()).await;
        for _ in 0..3 {
            assert_eq!(client.send_text("a").await, 0, "{tap:?}");
        }
        assert_eq!(client.send_text("a").await, 45047, "{tap:?}");
    }
}

#[tokio::test]
async fn background_events_and_repeated_pushes_open_nothing() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let message = Push::text("main", USER, "hi");
    running.sandbox.push(message.clone()).await;
    for _ in 0..5 {
        assert_eq!(client.send_text("a").await, 0);
    }
    let pushes = [
        message,
        Push::view("main", USER, "https://example.com/"),
        Push::location_event("main", USER, 1.0, 2.0),
    ];
    for push in pushes {
        running.sandbox.push(push).await;
        assert_eq!(client.send_text("a").await, 45047);
    }
}

#[tokio::test]
async fn after_an_unfollow_nothing_can_be_sent_until_the_next_message() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.push(Push::unsubscribe("main", USER)).await;
    assert_eq!(client.send_text("a").await, 45015);
    assert_eq!(client.typing(USER, "Typing").await, 45015);
    running.sandbox.push(Push::text("main", USER, "hi again")).await;
    assert_eq!(client.send_text("a").await, 0);
}

#[tokio::test]
async fn a_window_that_is_over_refuses_with_45015() {
    let over = Window { sends: 5, lasts: Duration::ZERO };
    let (_running, client) =
        start_with_user(SandboxConfig { after_message: over, ..SandboxConfig::default() }).await;
    assert_eq!(client.send_text("a").await, 45015);
}

#[tokio::test]
async fn windows_can_be_switched_off() {
    let (running, client) =
        start_with_user(SandboxConfig { enforce_windows: false, ..SandboxConfig::default() }).await;
    running.sandbox.push(Push::unsubscribe("main", USER)).await;
    for _ in 0..10 {
        assert_eq!(client.send_text("a").await, 0);
    }
}

#[tokio::test]
async fn an_account_forgets_the_user_that_came_first_when_there_are_too_many() {
    let (running, client) = start_with_user(SandboxConfig { max_users: 2, ..SandboxConfig::default() }).await;
    running.sandbox.push(Push::text("main", "oSecond", "hi")).await;
    assert_eq!(client.send_text("a").await, 0);
    running.sandbox.push(Push::text("main", "oThird", "hi")).await;
    assert_eq!(client.send_text("a").await, 40003);
}
