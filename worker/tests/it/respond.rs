//! Answers in the response of a push. The tests are the receiver.

use std::time::Duration;

use huixin_queue::{ClaimOutcome, Class, MessageId, OpenPush, PushTry};
use huixin_wechat::{Content, Outgoing};
use huixin_worker::{Account, Outcome, Route, Unsure};

use crate::support::{Engine, Gate, Left, Stage, act, assert_texts, echo, eventually, on_both_engines, text};

on_both_engines! {
    an_answer_that_is_ready_in_time_goes_out_in_the_response_and_not_by_the_api
    an_answer_that_nobody_fetches_goes_out_by_the_api
    an_answer_of_several_parts_goes_out_by_the_api
    an_account_without_the_api_holds_its_answers_until_they_are_fetched
    a_message_that_ends_without_an_answer_is_announced
    a_hand_over_goes_out_in_a_response_or_not_at_all
}

/// A push that the test keeps open.
struct Kept {
    lane_of: String,
    push: PushTry,
}

/// So long that a slow machine changes nothing.
const OPEN_FOR: Duration = Duration::from_secs(60);

impl Stage {
    /// Opens a push for `user`'s next message.
    async fn keep_open(&self, user: &str, id: &str) -> Kept {
        self.keep_open_for(user, id, OPEN_FOR).await
    }

    async fn keep_open_for(&self, user: &str, id: &str, open_for: Duration) -> Kept {
        let id = MessageId::new(id).unwrap();
        let push = OpenPush { id: id.clone(), receiver: "test".into(), open_for };
        let number = self.queue.open(&self.lane_name(user), &push).await.unwrap();
        Kept { lane_of: user.to_owned(), push: PushTry { id, number } }
    }

    async fn ask(&self, kept: &Kept) -> ClaimOutcome {
        let class = Class::new(self.account()).unwrap();
        let lane = self.lane_name(&kept.lane_of);
        self.queue.claim(&lane, &class, &kept.push, OPEN_FOR).await.unwrap().outcome
    }

    /// What goes out in its response, which is written.
    async fn respond(&self, kept: &Kept) -> serde_json::Value {
        let claimed = eventually("there is a part", async || match self.ask(kept).await {
            ClaimOutcome::Part { bytes, .. } => Some(bytes),
            _ => None,
        });
        let bytes = claimed.await;
        self.queue.confirm(&self.lane_name(&kept.lane_of), &kept.push, true).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The account that answers either way.
    fn either(&self) -> Account {
        Account::either(self.client()).push_wait(OPEN_FOR)
    }

    fn start_account(&mut self, account: Account, routes: impl IntoIterator<Item = Route>) {
        let worker =
            self.worker(self.queue.clone(), self.settings(), routes).account(self.account(), account);
        self.start_this(worker);
    }
}

async fn an_answer_that_is_ready_in_time_goes_out_in_the_response_and_not_by_the_api(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("a");
    let kept = stage.keep_open(&user, "p").await;
    stage.start_account(stage.either(), [echo(&Gate::opened())]);
    stage.say(&user, "hello").await;
    assert_eq!(stage.respond(&kept).await, serde_json::json!({"type": "text", "content": "hello"}));
    stage.open(0).await;
    assert_eq!(stage.sent_to(&user), 0);
    stage.finish().await;
}

async fn an_answer_that_nobody_fetches_goes_out_by_the_api(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("a");
    let kept = stage.keep_open_for(&user, "p", Duration::from_secs(2)).await;
    stage.start_account(stage.either(), [echo(&Gate::opened())]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    assert!(!matches!(stage.ask(&kept).await, ClaimOutcome::Part { .. }));
    stage.finish().await;
}

async fn an_answer_of_several_parts_goes_out_by_the_api(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("a");
    let kept = stage.keep_open(&user, "p").await;
    let route = Route::new("two", act(|_, _| async { Outcome::Reply(vec![text("one"), text("two")]) }));
    stage.start_account(stage.either(), [route]);
    stage.say(&user, "hello").await;
    assert_texts(&stage.texts(&user, 2).await, &["one", "two"]);
    stage.open(0).await;
    assert!(!matches!(stage.ask(&kept).await, ClaimOutcome::Part { .. }));
    stage.finish().await;
}

async fn an_account_without_the_api_holds_its_answers_until_they_are_fetched(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("a");
    let fails = Route::new(
        "fails",
        act(|content, _| async move {
            match content.as_str() {
                "bad" => Outcome::Fail { reason: "a bad one".to_owned() },
                _ => Outcome::Reply(vec![text(&content), text("more")]),
            }
        }),
    );
    stage.start_account(Account::push(), [fails.failure_reply("sorry").unsure(Unsure::Drop)]);
    stage.say(&user, "hello").await;
    stage.say(&user, "bad").await;
    for (n, expected) in ["hello", "more", "sorry"].into_iter().enumerate() {
        let kept = stage.keep_open(&user, &format!("p{n}")).await;
        assert_eq!(stage.respond(&kept).await["content"], expected);
    }
    assert_eq!(stage.sent_to(&user), 0);
    stage.finish_with(Left { open: 0, dead: &["a bad one"] }).await;
}

async fn a_message_that_ends_without_an_answer_is_announced(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("a");
    let kept = stage.keep_open(&user, "p").await;
    stage.start_account(Account::push(), [Route::new("silent", act(|_, _| async { Outcome::NoReply }))]);
    stage.say(&user, "hello").await;
    let news = stage.queue.news("test", crate::support::SOON).await.unwrap();
    assert_eq!(news, [stage.lane_name(&user)]);
    assert_eq!(stage.ask(&kept).await, ClaimOutcome::Idle);
    stage.finish().await;
}

async fn a_hand_over_goes_out_in_a_response_or_not_at_all(engine: Engine) {
    for either in [false, true] {
        let mut stage = Stage::on(engine).await;
        let user = stage.user("a");
        let hand_over =
            |_, _| async { Outcome::Reply(vec![text("wait a moment"), Outgoing::from(Content::Transfer)]) };
        let route = Route::new("person", act(hand_over)).failure_reply("nobody is free");
        let account = if either { stage.either() } else { Account::new(stage.client()) };
        stage.start_account(account, [route]);
        let kept = stage.keep_open(&user, "p").await;
        stage.say(&user, "a person").await;
        assert_eq!(stage.respond(&kept).await, serde_json::json!({"type": "transfer_customer_service"}));
        assert_texts(&stage.texts(&user, 1).await, &["wait a moment"]);
        stage.open(0).await;
        stage.say(&user, "again").await;
        assert_texts(&stage.texts(&user, 3).await, &["wait a moment", "wait a moment", "nobody is free"]);
        stage.finish_with(Left { open: 0, dead: &["handed to a person"] }).await;
    }
}
