//! What can't be sent now is held until the user does something, and goes out in order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_sandbox::{Fault, Opener, Push, SendWindow};
use huixin_worker::{Account, AccountPause, Interface, InterfaceState, Outcome, Route, SendRate, Worker};

use crate::support::{Engine, Gate, Left, Stage, act, assert_texts, eventually, on_both_engines, text};

on_both_engines! {
    parts_beyond_what_a_message_allows_are_held_and_go_out_in_order_after_the_next_one
    what_is_held_leaves_one_send_for_the_answer_to_the_new_message
    messages_in_a_row_share_what_the_last_of_them_allows
    answers_that_wechat_takes_are_all_sent_however_many_there_are
    an_answer_that_wechat_says_is_too_late_is_held
    an_answer_to_somebody_who_has_left_meanwhile_is_not_sent
    what_wechat_refused_is_not_asked_again_until_the_user_acts_whoever_asks
    a_tap_on_a_menu_takes_nothing_from_what_a_text_has_opened
    what_was_closed_when_a_message_was_taken_is_open_again_if_its_user_has_acted_since
    a_tap_that_wakes_what_was_held_keeps_a_send_for_its_own_answer
}

/// A number is answered with so many parts, anything else with itself.
fn counting() -> Route {
    Route::new(
        "counting",
        act(async |content: String, _| match content.parse() {
            Ok(parts) => Outcome::Reply((1..=parts).map(|n: u32| text(&n.to_string())).collect()),
            Err(_) => Outcome::text(content),
        }),
    )
}

fn numbers(to: u32) -> Vec<String> {
    (1..=to).map(|n| n.to_string()).collect()
}

async fn parts_beyond_what_a_message_allows_are_held_and_go_out_in_order_after_the_next_one(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    stage.start([counting().failure_reply("never said")]);
    stage.say(&user, "7").await;
    stage.held(1).await;
    assert_eq!(stage.texts(&user, 5).await, numbers(5));
    stage.say(&user, "thanks").await;
    let mut all = numbers(7);
    all.push("thanks".to_owned());
    assert_eq!(stage.texts(&user, 8).await, all);
    stage.rest().await;
    assert_eq!(stage.refusals(&user), [45047], "WeChat was asked, once");
    assert_eq!((stage.ended("held"), stage.ended("answered")), (1, 2));
    stage.finish().await;
}

async fn what_is_held_leaves_one_send_for_the_answer_to_the_new_message(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    stage.start([counting()]);
    stage.say(&user, "12").await;
    stage.held(1).await;
    stage.say(&user, "a").await;
    stage.texts(&user, 10).await;
    stage.held(1).await;
    stage.say(&user, "b").await;
    let texts = stage.texts(&user, 14).await;
    let mut all = numbers(12);
    all.insert(9, "a".to_owned());
    all.push("b".to_owned());
    assert_eq!(texts, all);
    stage.rest().await;
    assert_eq!(stage.refusals(&user), [45047], "the reserve is kept without asking");
    stage.finish().await;
}

async fn messages_in_a_row_share_what_the_last_of_them_allows(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    for _ in 0..3 {
        stage.say(&user, "2").await;
    }
    stage.start([counting()]);
    stage.held(1).await;
    assert_texts(&stage.texts(&user, 5).await, &["1", "2", "1", "2", "1"]);
    stage.say(&user, "go on").await;
    assert_texts(&stage.texts(&user, 7).await[5..], &["2", "go on"]);
    stage.rest().await;
    assert_eq!(stage.refusals(&user), [45047]);
    stage.finish().await;
}

/// A receiver's spool was drained at once: nobody writes after that, so what were held on a guess would stay there for good.
async fn answers_that_wechat_takes_are_all_sent_however_many_there_are(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    // More than we know of.
    let window = SendWindow { sends: 100, lasts: Duration::from_secs(48 * 3600) };
    stage.sandbox.set_window(stage.account(), Opener::Message, window);
    let all: Vec<_> = (1..=12).map(|n| format!("question {n}")).collect();
    for question in &all {
        stage.say(&user, question).await;
    }
    stage.start([counting()]);
    assert_eq!(stage.texts(&user, 12).await, all);
    stage.rest().await;
    assert_eq!((stage.ended("held"), stage.ended("answered")), (0, 12));
    stage.finish().await;
}

async fn an_answer_that_wechat_says_is_too_late_is_held(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    stage.start([counting().failure_reply("never said")]);
    for (code, said, after) in [(45047, "first", "second"), (10703, "third", "fourth")] {
        stage.sandbox.faults().on_send(Fault::Code(code), 1);
        let sent = stage.sent_to(&user);
        stage.say(&user, said).await;
        stage.held(1).await;
        stage.say(&user, after).await;
        assert_texts(&stage.texts(&user, sent + 2).await[sent..], &[said, after]);
        stage.open(0).await;
    }
    assert_eq!(stage.refusals(&user), [45047, 10703]);
    stage.finish().await;
}

