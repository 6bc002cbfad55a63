//! A service over HTTP: what it is asked, and what becomes of what it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use huixin_sandbox::Push;
use huixin_wechat::{Message, Secret};
use huixin_worker::handlers::HttpHandler;
use huixin_worker::{Outcome, Route, WorkerSettings};
use regex::Regex;
use serde_json::json;
use standardwebhooks::Webhook;

use crate::support::{Answer, Asked, Backend, Engine, Left, Stage, act, assert_texts, on_both_engines};

const TIMEOUT: Duration = Duration::from_secs(10);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

on_both_engines! {
    a_service_that_fails_twice_is_asked_three_times_and_the_user_answered_once
    a_service_slower_than_several_leases_is_asked_once
}

#[tokio::test]
async fn a_service_is_asked_with_the_whole_message_in_a_signed_request() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let service = Backend::start(|_| Answer::text("found")).await;
    let handler = service.handler(TIMEOUT, Some(&Secret::from(SECRET)));
    stage.start([Route::new("lookup", handler).when_text(Regex::new(r"^\?(?<code>\S+)$").unwrap())]);
    let push = Push::text(stage.account(), user.as_str(), "?18-546 ");
    let id = stage.push(push.clone()).await;
    assert_texts(&stage.texts(&user, 1).await, &["found"]);

    let typed = Message::parse(push.body(&format!("gh_sandbox_{}", stage.account())).as_bytes())
        .unwrap()
        .typed_json();
    assert!(typed.is_object(), "{typed}");
    let asked = service.asked().remove(0);
    let mut body = asked.body.clone();
    let times = body.as_object_mut().unwrap();
    let accepted_at = times.remove("accepted_at").unwrap();
    let reply_until = times.remove("reply_until").unwrap();
    let form = Regex::new(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$").unwrap();
    for time in [&accepted_at, &reply_until] {
        assert!(form.is_match(time.as_str().unwrap()), "{time}");
    }
    assert!(accepted_at.as_str() < reply_until.as_str());
    assert_eq!(
        body,
        json!({
            "version": 1, "id": id, "route": "lookup", "account": stage.account(), "user": user, "type": "text",
            "event": null, "key": null, "content": "?18-546 ", "created_at": push.created_at, "sends_left": 5,
            "attempt": 1, "captures": {"1": "18-546", "code": "18-546"}, "memory": null, "callback_url": null,
            "typed": typed, "fields": {
                "ToUserName": format!("gh_sandbox_{}", stage.account()), "FromUserName": user,
                "CreateTime": push.created_at.to_string(), "MsgType": "text", "Content": "?18-546 ",
                "MsgId": push.msg_id
            }
        })
    );
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!((asked.header("webhook-id"), asked.header("idempotency-key")), (id.as_str(), id.as_str()));
    assert!(!id.contains(&user));
    verify(&asked);
    stage.finish().await;
}

async fn a_service_that_fails_twice_is_asked_three_times_and_the_user_answered_once(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let service = Backend::start(|asked| match asked.attempt() {
        1 => Answer::status(500),
        2 => Answer::status(503),
        _ => Answer::text("at last"),
    })
    .await;
    let handler = service.handler(TIMEOUT, Some(&Secret::from(SECRET)));
    stage.start([Route::new("lookup", handler).failure_reply("never said")]);
    let id = stage.say(&user, "hello").await;
    stage.rest().await;
    assert_texts(&stage.texts(&user, 1).await, &["at last"]);
    let asked = service.asked();
    assert_eq!(asked.iter().map(Asked::attempt).collect::<Vec<_>>(), [1, 2, 3]);
    for one in &asked {
        assert_eq!((one.header("webhook-id"), one.header("idempotency-key")), (id.as_str(), id.as_str()));
        assert_eq!(one.body["id"], id.as_str());
        verify(one);
    }
    assert_eq!((stage.ended("retried"), stage.ended("answered")), (2, 1));
    stage.finish().await;
}

fn verify(asked: &Asked) {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, asked.headers[name].clone());
    }
    let verifier = Webhook::new(SECRET).unwrap();
    verifier.verify(&asked.bytes, &headers).unwrap();
    verifier.verify(&[&asked.bytes[..], b" "].concat(), &headers).expect_err("of another body it is wrong");
}

