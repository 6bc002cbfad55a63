//! What the operations page asks: login and sessions, and what the requests answer that are there for it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use huixin_queue::{Class, HeldEffect, Lane, MessageId, NewMessage};
use huixin_sandbox::Fault;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::api::{FULL, READ, Running, start, start_with};
use crate::harness::{Backend, PATIENCE, Setup, Stack};

impl Running {
    /// A request as a browser makes it, which shows no token.
    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let client = huixin_wechat::http_client().expect("a client can be made");
        client.request(method.parse().expect("it is a method"), format!("{}{path}", self.url))
    }

    /// The origin of the page.
    fn origin(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// Shows a token at the login.
    async fn log_in(&self, token: &str) -> Response {
        let login = self.request("POST", "v1/login").header("origin", self.origin());
        login.json(&json!({"token": token})).send().await.expect("it answers")
    }
}

/// The status, and the JSON.
async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("it answers");
    (answer.status().as_u16(), answer.json().await.expect("it is JSON"))
}

/// The pair of a cookie that an answer sets.
fn cookie(answer: &Response) -> String {
    let cookie = answer.headers()["set-cookie"].to_str().expect("it is text");
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    cookie.split(';').next().expect("it has a beginning").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_a_session_until_the_logout_and_a_page_of_another_site_changes_nothing() {
    let running = start(false).await;
    let session =
        async |cookie: &str| answer(running.request("GET", "v1/session").header("cookie", cookie)).await;
    let needs = json!({"needs_login": true, "may_read": false, "may_change": false, "by_session": false});
    assert_eq!(session("huixin_session=x").await, (200, needs.clone()));
    // The page is there before the login, and holds nothing.
    let page = running.request("GET", "").send().await.expect("it answers");
    assert_eq!(
        (page.status().as_u16(), &page.headers()["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert_eq!(answer(running.request("GET", "v1/status")).await.0, 401);
    assert_eq!(running.log_in("another").await.status(), 401);

    let login = running.log_in(FULL).await;
    let full = cookie(&login);
    let may = json!({"needs_login": false, "may_read": true, "may_change": true, "by_session": true});
    assert_eq!(login.json::<Value>().await.expect("it is JSON"), may);
    assert_eq!(session(&full).await, (200, may));
    let pause = async |origin: Option<&str>, kind: &str, cookie: &str| {
        let body = json!({"what": {"account": "main", "user": "oBen"}, "reason": "because"}).to_string();
        let request =
            running.request("POST", "v1/pause").header("cookie", cookie).header("content-type", kind);
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        answer(request.body(body)).await.0
    };
    let own = Some(running.origin());
    for (origin, kind, status) in [
        (Some("http://evil.example"), "application/json", 403),
        (Some("null"), "application/json", 403),
        (None, "application/json", 403),
        (own, "text/plain", 415),
        (own, "application/json", 200),
    ] {
        assert_eq!(pause(origin, kind, &full).await, status, "{origin:?} {kind}");
    }
    let read = cookie(&running.log_in(READ).await);
    assert_eq!(pause(own, "application/json", &read).await, 403);
    let changes = answer(running.request("GET", "v1/changes").header("cookie", &read)).await.1;
    let changes = changes["changes"].as_array().expect("a list");
    assert_eq!((changes.len(), &changes[0]["who"]), (1, &json!("token session")));

    let logout = running.request("POST", "v1/logout").header("cookie", &full).json(&json!({}));
    assert_eq!(answer(logout).await, (200, needs.clone()));
    assert_eq!(session(&full).await, (200, needs));
    assert_eq!(pause(own, "application/json", &full).await, 401);
    running.ask(FULL, "POST", "v1/resume", Some(json!({"account": "main", "user": "oBen"}))).await;

    // Wrong ones are counted, right ones aren't.
    for _ in 0..9 {
        assert_eq!(running.log_in("another").await.status(), 401);
    }
    assert_eq!(running.log_in(FULL).await.status(), 429);
    running.end().await;
}

/// Asks until the answer is as it should be.
async fn ask_until(running: &Running, path: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, answer) = running.ask(READ, "GET", path, None).await;
        if status == 200 && is_right(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path}: {status} {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_shows_all_of_them_with_their_accounts_and_their_last_hour() {
    tokio::join!(the_installation_is_shown(true), the_installation_is_shown(false));
}

async fn the_installation_is_shown(on_redis: bool) {
    let slow = Duration::from_secs(8);
    let backend = Backend::answering(move |asked| {
        (if asked.content == "wait" { slow } else { Duration::from_millis(20) }, "answer".to_owned())
    });
    let running = start_with(on_redis, &backend.await.route()).await;
    let roles: &[&str] = if on_redis { &["receiver", "worker"] } else { &["run"] };
    running.stack.say("oAnna", "hello").await;
    running.stack.wait_for_sends("oAnna", 1).await;
    running.stack.say("oBen", "wait").await;
    let are_there = |answer: &Value| {
        let processes = answer["processes"].as_array().expect("a list");
        let total: u64 = processes.iter().filter_map(|process| process["running_total"].as_u64()).sum();
        processes.iter().map(|process| &process["role"]).eq(roles) && total == 1
    };
    let all = ask_until(&running, "v1/processes", are_there).await["processes"].clone();
    let worker = &all[roles.len() - 1];
    let message = &worker["running"][0];
    assert_eq!(
        (&message["account"], &message["user"], &message["route"], &message["step"]),
        (&json!("main"), &json!("oBen"), &json!("backend"), &json!("its handler"))
    );
    assert_eq!((&worker["permits"], &all[0]["permits"].is_null()), (&json!(256), &on_redis));
    // A queue in a file needs no spool.
    let spool = on_redis.then_some("idle");
    assert_eq!((&worker["problems"], all[0]["spool"]["state"].as_str()), (&json!([]), spool));

    let accounts = ask_until(&running, "v1/accounts", |answer| answer["accounts"][0]["open"] == 1).await;
    let account = &accounts["accounts"][0];
    assert_eq!((&account["name"], &account["answer_by"]), (&json!("main"), &json!("api")));
    running
        .ask(FULL, "POST", "v1/pause", Some(json!({"what": {"account": "main"}, "reason": "because"})))
        .await;
    let (_, accounts) = running.ask(READ, "GET", "v1/accounts", None).await;
    assert_eq!(accounts["accounts"][0]["paused"]["reason"], "because", "it is seen at once");
    running.ask(FULL, "POST", "v1/resume", Some(json!({"account": "main"}))).await;

    let (_, config) = running.ask(READ, "GET", "v1/config", None).await;
    let toml = config["toml"].as_str().expect("it is text");
    assert!(toml.contains("[account.main]") && toml.contains("***"), "{toml}");
    assert!(!toml.contains(FULL) && !toml.contains(READ), "{toml}");
    assert_eq!(config["file"], "huixin.toml");

    running.stack.wait_for_sends("oBen", 1).await;
    let sum = |answer: &Value, name: &str| -> f64 {
        answer["series"][name].as_array().expect("a list").iter().filter_map(Value::as_f64).sum()
    };
    let charts = ask_until(&running, "v1/charts", |answer| sum(answer, "answered") == 2.0).await;
    assert_eq!((sum(&charts, "accepted"), sum(&charts, "dead")), (2.0, 0.0));
    assert!(sum(&charts, "ack_p50_ms") > 0.0 && sum(&charts, "handling_p99_ms") > 0.0, "{charts}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_grouped_by_cause_retried_and_dropped_and_a_text_that_is_shown_is_noted() {
    for on_redis in [true, false] {
        let running = start(on_redis).await;
        running.stack.sandbox.sandbox.faults().on_send(Fault::Code(48002), 3);
        for user in ["oAnna", "oBen", "oCleo"] {
            running.stack.say(user, "<script>secret</script>").await;
        }
        running.wait_for("dead", 3).await;
        let (_, causes) = running.ask(READ, "GET", "v1/dead/causes", None).await;
        let cause = &causes["causes"][0];
        assert_eq!(
            (&causes["scanned"], &causes["total"], &cause["count"]),
            (&json!(3), &json!(3), &json!(3))
        );
        assert_eq!(
            (&cause["kind"], &cause["code"], &cause["accounts"]),
            (&json!("refused"), &json!(48002), &json!({"main": 3}))
        );
        assert!(cause["remedy"].as_str().is_some_and(|remedy| remedy.contains("drop it")), "{cause}");
        let (_, none) = running.ask(READ, "GET", "v1/dead/causes?account=other", None).await;
        assert_eq!((&none["scanned"], &none["causes"]), (&json!(3), &json!([])));

        let id = cause["example_id"].as_str().expect("an id");
        for path in ["v1/dead?bodies=false".to_owned(), format!("v1/dead/{id}?bodies=false")] {
            let (_, hidden) = running.ask(READ, "GET", &path, None).await;
            assert!(hidden.to_string().contains(id) && !hidden.to_string().contains("secret"), "{hidden}");
        }
        let (_, text) = running.ask(READ, "GET", &format!("v1/dead/{id}/text"), None).await;
        assert!(text["body"].as_str().is_some_and(|body| body.contains("<script>secret")), "{text}");
        assert_eq!(running.ask(READ, "GET", "v1/dead/nothing/text", None).await, (200, Value::Null));

        let matching = async |what: &str, asked: Value| {
            let (status, done) =
                running.ask(FULL, "POST", &format!("v1/dead/{what}-matching"), Some(asked)).await;
            assert_eq!((status, &done["next"]), (200, &Value::Null), "{done}");
            done["done"].as_u64()
        };
        assert_eq!(matching("drop", json!({"cause": "another"})).await, Some(0));
        assert_eq!(matching("drop", json!({"account": "main", "user": "oAnna"})).await, Some(1));
        assert_eq!(matching("retry", json!({"cause": cause["cause"], "reason": "48002"})).await, Some(2));
        running.stack.wait_for_sends("oBen", 1).await;
        running.stack.wait_for_sends("oCleo", 1).await;
        assert_eq!(
            running.ask(READ, "GET", "v1/dead/causes", None).await.1["total"],
            0,
            "it is seen at once"
        );
        let (_, changes) = running.ask(READ, "GET", "v1/changes", None).await;
        let changes: Vec<_> = changes["changes"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|change| {
                let text = |name: &str| change[name].as_str().unwrap_or("-").to_owned();
                (text("who"), text("what"), text("account"), change["count"].as_u64())
            })
            .collect();
        let line = |who: &str, what: &str, account: &str, count| {
            (who.to_owned(), what.to_owned(), account.to_owned(), count)
        };
        assert_eq!(
            changes,
            [
                line("token", "retry", "-", Some(2)),
                line("token", "drop", "main", Some(1)),
                line("read token", "read", "main", None),
            ]
        );
        running.end().await;
    }
}

/// Thousands of letters take several calls, which leave one line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_dead_letters_are_dropped_slice_by_slice() {
    const LETTERS: u64 = 2_500;
    let running = start(true).await;
    let queue = running.stack.queue();
    for n in 0..LETTERS {
        let dead_reason = Some(format!("order {n} of the test"));
        let letter = NewMessage {
            dead_reason,
            held: HeldEffect::Leave,
            late: false,
            not_after: None,
            arrived_us: 1,
            payload: Bytes::new(),
            id: MessageId::new(format!("m{n}")).expect("an id"),
            lane: Lane::new(format!("other{}/o", n % 3)).expect("a name"),
            class: Class::new(format!("other{}", n % 3)).expect("a name"),
        };
        queue.accept(letter).await.expect("it is stored");
    }
    let (_, causes) = running.ask(READ, "GET", "v1/dead/causes", None).await;
    assert_eq!((&causes["scanned"], &causes["total"]), (&json!(1_000), &json!(LETTERS)));
    let cause = causes["causes"][0]["cause"].clone();
    assert_eq!((&cause, &causes["causes"][0]["count"]), (&json!("order … of the test"), &json!(1_000)));
    let (mut done, mut calls, mut next) = (0, 0, Value::Null);
    loop {
        let asked = json!({"cause": cause, "after": next});
        let (status, slice) = running.ask(FULL, "POST", "v1/dead/drop-matching", Some(asked)).await;
        assert!(status == 200 && slice["looked_at"].as_u64() <= Some(1_000), "{slice}");
        done += slice["done"].as_u64().expect("a number");
        calls += 1;
        next = slice["next"].clone();
        if next.is_null() {
            break;
        }
    }
    assert!(done == LETTERS && calls >= 3, "{done} in {calls} calls");
    let (_, changes) = running.ask(READ, "GET", "v1/changes", None).await;
    let changes = changes["changes"].as_array().expect("a list");
    assert_eq!((changes.len(), &changes[0]["count"]), (1, &json!(LETTERS)));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_the_page_is_open_on_loopback_and_closed_to_pages_of_others() {
    let mut stack = Stack::embedded(Setup::default()).await;
    let mut process = stack.role("run").await;
    let url = process.url_after("health and metrics are served url=").await;
    let client = huixin_wechat::http_client().expect("a client can be made");
    let session = answer(client.get(format!("{url}v1/session"))).await;
    assert_eq!(
        session,
        (200, json!({"needs_login": false, "may_read": true, "may_change": true, "by_session": false}))
    );
    for path in ["", "page/shared/tokens.css", "v1/session", "v1/status"] {
        let asked = client.get(format!("{url}{path}"));
        assert_eq!(asked.send().await.expect("it answers").status(), 200, "{path}");
        // A page of another site under a name that points here.
        let asked = client.get(format!("{url}{path}")).header("host", "evil.example:9600");
        assert_eq!(asked.send().await.expect("it answers").status(), 404, "{path}");
    }
    let resume = |origin: &str| {
        client.post(format!("{url}v1/resume")).header("origin", origin).json(&json!({"account": "main"}))
    };
    assert_eq!(answer(resume("http://evil.example")).await.0, 403);
    assert_eq!(answer(resume(url.trim_end_matches('/'))).await.0, 200);
    assert_eq!(process.stop().await, Some(0));
    stack.end().await;
}
