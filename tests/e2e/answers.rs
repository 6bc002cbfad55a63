//! Services over HTTP in every mood, and answers by call back, with real processes.

use std::time::{Duration, Instant};

use huixin_queue::{Lane, LaneState};
use serde_json::{Value, json};

use crate::harness::{Backend, PATIENCE, Process, Said, Setup, Stack, WRITES_AT_ONCE, free_port, long};

/// `[receiver]` and then `[callback]` on this port.
fn with_call_backs(port: u16) -> String {
    let address = format!("127.0.0.1:{port}");
    format!("[callback]\nlisten = \"{address}\"\nbase_url = \"http://{address}\"\n")
}

/// Posts an answer, and gives the status, the body and the `Retry-After` that come back.
async fn post(url: &str, body: &Value) -> (u16, Value, Option<String>) {
    let client = huixin_wechat::http_client().expect("a client can be made");
    let request = client.post(url).header("content-type", "application/json").body(body.to_string());
    let answer = request.timeout(PATIENCE).send().await.expect("it answers");
    let retry_after =
        answer.headers().get("retry-after").map(|value| value.to_str().unwrap_or("?").to_owned());
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("it is JSON"), retry_after)
}

/// Waits until the user's lane waits for an answer by call back.
async fn awaiting(stack: &Stack, user: &str) {
    let (queue, lane) = (stack.queue(), Lane::new(format!("main/{user}")).expect("it is a name"));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let view = queue.lane(&lane).await.expect("the queue answers");
        if view.as_ref().is_some_and(|lane| matches!(lane.state, LaneState::Awaiting { .. })) {
            return;
        }
        assert!(Instant::now() < deadline, "{user} waits for an answer: {view:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_service_ends_as_the_manual_says() {
    let takes = Duration::from_secs(if long() { 90 } else { 6 });
    let bare = |status, kind, body| (Duration::ZERO, Said::Bare(status, kind, body));
    let backend = Backend::saying(move |asked| {
        let answer = Said::Parts(vec![format!("answer to {}", asked.content)]);
        match (asked.content.as_str(), asked.attempt) {
            ("slow", _) => (takes, answer),
            ("twice", 1) => bare(500, "text/plain", "oh"),
            ("twice", 2) => bare(503, "text/plain", "oh"),
            ("hangs", _) => (Duration::from_secs(30), answer),
            ("refuses", _) => bare(400, "text/plain", "no"),
            ("garbled", _) => bare(200, "application/json", "{oops"),
            ("a page", _) => bare(200, "text/html", "<!DOCTYPE html><html><body>502</body></html>"),
            ("never", _) => bare(202, "text/plain", ""),
            _ => (Duration::ZERO, answer),
        }
    })
    .await;
    let rows = [
        ("slow", "answer to slow", 1, None),
        ("twice", "answer to twice", 3, None),
        ("hangs", "sorry", 3, Some("the service did not answer within 1.5s")),
        ("refuses", "sorry", 1, Some("the service answered 400 Bad Request")),
        ("garbled", "sorry", 1, Some("its answer is declared as JSON but can't be read as such")),
        ("a page", "sorry", 3, Some("its answer is an HTML page")),
        ("never", "sorry", 3, Some("no answer by call back came within 1s")),
    ];
    let url = &backend.url;
    let routes = format!(
        "[[route]]\nname = \"slow\"\nmatch = {{ text = \"^slow\" }}\nhttp = {{ url = \"{url}\", timeout = \"10m\" }}\n\
         [[route]]\nname = \"rest\"\nhttp = {{ url = \"{url}\", timeout = \"1500ms\" }}\nattempts = 3\n\
         failure_reply = \"sorry\"\nanswer_within = \"1s\"\n"
    );
    let setup = Setup { routes, receiver: with_call_backs(free_port()), lease: "2s", ..Setup::default() };
    let mut stack = Stack::on_redis(setup).await;
    stack.expect_errors("the message is dead");
    let (mut receiver, mut worker) = (stack.role("receiver").await, stack.role("worker").await);
    let users: Vec<String> = (0..rows.len()).map(|n| format!("oUser{n}")).collect();
    for (user, (mood, ..)) in users.iter().zip(&rows) {
        stack.say(user, mood).await;
    }
    let slow = takes + PATIENCE;
    stack.wait_for_all_sends(rows.len(), slow).await;
    stack.wait_until_empty().await;
    let dead = stack.dead().await;
    for (user, (mood, heard, asked, reason)) in users.iter().zip(&rows) {
        assert_eq!(stack.texts_to(user), [*heard], "{mood}");
        assert_eq!(backend.requests_for(mood).len(), *asked, "{mood}");
        let letter = dead.iter().find(|letter| letter.lane.as_str().ends_with(user.as_str()));
        match (letter, reason) {
            (None, None) => {}
            (Some(letter), Some(reason)) => {
                assert!(letter.reason.contains(reason), "{mood}: {}", letter.reason);
            }
            (letter, _) => panic!("{mood}: {letter:?}"),
        }
    }
    assert_eq!((receiver.stop().await, worker.stop().await), (Some(0), Some(0)));
    stack.end_with_dead().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_by_call_back_arrives_although_every_worker_was_restarted() {
    let backend = Backend::later().await;
    let port = free_port();
    let setup = Setup { routes: backend.route(), receiver: with_call_backs(port), ..Setup::default() };
    let mut stack = Stack::on_redis(setup).await;
    let debug = &[("HUIXIN_LOG", "debug")];
    let mut receiver = stack.spawn("receiver", debug);
    receiver.ready().await;
    let mut workers = [stack.spawn("worker", debug), stack.spawn("worker", debug)];
    for worker in &workers {
        worker.ready().await;
        // One configuration for all processes of a machine: the first one has the port.
        worker.wait_for_log("another process listens for answers by call back").await;
    }
    stack.say("oAnna", "one").await;
    stack.say("oBen", "two").await;
    awaiting(&stack, "oAnna").await;
    awaiting(&stack, "oBen").await;
    // One worker is killed, one stops; neither has anything to hand back.
    workers[0].kill();
    assert_eq!(workers[1].stop().await, Some(0));
    assert!(workers[1].log().contains("finished=0 handed_back=0"), "{}", workers[1].log());
    awaiting(&stack, "oAnna").await;

    let url = |user: usize| backend.requests()[user].callback_url.clone();
    let (anna, ben) = match backend.requests()[0].content.as_str() {
        "one" => (url(0), url(1)),
        _ => (url(1), url(0)),
    };
    assert!(anna.starts_with(&format!("http://127.0.0.1:{port}/v1/answers/")), "{anna}");
    assert_eq!(post(&anna, &json!("the first")).await.0, 200);
    let (status, body, _) = post(&anna, &json!("the second")).await;
    assert_eq!((status, &body["error"]), (409, &json!("the message already has an answer")));
    let mut worker = stack.spawn("worker", debug);
    worker.ready().await;
    stack.wait_for_sends("oAnna", 1).await;
    assert_eq!(receiver.metric_with("huixin_answers_total", "result=\"taken\"").await.to_string(), "1");
    let deadline = Instant::now() + PATIENCE;
    for (process, shown) in [(&receiver, "1"), (&worker, "0")] {
        while process.metric("huixin_answers_listening").await.to_string() != shown {
            assert!(Instant::now() < deadline, "who listens is shown");
        }
    }

    // The receiver goes too, and the worker has the port.
    assert_eq!(receiver.stop().await, Some(0));
    worker.wait_for_log("the port is free: answers by call back are received").await;
    assert_eq!(post(&ben, &json!({"replies": ["a", "b"]})).await, (200, json!({"status": "taken"}), None));
    stack.wait_for_sends("oBen", 2).await;
    assert_eq!(
        (stack.texts_to("oAnna"), stack.texts_to("oBen")),
        (vec!["the first".into()], vec!["a".into(), "b".into()])
    );
    assert_eq!(backend.requests().len(), 2, "nobody was asked twice");
    assert_eq!(worker.stop().await, Some(0));
    for url in [anna, ben] {
        let token = url.rsplit('/').next().unwrap_or_default().to_owned();
        assert!(token.len() > 40 && !stack.all_logs().contains(&token), "a log has a token");
    }
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_wrong_can_be_mended_and_one_that_is_too_late_is_told_so() {
    let backend = Backend::later().await;
    let port = free_port();
    let url = &backend.url;
    let routes = format!(
        "[[route]]\nname = \"hasty\"\nmatch = {{ text = \"^quick\" }}\nhttp = {{ url = \"{url}\" }}\nattempts = 1\n\
         answer_within = \"1s\"\nfailure_reply = \"sorry\"\n{}",
        backend.route()
    );
    let setup = Setup { routes, receiver: with_call_backs(port), ..Setup::default() };
    let mut stack = Stack::embedded(setup).await;
    stack.expect_errors("the message is dead");
    let mut run = stack.role("run").await;
    stack.say("oAnna", "slow").await;
    backend.wait_for_requests(1).await;
    let slow = backend.requests()[0].callback_url.clone();
    let rows = [
        (json!({"type": "txt"}), "`type` is \"txt\""),
        (json!([{"type": "text", "content": "a"}, {"type": "image"}]), "reply 2: "),
        (
            json!({"replies": "a", "memroy": 1}),
            "\"memroy\" is unknown; only `replies` and `memory` are allowed here",
        ),
        (json!(7), "must be a text or an object"),
    ];
    for (body, error) in rows {
        let (status, said, _) = post(&slow, &body).await;
        assert!(
            status == 422 && said["error"].as_str().is_some_and(|e| e.contains(error)),
            "{status} {said}"
        );
    }
    assert_eq!(post(&slow, &json!("mended")).await.0, 200);
    stack.wait_for_sends("oAnna", 1).await;

    stack.say("oBen", "quick").await;
    backend.wait_for_requests(2).await;
    let quick = backend.requests()[1].callback_url.clone();
    stack.wait_for_sends("oBen", 1).await;
    run.wait_for_log("the message is dead").await;
    let (status, said, _) = post(&quick, &json!("too late")).await;
    assert_eq!((status, &said["error"]), (410, &json!("the message has ended and takes no more answers")));
    assert_eq!(
        (stack.texts_to("oAnna"), stack.texts_to("oBen")),
        (vec!["mended".into()], vec!["sorry".into()])
    );
    assert_eq!(run.stop().await, Some(0));
    stack.end_with_dead().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_an_answer_is_refused_and_taken_when_it_is_back() {
    let backend = Backend::later().await;
    let port = free_port();
    let receiver = with_call_backs(port);
    let setup = Setup { routes: backend.route(), receiver, redis: WRITES_AT_ONCE, ..Setup::default() };
    let mut stack = Stack::on_redis(setup).await;
    let (mut receiver, mut worker) = (stack.role("receiver").await, stack.role("worker").await);
    for (n, user) in ["oAnna", "oBen"].into_iter().enumerate() {
        stack.say(user, "hello").await;
        backend.wait_for_requests(n + 1).await;
        awaiting(&stack, user).await;
    }
    let urls: Vec<_> = backend.requests().into_iter().map(|asked| asked.callback_url).collect();

    // Dead: connections are refused.
    stack.redis.as_mut().expect("it is on Redis").kill();
    refused(&urls[0]).await;
    stack.redis.as_mut().expect("it is on Redis").restart();
    assert_eq!(until_it_is_back(&urls[0]).await, 200);
    stack.wait_for_sends("oAnna", 1).await;

    // Stalled: nothing is answered, and what was asked may be done all the same when it wakes.
    stack.redis.as_ref().expect("it is on Redis").signal("-STOP");
    refused(&urls[1]).await;
    stack.redis.as_ref().expect("it is on Redis").signal("-CONT");
    let status = until_it_is_back(&urls[1]).await;
    assert!([200, 409].contains(&status), "{status}");
    stack.wait_for_sends("oBen", 1).await;
    stack.wait_until_empty().await;
    assert_eq!((stack.texts_to("oAnna"), stack.texts_to("oBen")), (vec!["here".into()], vec!["here".into()]));
    assert_eq!((receiver.stop().await, worker.stop().await), (Some(0), Some(0)));
    stack.end().await;
}

async fn refused(url: &str) {
    let began = Instant::now();
    let (status, said, retry_after) = post(url, &json!("here")).await;
    assert_eq!((status, retry_after.as_deref()), (503, Some("5")), "{said}");
    assert!(began.elapsed() < Duration::from_secs(15), "it took {:?}", began.elapsed());
}

/// Gives the answer until it isn't refused any more.
async fn until_it_is_back(url: &str) -> u16 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match post(url, &json!("here")).await {
            (503, said, _) => assert!(Instant::now() < deadline, "{said}"),
            (status, ..) => return status,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_takes_answers_on_a_port_that_is_free_and_says_where() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let backend = Backend::later().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // The public address of the configuration is not that of this machine.
    let config = format!("[callback]\nbase_url = \"https://bot.example.com\"\n{}", backend.route());
    std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
    let dev = Process::spawn(
        &["dev", "--config", "huixin.toml"],
        folder.path(),
        folder.path().join("dev.log"),
        &[],
    );
    let page = dev.url_after("Open ").await;
    let page = page.trim_end_matches(';');
    let base = dev.url_after("call back to ").await;
    let base = base.trim_end_matches('…');
    let (said, _, _) = post(&format!("{page}sandbox/say"), &json!({"user": "oUser", "text": "hello"})).await;
    assert_eq!(said, 202);
    backend.wait_for_requests(1).await;
    let url = backend.requests()[0].callback_url.clone();
    assert!(url.starts_with(base) && base.starts_with("http://127.0.0.1:"), "{url}, {base}");
    assert_eq!(post(&url, &json!("here it is")).await.0, 200);
    let client = huixin_wechat::http_client().expect("a client can be made");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let transcript = client.get(format!("{page}sandbox/transcript")).send().await.expect("it answers");
        if transcript.text().await.expect("to the end").contains("here it is") {
            return;
        }
        assert!(Instant::now() < deadline, "the answer arrives: {}", dev.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
