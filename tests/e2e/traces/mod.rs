//! One trace for each message, over processes, call backs and outages; and a collector that is away costs nobody anything.

mod collector;

use std::time::{Duration, Instant};

use huixin_queue::MessageId;
use huixin_sandbox::{AccountRules, Push, SandboxAccount, SandboxConfig, TryOutcome};
use huixin_worker::trace;
use serde_json::json;
use tokio::net::TcpListener;

use self::collector::{Collected, Collector};
use crate::harness::{Backend, PATIENCE, Process, Setup, Stack, WRITES_AT_ONCE, free_port};

/// Posts spans soon, not only every five seconds.
const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "50");

/// `[traces]`, in front of the routes.
fn traced(url: &str, routes: &str) -> String {
    format!("[traces]\nendpoint = \"{url}\"\nheader = \"X-Key: hunter2\"\n{routes}")
}

async fn start(stack: &mut Stack, role: &str) -> Process {
    let process = stack.spawn(role, &[SOON]);
    process.ready().await;
    process
}

/// The one span of this name.
#[track_caller]
fn only<'a>(spans: &'a [Collected], name: &str) -> &'a Collected {
    let named: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = named[..] else { panic!("{} are called {name}: {spans:#?}", named.len()) };
    span
}

fn count(spans: &[Collected], name: &str) -> usize {
    spans.iter().filter(|span| span.name == name).count()
}

