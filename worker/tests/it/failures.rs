//! Handlers that fail: another attempt, and in the end a dead letter that the user hears of once.

use std::pin::Pin;
use std::time::Duration;

use huixin_sandbox::{Fault, Push};
use huixin_wechat::{Content, Media, Message, Trigger};
use huixin_worker::{Context, Handler, Outcome, Payload, Route};

use crate::support::{Engine, Gate, Left, Stage, act, assert_texts, on_both_engines};

on_both_engines! {
    a_panic_costs_one_attempt_and_the_worker_lives_on
    after_the_last_attempt_the_user_is_told_once_and_his_next_message_is_handled
}

fn again(reason: &str) -> Outcome {
    Outcome::Retry { after: Some(Duration::from_millis(50)), reason: reason.into() }
}

async fn a_panic_costs_one_attempt_and_the_worker_lives_on(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    let gate = Gate::closed();
    let at_gate = gate.clone();
    stage.start([Route::new(
        "panics",
        act(move |content, context: Context| {
            let gate = at_gate.clone();
            async move {
                if content == "wait" {
                    gate.pass().await;
                } else if context.attempt == 1 {
                    panic!("out of {}", "order");
                }
                Outcome::text(format!("attempt {}", context.attempt))
            }
        }),
    )]);
    // Ben's message runs all the while.
    stage.say(&ben, "wait").await;
    gate.until_came(1).await;
    stage.say(&anna, "hello").await;
    stage.logs("the handler panicked").await;
    assert!(
        stage.log().iter().all(|line| !line.contains("out of order")),
        "what a panic says may quote the user"
    );
    assert_texts(&stage.texts(&anna, 1).await, &["attempt 2"]);
    gate.open_for(1);
    assert_texts(&stage.texts(&ben, 1).await, &["attempt 1"]);
    stage.rest().await;
    assert_eq!((stage.ended("retried"), stage.ended("answered")), (1, 2));
    stage.finish().await;
}

