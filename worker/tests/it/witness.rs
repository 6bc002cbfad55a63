//! A witness sees each step of each message.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use huixin_worker::{Outcome, Route, Witness, WitnessEvent, WitnessedMessage};
use serde_json::Value;

use crate::support::{Answer, Backend, Engine, Left, Stage, act, assert_texts};

/// Writes down what it sees, a line for each step.
#[derive(Default)]
struct Notebook(Mutex<Vec<String>>);

impl Witness for Notebook {
    fn saw(&self, message: &WitnessedMessage, event: &WitnessEvent<'_>) {
        let what = match event {
            WitnessEvent::Taken => "taken".to_owned(),
            WitnessEvent::Handling { route } => format!("handling {route}"),
            WitnessEvent::Called(call) => {
                let asked: Value = serde_json::from_str(&call.request).expect("JSON");
                let (status, answer) =
                    (call.status.unwrap_or_default(), call.response.as_deref().unwrap_or_default());
                let failed = call.error.as_ref().map_or("", |_| " failed");
                format!("called {} {status} {answer}{failed}", asked["content"].as_str().unwrap_or_default())
            }
            WitnessEvent::Handled { failure, .. } => format!("handled {}", failure.is_some()),
            WitnessEvent::Recorded { parts } => format!("recorded {parts}"),
            WitnessEvent::Sent { part, of } => format!("sent {part} of {of}"),
            WitnessEvent::Ended { end, reason } => format!("ended {end} {}", reason.is_some()),
            _ => "something new".to_owned(),
        };
        assert!(message.body.starts_with(b"<xml>") && !message.id.is_empty());
        let line = format!("{} {what}", message.attempt);
        self.0.lock().expect("no holder panics").push(line.trim_end().to_owned());
    }
}

impl Notebook {
    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no holder panics").clone()
    }
}

#[tokio::test]
async fn a_witness_sees_each_step_and_what_the_service_said_and_tests_can_use_it() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let service = Backend::start(|asked| match asked.attempt() {
        1 => Answer::of(503, "text/plain", "busy"),
        _ => Answer::text("found"),
    });
    let handler = service.await.handler(Duration::from_secs(10), None);
    let notebook = Arc::new(Notebook::default());
    let routes = [Route::new("lookup", handler)];
    let worker = stage.worker(stage.queue.clone(), stage.settings(), routes).witness(notebook.clone());
    stage.start_this(worker);
    stage.say(&user, "?1").await;
    assert_texts(&stage.texts(&user, 1).await, &["found"]);
    stage.finish().await;
    let first =
        ["1 taken", "1 handling lookup", "1 called ?1 503 busy", "1 handled true", "1 ended retried true"];
    let second = [
        "2 taken",
        "2 handling lookup",
        "2 called ?1 200 found",
        "2 handled false",
        "2 recorded 1",
        "2 sent 1 of 1",
        "2 ended answered false",
    ];
    assert_texts(&notebook.lines(), &[first.as_slice(), &second].concat());
}

#[tokio::test]
async fn a_message_that_dies_ends_with_its_reason() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let fail = act(|_, _| async { Outcome::Fail { reason: "no such thing".to_owned() } });
    let notebook = Arc::new(Notebook::default());
    let worker = stage.worker(stage.queue.clone(), stage.settings(), [Route::new("fail", fail)]);
    stage.start_this(worker.witness(notebook.clone()));
    stage.say(&user, "x").await;
    stage.finish_with(Left { open: 0, dead: &["no such thing"] }).await;
    assert_texts(&notebook.lines(), &["1 taken", "1 handling fail", "1 handled true", "1 ended dead true"]);
}
