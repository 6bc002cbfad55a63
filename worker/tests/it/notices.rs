//! What a user sees while a handler is slow.

use std::time::Duration;

use huixin_sandbox::{Opener, Push, SendWindow, What};
use huixin_worker::{Account, Condition, Outcome, Route, SendRate, TriggerRight, Worker};

use crate::support::{Engine, Gate, Left, Stage, act, assert_texts, eventually, on_both_engines};

on_both_engines! {
    a_slow_handler_is_announced_once_and_its_answer_comes_after
    whose_click_is_not_answered_in_time_is_told_before_the_time_to_answer_ends
    a_failure_after_the_last_call_is_told_who_has_written_since
    who_has_had_a_notice_is_told_before_a_wait_that_no_last_call_outlasts
}

/// Handlers that wait until they are let go on.
fn slow(gate: &Gate, outcome: Outcome) -> Route {
    let gate = gate.clone();
    let run = move |_, _| {
        let (gate, outcome) = (gate.clone(), outcome.clone());
        async move {
            gate.pass().await;
            outcome
        }
    };
    Route::new("slow", act(run))
}

/// What was shown to the user about typing, on or off.
fn typing(stage: &Stage, user: &str) -> Vec<bool> {
    let entries = stage.sandbox.transcript().entries();
    let of_user = entries.iter().filter(|entry| entry.user == user);
    of_user.filter_map(|entry| if let What::Typing { on } = entry.what { Some(on) } else { None }).collect()
}

async fn a_slow_handler_is_announced_once_and_its_answer_comes_after(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    stage.start([slow(&gate, Outcome::text("answer")).notice(Duration::from_millis(200), "please wait")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["please wait"]);
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 2).await, &["please wait", "answer"]);
    stage.rest().await;
    assert_eq!((stage.unsure(), stage.counted("huixin_worker_notices_total", "")), (0, 1));
    stage.finish().await;
}

#[tokio::test]
async fn a_fast_handler_is_not_announced() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::opened());
    stage.start([slow(&gate, Outcome::text("answer")).notice(Duration::from_millis(500), "please wait")]);
    stage.say(&user, "hello").await;
    stage.rest().await;
    assert_texts(&stage.texts(&user, 1).await, &["answer"]);
    assert_eq!(typing(&stage, &user), Vec::<bool>::new());
    stage.finish().await;
}

#[tokio::test]
async fn an_attempt_after_the_first_does_not_announce_again() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, witness, gate) = (stage.user("anna"), stage.user("witness"), Gate::closed());
    let passed = gate.clone();
    let run = move |_, context: huixin_worker::Context| {
        let gate = passed.clone();
        async move {
            gate.pass().await;
            match context.attempt {
                1 => Outcome::Retry { after: Some(Duration::from_millis(100)), reason: "once more".into() },
                _ => Outcome::text("answer"),
            }
        }
    };
    let route = Route::new("twice", act(run)).when_text("^hello$".parse().unwrap());
    let other = Gate::closed();
    let notice = Duration::from_millis(100);
    stage.start([
        route.notice(notice, "please wait"),
        slow(&other, Outcome::text("seen")).notice(notice, "please wait"),
    ]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["please wait"]);
    gate.open_for(1);
    gate.until_came(2).await;
    // The event says who comes later, so the time of the second attempt's notice is over.
    stage.say(&witness, "look").await;
    assert_texts(&stage.texts(&witness, 1).await, &["please wait"]);
    gate.open_for(1);
    other.open_for(1);
    assert_texts(&stage.texts(&user, 2).await, &["please wait", "answer"]);
    stage.rest().await;
    assert_eq!(stage.sent_to(&user), 2);
    stage.finish().await;
}