/// All are in the trace that follows from the message's id, and below the push, if they aren't it.
fn assert_one_trace(spans: &[Collected], id: &str) {
    let (trace, push) = trace::ids(&MessageId::new(id).expect("it is an id"));
    for span in spans {
        assert_eq!(span.trace, trace.to_string(), "{span:?}");
        let is_child = spans.iter().any(|other| other.id == span.parent);
        assert!(is_child || (span.id == push.to_string() && span.parent.is_empty()), "{span:?}");
        assert!(span.time.0 <= span.time.1, "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_push_over_two_processes_and_the_service_to_the_send() {
    let (collector, backend) = (Collector::start().await, Backend::start(Duration::from_millis(20)).await);
    let routes = traced(&collector.url, &backend.route());
    let mut stack = Stack::on_redis(Setup { routes, ..Setup::default() }).await;
    let (mut receiver, mut worker) = (start(&mut stack, "receiver").await, start(&mut stack, "worker").await);
    let push = Push::text("main", "oAnnaLongName", "a private text");
    for _ in 0..2 {
        assert_eq!(stack.sandbox.sandbox.push_once(&push).await.outcome, TryOutcome::Acked);
    }
    let spans = collector.wait_until(|spans| count(spans, "message") == 1 && count(spans, "push") == 2).await;

    let asked = backend.requests().remove(0);
    assert_one_trace(&spans, &asked.id);
    let pushes: Vec<_> = spans.iter().filter(|span| span.name == "push").collect();
    let outcomes: Vec<_> = pushes.iter().map(|push| push.attributes["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["accepted", "duplicate"]);
    let [message, handler, call, send] =
        ["message", "handler", "call", "send"].map(|name| only(&spans, name));
    let parents = [pushes[1], message, handler, call, send, only(&spans, "record")].map(|span| &*span.parent);
    assert_eq!(parents, [&pushes[0].id, &pushes[0].id, &message.id, &handler.id, &message.id, &message.id]);
    let services = [pushes[0], message, send].map(|span| &*span.service);
    assert_eq!(services, ["huixin-receiver", "huixin-worker", "huixin-worker"]);
    assert_eq!(asked.traceparent, format!("00-{}-{}-01", call.trace, call.id));
    assert_eq!(message.attributes["end"], "answered");
    assert_eq!(message.attributes["user"], "…Name");
    assert_eq!(handler.attributes["route"], "backend");
    assert_eq!(call.attributes["http.response.status_code"], "200");
    assert_eq!((&*send.attributes["part"], &*send.attributes["errcode"]), ("0", "0"));

    let everything = collector.everything();
    for private in ["a private text", "oAnnaLongName", "hunter2"] {
        assert!(!everything.contains(private), "{private} is in a trace");
    }
    assert!(collector.headers("x-key").iter().all(|value| value == "hunter2"));
    assert!(!collector.headers("x-key").is_empty() && !stack.all_logs().contains("hunter2"));
    assert_eq!((receiver.stop().await, worker.stop().await), (Some(0), Some(0)));
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_by_call_back_is_in_the_trace_of_its_message() {
    let (collector, backend) = (Collector::start().await, Backend::later().await);
    let address = format!("127.0.0.1:{}", free_port());
    let receiver = format!("[callback]\nlisten = \"{address}\"\nbase_url = \"http://{address}\"\n");
    let routes = traced(&collector.url, &backend.route());
    let mut stack = Stack::on_redis(Setup { routes, receiver, ..Setup::default() }).await;
    let (mut receiver, mut worker) = (start(&mut stack, "receiver").await, start(&mut stack, "worker").await);
    stack.say("oAnna", "hello").await;
    // When its span is there, the message waits.
    collector.wait_until(|spans| count(spans, "message") == 1).await;
    let asked = backend.requests().remove(0);
    let client = huixin_wechat::http_client().expect("a client can be made");
    let answer = client.post(&asked.callback_url).header("content-type", "application/json");
    let answer = answer.body(json!("later").to_string()).send().await.expect("it answers");
    assert!(answer.status().is_success(), "{answer:?}");
    stack.wait_for_sends("oAnna", 1).await;
    let spans =
        collector.wait_until(|spans| count(spans, "message") == 2 && count(spans, "call back") == 1).await;

    assert_one_trace(&spans, &asked.id);
    let called_back = only(&spans, "call back");
    assert_eq!((&called_back.parent, &*called_back.service), (&only(&spans, "push").id, "huixin-receiver"));
    let ends: Vec<_> = spans.iter().filter_map(|span| span.attributes.get("end")).collect();
    assert_eq!(ends, ["awaiting", "answered"]);
    assert_eq!(count(&spans, "send"), 1);
    assert_eq!((receiver.stop().await, worker.stop().await), (Some(0), Some(0)));
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_the_response_to_a_push_is_in_the_trace_of_its_message() {
    let (collector, backend) = (Collector::start().await, Backend::start(Duration::from_millis(20)).await);
    let rules = AccountRules { may_send: false, ..AccountRules::default() };
    let account = SandboxAccount { rules, ..SandboxAccount::named("main") };
    let sandbox = SandboxConfig { accounts: vec![account], ..SandboxConfig::default() };
    let routes = format!("answer_by = \"push\"\n{}", traced(&collector.url, &backend.route()));
    let mut stack = Stack::on_redis(Setup { routes, sandbox, ..Setup::default() }).await;
    let (mut receiver, mut worker) = (start(&mut stack, "receiver").await, start(&mut stack, "worker").await);
    let report = stack.sandbox.sandbox.push(Push::text("main", "oAnna", "hello")).await;
    let outcome = report.tries.last().map(|one| &one.outcome);
    assert_eq!(outcome, Some(&TryOutcome::PassiveReply("answer to hello".to_owned())));
    let spans = collector
        .wait_until(|spans| ["push", "message", "response"].iter().all(|name| count(spans, name) > 0))
        .await;

    assert_one_trace(&spans, &backend.requests()[0].id);
    let response = only(&spans, "response");
    assert_eq!((&*response.attributes["written"], &*response.service), ("true", "huixin-receiver"));
    assert_eq!(count(&spans, "send"), 0);
    assert_eq!((receiver.stop().await, worker.stop().await), (Some(0), Some(0)));
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_from_the_spool_is_in_one_trace_with_its_answer() {
    let (collector, backend) = (Collector::start().await, Backend::start(Duration::ZERO).await);
    let routes = traced(&collector.url, &backend.route());
    let mut stack = Stack::on_redis(Setup { routes, redis: WRITES_AT_ONCE, ..Setup::default() }).await;
    let (mut receiver, mut worker) = (start(&mut stack, "receiver").await, start(&mut stack, "worker").await);
    stack.redis.as_mut().expect("it is on Redis").kill();
    stack.say("oAnna", "hello").await;
    stack.redis.as_mut().expect("it is on Redis").restart();
    stack.wait_for_sends("oAnna", 1).await;
    let spans = collector
        .wait_until(|spans| ["push", "drain", "message"].iter().all(|name| count(spans, name) > 0))
        .await;

    assert_one_trace(&spans, &backend.requests()[0].id);
    assert_eq!(only(&spans, "push").attributes["outcome"], "spooled");
    let drain = spans.iter().find(|span| span.name == "drain").expect("it was waited for");
    assert_eq!((&drain.parent, &*drain.service), (&only(&spans, "push").id, "huixin-receiver"));
    assert_eq!(only(&spans, "send").attributes["errcode"], "0");
    assert_eq!((receiver.stop().await, worker.stop().await), (Some(0), Some(0)));
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_or_hangs_holds_up_no_message_and_no_stop() {
    // It takes connections and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").await.expect("a port can be bound");
    let hangs = format!("http://{}", hanging.local_addr().expect("it has an address"));
    for url in [format!("http://127.0.0.1:{}", free_port()), hangs] {
        let backend = Backend::start(Duration::ZERO).await;
        let routes = traced(&url, &backend.route());
        let mut stack = Stack::on_redis(Setup { routes, ..Setup::default() }).await;
        let (mut receiver, mut worker) =
            (start(&mut stack, "receiver").await, start(&mut stack, "worker").await);
        for n in 0..20 {
            stack.say(&format!("oUser{n}"), "hello").await;
        }
        stack.wait_for_all_sends(20, PATIENCE).await;
        worker.wait_for_log("spans can't be posted").await;
        stack.say("oAnna", "one more").await;
        stack.wait_for_sends("oAnna", 1).await;
        let began = Instant::now();
        assert_eq!((receiver.stop().await, worker.stop().await), (Some(0), Some(0)));
        // Two seconds each are promised, and a busy machine adds to them.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let log = worker.log();
        assert_eq!(log.matches("spans can't be posted").count(), 1, "{log}");
        stack.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_hears_of_a_trace_only_if_there_is_one_and_whether_it_is_in_the_sample() {
    let (collector, backend) = (Collector::start().await, Backend::start(Duration::ZERO).await);
    let mut stack = Stack::embedded(Setup { routes: backend.route(), ..Setup::default() }).await;
    let endpoint = ("HUIXIN_TRACES__ENDPOINT", collector.url.as_str());
    let mut heard = Vec::new();
    for variables in [&[SOON][..], &[SOON, endpoint, ("HUIXIN_TRACES__SAMPLE", "0")], &[SOON, endpoint]] {
        let mut process = stack.spawn("run", variables);
        process.ready().await;
        stack.say("oAnna", "hello").await;
        backend.wait_for_requests(heard.len() + 1).await;
        stack.wait_for_sends("oAnna", heard.len() + 1).await;
        assert_eq!(process.stop().await, Some(0));
        heard.push(backend.requests()[heard.len()].clone());
    }
    let [without, unsampled, sampled] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(without.traceparent, "");
    assert!(unsampled.traceparent.ends_with("-00"), "{}", unsampled.traceparent);
    assert!(sampled.traceparent.ends_with("-01"), "{}", sampled.traceparent);
    // What a process still had was posted when it stopped.
    let spans = collector.wait_until(|spans| count(spans, "message") > 0).await;
    assert_one_trace(&spans, &sampled.id);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_says_whether_the_collector_takes_traces() {
    let collector = Collector::start().await;
    let mut stack = Stack::embedded(Setup::default()).await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (url, says) in [
        (&collector.url, "ok   traces: `URL/` takes them, of 10 % of the messages"),
        (&nobody, "WARN traces: `URL/` doesn't take them: "),
        (&format!("{}/elsewhere", collector.url), "WARN traces: `URL` doesn't take them: the answer is 404"),
    ] {
        let variables = [("HUIXIN_TRACES__ENDPOINT", url.as_str()), ("HUIXIN_TRACES__SAMPLE", "0.1")];
        let mut check = stack.spawn("check", &variables);
        check.ended().await;
        assert!(check.log().contains(&says.replace("URL", url)), "{}", check.log());
    }
}
