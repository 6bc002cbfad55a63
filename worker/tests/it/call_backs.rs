//! Answers by call back: the test is the service that gives them, and the listener that takes them in.

use std::time::Duration;

use huixin_queue::{CallBackResult, LaneState};
use huixin_worker::call_back::{AddressSecret, Addressee, CallBacks};
use huixin_worker::handlers::read_answer;
use huixin_worker::{Outcome, Route, WorkerSettings};
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Answer, Asked, Backend, Engine, Gate, Left, Stage, act, assert_texts, eventually, on_both_engines, text,
};

on_both_engines! {
    a_memory_comes_by_call_back_and_goes_out_with_the_next_request
    an_answer_may_come_before_the_202
    a_message_that_waits_for_its_answer_outlives_its_worker
    an_answer_whose_route_is_gone_is_sent
    replies_that_cannot_be_recorded_end_in_a_failure_reply_and_a_dead_letter
    an_attempt_that_failed_takes_its_answer_all_the_same
    an_answer_by_call_back_wins_over_the_end_of_the_attempt_that_gave_it
    without_an_answer_in_time_the_service_is_asked_again_and_in_the_end_the_user_told
}

const TIMEOUT: Duration = Duration::from_secs(10);
const JSON: Option<&str> = Some("application/json");

fn call_backs(stage: &Stage) -> CallBacks {
    let accounts = [(stage.account().to_owned(), AddressSecret::AppSecret("any secret".into()))];
    CallBacks::new(&Url::parse("https://bot.example.com/").unwrap(), accounts).unwrap()
}

/// Starts a worker that gives addresses out.
fn start(stage: &mut Stage, settings: WorkerSettings, routes: impl IntoIterator<Item = Route>) {
    let worker = stage.worker(stage.queue.clone(), settings, routes).call_backs(call_backs(stage));
    stage.start_this(worker);
}

/// Gives the answer to what was asked.
async fn answer(stage: &Stage, asked: &Asked, body: &Value) -> CallBackResult {
    let url = asked.body["callback_url"].as_str().unwrap();
    let token = url.strip_prefix("https://bot.example.com/v1/answers/").unwrap();
    let Addressee { account, lane, id } = call_backs(stage).open(token).unwrap();
    assert_eq!((account.as_str(), id.as_str()), (stage.account(), asked.body["id"].as_str().unwrap()));
    let answer = read_answer(JSON, body.to_string().as_bytes()).unwrap();
    stage.queue.answer(&lane, &id, answer.encode()).await.unwrap()
}

/// Waits until the user's lane waits for an answer.
async fn awaiting(stage: &Stage, user: &str) {
    eventually("the message waits for its answer", async || {
        matches!(stage.state(user).await?, LaneState::Awaiting { .. }).then_some(())
    })
    .await;
}

async fn a_memory_comes_by_call_back_and_goes_out_with_the_next_request(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let service = Backend::start(|_| Answer::status(202)).await;
    let settings = stage.settings();
    // Two routes share what they remember, a third has its own.
    let route = |name: &str, text: &str| {
        Route::new(name, service.handler(TIMEOUT, None)).when_text(regex::Regex::new(text).unwrap())
    };
    let routes = [
        route("ask", "ask").memory("talk", Duration::from_secs(3600)),
        route("more", "more").memory("talk", Duration::from_secs(3600)),
        route("other", "other"),
    ];
    start(&mut stage, settings, routes);
    let rows = [
        ("ask", Value::Null, json!({"replies": "one", "memory": {"n": 1}})),
        ("more", json!({"n": 1}), json!({"replies": ["two"], "memory": {"n": 2}})),
        ("other", Value::Null, json!("three")),
        ("more", json!({"n": 2}), json!("nothing new to remember")),
        ("ask", json!({"n": 2}), json!({"memory": null})),
        ("more", Value::Null, json!("all is forgotten")),
    ];
    for (n, (text, memory, said)) in rows.iter().enumerate() {
        stage.say(&user, text).await;
        service.until_asked(n + 1).await;
        let asked = service.asked().pop().unwrap();
        assert_eq!((asked.content(), &asked.body["memory"]), (*text, memory), "message {n}");
        assert_eq!(answer(&stage, &asked, said).await, CallBackResult::First);
    }
    let texts = ["one", "two", "three", "nothing new to remember", "all is forgotten"];
    assert_texts(&stage.texts(&user, 5).await, &texts);
    stage.rest().await;
    assert_eq!(service.asked().len(), rows.len(), "none was asked twice");
    stage.finish().await;
}