#[tokio::test]
async fn the_last_send_of_a_message_is_left_for_its_answer() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, witness) = (stage.user("anna"), stage.user("witness"));
    let (gate, other) = (Gate::closed(), Gate::closed());
    let mut settings = stage.settings();
    settings.rights.message.sends = 1;
    let notice = Duration::from_millis(50);
    let clicks = Condition { event: Some("CLICK".into()), ..Condition::default() };
    let route = slow(&gate, Outcome::text("answer")).notice(notice, "never said");
    let clicked = slow(&other, Outcome::text("seen")).notice(notice, "please wait").when(clicks);
    stage.start_with(settings, [route, clicked]);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    // What comes later and has sends left is announced, so the time of the other's notice is over.
    stage.push(Push::click(stage.account(), witness.as_str(), "K")).await;
    assert_texts(&stage.texts(&witness, 1).await, &["please wait"]);
    gate.open_for(1);
    other.open_for(1);
    assert_texts(&stage.texts(&user, 1).await, &["answer"]);
    stage.rest().await;
    assert_eq!(stage.sent_to(&user), 1);
    stage.finish().await;
}

#[tokio::test]
async fn typing_is_shown_while_a_handler_is_slow_and_ended_when_nothing_is_said() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (silent, talks) = (stage.user("silent"), stage.user("talks"));
    let (gate, without) = (Gate::closed(), Gate::closed());
    stage.start([
        slow(&without, Outcome::text("answer")).when_text("^without$".parse().unwrap()).typing(false),
        slow(&gate, Outcome::NoReply),
    ]);
    stage.say(&talks, "without").await;
    without.until_came(1).await;
    stage.say(&silent, "hello").await;
    eventually("typing is shown", async || (typing(&stage, &silent) == [true]).then_some(())).await;
    // It began before, so its time is over.
    without.open_for(1);
    assert_texts(&stage.texts(&talks, 1).await, &["answer"]);
    gate.open_for(1);
    eventually("typing is ended", async || (typing(&stage, &silent) == [true, false]).then_some(())).await;
    stage.rest().await;
    assert_eq!(typing(&stage, &talks), Vec::<bool>::new());
    stage.finish().await;
}

/// A tap can be answered for so long, by WeChat and by us: the last call is half a second after it.
const TAP: Duration = Duration::from_millis(5_500);

/// Routes for a tap on each of these buttons, the handler of each waiting at the gate.
fn taps(gate: &Gate, keys: &[&str]) -> Vec<Route> {
    let route = |key: &&str| {
        let condition =
            Condition { event: Some("CLICK".into()), event_key: Some((*key).into()), ..Condition::default() };
        let route = slow(gate, Outcome::text("answer")).when(condition);
        match *key {
            "notice" => route.notice(Duration::from_secs(60), "please wait").failure_reply("never said"),
            "failure" => route.failure_reply("sorry"),
            "lost" => route.hold_for(Duration::ZERO),
            _ => route,
        }
    };
    keys.iter().map(route).collect()
}

async fn whose_click_is_not_answered_in_time_is_told_before_the_time_to_answer_ends(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    stage.rights.click = TriggerRight { sends: 3, window: TAP };
    stage.sandbox.set_window(stage.account(), Opener::Click, SendWindow { sends: 3, lasts: TAP });
    let (gate, keys) = (Gate::closed(), ["notice", "failure", "bare", "lost", "acted"]);
    let mut routes = taps(&gate, &keys);
    routes.push(Route::new("echo", act(async |content, _| Outcome::text(content))));
    stage.start(routes);
    let users = keys.map(|key| stage.user(key));
    for (user, key) in users.iter().zip(keys) {
        stage.push(Push::click(stage.account(), user.as_str(), key)).await;
    }
    gate.until_came(5).await;
    // This one can be answered for 48 hours now.
    stage.say(&users[4], "hello").await;
    let expected = [
        "please wait",
        "sorry",
        "还在处理中，暂时没有结果。请稍后再发一条消息，届时会把结果发给您。",
        "处理时间过长，暂时没有结果。请稍后再试一次。",
    ];
    for (user, expected) in users.iter().zip(expected) {
        assert_texts(&stage.texts(user, 1).await, &[expected]);
    }
    tokio::time::sleep(TAP).await;
    gate.open_for(5);
    stage.held(3).await;
    assert_texts(&stage.texts(&users[4], 2).await, &["answer", "hello"]);
    stage.say(&users[2], "well?").await;
    assert_texts(&stage.texts(&users[2], 3).await, &[expected[2], "answer", "well?"]);
    let dead = &["45015"];
    stage.finish_with(Left { open: 2, dead }).await;
}

