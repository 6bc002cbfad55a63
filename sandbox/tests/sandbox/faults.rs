use std::time::Duration;

use huixin_sandbox::{Fault, SandboxConfig, What};

use crate::support::{SOON, USER, code, start_with_user, text_message};

#[tokio::test]
async fn a_code_is_answered_as_often_as_ordered_and_then_no_more() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(Fault::Code(45009), 2);
    running.sandbox.faults().on_send(Fault::Code(-1), 1);
    for expected in [45009, 45009, -1, 0] {
        assert_eq!(client.send_text("a").await, expected);
    }
    assert_eq!(running.sandbox.transcript().sent_to(USER).len(), 1);
}

#[tokio::test]
async fn a_status_is_answered_without_json() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(Fault::Status(502), 1);
    let answer = client.try_send(text_message("a")).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_cut_connection_gives_no_answer_and_no_message() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(Fault::Cut, 1);
    let error = client.try_send(text_message("a")).await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert!(running.sandbox.transcript().sent_to(USER).is_empty());
    assert_eq!(client.send_text("b").await, 0);
}

#[tokio::test]
async fn cut_after_accept_delivers_the_message_and_loses_the_answer() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(Fault::CutAfterAccept, 1);
    client.try_send(text_message("a")).await.unwrap_err();
    assert_eq!(running.sandbox.transcript().texts_to(USER), ["a"]);
}

#[tokio::test]
async fn a_hanging_send_is_seen_in_the_transcript_and_ends_when_the_server_stops() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(Fault::Hang, 1);
    let call = tokio::spawn(async move { client.try_send(text_message("a")).await.is_err() });
    let hangs =
        |entry: &huixin_sandbox::Entry| matches!(entry.what, What::Faulted { .. }) && entry.user == USER;
    running.sandbox.transcript().wait_for_matches(hangs, 1, SOON).await.unwrap();
    assert!(!call.is_finished());
    let sandbox = running.stop().await.unwrap();
    assert!(call.await.unwrap());
    assert!(sandbox.transcript().sent_to(USER).is_empty());
}

#[tokio::test]
async fn a_delayed_send_is_handled_even_when_the_caller_has_hung_up() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(Fault::Delay(Duration::from_millis(200)), 1);
    let request = client.http.post(client.url("message/custom/send")).body(text_message("late"));
    request.timeout(Duration::from_millis(50)).send().await.unwrap_err();
    running.sandbox.transcript().wait_for_sends(USER, 1, SOON).await.unwrap();
}

#[tokio::test]
async fn token_calls_meet_their_own_faults() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_token(Fault::Code(40164), 1);
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(code(&client.stable(false).await), 40164);
    assert!(client.stable(false).await["access_token"].is_string());
}
