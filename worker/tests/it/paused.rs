//! An account that can't send is paused for all workers, and comes back by itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_sandbox::{CallLimit, Endpoint, Fault, FaultOrder, When};
use huixin_wechat::{Content, Media};
use huixin_worker::{Account, AccountPause, Interface, InterfaceState, Outcome, Route, SendRate, Worker};

use crate::support::{
    Engine, Gate, Left, Stage, act, assert_texts, echo, eventually, looked, on_both_engines,
};

on_both_engines! {
    one_refusal_that_concerns_the_account_keeps_all_workers_from_sending
    after_the_pause_one_send_that_passes_ends_the_trouble_for_all
    after_the_pause_one_send_that_fails_begins_a_longer_one
    a_limit_of_uploads_stops_pictures_only_and_keeps_no_text_of_their_user_waiting
    a_limit_of_tokens_stops_those_only_who_have_none
    a_limit_of_typing_stops_nothing_else
    a_pause_of_uploads_costs_an_answer_no_attempt
    a_pause_that_was_taken_back_is_not_shared_anew
}

async fn pause_of(stage: &Stage) -> Option<AccountPause> {
    stage.pause_of(Interface::Send).await
}

/// As if an earlier error had paused the account, and that had just ended.
async fn a_pause_that_is_over(stage: &Stage) {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let pause = AccountPause {
        code: 48001,
        reason: "WeChat refused with 48001".to_owned(),
        remedy: "certify it".to_owned(),
        until_ms: u64::try_from(now_ms).unwrap() - 1,
        strikes: 1,
        ends_by_itself: false,
    };
    let mut trouble = InterfaceState::read(&*stage.queue, stage.account(), Interface::Send).await.unwrap();
    trouble.pause = Some(pause);
    trouble.share(&*stage.queue, stage.account(), Interface::Send).await.unwrap();
}

async fn one_refusal_that_concerns_the_account_keeps_all_workers_from_sending(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben, runs) = (stage.user("anna"), stage.user("ben"), Gate::opened());
    stage.sandbox.faults().on_send(Fault::Code(45009), 100);
    let mut healths = Vec::new();
    for _ in 0..2 {
        let worker = stage.worker(stage.queue.clone(), stage.settings(), [echo(&runs).attempts(1)]);
        healths.push(worker.health());
        stage.start_this(worker);
    }
    stage.say(&anna, "hello").await;
    stage.put_off(&anna, "45009").await;
    let pause = pause_of(&stage).await.expect("it is shared");
    assert_eq!((pause.code, pause.strikes), (45009, 1));
    assert!(pause.remedy.contains("quota") && pause.remaining() > Duration::from_secs(60), "{pause:?}");
    let paused = || stage.log().iter().filter(|line| line.contains("the account is paused")).count();
    eventually("the other worker has seen it too", async || (paused() == 2).then_some(())).await;
    stage.say(&ben, "hello").await;
    let counts = stage.queue.counts().await.unwrap();
    assert_eq!(counts.open_total(), 2);
    for health in &healths {
        looked(health).await;
    }
    assert_eq!((stage.refusals(&anna), stage.refusals(&ben), runs.came()), (vec![45009], vec![], 1));
    stage.finish_with(Left { open: 2, ..Left::default() }).await;
}

async fn after_the_pause_one_send_that_passes_ends_the_trouble_for_all(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    a_pause_that_is_over(&stage).await;
    stage.start([echo(&runs).attempts(1)]);
    stage.logs("the account is paused").await;
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.logs("the account can send again").await;
    assert_eq!(pause_of(&stage).await, None);
    stage.finish().await;
}

async fn after_the_pause_one_send_that_fails_begins_a_longer_one(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    a_pause_that_is_over(&stage).await;
    stage.sandbox.faults().on_send(Fault::Code(48001), 1);
    stage.start([echo(&runs).attempts(1)]);
    stage.logs("the account is paused").await;
    stage.say(&user, "hello").await;
    stage.put_off(&user, "48001").await;
    let pause = pause_of(&stage).await.expect("it is shared");
    assert_eq!(pause.strikes, 2);
    assert!((61..=120).contains(&pause.remaining().as_secs()), "{pause:?}");
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}