async fn an_answer_may_come_before_the_202(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let service = Backend::start(|_| Answer::status(202).after(Duration::from_millis(500))).await;
    let settings = stage.settings();
    start(&mut stage, settings, [Route::new("all", service.handler(TIMEOUT, None))]);
    stage.say(&user, "hello").await;
    service.until_asked(1).await;
    let asked = service.asked().remove(0);
    assert_eq!(answer(&stage, &asked, &json!("sooner")).await, CallBackResult::First);
    assert_eq!(answer(&stage, &asked, &json!("twice")).await, CallBackResult::Already);
    assert_texts(&stage.texts(&user, 1).await, &["sooner"]);
    stage.rest().await;
    assert_eq!(answer(&stage, &asked, &json!("after the end")).await, CallBackResult::Already);
    assert_eq!((service.asked().len(), stage.sent_to(&user)), (1, 1));
    stage.finish().await;
}

async fn a_message_that_waits_for_its_answer_outlives_its_worker(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    let service = Backend::start(|_| Answer::status(202)).await;
    // One permit, and one place at the service: who waits for an answer has neither.
    let settings = WorkerSettings { concurrency: 1, ..stage.settings() };
    let route = || Route::new("all", service.handler(TIMEOUT, None)).at_once(1).notice(TIMEOUT, "a moment");
    start(&mut stage, settings.clone(), [route()]);
    stage.say(&anna, "one").await;
    awaiting(&stage, &anna).await;
    stage.say(&anna, "behind it").await;
    stage.say(&ben, "two").await;
    awaiting(&stage, &ben).await;
    assert_eq!(service.asked().len(), 2, "her second one waits behind the first");
    // A stop has nothing to hand back, and leaves them as they are. (The attempt that has just asked may still be ending.)
    assert_eq!(stage.stop().await.iter().map(|stopped| stopped.released).sum::<u64>(), 0);
    awaiting(&stage, &anna).await;
    awaiting(&stage, &ben).await;

    let asked = service.asked();
    assert_eq!(answer(&stage, &asked[0], &json!("nobody is here")).await, CallBackResult::First);
    start(&mut stage, settings, [route()]);
    service.until_asked(3).await;
    assert_eq!(answer(&stage, &asked[1], &json!("somebody is")).await, CallBackResult::First);
    let behind = service.asked().remove(2);
    assert_eq!((behind.content(), behind.attempt()), ("behind it", 1));
    assert_eq!(answer(&stage, &behind, &json!("and now this")).await, CallBackResult::First);
    assert_texts(&stage.texts(&ben, 2).await, &["a moment", "somebody is"]);
    assert_texts(&stage.texts(&anna, 4).await, &["a moment", "nobody is here", "a moment", "and now this"]);
    stage.rest().await;
    assert_eq!((service.asked().len(), stage.unsure()), (3, 0));
    stage.finish().await;
}

async fn an_answer_whose_route_is_gone_is_sent(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let anna = stage.user("anna");
    let service = Backend::start(|_| Answer::status(202)).await;
    let settings = stage.settings();
    start(&mut stage, settings.clone(), [Route::new("all", service.handler(TIMEOUT, None))]);
    stage.say(&anna, "one").await;
    awaiting(&stage, &anna).await;
    stage.stop().await;
    assert_eq!(answer(&stage, &service.asked()[0], &json!("late, and wanted")).await, CallBackResult::First);
    start(&mut stage, settings, []);
    assert_texts(&stage.texts(&anna, 1).await, &["late, and wanted"]);
    stage.finish().await;
}

async fn replies_that_cannot_be_recorded_end_in_a_failure_reply_and_a_dead_letter(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let anna = stage.user("anna");
    let runs = Gate::opened();
    let counted = runs.clone();
    let too_much = act(move |_, _| {
        let counted = counted.clone();
        async move {
            counted.pass().await;
            Outcome::Reply(vec![text(&"long ".repeat(300)); 1_000])
        }
    });
    stage.start([Route::new("too much", too_much).failure_reply("sorry")]);
    stage.say(&anna, "one").await;
    assert_texts(&stage.texts(&anna, 1).await, &["sorry"]);
    stage.dead(1).await;
    assert_eq!(runs.came(), 1, "it runs once");
    stage.finish_with(Left { dead: &["the handler's replies can't be recorded"], ..Left::default() }).await;
}

