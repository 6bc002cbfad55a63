use std::time::Duration;

use huixin_sandbox::{CallLimit, CallLimits, Elsewhere, Endpoint, SandboxConfig};
use serde_json::json;

use crate::support::{Client, USER, code, start_with_user, token_of};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn limited(endpoint: Endpoint, limit: CallLimit) -> SandboxConfig {
    SandboxConfig {
        limits: CallLimits::default().with(endpoint, limit),
        enforce_windows: false,
        ..SandboxConfig::default()
    }
}

#[tokio::test]
async fn a_limit_per_minute_refuses_with_45011_until_the_minute_is_over() {
    let limit = CallLimit { per_minute: Some(2), per_day: None };
    let (running, client) = start_with_user(limited(Endpoint::Send, limit)).await;
    for expected in [0, 0, 45011, 45011] {
        assert_eq!(client.send_text("a").await, expected);
    }
    assert_eq!(client.typing(USER, "Typing").await, 0, "other calls have limits of their own");
    running.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(client.send_text("a").await, 0);
}

#[tokio::test]
async fn a_limit_per_day_refuses_with_45009_until_the_day_is_over_or_it_is_raised() {
    let limit = CallLimit { per_minute: None, per_day: Some(1) };
    let (running, client) = start_with_user(limited(Endpoint::Send, limit)).await;
    assert_eq!(client.send_text("a").await, 0);
    running.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(client.send_text("a").await, 45009);
    running.sandbox.set_limit("main", Endpoint::Send, limit);
    assert_eq!(client.send_text("a").await, 0);
    assert_eq!(client.send_text("a").await, 45009);
    running.sandbox.move_clock(DAY);
    let client = Client::with_token(&running).await;
    assert_eq!(client.send_text("a").await, 0);
}

#[tokio::test]
async fn the_plain_endpoint_gives_2000_tokens_a_day_and_another_systems_count() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    for _ in 0..1999 {
        assert!(running.sandbox.fetch_token_elsewhere("main", Elsewhere::Plain).is_some());
    }
    assert!(client.plain().await["access_token"].is_string());
    assert_eq!(code(&client.plain().await), 45009);
    assert_eq!(running.sandbox.fetch_token_elsewhere("main", Elsewhere::Plain), None);
    assert!(client.stable(false).await["access_token"].is_string(), "the stable endpoint is another");
    running.sandbox.move_clock(DAY);
    assert!(client.plain().await["access_token"].is_string());
}

#[tokio::test]
async fn the_stable_endpoint_answers_10000_times_a_minute() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    for _ in 0..9999 {
        assert!(running.sandbox.fetch_token_elsewhere("main", Elsewhere::Stable).is_some());
    }
    assert_eq!(code(&client.stable(false).await), 45011);
    running.sandbox.move_clock(Duration::from_secs(60));
    assert_eq!(token_of(&client.stable(false).await), client.token);
}

#[tokio::test]
async fn an_address_that_is_not_on_the_list_is_told_itself_until_it_is() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.set_ip_list("main", Some(vec!["192.0.2.1".parse().unwrap()]));
    for answer in [client.stable(false).await, client.plain().await] {
        assert_eq!(code(&answer), 40164);
        let text = answer["errmsg"].as_str().unwrap();
        assert!(
            text.starts_with("invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: "),
            "{text}"
        );
    }
    let wrong = json!({"grant_type": "client_credential", "appid": "wx0123456789abcdef", "secret": "x"});
    assert_eq!(
        code(&client.stable_with(&wrong).await),
        40125,
        "who has no secret learns nothing of the list"
    );
    assert_eq!(client.send_text("a").await, 0, "a token that is there goes on working");
    running.sandbox.allow_ip("main", "127.0.0.1".parse().unwrap());
    assert!(client.stable(false).await["access_token"].is_string());
    running.sandbox.set_ip_list("main", Some(Vec::new()));
    assert_eq!(code(&client.stable(false).await), 40164);
    running.sandbox.set_ip_list("main", None);
    assert!(client.stable(false).await["access_token"].is_string());
}

#[tokio::test]
async fn an_ordered_40164_tells_the_address_too() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.faults().on_send(huixin_sandbox::Fault::Code(40164), 1);
    let answer = client.send(crate::support::text_message("a")).await;
    assert!(answer["errmsg"].as_str().unwrap().contains("127.0.0.1"), "{answer}");
}
