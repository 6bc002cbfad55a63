//! Answers that come too late for WeChat: it is asked once and they are held; if nobody is left to get them, they are
//! dead.
//!
//! The pretend WeChat's clock is moved, so that it refuses what is late, and its transcript shows how often it was asked.
//! Workers judge by the machine's clock and by when a message arrived, so what is late is put into the queue with an earlier
//! time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_queue::{Class, Lane, MessageId, NewMessage};
use huixin_sandbox::{Push, TryOutcome, What};
use huixin_wechat::Trigger;
use huixin_worker::{Payload, Rights};

use crate::harness::{Backend, PATIENCE, Process, Setup, Stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_that_is_answered_after_65_seconds_waits_for_the_users_next_message() {
    let backend = Backend::start(Duration::from_millis(300)).await;
    let (stack, processes) = installation(&backend).await;
    follow(&stack, "oAnna").await;
    stack.sandbox.sandbox.move_clock(Duration::from_secs(65));
    taken_before(&stack, 65, Trigger::Click, Push::click("main", "oAnna", "today")).await;
    held(&stack, 1).await;
    assert_eq!((stack.texts_to("oAnna").len(), backend.requests().len()), (0, 1));
    stack.say("oAnna", "hello").await;
    stack.wait_for_sends("oAnna", 2).await;
    assert_eq!(stack.texts_to("oAnna"), ["answer to", "answer to hello"]);
    in_the_end(stack, processes, &backend, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_answered_after_its_48_hours_waits_for_the_users_next_message() {
    let backend = Backend::start(Duration::from_millis(300)).await;
    let (stack, processes) = installation(&backend).await;
    stack.say("oAnna", "hello").await;
    stack.wait_for_sends("oAnna", 1).await;
    let late = 48 * 3600 + 60;
    stack.sandbox.sandbox.move_clock(Duration::from_secs(late));
    taken_before(&stack, late, Trigger::Message, Push::text("main", "oAnna", "long ago")).await;
    held(&stack, 1).await;
    assert_eq!(stack.texts_to("oAnna"), ["answer to hello"]);
    stack.say("oAnna", "well?").await;
    stack.wait_for_sends("oAnna", 3).await;
    assert_eq!(stack.texts_to("oAnna"), ["answer to hello", "answer to long ago", "answer to well?"]);
    in_the_end(stack, processes, &backend, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_somebody_who_has_unsubscribed_is_dead_unsent() {
    let backend = Backend::start(Duration::from_millis(500)).await;
    let (mut stack, processes) = installation(&backend).await;
    stack.expect_errors("the message is dead");
    // One leaves while the question is answered, the other while an answer is held.
    stack.say("oBen", "still there?").await;
    backend.wait_for_requests(1).await;
    push(&stack, Push::unsubscribe("main", "oBen")).await;
    follow(&stack, "oAnna").await;
    stack.sandbox.sandbox.move_clock(Duration::from_secs(65));
    taken_before(&stack, 65, Trigger::Click, Push::click("main", "oAnna", "today")).await;
    held(&stack, 1).await;
    push(&stack, Push::unsubscribe("main", "oAnna")).await;
    stack.wait_until_empty().await;

    let mut reasons: Vec<_> =
        stack.dead().await.into_iter().map(|letter| (letter.lane.to_string(), letter.reason)).collect();
    reasons.sort();
    let [(anna, of_anna), (ben, of_ben)] = &reasons[..] else { panic!("two are dead: {reasons:?}") };
    assert_eq!(
        (&anna[..], &ben[..], &of_ben[..]),
        ("main/oAnna", "main/oBen", "route `backend`: the user has unsubscribed")
    );
    assert!(of_anna.contains("ended the right to answer"), "{of_anna}");
    assert_eq!(refusals(&stack), [45015], "it was asked once");
    assert_eq!(backend.requests().len(), 2);
    drop(processes);
    stack.end_with_dead().await;
}

/// One that asks the service about clicks too.
async fn installation(backend: &Backend) -> (Stack, Vec<Process>) {
    let clicks = format!(
        "[[route]]\nname = \"menu\"\nmatch = {{ event = \"CLICK\" }}\nhttp = {{ url = \"{}\" }}\n",
        backend.url
    );
    let mut stack = Stack::on_redis(Setup { routes: clicks + &backend.route(), ..Setup::default() }).await;
    let processes = vec![stack.role("receiver").await, stack.role("worker").await];
    (stack, processes)
}

/// Puts a push into the queue that a receiver took `late` seconds ago and nobody has answered since.
async fn taken_before(stack: &Stack, late: u64, trigger: Trigger, push: Push) {
    let body = push.created_at(ago(late)).body("gh_sandbox_main");
    let payload = Payload { account: "main".to_owned(), trigger, body: body.into() };
    let message = NewMessage {
        id: MessageId::new("the-one-of-long-ago").expect("it is an id"),
        lane: Lane::new("main/oAnna").expect("it is a lane"),
        class: Class::new("main").expect("it is a class"),
        payload: payload.encode(),
        arrived_us: u64::try_from(ago(late)).expect("it is after 1970") * 1_000_000,
        not_after: None,
        held: Rights::default().effect(trigger, ago(late), SystemTime::now() - Duration::from_secs(late)),
        late: false,
        dead_reason: None,
    };
    stack.queue().accept(message).await.expect("the queue answers");
}

/// The Unix time this many seconds ago.
fn ago(seconds: u64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs() - seconds).unwrap_or_default()
}

/// WeChat knows them from then on.
async fn follow(stack: &Stack, user: &str) {
    push(stack, Push::subscribe("main", user, None)).await;
    stack.wait_until_empty().await;
}

async fn push(stack: &Stack, push: Push) {
    assert_eq!(stack.sandbox.sandbox.push_once(&push).await.outcome, TryOutcome::Acked);
}

/// Waits until `count` messages are held and nothing else is open.
async fn held(stack: &Stack, count: u64) {
    let queue = stack.queue();
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let counts = queue.counts().await.expect("the queue answers");
        if (counts.open_total(), counts.held) == (count, count) {
            return;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "{count} are not held: {counts:?}, dead: {:?}",
            stack.dead().await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What WeChat has refused, except for a token that expired with the moved clock: such a send is made again at once.
fn refusals(stack: &Stack) -> Vec<i64> {
    let entries = stack.sandbox.sandbox.transcript().entries();
    let code = |what: &What| if let What::Refused { code, .. } = what { Some(*code) } else { None };
    entries.iter().filter_map(|entry| code(&entry.what)).filter(|code| *code != 42001).collect()
}

async fn in_the_end(stack: Stack, processes: Vec<Process>, backend: &Backend, asked: usize) {
    stack.wait_until_empty().await;
    assert_eq!(refusals(&stack), [45015], "it was asked once");
    assert_eq!(backend.requests().len(), asked, "the service is asked once about each");
    drop(processes);
    stack.end().await;
}