async fn an_answer_to_somebody_who_has_left_meanwhile_is_not_sent(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (busy, held) = (stage.user("busy"), stage.user("held"));
    let gate = Gate::closed();
    let slow = gate.clone();
    stage.start([Route::new(
        "slow",
        act(move |content, _| {
            let gate = slow.clone();
            async move {
                if content == "slow" {
                    gate.pass().await;
                }
                Outcome::Reply((0..6).map(|n| text(&n.to_string())).collect())
            }
        }),
    )]);
    stage.say(&busy, "slow").await;
    gate.until_came(1).await;
    stage.push(Push::unsubscribe(stage.account(), busy.as_str())).await;
    gate.open_for(1);
    stage.dead(1).await;
    assert_eq!((stage.sent_to(&busy), stage.refusals(&busy)), (0, vec![]));

    stage.say(&held, "fast").await;
    stage.held(1).await;
    stage.push(Push::unsubscribe(stage.account(), held.as_str())).await;
    stage.dead(2).await;
    assert_eq!((stage.sent_to(&held), stage.refusals(&held)), (5, vec![45047]));
    let dead = &["the user has unsubscribed", "ended the right to answer"];
    stage.finish_with(Left { dead, ..Left::default() }).await;
}

#[tokio::test]
async fn a_click_that_is_late_by_our_clock_is_answered_as_long_as_wechat_takes_it() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let event = huixin_worker::Condition { event: Some("CLICK".into()), ..Default::default() };
    let answer = Route::new("menu", act(async |_, _| Outcome::text("menu"))).when(event);
    stage.start([answer, counting()]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let late = Push::click(stage.account(), user.as_str(), "today");
    stage.push(late.created_at(i64::try_from(now - 65).unwrap())).await;
    assert_texts(&stage.texts(&user, 1).await, &["menu"]);
    stage.rest().await;
    stage.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_late_by_its_own_right_is_sent_if_its_user_has_written_while_it_waited() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let slow = gate.clone();
    let event = huixin_worker::Condition { event: Some("CLICK".into()), ..Default::default() };
    let menu = Route::new("menu", act(async |_, _| Outcome::text("menu"))).when(event);
    let echo = act(move |content: String, _| {
        let gate = slow.clone();
        async move {
            gate.pass().await;
            Outcome::text(content)
        }
    });
    stage.start([menu, Route::new("echo", echo)]);
    stage.say(&user, "slow").await;
    gate.until_came(1).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let late = Push::click(stage.account(), user.as_str(), "today");
    stage.push(late.created_at(i64::try_from(now - 65).unwrap())).await;
    stage.say(&user, "hello").await;
    gate.open_for(2);
    assert_texts(&stage.texts(&user, 3).await, &["slow", "menu", "hello"]);
    stage.rest().await;
    assert_eq!(stage.refusals(&user), Vec::<i64>::new());
    stage.finish().await;
}

#[tokio::test]
async fn what_may_not_be_held_is_dead_at_once() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.start([counting().hold_for(Duration::ZERO).failure_reply("never said")]);
    stage.say(&user, "6").await;
    stage.dead(1).await;
    assert_eq!(stage.texts(&user, 5).await, numbers(5));
    stage.finish_with(Left { dead: &["part 6 of 6: WeChat refused with 45047"], ..Left::default() }).await;
}

#[tokio::test]
async fn what_was_held_too_long_is_dead_and_says_why() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.start([counting().hold_for(Duration::from_millis(300))]);
    stage.say(&user, "6").await;
    stage.dead(1).await;
    let dead = &["; it was held, and the user did not write again in time"];
    stage.finish_with(Left { dead, ..Left::default() }).await;
}

#[tokio::test]
async fn a_window_that_should_be_open_is_tried_again_after_two_seconds() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.start([counting()]);
    stage.sandbox.faults().on_send(Fault::Code(45015), 1);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.rest().await;
    assert_eq!((stage.refusals(&user), stage.ended("held")), (vec![45015], 0));
    stage.finish().await;
}

async fn what_wechat_refused_is_not_asked_again_until_the_user_acts_whoever_asks(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let window = |sends| SendWindow { sends, lasts: Duration::from_secs(48 * 3600) };
    stage.sandbox.set_window(stage.account(), Opener::Message, window(0));
    for said in ["a", "b", "c"] {
        stage.say(&user, said).await;
    }
    let event = huixin_worker::Condition { event: Some("LOCATION".into()), ..Default::default() };
    let place = || Route::new("place", act(async |_, _| Outcome::text("place"))).when(event.clone());
    stage.start([place(), counting()]);
    stage.held(3).await;
    stage.stop().await;
    stage.push(Push::location_event(stage.account(), user.as_str(), 1.0, 2.0)).await;
    stage.start([place(), counting()]);
    stage.held(4).await;
    assert_eq!(stage.refusals(&user), [45047], "it was asked once, for all four");
    stage.sandbox.set_window(stage.account(), Opener::Message, window(5));
    stage.say(&user, "d").await;
    assert_texts(&stage.texts(&user, 5).await, &["a", "b", "c", "place", "d"]);
    stage.rest().await;
    assert_eq!(stage.refusals(&user), [45047]);
    stage.finish().await;
}

