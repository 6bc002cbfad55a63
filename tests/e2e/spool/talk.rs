//! Users who talk at a steady rate, whatever happens to the servers.

use std::time::{Duration, Instant};

use huixin_sandbox::{Push, TryOutcome};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::harness::{Process, Stack};

/// What was said, and what became of it.
pub(super) struct Said {
    pub(super) user: String,
    pub(super) text: String,
    pub(super) began: Instant,
    pub(super) took: Duration,
    pub(super) outcome: TryOutcome,
}

/// `users` people talk, `rate` messages a second in all, for as long as it takes. Each push is made once. A user waits for
/// the ack before the next one, since nobody could tell the order of two that are under way at once; the others don't.
pub(super) async fn talk(stack: &Stack, what: &str, users: u32, rate: u32, lasting: Duration) -> Vec<Said> {
    let mut talking = JoinSet::new();
    let pause = Duration::from_secs(1) * users / rate;
    let each = lasting.as_millis() / pause.as_millis();
    for user in 0..users {
        let (sandbox, what) = (stack.sandbox.sandbox.clone(), what.to_owned());
        let first = tokio::time::Instant::now() + pause * user / users;
        talking.spawn(async move {
            let (user, mut said) = (format!("oUser{user}"), Vec::new());
            let mut ticks = tokio::time::interval_at(first, pause);
            for n in 0..each {
                ticks.tick().await;
                let text = format!("{what} {n}");
                let push = Push::text("main", user.as_str(), text.as_str());
                let began = Instant::now();
                let outcome = sandbox.push_once(&push).await.outcome;
                said.push(Said { user: user.clone(), text, began, took: began.elapsed(), outcome });
            }
            said
        });
    }
    talking.join_all().await.into_iter().flatten().collect()
}

/// That each was answered once, and each user's in their order.
pub(super) fn assert_answered(stack: &Stack, said: &[Said]) {
    let mut users: Vec<_> = said.iter().map(|said| said.user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    for user in users {
        let texts = said.iter().filter(|said| said.user == user).map(|said| format!("re: {}", said.text));
        assert_eq!(stack.texts_to(user), texts.collect::<Vec<_>>(), "{user}: each once, in order");
    }
}

/// The longest except for one in a hundred.
pub(super) fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() * 99 / 100).copied().unwrap_or_default()
}

/// What `/readyz` says.
pub(super) async fn readyz(process: &Process) -> (u16, Value) {
    let url = format!("{}readyz", process.url_after("health and metrics are served url=").await);
    let client = huixin_wechat::http_client().expect("a client can be made");
    let answer = client.get(&url).send().await.expect("the admin listener answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("it is JSON"))
}

/// Waits until everything is in the queue and confirmed there.
pub(super) async fn wait_until_empty(process: &Process) {
    let deadline = Instant::now() + crate::harness::PATIENCE;
    loop {
        let (_, report) = readyz(process).await;
        if report["spool"]["state"] == "idle" && report["spool"]["entries"] == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "the spool is not drained: {report}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
