use std::time::Duration;

use huixin_sandbox::{Opener, Push, SandboxConfig, SendWindow};

use crate::support::{USER, start_with_user};

/// Each trigger counts alone.
fn strict() -> SandboxConfig {
    SandboxConfig { newest_trigger_alone: true, ..SandboxConfig::default() }
}

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
    let (running, client) = start_with_user(strict()).await;
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
    let over = SendWindow { sends: 5, lasts: Duration::ZERO };
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

#[tokio::test]
async fn a_tap_is_over_after_a_minute_and_a_message_after_48_hours() {
    let (running, client) = start_with_user(strict()).await;
    running.sandbox.push(Push::click("main", USER, "k")).await;
    running.sandbox.move_clock(Duration::from_secs(65));
    assert_eq!(client.send_text("a").await, 45015);
    running.sandbox.push(Push::text("main", USER, "hi")).await;
    running.sandbox.move_clock(Duration::from_secs(48 * 60 * 60 - 60));
    let client = crate::support::Client::with_token(&running).await;
    assert_eq!(client.send_text("a").await, 0);
    running.sandbox.move_clock(Duration::from_secs(61));
    assert_eq!(client.send_text("a").await, 45015);
    assert_eq!(running.sandbox.clock_ahead(), Duration::from_secs(48 * 60 * 60 + 66));
}

#[tokio::test]
async fn each_trigger_can_have_a_window_of_its_own_also_later() {
    let window = |sends| SendWindow { sends, lasts: Duration::from_secs(60) };
    let config = SandboxConfig {
        after_tap: window(2),
        after_scan: Some(window(1)),
        after_follow: Some(window(4)),
        ..strict()
    };
    let (running, client) = start_with_user(config).await;
    running.sandbox.set_window("main", Opener::Message, window(3));
    let pushes = [
        (Opener::Click, 2, Push::click("main", USER, "k")),
        (Opener::Scan, 1, Push::scan("main", USER, "s")),
        (Opener::Follow, 4, Push::subscribe("main", USER, None)),
        (Opener::Message, 3, Push::text("main", USER, "hi")),
    ];
    for (by, of, push) in pushes {
        running.sandbox.push(push).await;
        for sent in 0..of {
            let right = running.sandbox.right("main", USER).unwrap();
            assert_eq!((right.by, right.sent, right.of), (by, sent, of));
            assert!(right.closes_in_s > 30.0);
            assert_eq!(client.send_text("a").await, 0);
        }
        assert_eq!(client.send_text("a").await, 45047, "{by:?}");
    }
    assert_eq!(running.sandbox.right("main", "oStranger"), None);
}

#[tokio::test]
async fn a_tap_on_an_item_of_a_menu_message_counts_as_a_click() {
    let (running, _client) = start_with_user(SandboxConfig::default()).await;
    let kind = huixin_sandbox::PushKind::Text { content: "yes".to_owned(), menu_id: Some("101".to_owned()) };
    running.sandbox.push(Push::new("main", USER, kind)).await;
    assert_eq!(running.sandbox.right("main", USER).unwrap().by, Opener::Click);
}
