//! One token for all, fetched early, never more often than needed.

use std::time::Duration;

use huixin_wechat::{ApiError, Client, CodeClass, Outgoing};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::pretend::{APP_SECRET, Pretend};

fn hello() -> Outgoing {
    Outgoing::text("hello")
}

/// Sends fifty messages at once; gives what came of each.
async fn fifty(client: &Client) -> Vec<Result<(), ApiError>> {
    let mut all = JoinSet::new();
    for n in 0..50 {
        let client = client.clone();
        all.spawn(async move { client.send(&format!("o{n}"), &hello()).await });
    }
    all.join_all().await
}

#[tokio::test]
async fn a_token_is_fetched_once_by_stable_token_without_force() {
    let wechat = Pretend::start(|_| ()).await;
    let client = wechat.client();
    assert_eq!(wechat.fetches(), 0);
    assert_eq!(client.token().await.unwrap().expose(), "token-1-do-not-show");
    client.clone().send("o1", &hello()).await.unwrap();
    assert_eq!(wechat.fetches(), 1);
    let body: Value = serde_json::from_str(&wechat.fetch_bodies()[0]).unwrap();
    assert_eq!(
        body,
        json!({"grant_type": "client_credential", "appid": "wx0123456789abcdef", "secret": APP_SECRET, "force_refresh": false})
    );
}

#[tokio::test]
async fn fifty_sends_with_no_token_yet_cause_one_fetch() {
    let wechat = Pretend::start(|o| o.token_delay = Duration::from_millis(50)).await;
    assert!(fifty(&wechat.client()).await.iter().all(Result::is_ok));
    assert_eq!(wechat.fetches(), 1);
}

#[tokio::test]
async fn fifty_sends_with_an_expired_token_cause_one_refresh_and_no_failure() {
    let wechat = Pretend::start(|o| {
        o.token_delay = Duration::from_millis(30);
        o.send_delay = Duration::from_millis(30);
    })
    .await;
    let client = wechat.client();
    client.token().await.unwrap();
    wechat.set(|o| o.valid = "token-2-do-not-show".to_owned());
    assert!(fifty(&client).await.iter().all(Result::is_ok));
    assert_eq!(wechat.fetches(), 2);
    assert_eq!(wechat.sent().iter().filter(|sent| sent.taken).count(), 50);
}

#[tokio::test]
async fn a_token_that_a_second_system_replaced_is_found_out_and_fetched() {
    let wechat = Pretend::start(|_| ()).await;
    let client = wechat.client();
    for n in 2..4 {
        client.send("o1", &hello()).await.unwrap();
        wechat.set(|o| o.valid = format!("token-{n}-do-not-show"));
        client.send("o1", &hello()).await.unwrap();
        assert_eq!(wechat.fetches(), n);
        // Fetches because of refusals are kept a second apart.
        sleep(Duration::from_millis(1050)).await;
    }
}

#[tokio::test]
async fn a_second_refusal_of_the_token_is_returned_and_not_hammered() {
    let wechat = Pretend::start(|o| o.given = Some("token-of-nobody".to_owned())).await;
    let client = wechat.client();
    let error = client.send("o1", &hello()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), (Some(40001), CodeClass::Token));
    assert_eq!((wechat.fetches(), wechat.sent().len()), (2, 2));
    // All that fail in the next second ask WeChat for no other token, and don't send in vain once more.
    for result in fifty(&client).await {
        assert_eq!(result.unwrap_err().code(), Some(40001));
    }
    assert_eq!((wechat.fetches(), wechat.sent().len()), (2, 52));
}