#[tokio::test]
async fn a_send_that_was_under_way_when_the_pause_began_does_not_end_it() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (anna, ben, runs) = (stage.user("anna"), stage.user("ben"), Gate::opened());
    let slow = Fault::Delay(Duration::from_secs(3));
    stage.sandbox.faults().on_send(slow.clone(), 1);
    stage.sandbox.faults().on_send(Fault::Code(45009), 1);
    stage.start([echo(&runs).attempts(1)]);
    stage.say(&anna, "hello").await;
    stage.faulted(&slow, 1).await;
    stage.say(&ben, "hello").await;
    stage.put_off(&ben, "45009").await;
    assert_eq!(stage.sent_to(&anna), 0, "her send is still under way");
    assert_texts(&stage.texts(&anna, 1).await, &["hello"]);
    eventually("her message has ended", async || (stage.ended("answered") == 1).then_some(())).await;
    assert_eq!(pause_of(&stage).await.map(|pause| pause.code), Some(45009));
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}

#[tokio::test]
async fn what_was_answered_before_the_pause_is_not_computed_again_after_it() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    a_pause_that_is_over(&stage).await;
    // Two in the same second: the second is put off before its first send.
    let other = stage.user("ben");
    stage.start([echo(&runs).attempts(1)]);
    stage.logs("the account is paused").await;
    stage.say(&user, "a").await;
    stage.say(&other, "b").await;
    assert_texts(&stage.texts(&user, 1).await, &["a"]);
    assert_texts(&stage.texts(&other, 1).await, &["b"]);
    stage.rest().await;
    assert_eq!(runs.came(), 2);
    stage.finish().await;
}

#[tokio::test]
async fn an_account_sends_no_faster_than_it_may_whatever_the_number_of_workers() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (runs, rate) = (Gate::opened(), SendRate { sends: 2, per: Duration::from_millis(400) });
    for _ in 0..2 {
        let account = Account::new(stage.client()).send_rate(rate);
        let worker = Worker::new(stage.queue.clone(), stage.settings()).account(stage.account(), account);
        stage.start_this(worker.route(echo(&runs).attempts(1)));
    }
    let began = std::time::Instant::now();
    for n in 0..8 {
        let user = stage.user(&format!("user{n}"));
        stage.say(&user, "hello").await;
    }
    eventually("all are answered", async || (stage.ended("answered") == 8).then_some(())).await;
    // Two at once, then one each 200 ms: the last of eight not before 1.2 s.
    assert!(began.elapsed() >= Duration::from_millis(1_150), "{:?}", began.elapsed());
    assert_eq!(stage.ended("snoozed"), 0);
    stage.finish().await;
}

/// A 1 × 1 PNG.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

async fn a_limit_of_uploads_stops_pictures_only_and_keeps_no_text_of_their_user_waiting(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    let none = CallLimit { per_minute: None, per_day: Some(0) };
    stage.sandbox.set_limit(stage.account(), Endpoint::Upload, none);
    let answer = act(async |content: String, _| match content.as_str() {
        "picture" => Outcome::Reply(vec![Content::Image { media: Media::Base64(PNG.into()) }.into()]),
        _ => Outcome::text(content),
    });
    stage.start([Route::new("answer", answer).patience(Duration::from_millis(200))]);
    stage.say(&anna, "picture").await;
    stage.put_off(&anna, "45009").await;
    let pause = stage.pause_of(Interface::Upload).await.expect("uploads are paused");
    assert!(pause.code == 45009 && pause.remaining() > Duration::from_secs(60), "{pause:?}");
    assert_eq!(pause_of(&stage).await, None, "texts go on");
    stage.say(&ben, "hello").await;
    assert_texts(&stage.texts(&ben, 1).await, &["hello"]);
    stage.say(&anna, "hello").await;
    assert_texts(&stage.texts(&anna, 1).await, &["hello"]);
    stage.held(1).await;
    stage.say(&ben, "picture").await;
    stage.put_off(&ben, "no media can be uploaded now").await;
    assert_eq!(stage.sandbox.calls(stage.account()).upload.calls, 1, "WeChat was asked once");
    stage.finish_with(Left { open: 2, ..Left::default() }).await;
}