/// A tap's stage, by WeChat and by us.
async fn tapping(engine: Engine) -> Stage {
    let mut stage = Stage::on(engine).await;
    stage.rights.click = TriggerRight { sends: 3, window: TAP };
    stage.sandbox.set_window(stage.account(), Opener::Click, SendWindow { sends: 3, lasts: TAP });
    stage
}

fn clicks() -> Condition {
    Condition { event: Some("CLICK".into()), ..Condition::default() }
}

async fn a_failure_after_the_last_call_is_told_who_has_written_since(engine: Engine) {
    let mut stage = tapping(engine).await;
    let (writes, waits, gate) = (stage.user("writes"), stage.user("waits"), Gate::closed());
    let fails = slow(&gate, Outcome::Fail { reason: "the service is away".into() }).when(clicks());
    let echo = Route::new("echo", act(async |content, _| Outcome::text(content)));
    stage.start([fails.notice(Duration::from_secs(60), "please wait").failure_reply("sorry"), echo]);
    for user in [&writes, &waits] {
        stage.push(Push::click(stage.account(), user.as_str(), "K")).await;
        assert_texts(&stage.texts(user, 1).await, &["please wait"]);
    }
    stage.say(&writes, "hello").await;
    gate.open_for(2);
    assert_texts(&stage.texts(&writes, 3).await, &["please wait", "sorry", "hello"]);
    stage.rest().await;
    assert_eq!(stage.sent_to(&waits), 1);
    stage.finish_with(Left { dead: &["the service is away"; 2], ..Left::default() }).await;
}

async fn who_has_had_a_notice_is_told_before_a_wait_that_no_last_call_outlasts(engine: Engine) {
    let mut stage = tapping(engine).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let passed = gate.clone();
    let run = move |_, context: huixin_worker::Context| {
        let gate = passed.clone();
        async move {
            gate.pass().await;
            match context.attempt {
                1 => Outcome::Retry { after: Some(Duration::from_secs(3)), reason: "once more".into() },
                _ => Outcome::text("answer"),
            }
        }
    };
    stage.start([Route::new("twice", act(run))
        .when(clicks())
        .notice(Duration::from_millis(50), "please wait")]);
    stage.push(Push::click(stage.account(), user.as_str(), "K")).await;
    assert_texts(&stage.texts(&user, 1).await, &["please wait"]);
    gate.open_for(2);
    let held = "还在处理中，暂时没有结果。请稍后再发一条消息，届时会把结果发给您。";
    assert_texts(&stage.texts(&user, 3).await, &["please wait", held, "answer"]);
    stage.finish().await;
}

#[tokio::test]
async fn the_last_call_waits_for_the_accounts_rate() {
    let mut stage = tapping(Engine::Sqlite).await;
    let (user, other, gate) = (stage.user("anna"), stage.user("ben"), Gate::closed());
    let rate = SendRate { sends: 1, per: Duration::from_secs(3) };
    let account = Account::new(stage.client()).send_rate(rate);
    let worker = Worker::new(stage.queue.clone(), stage.settings()).account(stage.account(), account);
    let echo = Route::new("echo", act(async |content, _| Outcome::text(content)));
    let late = slow(&gate, Outcome::NoReply).when(clicks()).failure_reply("too late");
    stage.start_this(worker.route(late).route(echo));
    stage.push(Push::click(stage.account(), user.as_str(), "K")).await;
    gate.until_came(1).await;
    // It takes the one that there is when the last call is due.
    stage.say(&other, "hello").await;
    assert_texts(&stage.texts(&other, 1).await, &["hello"]);
    assert_texts(&stage.texts(&user, 1).await, &["too late"]);
    gate.open_for(1);
    stage.finish().await;
}

#[tokio::test]
async fn a_handler_that_is_fast_needs_no_last_call_however_late_it_begins() {
    let mut stage = tapping(Engine::Sqlite).await;
    let user = stage.user("anna");
    let run = async |_, _| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Outcome::text("answer")
    };
    stage.start([Route::new("quick", act(run)).when(clicks())]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let late = Push::click(stage.account(), user.as_str(), "K");
    stage.push(late.created_at(i64::try_from(now - 2).unwrap())).await;
    assert_texts(&stage.texts(&user, 1).await, &["answer"]);
    stage.rest().await;
    assert_eq!(stage.sent_to(&user), 1);
    stage.finish().await;
}
