//! What must never be printed.

use std::time::Duration;

use huixin_sandbox::Fault;
use huixin_wechat::{Client, ClientConfig, Secret, http_client};

use crate::harness::{Setup, Stack};

const TEXT: &str = "a very private message";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_and_no_text_reaches_a_log_or_a_dead_letter() {
    let mut stack = Stack::on_redis(Setup {
        routes: "[[route]]\nreply = \"re: {{ content }}\"\n".to_owned(),
        ..Setup::default()
    })
    .await;
    for expected in ["the message is dead", "the account is paused: it can't send"] {
        stack.expect_errors(expected);
    }
    let receiver = stack.spawn("receiver", &[("HUIXIN_LOG", "debug")]);
    let worker = stack.spawn("worker", &[("HUIXIN_LOG", "debug")]);
    receiver.ready().await;
    worker.ready().await;

    // A send that is refused, one that times out, and one that a gateway answers; then WeChat is well again.
    let faults = stack.sandbox.sandbox.faults();
    faults.on_send(Fault::Code(48002), 1);
    stack.say("oRefused", TEXT).await;
    worker.wait_for_log("the message is dead").await;
    faults.on_send(Fault::Hang, 1);
    stack.say("oTimedOut", TEXT).await;
    stack.wait_for_sends("oTimedOut", 1).await;
    faults.on_send(Fault::Status(502), 1);
    stack.say("oGateway", TEXT).await;
    stack.wait_for_sends("oGateway", 1).await;
    stack.wait_until_empty().await;
    // And a token that can't be fetched.
    faults.on_token(Fault::Code(40164), 1);
    stack.sandbox.sandbox.revoke_token("main");
    stack.say("oNoToken", TEXT).await;
    worker.wait_for_log("40164").await;

    let account = &stack.sandbox.sandbox.config().accounts[0];
    let config = ClientConfig {
        app_id: account.app_id.clone(),
        app_secret: Secret::from(account.app_secret.as_str()),
        api_base: stack.sandbox.base_url.clone(),
        timeout: Duration::from_secs(5),
        http: http_client().expect("a client can be made"),
    };
    // The pretend WeChat gives the same token to all who ask, as the real one does.
    let access_token = Client::new(config).token().await.expect("there is a token").expose().to_owned();
    let dead = stack.dead().await;
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("48002"), "{}", dead[0].reason);
    let logs = stack.all_logs();
    assert!(
        logs.contains("48002") && logs.contains("it is not known whether"),
        "the failures were logged: {logs}"
    );
    let printed = format!("{logs}{:?}", dead.iter().map(|letter| &letter.reason).collect::<Vec<_>>());
    for (what, secret) in [
        ("access token", access_token.as_str()),
        ("AppSecret", &account.app_secret),
        ("token", &account.token),
        ("text", TEXT),
    ] {
        assert!(!printed.contains(secret), "the {what} was printed");
    }
    assert!(!printed.contains("oTimedOut"), "OpenIDs are shortened");
    stack.end_with_dead().await;
}
