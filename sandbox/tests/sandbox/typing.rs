use std::time::Duration;

use huixin_sandbox::{Push, SandboxConfig, What};

use crate::support::{USER, start_with_user};

#[tokio::test]
async fn typing_goes_on_once_and_a_message_ends_it() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    assert_eq!(client.typing(USER, "Type").await, 45072);
    assert_eq!(client.typing("oStranger", "Typing").await, 40003);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    assert_eq!(client.typing(USER, "Typing").await, 45081);
    assert_eq!(client.typing(USER, "CancelTyping").await, 0);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    let entries = running.sandbox.transcript().entries();
    let typing: Vec<bool> = entries
        .iter()
        .filter_map(|entry| if let What::Typing { on } = entry.what { Some(on) } else { None })
        .collect();
    assert_eq!(typing, [true, false, true, false, true]);
}

#[tokio::test]
async fn typing_needs_an_exchange_within_30_seconds_and_lasts_15() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    assert_eq!(client.typing(USER, "Typing").await, 0);
    running.sandbox.move_clock(Duration::from_secs(14));
    assert_eq!(client.typing(USER, "Typing").await, 45081);
    running.sandbox.move_clock(Duration::from_secs(2));
    assert_eq!(client.typing(USER, "Typing").await, 0);
    running.sandbox.move_clock(Duration::from_secs(16));
    assert_eq!(client.typing(USER, "Typing").await, 45080);
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    running.sandbox.move_clock(Duration::from_secs(31));
    running.sandbox.push(Push::text("main", USER, "more")).await;
    assert_eq!(client.typing(USER, "Typing").await, 0);
    let entries = running.sandbox.transcript().entries();
    let refused: Vec<i64> = entries
        .iter()
        .filter_map(|entry| match entry.what {
            What::CallRefused { on: "typing", code, .. } if entry.user == USER => Some(code),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [45081, 45080]);
}

#[tokio::test]
async fn typing_uses_no_send_of_the_window() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    for _ in 0..5 {
        assert_eq!(client.typing(USER, "Typing").await, 0);
        assert_eq!(client.send_text("a").await, 0);
    }
    assert_eq!(running.sandbox.calls("main").typing.calls, 5);
    assert_eq!(client.send_text("a").await, 45047);
}