async fn a_limit_of_tokens_stops_those_only_who_have_none(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben, runs) = (stage.user("anna"), stage.user("ben"), Gate::opened());
    let has_token = stage.client();
    has_token.token().await.unwrap();
    stage.sandbox.faults().on_token(Fault::Code(45009), 100);
    stage.start([echo(&runs).attempts(1)]);
    stage.say(&anna, "hello").await;
    stage.put_off(&anna, "45009").await;
    assert_eq!(pause_of(&stage).await, None);
    assert_eq!(stage.pause_of(Interface::Token).await.map(|pause| pause.code), Some(45009));
    stage.stop().await;
    let worker = Worker::new(stage.another_queue(), stage.settings()).account(stage.account(), has_token);
    stage.start_this(worker.route(echo(&runs).attempts(1)));
    stage.logs("an interface of the account is paused").await;
    stage.say(&ben, "hello").await;
    assert_texts(&stage.texts(&ben, 1).await, &["hello"]);
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}

async fn a_limit_of_typing_stops_nothing_else(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let every = FaultOrder::new([Endpoint::Typing], Fault::Code(45009), When::Every(1));
    stage.sandbox.faults().order(every).unwrap();
    let slow = act(async |content, _| {
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        Outcome::text(content)
    });
    stage.start([Route::new("slow", slow)]);
    for n in 0..2 {
        let user = stage.user(&format!("user{n}"));
        stage.say(&user, "hello").await;
        assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    }
    assert_eq!(stage.sandbox.calls(stage.account()).typing.refused, 1);
    assert_eq!(pause_of(&stage).await, None);
    stage.finish().await;
}

async fn a_pause_of_uploads_costs_an_answer_no_attempt(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let pause = AccountPause {
        code: 45011,
        reason: "WeChat refused with 45011".to_owned(),
        remedy: String::new(),
        until_ms: u64::try_from(now_ms).unwrap() + 2_000,
        strikes: 1,
        ends_by_itself: true,
    };
    let mut trouble = InterfaceState::default();
    trouble.pause = Some(pause);
    trouble.share(&*stage.queue, stage.account(), Interface::Upload).await.unwrap();
    // After the pause one refusal, of the two attempts that there are.
    stage.sandbox.faults().on_send(Fault::Code(-1), 1);
    let answer =
        act(async |_, _| Outcome::Reply(vec![Content::Image { media: Media::Base64(PNG.into()) }.into()]));
    stage.start([Route::new("answer", answer).attempts(2)]);
    stage.logs("an interface of the account is paused").await;
    stage.say(&user, "picture").await;
    stage.put_off(&user, "no media can be uploaded now").await;
    eventually("it is sent", async || (stage.sent_to(&user) == 1).then_some(())).await;
    stage.rest().await;
    assert_eq!(stage.refusals(&user), [-1]);
    stage.finish().await;
}

async fn a_pause_that_was_taken_back_is_not_shared_anew(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    a_pause_that_is_over(&stage).await;
    let mut trouble = InterfaceState::read(&*stage.queue, stage.account(), Interface::Send).await.unwrap();
    trouble.pause.as_mut().unwrap().until_ms = u64::try_from(now_ms).unwrap() + 60_000;
    trouble.share(&*stage.queue, stage.account(), Interface::Send).await.unwrap();
    stage.start([echo(&runs)]);
    stage.logs("the account is paused").await;
    InterfaceState::default().share(&*stage.queue, stage.account(), Interface::Send).await.unwrap();
    stage.logs("the account can send again").await;
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.finish().await;
}
