use std::time::Duration;

use futures::StreamExt;
use huixin_sandbox::{Push, SandboxConfig, What};

use crate::support::{Receiver, SOON, USER, start, start_with_user};

#[tokio::test]
async fn entries_are_numbered_without_gaps_and_read_from_any_place() {
    let (running, _client) = start_with_user(SandboxConfig::default()).await;
    let transcript = running.sandbox.transcript();
    let entries = transcript.entries();
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(matches!(entries[0].what, What::Said { .. }));
    assert!(matches!(entries[1].what, What::Tried { n: 1, .. }));
    assert!(matches!(entries[2].what, What::Acked { tries: 1, .. }));
    assert_eq!(transcript.entries_after(2).len(), 1);
    assert_eq!(transcript.entries_after(u64::MAX).len(), 0);
    assert_eq!(transcript.newest(), 3);
}

#[tokio::test]
async fn the_oldest_entries_go_first() {
    let config = SandboxConfig { max_entries: 4, ..SandboxConfig::default() };
    let running = start(config, &Receiver::default()).await;
    for _ in 0..3 {
        running.sandbox.push(Push::text("main", USER, "hi")).await;
    }
    let transcript = running.sandbox.transcript();
    let numbers = |after| transcript.entries_after(after).iter().map(|entry| entry.seq).collect::<Vec<_>>();
    assert_eq!(numbers(0), [6, 7, 8, 9]);
    assert_eq!(numbers(7), [8, 9]);
}

#[tokio::test]
async fn a_wait_ends_with_the_entry_that_it_waits_for() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let transcript = running.sandbox.transcript().clone();
    let waiting = tokio::spawn(async move { transcript.wait_for_sends(USER, 2, SOON).await });
    for text in ["a", "b", "c"] {
        assert_eq!(client.send_text(text).await, 0);
    }
    let sends = waiting.await.unwrap().unwrap();
    assert_eq!(sends.iter().map(|entry| entry.what.text().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    running.sandbox.transcript().wait_for(|entries| entries.len() >= 6, SOON).await.unwrap();
}

#[tokio::test]
async fn a_wait_in_vain_says_how_the_transcript_ends() {
    let (running, _client) = start_with_user(SandboxConfig::default()).await;
    let error =
        running.sandbox.transcript().wait_for(|_| false, Duration::from_millis(10)).await.unwrap_err();
    assert!(error.to_string().contains("Acked"), "{error}");
    let error = running.sandbox.transcript().wait_for_sends(USER, 1, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.waited, Duration::ZERO);
}

#[tokio::test]
async fn a_subscriber_gets_the_past_and_then_what_comes() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let mut stream = Box::pin(running.sandbox.transcript().subscribe(1));
    assert_eq!(stream.next().await.unwrap().seq, 2);
    assert_eq!(stream.next().await.unwrap().seq, 3);
    client.send_text("a").await;
    assert_eq!(stream.next().await.unwrap().what.text(), Some("a"));
}
