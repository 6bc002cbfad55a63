//! WeChat refuses, breaks off or is away: what becomes of the answer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_queue::LaneState;
use huixin_queue::testing::Settling as _;
use huixin_sandbox::{Fault, Push};
use huixin_worker::handlers::ReplyHandler;
use huixin_worker::{Outcome, Route, Worker};

use crate::support::{Engine, Gate, Left, Stage, act, assert_texts, echo, eventually, on_both_engines, text};

on_both_engines! {
    a_send_that_wechat_is_too_busy_for_is_made_again_without_the_handler
    an_answer_that_could_not_be_sent_goes_out_when_wechat_is_back
}

async fn a_send_that_wechat_is_too_busy_for_is_made_again_without_the_handler(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    stage.sandbox.faults().on_send(Fault::Code(-1), 1);
    stage.start([echo(&runs)]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.rest().await;
    assert_eq!((stage.refusals(&user), stage.sent_to(&user)), (vec![-1], 1));
    // Refused for certain: nothing about it is unsure.
    assert_eq!((runs.came(), stage.unsure(), stage.ended("retried")), (1, 0, 1));
    stage.finish().await;
}

#[tokio::test]
async fn sends_that_fail_as_often_as_the_route_allows_end_in_the_failure_reply_and_a_dead_letter() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    stage.sandbox.faults().on_send(Fault::Code(-1), 2);
    stage.start([echo(&runs).attempts(2).failure_reply("sorry")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
    stage.dead(1).await;
    assert_eq!((stage.refusals(&user), runs.came(), stage.sent_to(&user)), (vec![-1, -1], 1, 1));
    stage.finish_with(Left { dead: &["part 1 of 1: WeChat refused with -1"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_fixed_reply_that_fails_as_often_as_the_route_allows_is_dead_too() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    stage.sandbox.faults().on_send(Fault::Code(-1), 2);
    let reply = ReplyHandler::new(&serde_json::json!("welcome")).expect("it is a reply");
    stage.start([Route::new("welcome", reply).attempts(2).failure_reply("sorry")]);
    stage.say(&anna, "hello").await;
    assert_texts(&stage.texts(&anna, 1).await, &["sorry"]);
    stage.say(&ben, "hello").await;
    assert_texts(&stage.texts(&ben, 1).await, &["welcome"]);
    stage.dead(1).await;
    assert_eq!((stage.refusals(&anna), stage.sent_to(&anna)), (vec![-1, -1], 1));
    stage.finish_with(Left { dead: &["part 1 of 1: WeChat refused with -1"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_token_that_wechat_no_longer_takes_is_fetched_once_and_costs_no_attempt() {
    for (code, spoil) in [
        (42001, huixin_sandbox::Sandbox::expire_token as fn(&huixin_sandbox::Sandbox, &str)),
        (40001, huixin_sandbox::Sandbox::revoke_token),
    ] {
        let mut stage = Stage::on(Engine::Sqlite).await;
        let (user, runs) = (stage.user("anna"), Gate::opened());
        stage.start([echo(&runs)]);
        stage.say(&user, "before").await;
        stage.texts(&user, 1).await;
        stage.open(0).await;
        let issued = stage.sandbox.tokens_issued(stage.account());
        spoil(&stage.sandbox, stage.account());
        stage.say(&user, "after").await;
        assert_texts(&stage.texts(&user, 2).await, &["before", "after"]);
        stage.rest().await;
        assert_eq!(stage.refusals(&user), [code]);
        assert_eq!(stage.sandbox.tokens_issued(stage.account()), issued + 1);
        assert_eq!((stage.ended("retried"), stage.ended("answered"), runs.came()), (0, 2, 2));
        stage.finish().await;
    }
}

#[tokio::test]
async fn an_answer_to_somebody_whom_wechat_does_not_know_is_dead_and_not_tried_again() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("stranger"), Gate::opened());
    stage.start([echo(&runs)]);
    stage.accept(&Push::text(stage.account(), user.as_str(), "hello")).await;
    stage.dead(1).await;
    assert_eq!((stage.refusals(&user), stage.sent_to(&user), runs.came()), (vec![40003], 0, 1));
    let dead = &["part 1 of 1: WeChat refused with 40003"];
    stage.finish_with(Left { dead, ..Left::default() }).await;
}

#[tokio::test]
async fn trouble_of_the_account_snoozes_the_message_and_is_logged_as_an_error_with_the_accounts_name() {
    for code in [48001, 45009, 50002] {
        let mut stage = Stage::on(Engine::Sqlite).await;
        let (user, runs) = (stage.user("anna"), Gate::opened());
        stage.sandbox.faults().on_send(Fault::Code(code), 1);
        stage.start([echo(&runs).attempts(1).failure_reply("never said")]);
        stage.say(&user, "hello").await;
        let lane = stage.put_off(&user, &format!("WeChat refused with {code}")).await;
        assert!(matches!(lane.state, LaneState::Delayed { .. }), "{lane:?}");
        eventually("it has left the worker", async || (stage.ended("snoozed") == 1).then_some(())).await;
        let log = stage.log();
        let said = |line: &&String| {
            line.contains("ERROR")
                && line.contains("the account is paused")
                && line.contains(&code.to_string())
        };
        assert_eq!(log.iter().filter(said).count(), 1, "{log:?}");
        assert_eq!((stage.refusals(&user), stage.ended("retried"), runs.came()), (vec![code], 0, 1));
        stage.finish_with(Left { open: 1, ..Left::default() }).await;
    }
}

#[tokio::test]
async fn a_wrong_app_secret_snoozes_the_message_and_is_shown_to_nobody() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    let wrong = format!("wrong-secret-{:016x}", rand::random::<u64>());
    let client = stage.client_with(&wrong, Duration::from_secs(10));
    let worker = Worker::new(stage.queue.clone(), stage.settings()).account(stage.account(), client);
    stage.start_this(worker.route(echo(&runs)));
    stage.say(&user, "hello").await;
    let lane = stage.put_off(&user, "40125").await;
    assert!(!lane.last_error.unwrap().contains(&wrong));
    assert_eq!(stage.logged(&wrong), Vec::<String>::new());
    assert!(
        stage.log().iter().any(|line| line.contains("ERROR") && line.contains("40125")),
        "{:?}",
        stage.log()
    );
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}

#[tokio::test]
async fn a_send_of_which_nobody_knows_the_end_is_made_again_and_counted() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let runs = Gate::opened();
    let client = stage.client_with(&format!("sandbox-secret-of-{}", stage.account()), Duration::from_secs(2));
    let worker = Worker::new(stage.queue.clone(), stage.settings()).account(stage.account(), client);
    stage.start_this(worker.route(echo(&runs)));
    let rows = [(Fault::Cut, 1), (Fault::CutAfterAccept, 2), (Fault::Status(502), 1), (Fault::Hang, 1)];
    for (n, (fault, times)) in rows.iter().enumerate() {
        let user = stage.user("row");
        stage.sandbox.faults().on_send(fault.clone(), 1);
        stage.say(&user, "hello").await;
        stage.open(0).await;
        assert_texts(&stage.texts(&user, *times).await, &["hello", "hello"][..*times]);
        assert_eq!(
            (stage.sent_to(&user), stage.unsure(), runs.came()),
            (*times, n as u64 + 1, n + 1),
            "{fault:?}"
        );
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_send_that_wechat_has_seen_before_counts_as_sent() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.sandbox.faults().on_send(Fault::Code(44007), 1);
    stage.start([Route::new("two", act(async |_, _| Outcome::Reply(["one", "two"].map(text).into())))]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["two"]);
    stage.rest().await;
    assert_eq!((stage.refusals(&user), stage.ended("answered")), (vec![44007], 1));
    stage.finish().await;
}

async fn an_answer_that_could_not_be_sent_goes_out_when_wechat_is_back(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    // As few attempts as there can be: none may be used.
    stage.start([echo(&runs).attempts(1)]);
    stage.say(&user, "before").await;
    stage.texts(&user, 1).await;
    stage.open(0).await;
    stage.wechat_leaves().await;
    stage.say(&user, "after").await;
    stage.put_off(&user, "nothing was sent to WeChat").await;
    stage.wechat_returns().await;
    assert_texts(&stage.texts(&user, 2).await, &["before", "after"]);
    stage.rest().await;
    assert_eq!((runs.came(), stage.sent_to(&user), stage.ended("retried"), stage.unsure()), (2, 2, 0, 0));
    assert!(stage.ended("snoozed") >= 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_token_that_cannot_be_fetched_uses_no_attempt() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    stage.sandbox.faults().on_token(Fault::Status(502), 1);
    stage.start([echo(&runs).attempts(1)]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.rest().await;
    assert_eq!((runs.came(), stage.ended("snoozed"), stage.unsure()), (1, 1, 0));
    stage.finish().await;
}

#[tokio::test]
async fn what_a_message_waited_for_before_its_answer_does_not_prolong_the_first_wait_for_wechat() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.say(&user, "hello").await;
    let mut call = 0;
    for _ in 0..9 {
        let taken = eventually("it comes again", async || {
            call += 1;
            stage.queue.take(&stage.request(call)).await.unwrap().messages.pop()
        });
        let lease = taken.await.lease;
        stage.queue.snooze(&lease, Duration::from_millis(1), "its route is full").await.unwrap();
    }
    stage.wechat_leaves().await;
    stage.start([echo(&Gate::opened())]);
    let LaneState::Delayed { due_us } = stage.put_off(&user, "part 1 of 1").await.state else {
        panic!("it is put off")
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let wait = Duration::from_micros(due_us).saturating_sub(now);
    assert!(wait <= Duration::from_secs(1), "as after the first failure: {wait:?}");
    stage.wechat_returns().await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.finish().await;
}
