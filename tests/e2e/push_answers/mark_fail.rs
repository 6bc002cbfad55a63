//! MarkFail: many users write to a slow route at once. Tries that are left unanswered count against the account, and with too many
//! of them WeChat stops its pushes. The budget keeps it below that; without a budget the same users bring it about.

use std::time::Duration;

use futures::future::join_all;
use huixin_sandbox::{CallCounts, Sandbox, TryOutcome, What};

use super::checker::{Facts, judge};
use super::users::User;
use super::without_the_right;
use super::words::Ask;
use crate::harness::{Backend, Name, PATIENCE};

const USERS: usize = 200;
/// Longer than one push is kept open, and than two.
const TAKES_MS: u64 = 9_000;
/// The default of `unanswered`.
const BUDGET: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_users_of_a_slow_route_are_all_answered_and_the_account_is_never_muted() {
    let backend = Backend::saying(Ask::said_to).await;
    let (stack, _processes) = without_the_right("", &backend).await;
    let wechat = &stack.sandbox.sandbox;
    all_write(wechat).await;

    let entries = wechat.transcript().entries();
    let verdict = judge(entries.iter().map(AsRef::as_ref), &Facts::default());
    println!("{verdict}");
    verdict.assert_right();
    let count = |what: fn(&What) -> bool| entries.iter().filter(|entry| what(&entry.what)).count();
    assert_eq!(
        count(|what| matches!(what, What::Alarmed { .. } | What::Stopped { .. } | What::Withheld { .. })),
        0
    );
    let unanswered = count(|what| matches!(what, What::Tried { outcome: TryOutcome::Timeout, .. }));
    assert!((1..=BUDGET).contains(&unanswered), "{unanswered} tries were left unanswered");
    assert_eq!((verdict.shown, wechat.calls("main")), (USERS, CallCounts::default()), "all by response");
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_budget_the_same_users_mute_the_account() {
    let backend = Backend::saying(Ask::said_to).await;
    let (stack, _processes) = without_the_right("unanswered = \"1000000/5m\"\n", &backend).await;
    let wechat = &stack.sandbox.sandbox;
    let is_stop = |entry: &huixin_sandbox::TranscriptEntry| matches!(entry.what, What::Stopped { .. });
    let muted = wechat.transcript().wait_for_matches(is_stop, 1, PATIENCE);
    tokio::select! {
        muted = muted => drop(muted.unwrap_or_else(|error| panic!("{error}"))),
        () = all_write(wechat) => panic!("all were answered"),
    }
    stack.assert_clean().await;
}

/// All write within two seconds, and follow the notices. At the very same moment they would test the machine.
async fn all_write(wechat: &Sandbox) {
    let writes = async |number| {
        tokio::time::sleep(Duration::from_millis(10) * u32::try_from(number).unwrap_or_default()).await;
        let user = User { account: "main", number };
        let ask = Ask { name: Name { user: number, number: 0 }, parts: 1, takes_ms: TAKES_MS };
        user.insists(wechat, user.asks(ask)).await
    };
    join_all((0..USERS).map(writes)).await;
}
