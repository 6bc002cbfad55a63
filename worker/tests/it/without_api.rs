//! An account that answers in the responses to pushes: nothing calls WeChat's API for it.

use std::time::Duration;

use huixin_sandbox::CallCounts;
use huixin_wechat::{Content, Media};
use huixin_worker::{Account, Outcome, Route, Worker};

use crate::support::{Engine, Left, Stage, act};

#[tokio::test]
async fn nothing_calls_the_api_for_an_account_without_one_however_slow_the_handler() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let run = async |_, _| {
        // Longer than until somebody is seen typing.
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        Outcome::Reply(vec![Content::Image { media: Media::Url("https://a.example/p.png".into()) }.into()])
    };
    let worker = Worker::new(stage.queue.clone(), stage.settings()).account(stage.account(), Account::push());
    stage.start_this(worker.route(Route::new("slow", act(run)).notice(Duration::from_millis(10), "wait")));
    stage.say(&user, "hello").await;
    stage.rest().await;
    assert_eq!(stage.sandbox.calls(stage.account()), CallCounts::default());
    let reason = "reply: this account answers in the response to a push and can't upload: give the image as `media_id`";
    stage.finish_with(Left { dead: &[reason], ..Left::default() }).await;
}
