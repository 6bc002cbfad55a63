use std::time::Duration;

use huixin_sandbox::{Endpoint, Fault, FaultOrder, Push, SandboxAccount, SandboxConfig, What, When};

use crate::support::{Client, SOON, USER, code, start_with_user, text_message, upload_of};

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
    let hangs = |entry: &huixin_sandbox::TranscriptEntry| {
        matches!(entry.what, What::Faulted { .. }) && entry.user == USER
    };
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

#[tokio::test]
async fn a_page_is_answered_with_200_and_the_message_is_not_accepted() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(Fault::Html, 1);
    let answer = client.try_send(text_message("a")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert!(running.sandbox.transcript().sent_to(USER).is_empty());
}

#[tokio::test]
async fn every_call_meets_faults_of_its_own() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    for endpoint in Endpoint::ALL.iter().copied() {
        running.sandbox.faults().on(endpoint, Fault::Code(45009), 1);
    }
    assert_eq!(code(&client.upload("image", upload_of("a.gif", b"GIF89a")).await), 45009);
    assert_eq!(code(&client.media_get("M").await.json().await.unwrap()), 45009);
    assert_eq!(client.typing(USER, "Typing").await, 45009);
    assert_eq!(code(&client.plain().await), 45009);
    assert_eq!(code(&client.stable(false).await), 45009);
    assert_eq!(client.send_text("a").await, 45009);
    assert_eq!(client.typing(USER, "Typing").await, 0);
    assert_eq!(client.send_text("a").await, 0);
    let entries = running.sandbox.transcript().entries();
    let met: Vec<&str> = entries
        .iter()
        .filter_map(|entry| if let What::Faulted { on, .. } = entry.what { Some(on) } else { None })
        .collect();
    assert_eq!(met, ["upload", "media_get", "typing", "token", "stable_token", "send"]);
}

#[tokio::test]
async fn a_fault_at_a_rate_stays_until_it_is_cancelled() {
    let (running, client) = start_with_user(windowless()).await;
    let order = FaultOrder::new([Endpoint::Send], Fault::Code(-1), When::Every(3));
    let id = running.sandbox.faults().order(order).unwrap();
    let mut codes = Vec::new();
    for _ in 0..7 {
        codes.push(client.send_text("a").await);
    }
    assert_eq!(codes, [0, 0, -1, 0, 0, -1, 0]);
    let active = running.sandbox.faults().active();
    assert_eq!((active[0].id, active[0].seen, active[0].met), (id, 7, 2));
    assert!(running.sandbox.faults().cancel(id) && !running.sandbox.faults().cancel(id));
    for _ in 0..3 {
        assert_eq!(client.send_text("a").await, 0);
    }
}

#[tokio::test]
async fn orders_for_the_next_calls_come_before_a_rate_that_was_ordered_later() {
    let (running, client) = start_with_user(windowless()).await;
    let faults = running.sandbox.faults();
    faults.on_send(Fault::Code(45009), 1);
    faults.order(FaultOrder::new([Endpoint::Send], Fault::Code(-1), When::Every(1)));
    assert_eq!(client.send_text("a").await, 45009);
    assert_eq!(client.send_text("a").await, -1);
    faults.clear();
    assert_eq!(client.send_text("a").await, 0);
}

#[tokio::test]
async fn a_fault_can_be_one_accounts_alone() {
    let accounts = vec![SandboxAccount::named("main"), SandboxAccount::named("shop")];
    let (running, client) = start_with_user(SandboxConfig { accounts, ..SandboxConfig::default() }).await;
    running.sandbox.push(Push::text("shop", USER, "hi")).await;
    let shop = Client::of_account(&running, "shop").await;
    let order = FaultOrder::new(Endpoint::ALL, Fault::Code(48001), When::Every(1)).for_account("shop");
    running.sandbox.faults().order(order).unwrap();
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(shop.send_text("a").await, 48001);
    assert_eq!(client.send_text("b").await, 0);
}

fn windowless() -> SandboxConfig {
    SandboxConfig { enforce_windows: false, ..SandboxConfig::default() }
}