#[tokio::test]
async fn what_a_service_answers_is_what_the_user_gets() {
    let rows = [
        ("a string", Answer::json("\"hello\""), &["hello"][..]),
        ("an object", Answer::json(r#"{"type":"text","content":" hello "}"#), &["hello"]),
        ("a list", Answer::json(r#"["one", {"type":"text","content":"two"}]"#), &["one", "two"]),
        ("replies", Answer::json(r#"{"replies":["one"],"memory":"kept"}"#), &["one"]),
        ("text", Answer::text("\u{feff} 查到了 😀\n"), &["查到了 😀"]),
        ("a link", Answer::text("<a href=\"http://x/\">here</a>"), &["<a href=\"http://x/\">here</a>"]),
        ("created", Answer::of(201, "text/plain", "made"), &["made"]),
        ("no content", Answer::status(204), &[]),
        ("nothing", Answer::text(""), &[]),
        ("blanks", Answer::text(" \n"), &[]),
        ("an empty list", Answer::json("[]"), &[]),
        ("null", Answer::json("null"), &[]),
    ];
    let mut stage = Stage::on(Engine::Sqlite).await;
    let script = rows.clone();
    let service = Backend::start(move |asked| {
        script.iter().find(|(name, ..)| *name == asked.content()).unwrap().1.clone()
    })
    .await;
    stage.start([Route::new("all", service.handler(TIMEOUT, None))]);
    let users: Vec<String> = rows.iter().map(|_| stage.user("row")).collect();
    for (user, (name, ..)) in users.iter().zip(&rows) {
        stage.say(user, name).await;
    }
    stage.rest().await;
    for (user, (name, _, expected)) in users.iter().zip(&rows) {
        assert_eq!(stage.sandbox.transcript().texts_to(user.as_str()), *expected, "{name}");
        assert_eq!(stage.sent_to(user), expected.len(), "{name}");
    }
    assert_eq!(service.asked().len(), rows.len());
    assert!(service.asked().iter().all(|asked| !asked.headers.contains_key("webhook-signature")));
    assert_eq!((stage.ended("answered"), stage.ended("no_reply")), (7, 5));
    stage.finish().await;
}

#[tokio::test]
async fn an_answer_that_no_user_should_see_is_a_failed_attempt() {
    let page = "\n<!DOCTYPE html><html><body>502 Bad Gateway</body></html>";
    let rows = [
        ("a page", Answer::of(200, "text/html", page)),
        ("a page as json", Answer::json(page)),
        ("a page as text", Answer::text(page)),
        ("a trace", Answer::text("Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>")),
        ("408", Answer::status(408)),
        ("429", Answer::status(429)),
        ("502", Answer::of(502, "text/html", page)),
    ];
    let mut stage = Stage::on(Engine::Sqlite).await;
    let script = rows.clone();
    let service = Backend::start(move |asked| match asked.attempt() {
        1 => script.iter().find(|(name, _)| *name == asked.content()).unwrap().1.clone(),
        _ => Answer::text("fine"),
    })
    .await;
    stage.start([Route::new("all", service.handler(TIMEOUT, None))]);
    let users: Vec<String> = rows.iter().map(|_| stage.user("row")).collect();
    for (user, (name, _)) in users.iter().zip(&rows) {
        stage.say(user, name).await;
    }
    stage.rest().await;
    for (user, (name, _)) in users.iter().zip(&rows) {
        assert_eq!(stage.sandbox.transcript().texts_to(user.as_str()), ["fine"], "{name}");
    }
    assert_eq!(service.asked().len(), 2 * rows.len());
    stage.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_final_ends_in_one_failure_reply_and_a_dead_letter_that_says_why() {
    let rows = [
        ("404", Answer::of(404, "text/plain", "no such code\n"), "the service answered 404 Not Found"),
        (
            "401 page",
            Answer::of(401, "text/html", "<html>secret</html>"),
            "the service answered 401 Unauthorized",
        ),
        ("202", Answer::status(202), "the handler answers by call back, but no address is configured"),
        ("rubbish", Answer::json("{oops"), "is declared as JSON but can't be read as such"),
        ("not utf-8", Answer::bytes(b"\xc4\xe3"), "in the character set that it declares, `utf-8`"),
        ("wrong reply", Answer::json(r#"{"type":"txt"}"#), "`type` is \"txt\""),
        ("redirect", Answer::status(307).with("location", "/elsewhere"), "redirects are not followed"),
        ("too long", Answer::text(&"x".repeat(1024 * 1024 + 1)), "more than 1048576 bytes"),
    ];
    let mut stage = Stage::on(Engine::Sqlite).await;
    let script = rows.clone();
    let service = Backend::start(move |asked| {
        script.iter().find(|(name, ..)| *name == asked.content()).unwrap().1.clone()
    })
    .await;
    stage.start([Route::new("all", service.handler(TIMEOUT, None)).failure_reply(" sorry ")]);
    let mut reasons = Vec::new();
    for (n, (name, _, reason)) in rows.iter().enumerate() {
        let user = stage.user("row");
        stage.say(&user, name).await;
        assert_texts(&stage.texts(&user, 1).await, &["sorry"]);
        let letter = stage.dead(n as u64 + 1).await.pop().unwrap();
        assert_eq!(letter.lane, stage.lane_name(&user));
        // What the service said may quote the user.
        assert!(
            !["html", "no such code"].iter().any(|said| letter.reason.contains(said)),
            "{}",
            letter.reason
        );
        assert_eq!(stage.sent_to(&user), 1, "{name}");
        reasons.push(*reason);
    }
    assert_eq!(service.asked().len(), rows.len(), "none was asked twice");
    stage.finish_with(Left { dead: &reasons, ..Left::default() }).await;
}

#[tokio::test]
async fn a_service_slower_than_its_timeout_is_asked_again() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let service = Backend::start(|asked| match asked.attempt() {
        1 => Answer::text("too late").after(Duration::from_secs(30)),
        _ => Answer::text("in time"),
    })
    .await;
    stage.start([Route::new("all", service.handler(Duration::from_millis(300), None))]);
    stage.say(&user, "hello").await;
    stage.logs("the service did not answer within 300ms").await;
    assert_texts(&stage.texts(&user, 1).await, &["in time"]);
    stage.finish().await;
}

#[tokio::test]
async fn a_service_asked_over_tls_that_speaks_none_is_told_so() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let service = Backend::start(|_| Answer::text("never")).await;
    let mut url = service.url().clone();
    url.set_scheme("https").unwrap();
    let handler = HttpHandler::new(url, TIMEOUT, None, huixin_wechat::http_client().unwrap()).unwrap();
    stage.start([Route::new("lookup", handler).attempts(1)]);
    stage.say(&user, "hello").await;
    let reason = stage.dead(1).await.remove(0).reason;
    let place = format!("(https://127.0.0.1:{}/", service.url().port().unwrap());
    assert!(reason.starts_with("route `lookup`: the service could not be reached: "), "{reason}");
    assert!(reason.contains(&place), "{reason}");
    assert!(reason.contains("doesn't speak TLS") && reason.contains("http://"), "{reason}");
    stage.finish_with(Left { dead: &["route `lookup`"], ..Left::default() }).await;
}

#[tokio::test]
async fn a_service_that_refuses_connections_is_asked_again_and_its_url_is_told() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let (service, mut door) = Backend::away(|_| Answer::text("here again"));
    let route = Route::new("all", service.handler(TIMEOUT, None)).attempts(100);
    stage.start([route]);
    stage.say(&user, "hello").await;
    let lane = stage.put_off(&user, "the service could not be reached: ").await;
    let reason = lane.last_error.unwrap();
    let url = format!("(http://127.0.0.1:{}{})", service.url().port().unwrap(), service.url().path());
    assert!(
        reason.contains("refused") && reason.contains("correct `url`") && reason.contains(&url),
        "{reason}"
    );
    let count = stage.logged(&url).into_iter().filter(|line| line.contains("attempt ")).count();
    assert_eq!(count, 1, "once, and not at every attempt");
    door.listen();
    assert_texts(&stage.texts(&user, 1).await, &["here again"]);
    stage.finish().await;
}

#[tokio::test]
async fn a_service_is_asked_again_no_sooner_than_it_wants() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let user = stage.user("anna");
    let service = Backend::start(|asked| match asked.attempt() {
        1 => Answer::status(503).with("retry-after", "2"),
        _ => Answer::text("now"),
    })
    .await;
    stage.start([Route::new("all", service.handler(TIMEOUT, None))]);
    stage.say(&user, "hello").await;
    service.until_asked(2).await;
    let asked = service.asked();
    let apart = asked[1].at.duration_since(asked[0].at);
    // The worker's own wait would have been a second at most.
    assert!(apart >= Duration::from_millis(1990), "{apart:?}");
    stage.rest().await;
    stage.finish().await;
}

async fn a_service_slower_than_several_leases_is_asked_once(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (slow, quick) = (stage.user("slow"), stage.user("quick"));
    let other_ran = Arc::new(AtomicBool::new(false));
    let service = Backend::start(|_| Answer::text("slow").after(Duration::from_secs(4))).await;
    let settings = WorkerSettings { lease: Duration::from_secs(1), ..stage.settings() };
    let is_slow = Regex::new("slow").unwrap();
    // Two workers: whatever the one lost the other would take.
    for _ in 0..2 {
        let ran = other_ran.clone();
        let quick = act(move |_, _| {
            ran.store(true, Ordering::Relaxed);
            async { Outcome::text("quick") }
        });
        let routes = [
            Route::new("slow", service.handler(TIMEOUT, None)).when_text(is_slow.clone()),
            Route::new("quick", quick),
        ];
        stage.start_with(settings.clone(), routes);
    }
    stage.say(&slow, "slow").await;
    service.until_asked(1).await;
    stage.say(&quick, "hello").await;
    assert_texts(&stage.texts(&quick, 1).await, &["quick"]);
    assert_eq!(stage.sent_to(&slow), 0);
    assert_texts(&stage.texts(&slow, 1).await, &["slow"]);
    stage.rest().await;
    assert_eq!(service.asked().len(), 1);
    assert_eq!((stage.sent_to(&slow), stage.ended("lease_lost")), (1, 0));
    stage.finish().await;
}