async fn an_attempt_that_failed_takes_its_answer_all_the_same(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (crashes, hangs) = (stage.user("crashes"), stage.user("hangs"));
    // The one gives its answer and crashes before it says 202; the other is given up, and has its answer after all.
    let service = Backend::start(|asked| match asked.content() {
        "crashes" => Answer::status(500).with("retry-after", "3600").after(Duration::from_millis(300)),
        _ => Answer::status(202).after(Duration::from_secs(30)),
    })
    .await;
    let settings = stage.settings();
    let handler = service.handler(Duration::from_secs(1), None);
    start(&mut stage, settings, [Route::new("all", handler).attempts(2)]);
    stage.say(&crashes, "crashes").await;
    service.until_asked(1).await;
    let asked = service.asked().remove(0);
    assert_eq!(answer(&stage, &asked, &json!("done before")).await, CallBackResult::First);
    assert_texts(&stage.texts(&crashes, 1).await, &["done before"]);

    stage.say(&hangs, "hangs").await;
    service.until_asked(2).await;
    let asked = service.asked().remove(1);
    stage.logs("the service did not answer within 1s").await;
    assert_eq!(answer(&stage, &asked, &json!("done after")).await, CallBackResult::First);
    assert_texts(&stage.texts(&hangs, 1).await, &["done after"]);
    stage.rest().await;
    assert_eq!((stage.sent_to(&crashes), stage.sent_to(&hangs)), (1, 1));
    stage.finish().await;
}

async fn an_answer_by_call_back_wins_over_the_end_of_the_attempt_that_gave_it(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    // It posts its answer, and then says something else on the connection that asked for it.
    let ends = ["fails", "says", "silent"];
    let service = Backend::start(|asked| {
        let said = match asked.content() {
            "fails" => Answer::status(500),
            "says" => Answer::text("said at once"),
            _ => Answer::status(204),
        };
        said.after(Duration::from_millis(500))
    })
    .await;
    let settings = stage.settings();
    let route = Route::new("all", service.handler(TIMEOUT, None)).attempts(1).failure_reply("sorry");
    start(&mut stage, settings, [route]);
    let mut users = Vec::new();
    for (n, end) in ends.into_iter().enumerate() {
        let user = stage.user(end);
        stage.say(&user, end).await;
        service.until_asked(n + 1).await;
        let asked = service.asked().remove(n);
        assert_eq!(answer(&stage, &asked, &json!("posted")).await, CallBackResult::First, "{end}");
        assert_texts(&stage.texts(&user, 1).await, &["posted"]);
        users.push(user);
    }
    stage.rest().await;
    assert_eq!(users.iter().map(|user| stage.sent_to(user)).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(service.asked().len(), ends.len(), "none was asked twice");
    stage.finish().await;
}

async fn without_an_answer_in_time_the_service_is_asked_again_and_in_the_end_the_user_told(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    let service = Backend::start(|_| Answer::status(202)).await;
    let settings = stage.settings();
    let route = Route::new("all", service.handler(TIMEOUT, None)).attempts(2).failure_reply("sorry");
    start(&mut stage, settings, [route.answer_within(Duration::from_secs(1))]);
    stage.say(&anna, "hello").await;
    service.until_asked(2).await;
    let asked = service.asked();
    assert_eq!(asked.iter().map(Asked::attempt).collect::<Vec<_>>(), [1, 2]);
    assert_texts(&stage.texts(&anna, 1).await, &["sorry"]);
    let reason = "no answer by call back came within 1s";
    assert!(stage.dead(1).await.remove(0).reason.contains(reason));
    for late in &asked {
        assert_eq!(answer(&stage, late, &json!("too late")).await, CallBackResult::Gone);
    }
    // An address of the first attempt is as good as one of the second.
    stage.say(&ben, "hello").await;
    service.until_asked(4).await;
    let first = service.asked().remove(2);
    assert_eq!(answer(&stage, &first, &json!("in time")).await, CallBackResult::First);
    assert_texts(&stage.texts(&ben, 1).await, &["in time"]);
    stage.rest().await;
    assert_eq!((stage.sent_to(&anna), stage.sent_to(&ben)), (1, 1));
    stage.finish_with(Left { dead: &[reason], ..Left::default() }).await;
}

#[tokio::test]
async fn a_rust_handler_answers_by_call_back_too_and_says_how_long_it_is_waited_for() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let handler = act(|_, context| async move {
        assert!(context.callback_url.is_some());
        Outcome::Later { within: Some(Duration::from_millis(200)) }
    });
    let settings = stage.settings();
    let route = Route::new("all", handler).attempts(1).answer_within(Duration::from_secs(3600));
    start(&mut stage, settings, [route.failure_reply("sorry")]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
    stage.finish_with(Left { dead: &["no answer by call back came"], ..Left::default() }).await;
}