async fn after_the_last_attempt_the_user_is_told_once_and_his_next_message_is_handled(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let route = Route::new(
        "fails",
        act(async |content: String, context: Context| match content.as_str() {
            "bad" => again(&format!("attempt {} failed", context.attempt)),
            _ => Outcome::text("well"),
        }),
    );
    stage.start([route.attempts(3).failure_reply("please try again later")]);
    let bad = stage.say(&user, "bad").await;
    stage.say(&user, "good").await;
    assert_texts(&stage.texts(&user, 2).await, &["please try again later", "well"]);
    let letters = stage.dead(1).await;
    stage.rest().await;
    assert_eq!(
        (letters[0].id.as_str(), letters[0].reason.as_str()),
        (bad.as_str(), "route `fails`: attempt 3 failed")
    );
    assert_eq!((stage.ended("retried"), stage.ended("dead"), stage.ended("answered")), (2, 1, 1));
    assert_eq!(stage.sent_to(&user), 2);
    stage.finish_with(Left { dead: &["attempt 3 failed"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_message_that_a_handler_gives_up_is_dead_at_once_and_without_a_failure_reply_nothing_is_said() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.start([Route::new("gives up", act(async |_, _| Outcome::Fail { reason: "no such order".into() }))]);
    stage.say(&user, "hello").await;
    stage.dead(1).await;
    stage.rest().await;
    assert_eq!((stage.sent_to(&user), stage.ended("retried")), (0, 0));
    stage.finish_with(Left { dead: &["no such order"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_failure_reply_that_wechat_does_not_take_at_once_is_said_once_all_the_same() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let runs = Gate::opened();
    let counting = runs.clone();
    let route = Route::new(
        "gives up",
        act(move |_, _| {
            let runs = counting.clone();
            async move {
                runs.pass().await;
                Outcome::Fail { reason: "no such order".into() }
            }
        }),
    );
    stage.sandbox.faults().on_send(Fault::Code(-1), 1);
    stage.start([route.attempts(2).failure_reply("sorry")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
    stage.dead(1).await;
    assert_eq!((stage.sent_to(&user), stage.refusals(&user)), (1, vec![-1]));
    assert_eq!(runs.came(), 1, "the handler didn't run again");
    stage.finish_with(Left { dead: &["no such order"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_failure_reply_that_wechat_will_never_take_leaves_what_the_message_died_of_and_names_its_route_once()
 {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let gives_up = Route::new("gives up", act(async |_, _| Outcome::Fail { reason: "no such order".into() }));
    stage.sandbox.faults().on_send(Fault::Code(40007), 1);
    stage.start([gives_up.failure_reply("sorry")]);
    stage.say(&user, "hello").await;
    let letters = stage.dead(1).await;
    stage.rest().await;
    let reason = letters[0].reason.as_str();
    assert!(reason.contains("no such order") && reason.contains("40007"), "{reason}");
    assert_eq!(reason.matches("gives up").count(), 1, "{reason}");
    assert_eq!(stage.sent_to(&user), 0);
    stage.finish_with(Left { dead: &["no such order"], ..Left::default() }).await;
}

#[tokio::test]
async fn an_answer_that_wechat_will_never_take_ends_in_the_failure_reply() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let gone = Content::Image { media: Media::Id("no-such-media".into()) };
    let route =
        Route::new("gone", act(move |_, _| std::future::ready(Outcome::Reply(vec![gone.clone().into()]))));
    stage.start([route.failure_reply("sorry")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
    assert_eq!(stage.refusals(&user), [40007]);
    stage.finish_with(Left { dead: &["part 1 of 1: WeChat refused with 40007"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_wait_beyond_the_reply_window_is_death_at_once() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let route = Route::new(
        "later",
        act(async |_, _| Outcome::Retry {
            after: Some(Duration::from_secs(49 * 3600)),
            reason: "come back in two days".into(),
        }),
    );
    stage.start([route.failure_reply("sorry")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
    stage.finish_with(Left { dead: &["come back in two days"], ..Left::default() }).await;
}

#[tokio::test]
async fn what_goes_wrong_is_logged_and_neither_what_the_user_wrote_nor_what_he_is_told() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let marked = |what: &str| format!("{what}-{:016x}", rand::random::<u64>());
    let (question, answer, sorry) = (marked("question"), marked("answer"), marked("sorry"));
    let said = answer.clone();
    let route = Route::new(
        "trouble",
        act(move |content: String, context: Context| {
            let said = said.clone();
            async move {
                match (content.split(' ').next().unwrap(), context.attempt) {
                    ("panic", 1) => panic!("a bug"),
                    ("retry", 1) => again("busy"),
                    ("fail", _) => Outcome::Fail { reason: "given up".into() },
                    _ => Outcome::text(said),
                }
            }
        }),
    );
    let faults = stage.sandbox.faults();
    faults.on_send(Fault::CutAfterAccept, 1);
    faults.on_send(Fault::Code(-1), 1);
    stage.start([route.failure_reply(sorry.clone())]);
    let unsure = stage.user("unsure");
    stage.say(&unsure, &format!("send {question}")).await;
    stage.texts(&unsure, 2).await;
    for what in ["panic", "retry", "fail", "fine"] {
        let user = stage.user(what);
        stage.say(&user, &format!("{what} {question}")).await;
        stage.texts(&user, 1).await;
    }
    stage.rest().await;
    for line in [
        "the handler panicked",
        "an attempt failed",
        "the message is dead",
        "the send failed",
        "it is not known whether this part was sent",
    ] {
        stage.logs(line).await;
    }
    for text in [question, answer, sorry] {
        assert_eq!(stage.logged(&text), Vec::<String>::new());
    }
    stage.finish_with(Left { dead: &["given up"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_payload_of_a_newer_version_is_left_in_the_queue_and_a_damaged_one_is_dead() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (newer, damaged, not_xml) = (stage.user("newer"), stage.user("damaged"), stage.user("not xml"));
    stage.start([Route::new("echo", act(async |content, _| Outcome::text(content)))]);
    stage.accept_bytes(&damaged, "1", b"\x01?").await;
    stage.dead(1).await;
    let payload = Payload {
        account: stage.account().to_owned(),
        trigger: Trigger::Message,
        body: "<xml><unclosed></xml>".into(),
    };
    stage.accept_bytes(&not_xml, "2", &payload.encode()).await;
    stage.dead(2).await;
    stage.accept_bytes(&newer, "3", b"\x02whatever a later version writes").await;
    stage.put_off(&newer, "format 2, which a newer version wrote").await;
    let dead = &["the stored message is damaged", "the message can't be read: "];
    stage.finish_with(Left { open: 1, dead }).await;
}

#[tokio::test]
async fn a_message_of_an_account_that_this_worker_does_not_know_is_left_in_the_queue() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.start([Route::new("echo", act(async |content, _| Outcome::text(content)))]);
    let body = Push::text("another", user.as_str(), "hello").body("gh_another").into();
    let payload = Payload { account: "another".into(), trigger: Trigger::Message, body };
    stage.accept_bytes(&user, "1", &payload.encode()).await;
    stage.put_off(&user, "account `another` is not configured in this worker").await;
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}

struct PanicsAtOnce;

impl Handler for PanicsAtOnce {
    fn handle<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        _: &'life1 Message,
        _: &'life2 Context,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'async_trait>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        panic!("before there was a future")
    }
}

#[tokio::test]
async fn a_panic_of_a_handler_before_it_is_awaited_is_caught_too() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    stage.start([Route::new("panics", PanicsAtOnce).attempts(1).failure_reply("sorry")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
    stage.finish_with(Left { dead: &["the handler panicked"], ..Left::default() }).await;
}