#[tokio::test]
async fn the_other_codes_of_an_invalid_token_are_treated_alike() {
    for code in [40014, 42001] {
        let refusal = format!(r#"{{"errcode":{code},"errmsg":"x"}}"#);
        let wechat = Pretend::start(|o| o.send_answer = (200, refusal)).await;
        let error = wechat.client().send("o1", &hello()).await.unwrap_err();
        assert_eq!(error.code(), Some(code));
        assert_eq!((wechat.fetches(), wechat.sent().len()), (2, 2));
    }
}

#[tokio::test]
async fn a_token_is_refreshed_before_its_end_by_one_caller_while_the_others_use_the_old_one() {
    let wechat = Pretend::start(|o| o.expires_in = "4".to_owned()).await;
    let client = wechat.client();
    client.token().await.unwrap();
    sleep(Duration::from_millis(500)).await;
    client.token().await.unwrap();
    assert_eq!(wechat.fetches(), 1, "not before half its life");

    sleep(Duration::from_millis(1600)).await;
    wechat.set(|o| {
        o.given = Some("token-2-do-not-show".to_owned());
        o.token_delay = Duration::from_millis(1000);
    });
    let refresher = tokio::spawn({
        let client = client.clone();
        async move { client.token().await.unwrap().expose().to_owned() }
    });
    while wechat.fetches() < 2 {
        sleep(Duration::from_millis(5)).await;
    }
    // Everyone who waits for the refresh gets its token.
    assert_eq!(client.token().await.unwrap().expose(), "token-1-do-not-show");
    assert_eq!(refresher.await.unwrap(), "token-2-do-not-show");
    assert_eq!(client.token().await.unwrap().expose(), "token-2-do-not-show");
    assert_eq!(wechat.fetches(), 2);
}

#[tokio::test]
async fn an_early_refresh_that_fails_leaves_the_old_token_in_use_and_is_not_hammered() {
    let wechat = Pretend::start(|o| o.expires_in = "\"3\"".to_owned()).await;
    let client = wechat.client();
    client.token().await.unwrap();
    wechat.set(|o| o.token_answer = Some((200, r#"{"errcode":-1,"errmsg":"system error"}"#.to_owned())));
    sleep(Duration::from_millis(1600)).await;
    for _ in 0..5 {
        assert_eq!(client.token().await.unwrap().expose(), "token-1-do-not-show");
    }
    assert_eq!(wechat.fetches(), 2);
    // Once it has ended, there is no token, and that is said.
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(client.token().await.unwrap_err().code(), Some(-1));
}

#[tokio::test]
async fn those_who_waited_for_a_fetch_that_failed_share_its_failure() {
    let wechat = Pretend::start(|o| {
        o.token_delay = Duration::from_millis(200);
        o.token_answer =
            Some((200, r#"{"errcode":40164,"errmsg":"invalid ip 1.2.3.4 rid: 66f0-1"}"#.to_owned()));
    })
    .await;
    let client = wechat.client();
    for result in fifty(&client).await {
        let error = result.unwrap_err();
        assert!(matches!(error, ApiError::Token(_)), "{error:?}");
        assert_eq!((error.code(), error.class()), (Some(40164), CodeClass::Config));
    }
    assert_eq!(wechat.fetches(), 1);
    // The next one who asks asks WeChat.
    wechat.set(|o| o.token_answer = None);
    client.send("o1", &hello()).await.unwrap();
    assert_eq!((wechat.fetches(), wechat.sent().len()), (2, 1));
}

#[tokio::test]
async fn a_caller_who_gives_up_during_a_fetch_blocks_nobody() {
    let wechat = Pretend::start(|o| o.token_delay = Duration::from_millis(300)).await;
    let client = wechat.client();
    assert!(tokio::time::timeout(Duration::from_millis(50), client.token()).await.is_err());
    client.token().await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_of_configuration() {
    for code in [40001, 40125] {
        let refusal = format!(r#"{{"errcode":{code},"errmsg":"x"}}"#);
        let wechat = Pretend::start(|o| o.token_answer = Some((200, refusal))).await;
        let error = wechat.client().send("o1", &hello()).await.unwrap_err();
        assert_eq!((error.code(), error.class()), (Some(code), CodeClass::Config));
        assert_eq!((wechat.fetches(), wechat.sent().len()), (1, 0));
    }
}

#[tokio::test]
async fn answers_of_the_token_endpoint_that_make_no_sense_are_errors() {
    for answer in [
        "",
        "{}",
        "null",
        r#"{"access_token":"","expires_in":7200}"#,
        r#"{"access_token":"x"}"#,
        r#"{"access_token":7,"expires_in":7200}"#,
        "<html>",
    ] {
        let wechat = Pretend::start(|o| o.token_answer = Some((200, answer.to_owned()))).await;
        let error = wechat.client().token().await.unwrap_err();
        assert!(
            matches!(&error, ApiError::Token(inner) if matches!(**inner, ApiError::Unsure(_))),
            "{error:?}"
        );
        assert_eq!(error.class(), CodeClass::Retry);
    }
    for expires_in in ["0", "-5", "99999999999999"] {
        let wechat = Pretend::start(|o| o.expires_in = expires_in.to_owned()).await;
        let client = wechat.client();
        assert_eq!(client.token().await.unwrap().expose(), "token-1-do-not-show");
        client.send("o1", &hello()).await.unwrap();
    }
}

#[tokio::test]
async fn the_clock_is_compared_with_the_date_of_every_answer() {
    let wechat = Pretend::start(|o| o.date = Some("Sat, 01 Jan 2000 00:00:10 GMT")).await;
    let client = wechat.client();
    assert_eq!(client.clock_ahead_s(), None);
    client.token().await.unwrap();
    let unix_s = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let ahead_s = client.clock_ahead_s().unwrap().unsigned_abs();
    assert!(ahead_s.abs_diff(unix_s - 946_684_810) <= 1, "{ahead_s}");
    client.send("o1", &hello()).await.unwrap();
    assert!(client.clock_ahead_s().unwrap().abs() <= 2, "an answer without a wrong date");
}
