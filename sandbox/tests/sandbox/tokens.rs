use std::time::Duration;

use huixin_sandbox::{Elsewhere, SandboxAccount, SandboxConfig};
use serde_json::json;

use crate::support::{Client, code, start_with_user, token_of};

#[tokio::test]
async fn the_stable_endpoint_gives_the_same_token_while_it_is_valid() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let again = client.stable(false).await;
    assert_eq!(token_of(&again), client.token);
    let left = again["expires_in"].as_u64().unwrap();
    assert!((7000..=7200).contains(&left), "{left}");
    assert_eq!(running.sandbox.tokens_issued("main"), 2);
}

#[tokio::test]
async fn a_forced_token_kills_the_one_before_and_can_not_be_forced_again_at_once() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    let forced = token_of(&client.stable(true).await);
    assert_ne!(forced, client.token);
    assert_eq!(client.send_text("a").await, 40001);
    assert_eq!(token_of(&client.stable(true).await), forced);
}

#[tokio::test]
async fn the_plain_endpoint_gives_a_new_token_and_the_old_one_works_on_for_the_overlap() {
    let (_running, mut client) = start_with_user(SandboxConfig::default()).await;
    let first = token_of(&client.plain().await);
    let second = token_of(&client.plain().await);
    assert_ne!(first, second);
    for token in [&first, &second] {
        client.token.clone_from(token);
        assert_eq!(client.send_text("a").await, 0);
    }
    let third = token_of(&client.plain().await);
    client.token = first;
    assert_eq!(client.send_text("a").await, 40001, "only one replaced token works on");
    client.token = third;
    assert_eq!(client.send_text("a").await, 0);
}

#[tokio::test]
async fn a_replaced_token_is_unknown_after_the_overlap() {
    let config = SandboxConfig { token_overlap: Duration::ZERO, ..SandboxConfig::default() };
    let (_running, mut client) = start_with_user(config).await;
    client.token = token_of(&client.plain().await);
    client.plain().await;
    assert_eq!(client.send_text("a").await, 40001);
}

#[tokio::test]
async fn a_token_whose_time_is_up_is_expired() {
    let config = SandboxConfig { token_lifetime: Duration::ZERO, ..SandboxConfig::default() };
    let (_running, client) = start_with_user(config).await;
    assert_eq!(client.send_text("a").await, 42001);
}

#[tokio::test]
async fn the_endpoints_are_isolated() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    for _ in 0..3 {
        client.plain().await;
    }
    assert_eq!(client.send_text("a").await, 0);
    let plain = Client {
        token: token_of(&client.plain().await),
        http: client.http.clone(),
        base: client.base.clone(),
    };
    client.stable(true).await;
    assert_eq!(plain.send_text("a").await, 0);
}

#[tokio::test]
async fn expiring_gives_42001_and_revoking_40001_and_a_new_token_mends_both() {
    let (running, mut client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.expire_token("main");
    assert_eq!(client.send_text("a").await, 42001);
    client.token = token_of(&client.stable(false).await);
    assert_eq!(client.send_text("a").await, 0);
    running.sandbox.revoke_token("main");
    assert_eq!(client.send_text("a").await, 40001);
    client.token = token_of(&client.stable(false).await);
    assert_eq!(client.send_text("a").await, 0);
}

#[tokio::test]
async fn each_mistake_at_the_token_endpoints_has_its_error_code() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    let account = SandboxAccount::named("main");
    let (id, secret) = (account.app_id.as_str(), account.app_secret.as_str());
    let cases = [
        (40002, json!({"appid": id, "secret": secret})),
        (40002, json!({"grant_type": "password", "appid": id, "secret": secret})),
        (41002, json!({"grant_type": "client_credential", "secret": secret})),
        (41004, json!({"grant_type": "client_credential", "appid": id})),
        (40013, json!({"grant_type": "client_credential", "appid": "wxother", "secret": secret})),
        (40125, json!({"grant_type": "client_credential", "appid": id, "secret": "other"})),
    ];
    for (expected, body) in cases {
        assert_eq!(code(&client.stable_with(&body).await), expected, "{body}");
        let query: Vec<String> = body
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        let plain = client.http.get(format!("{}cgi-bin/token?{}", client.base, query.join("&")));
        assert_eq!(code(&plain.send().await.unwrap().json().await.unwrap()), expected, "{body}");
    }
    let get = client.http.get(format!("{}cgi-bin/stable_token", client.base)).send().await.unwrap();
    assert_eq!(code(&get.json().await.unwrap()), 43002);
    let empty = client.http.post(format!("{}cgi-bin/stable_token", client.base)).send().await.unwrap();
    assert_eq!(code(&empty.json().await.unwrap()), 44002);
}

#[tokio::test]
async fn another_systems_plain_token_leaves_the_stable_one_alone_and_a_forced_one_kills_it() {
    let (running, mut client) = start_with_user(SandboxConfig::default()).await;
    let plain = running.sandbox.fetch_token_elsewhere("main", Elsewhere::Plain).unwrap();
    let same = running.sandbox.fetch_token_elsewhere("main", Elsewhere::Stable).unwrap();
    assert_eq!(same, client.token);
    assert_eq!(client.send_text("a").await, 0);
    let forced = running.sandbox.fetch_token_elsewhere("main", Elsewhere::Forced).unwrap();
    assert_eq!(client.send_text("a").await, 40001);
    assert_eq!(token_of(&client.stable(false).await), forced, "asking again gives the other system's");
    for token in [plain, forced] {
        client.token = token;
        assert_eq!(client.send_text("a").await, 0);
    }
}

#[tokio::test]
async fn token_calls_are_counted_by_endpoint() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    client.stable(true).await;
    client.plain().await;
    running.sandbox.faults().on_token(huixin_sandbox::Fault::Code(-1), 1);
    client.stable(false).await;
    running.sandbox.fetch_token_elsewhere("main", Elsewhere::Plain);
    let calls = running.sandbox.calls("main");
    assert_eq!((calls.stable_token.calls, calls.stable_token.refused, calls.forced), (3, 1, 1));
    assert_eq!((calls.token.calls, calls.token.refused), (1, 0));
    assert_eq!((calls.issued, running.sandbox.tokens_issued("main")), (3, 3));
}

#[tokio::test]
async fn a_token_lives_two_hours_of_the_sandboxs_clock() {
    let (running, mut client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.move_clock(Duration::from_secs(7100));
    client.token = token_of(&client.stable(false).await);
    running.sandbox.move_clock(Duration::from_secs(7199));
    assert_eq!(client.send_text("a").await, 0);
    running.sandbox.move_clock(Duration::from_secs(1));
    assert_eq!(client.send_text("a").await, 42001);
}
