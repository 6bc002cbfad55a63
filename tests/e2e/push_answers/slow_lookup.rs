//! The workstation look-up of an account without the customer-service right: real processes on Redis, a service that takes
//! longer than WeChat waits. And a ready answer, which must not wait for a slower one behind it.

use std::time::Duration;

use huixin_sandbox::{CallCounts, Push, TryOutcome, What};

use super::users::{User, link_in};
use super::without_the_right;
use super::words::Ask;
use crate::harness::{Backend, Name, long};

const PLACE: &str = "[18-546]的工作台位为[车体新厂房3号]";
const USER: User = User { account: "main", number: 1 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_the_right_answers_a_slow_lookup_in_a_later_try_and_a_slower_one_after_a_tap() {
    // After all three tries of WeChat, and in the long form after those of a tap too.
    let slower = Duration::from_secs(if long() { 40 } else { 16 });
    let backend = Backend::answering(move |asked| {
        let takes = if asked.content.starts_with("?18-546") { Duration::from_secs(8) } else { slower };
        (takes, PLACE.to_owned())
    })
    .await;
    let (stack, _processes) = without_the_right("", &backend).await;
    let wechat = &stack.sandbox.sandbox;

    let report = wechat.push(Push::text("main", "oAnna", "?18-546")).await;
    let outcomes: Vec<&TryOutcome> = report.tries.iter().map(|one| &one.outcome).collect();
    let answer = TryOutcome::PassiveReply(PLACE.to_owned());
    let in_second = [&TryOutcome::Timeout, &answer];
    assert!(
        outcomes == in_second || outcomes[1..] == in_second && outcomes[0] == in_second[0],
        "{outcomes:?}"
    );

    let mut push = Push::text("main", USER.open_id(), "?40");
    let mut taps = 0;
    let last = loop {
        let report = wechat.push(push).await;
        let Some(link) = link_in(&report) else { break report };
        assert_eq!((report.tries.len(), link.content.as_str()), (3, "查看回复"), "all tries were used first");
        push = USER.taps(link);
        taps += 1;
    };
    assert_eq!(last.tries.last().map(|one| &one.outcome), Some(&answer));
    assert_eq!(taps, if long() { 2 } else { 1 });
    let texts = stack.texts_to(&USER.open_id());
    assert!(texts[..taps].iter().all(|notice| notice.starts_with("正在处理，请稍候点击：")), "{texts:?}");
    assert_eq!(wechat.calls("main"), CallCounts::default(), "nobody asks for a token");
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ready_answer_is_fetched_while_the_handler_of_a_later_message_runs() {
    let backend = Backend::saying(Ask::said_to).await;
    let (stack, mut processes) = without_the_right("unanswered = false\n", &backend).await;
    let wechat = &stack.sandbox.sandbox;
    let ask = |number, parts, takes_ms| Ask { name: Name { user: 1, number }, parts, takes_ms };

    let told = wechat.push(USER.asks(ask(0, 2, 4_500))).await;
    assert!(link_in(&told).is_some(), "the answer takes too long for its own push: {told:?}");
    let later = ask(1, 1, 600_000);
    let first = wechat.push(USER.asks(later)).await;
    let link = link_in(&first).expect("more waits");
    backend
        .wait_until("the later message", |asked| asked.iter().any(|one| one.content == later.to_string()))
        .await;
    let second = wechat.push(USER.taps(link)).await;

    let answers = [first, second].map(|report| (report.tries.len(), report.tries[0].outcome.clone()));
    let part = |n: usize, outcome: &TryOutcome| matches!(outcome, TryOutcome::PassiveReply(text) if text.starts_with(&format!("1/0 {n}/2")));
    for (n, (tries, outcome)) in (1..).zip(&answers) {
        assert!(*tries == 1 && part(n, outcome), "{answers:?}");
    }
    let entries = wechat.transcript().entries();
    let took_ms = |msg: &str| {
        entries.iter().find_map(|entry| match &entry.what {
            What::Tried { msg_id, took_ms, .. } if msg_id == msg => Some(*took_ms),
            _ => None,
        })
    };
    let tap = entries.iter().rev().find_map(|entry| entry.what.msg_id()).expect("it was the last");
    assert!(took_ms(tap).is_some_and(|ms| ms < 1_000.0), "at once: {entries:?}");
    assert_eq!(backend.requests().len(), 2, "its handler still runs");
    for process in &mut processes {
        process.kill();
    }
    stack.assert_clean().await;
}
