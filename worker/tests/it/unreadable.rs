//! What lies in the queue and can't be read: by this worker, since a newer one wrote it, or by anybody.

use std::time::Duration;

use huixin_queue::testing::Settling as _;
use huixin_queue::{LaneState, Memory, MessageId, Progress};
use huixin_worker::call_back::{AddressSecret, CallBacks};
use huixin_worker::{Context, Outcome, Route};
use serde_json::{Value, json};
use url::Url;

use crate::support::{Engine, Gate, Left, Stage, act, assert_texts, echo, eventually, on_both_engines, text};

on_both_engines! {
    an_answer_by_call_back_that_nobody_can_read_ends_its_message_at_once
    a_recorded_answer_that_nobody_can_read_ends_its_message_at_once
    a_memory_that_nobody_can_read_is_gone_on_without
}

const NEWER: &[u8] = br#"{"format":9,"of":"a later version"}"#;
const DAMAGED: &[u8] = br#"{"format":1,"repl"#;
const MINUTE: Duration = Duration::from_secs(60);

/// Writes these beside the user's message, as its worker would have, and hands it back.
async fn record(stage: &Stage, call: u64, replies: &'static [u8], memory: Option<&'static [u8]>) {
    let mut taken = stage.queue.take(&stage.request(call)).await.unwrap().messages;
    let (lease, replies) = (taken.remove(0).lease, Some(replies.into()));
    let memory = memory.map(|bytes| Memory { bytes: bytes.into(), keep_for: MINUTE });
    let progress = Progress { replies, ..Progress::default() };
    stage.queue.record(&lease, progress, memory.clone()).await.unwrap();
    match memory {
        Some(_) => stage.queue.complete(&lease).await.unwrap(),
        None => stage.queue.release(&lease).await.unwrap(),
    }
}

async fn an_answer_by_call_back_that_nobody_can_read_ends_its_message_at_once(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    let asked = Gate::opened();
    let handler = |asked: &Gate| {
        let asked = asked.clone();
        act(move |_, _| {
            let asked = asked.clone();
            async move {
                asked.pass().await;
                match asked.came() {
                    ..=2 => Outcome::Later { within: None },
                    _ => Outcome::text("asked again"),
                }
            }
        })
    };
    let accounts = [(stage.account().to_owned(), AddressSecret::AppSecret("any secret".into()))];
    let call_backs = CallBacks::new(&Url::parse("https://bot.example.com/").unwrap(), accounts).unwrap();
    let routes = [Route::new("later", handler(&asked)).failure_reply("sorry")];
    let worker = stage.worker(stage.queue.clone(), stage.settings(), routes);
    stage.start_this(worker.call_backs(call_backs));
    let (mut ids, answers) = (Vec::new(), [DAMAGED, NEWER]);
    for (user, answer) in [&anna, &ben].into_iter().zip(answers) {
        let id = MessageId::new(stage.say(user, "hello").await).unwrap();
        eventually("it waits for its answer", async || {
            matches!(stage.state(user).await?, LaneState::Awaiting { .. }).then_some(())
        })
        .await;
        stage.queue.answer(&stage.lane_name(user), &id, answer.into()).await.unwrap();
        ids.push(id);
    }
    stage.put_off(&ben, "the answer by call back has a newer format").await;
    assert_texts(&stage.texts(&anna, 1).await, &["sorry"]);
    let reason = "the answer by call back is damaged and can't be read: retry the dead letter";
    assert!(stage.dead(1).await[0].reason.contains(reason));
    // As the reason says.
    assert_eq!(stage.queue.revive(&ids[..1]).await.unwrap(), [true]);
    assert_texts(&stage.texts(&anna, 2).await, &["sorry", "asked again"]);
    assert!(stage.log().iter().any(|line| line.contains("ERROR") && line.contains(reason)));
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}

async fn a_recorded_answer_that_nobody_can_read_ends_its_message_at_once(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    let id = stage.say(&user, "hello").await;
    record(&stage, 1, DAMAGED, None).await;
    stage.start([echo(&runs)]);
    let reason = "the recorded answer is damaged and can't be read: retry the dead letter";
    assert!(stage.dead(1).await[0].reason.contains(reason));
    assert_eq!(runs.came(), 0, "some of it may have been sent");
    let id = MessageId::new(id).unwrap();
    assert_eq!(stage.queue.revive(&[id]).await.unwrap(), [true]);
    assert_texts(&stage.texts(&user, 1).await, &["hello"]);
    stage.finish().await;
}

async fn a_memory_that_nobody_can_read_is_gone_on_without(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben) = (stage.user("anna"), stage.user("ben"));
    for (call, user, memory) in [(1, &anna, DAMAGED), (2, &ben, NEWER)] {
        stage.say(user, "before").await;
        record(&stage, call, br#"{"format":1,"parts":[],"failures":0,"dies_of":null}"#, Some(memory)).await;
    }
    let counting = act(|_, context: Context| async move {
        let n = context.memory.as_ref().and_then(Value::as_u64).unwrap_or(0) + 1;
        Outcome::Remember { replies: vec![text(&n.to_string())], memory: json!(n) }
    });
    stage.start([Route::new("counts", counting)]);
    for said in ["one", "two"] {
        stage.say(&anna, said).await;
    }
    assert_texts(&stage.texts(&anna, 2).await, &["1", "2"]);
    let expected = "the user's memory is damaged: going on without";
    let lines = stage.log();
    assert_eq!(
        lines.iter().filter(|line| line.contains("ERROR") && line.contains(expected)).count(),
        1,
        "{lines:?}"
    );
    stage.say(&ben, "one").await;
    stage.put_off(&ben, "the user's memory has a newer format").await;
    stage.finish_with(Left { open: 1, ..Left::default() }).await;
}