async fn a_tap_on_a_menu_takes_nothing_from_what_a_text_has_opened(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let passed = gate.clone();
    let event = huixin_worker::Condition { event: Some("CLICK".into()), ..Default::default() };
    let menu = Route::new("menu", act(async |_, _| Outcome::text("menu"))).when(event);
    let four = act(move |_, _| {
        let gate = passed.clone();
        async move {
            gate.pass().await;
            Outcome::Reply((1..=4).map(|n: u32| text(&n.to_string())).collect())
        }
    });
    stage.start([menu, Route::new("four", four)]);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    stage.push(Push::click(stage.account(), user.as_str(), "today")).await;
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 5).await, &["1", "2", "3", "4", "menu"]);
    stage.rest().await;
    assert_eq!((stage.refusals(&user), stage.ended("held")), (vec![], 0));
    stage.finish().await;
}

async fn what_was_closed_when_a_message_was_taken_is_open_again_if_its_user_has_acted_since(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    let passed = gate.clone();
    let event = huixin_worker::Condition { event: Some("LOCATION".into()), ..Default::default() };
    let place = act(move |_, _| {
        let gate = passed.clone();
        async move {
            gate.pass().await;
            Outcome::text("place")
        }
    });
    stage.sandbox.faults().on_send(Fault::Code(45047), 1);
    stage.start([Route::new("place", place).when(event), counting()]);
    stage.say(&user, "a").await;
    stage.held(1).await;
    stage.push(Push::location_event(stage.account(), user.as_str(), 1.0, 2.0)).await;
    gate.until_came(1).await;
    stage.say(&user, "b").await;
    gate.open_for(1);
    assert_texts(&stage.texts(&user, 3).await, &["place", "a", "b"]);
    stage.rest().await;
    assert_eq!(stage.ended("held"), 1);
    stage.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_refused_while_its_user_acts_is_sent_again_under_the_new_right() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let window = |sends| SendWindow { sends, lasts: Duration::from_secs(48 * 3600) };
    stage.sandbox.set_window(stage.account(), Opener::Message, window(0));
    let slow = Fault::Delay(Duration::from_secs(1));
    stage.sandbox.faults().on_send(slow.clone(), 1);
    // So that the next send waits until WeChat knows of the second message, too.
    let rate = SendRate { sends: 1, per: Duration::from_secs(3) };
    let account = Account::new(stage.client()).send_rate(rate);
    let worker = Worker::new(stage.queue.clone(), stage.settings()).account(stage.account(), account);
    stage.start_this(worker.route(counting()));
    stage.say(&user, "a").await;
    stage.faulted(&slow, 1).await;
    let second = Push::text(stage.account(), user.as_str(), "b");
    stage.accept(&second).await;
    eventually("it is refused", async || (stage.refusals(&user) == [45047]).then_some(())).await;
    stage.sandbox.set_window(stage.account(), Opener::Message, window(5));
    stage.sandbox.push_once(&second).await;
    assert_texts(&stage.texts(&user, 2).await, &["a", "b"]);
    stage.rest().await;
    assert_eq!((stage.refusals(&user), stage.ended("held")), (vec![45047], 0));
    stage.finish().await;
}

async fn a_tap_that_wakes_what_was_held_keeps_a_send_for_its_own_answer(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let event = huixin_worker::Condition { event: Some("CLICK".into()), ..Default::default() };
    let menu = Route::new("menu", act(async |_, _| Outcome::text("menu"))).when(event);
    stage.start([menu, counting()]);
    stage.say(&user, "9").await;
    stage.held(1).await;
    stage.push(Push::click(stage.account(), user.as_str(), "today")).await;
    let mut all = numbers(7);
    all.push("menu".to_owned());
    assert_eq!(stage.texts(&user, 8).await, all);
    stage.held(1).await;
    assert_eq!(stage.refusals(&user), [45047], "the reserve is kept without asking");
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}

#[tokio::test]
async fn an_answer_that_a_pause_keeps_beyond_its_time_by_our_clock_is_sent_after_it() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, gate) = (stage.user("anna"), Gate::closed());
    stage.rights.message.window = Duration::from_secs(1);
    let passed = gate.clone();
    let slow = act(move |content: String, _| {
        let gate = passed.clone();
        async move {
            gate.pass().await;
            Outcome::text(content)
        }
    });
    stage.start([Route::new("slow", slow)]);
    stage.say(&user, "hello").await;
    gate.until_came(1).await;
    let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3);
    let pause = AccountPause {
        code: 45011,
        reason: "WeChat refused with 45011".to_owned(),
        remedy: String::new(),
        until_ms: until.as_millis().try_into().unwrap(),
        strikes: 1,
        ends_by_itself: true,
    };
    let mut trouble = InterfaceState::default();
    trouble.pause = Some(pause);
    trouble.share(&*stage.queue, stage.account(), Interface::Send).await.unwrap();
    stage.logs("the account is paused").await;
    gate.open_for(1);
    stage.put_off(&user, "the account is paused").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.rest().await;
    assert_eq!((stage.ended("held"), stage.refusals(&user)), (0, vec![]));
    stage.finish().await;
}
