//! What `/metrics` shows: docs/metrics.md has all of it and nothing else, and it moves. What takes more to move is moved where
//! it happens; `tests/house/metrics.rs` looks whether each has its test.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use huixin_queue::{Lane, Scope};
use huixin_sandbox::{Fault, Push};
use regex::Regex;

use crate::harness::{Backend, PATIENCE, Process, Said, Setup, Stack, WRITES_AT_ONCE, free_port};

/// Metrics by name, with their types and labels.
type Shown = BTreeMap<String, (String, BTreeSet<String>)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_has_what_processes_show_and_it_moves() {
    let mut shown = on_redis().await;
    for (name, (kind, labels)) in in_one_process().await {
        shown.entry(name).or_insert((kind, BTreeSet::new())).1.extend(labels);
    }
    assert_eq!(shown, documented());
}

/// A receiver and a worker with messages in every state, and an outage.
async fn on_redis() -> Shown {
    let backend = Backend::saying(|asked| match asked.content.as_str() {
        "slow" => (Duration::from_secs(8), Said::Parts(vec!["done".to_owned()])),
        "later" => (Duration::ZERO, Said::Bare(202, "text/plain", "")),
        "fails" => (Duration::ZERO, Said::Bare(500, "text/plain", "")),
        _ => (Duration::ZERO, Said::Parts(vec!["done".to_owned()])),
    });
    let routes = format!("{}attempts = 1\nat_once = 1\n", backend.await.route());
    let receiver = with_call_backs();
    let mut stack =
        Stack::on_redis(Setup { routes, receiver, redis: WRITES_AT_ONCE, ..Setup::default() }).await;
    let receiver = stack.role("receiver").await;
    stack.say("oAnna", "waits").await;
    until(&receiver, "huixin_queue_open", "account=\"main\"", |open| open == 1.0).await;
    until(&receiver, "huixin_queue_oldest_age_seconds", "account=\"main\"", |age| age > 0.0).await;
    until(&receiver, "huixin_standstill_seconds", "line=\"ready\"", |stands| stands > 0.0).await;
    until(&receiver, "huixin_receiver_pushes_total", "result=\"accepted\"", |pushes| pushes == 1.0).await;
    until(&receiver, "huixin_receiver_ack_seconds_count", "", |acks| acks == 1.0).await;
    let worker = stack.role("worker").await;
    every_state(&stack, &receiver, &worker).await;
    outage(&mut stack, &receiver, &worker).await;
    stack.sandbox.sandbox.faults().on_send(Fault::Code(40164), 1);
    stack.say("oHans", "paused").await;
    until(&worker, "huixin_worker_account_paused", "code=\"40164\"", |paused| paused == 1.0).await;
    let mut shown = shown_by(&receiver).await;
    shown.extend(shown_by(&worker).await);
    shown
}

async fn every_state(stack: &Stack, receiver: &Process, worker: &Process) {
    stack.wait_for_sends("oAnna", 1).await;
    for counted in [
        "huixin_worker_messages_total",
        "huixin_worker_queueing_seconds_count",
        "huixin_worker_handler_seconds_count",
        "huixin_worker_reply_seconds_count",
        "huixin_worker_sends_total",
        "huixin_worker_send_seconds_count",
    ] {
        until(worker, counted, "", |count| count == 1.0).await;
    }
    let redis = stack.redis.as_ref().expect("it is on Redis");
    redis.cli(&["SET", "{huixin:0}:lane:main/oIda", "not a list"]);
    stack.say("oIda", "into a damaged lane").await;
    until(worker, "huixin_worker_damaged_total", "", |damaged| damaged == 1.0).await;
    stack.wait_for_sends("oIda", 1).await;
    until(worker, "huixin_worker_last_take_timestamp_seconds", "", |taken| taken > 1e9).await;
    stack.sandbox.sandbox.faults().on_send(Fault::Code(45047), 1);
    stack.say("oBen", "is held").await;
    until(receiver, "huixin_queue_held", "", |held| held == 1.0).await;
    until(worker, "huixin_worker_concurrency", "", |most| most == 256.0).await;
    stack.say("oCarl", "slow").await;
    until(worker, "huixin_worker_running", "", |running| running == 1.0).await;
    until(receiver, "huixin_queue_running", "", |running| running == 1.0).await;
    stack.say("oDora", "later").await;
    until(worker, "huixin_worker_crowded_total", "", |crowded| crowded > 0.0).await;
    until(receiver, "huixin_queue_delayed", "", |delayed| delayed == 1.0).await;
    let lane = Lane::new("main/oEve").expect("it is a lane");
    stack.queue().pause(&Scope::Lane(lane), "for the test").await.expect("the queue answers");
    stack.say("oEve", "parked").await;
    until(receiver, "huixin_queue_parked", "", |parked| parked == 1.0).await;
    stack.say("oFred", "fails").await;
    until(receiver, "huixin_queue_dead", "", |dead| dead == 1.0).await;
    until(receiver, "huixin_queue_dead_max", "", |most| most == 100_000.0).await;
}

async fn outage(stack: &mut Stack, receiver: &Process, worker: &Process) {
    until(worker, "huixin_queue_up", "", |up| up == 1.0).await;
    let redis = stack.redis.as_mut().expect("it is on Redis");
    redis.kill();
    stack.say("oGina", "spooled").await;
    for spooled in ["huixin_spool_entries", "huixin_spool_bytes", "huixin_spool_oldest_age_seconds"] {
        until(receiver, spooled, "", |spooled| spooled > 0.0).await;
    }
    until(receiver, "huixin_receiver_breaker_open", "", |open| open == 1.0).await;
    until(worker, "huixin_worker_queue_errors_total", "", |errors| errors > 0.0).await;
    for process in [receiver, worker] {
        until(process, "huixin_queue_up", "", |up| up == 0.0).await;
        assert!(process.metric("huixin_queue_open").await.is_nan(), "nobody knows how many wait");
    }
    stack.redis.as_mut().expect("it is on Redis").restart();
    until(receiver, "huixin_spool_drained_total", "result=\"new\"", |drained| drained > 0.0).await;
    for process in [receiver, worker] {
        until(process, "huixin_queue_up", "", |up| up == 1.0).await;
    }
}

/// One process with its queue in a file, whose answers may go out in responses.
async fn in_one_process() -> Shown {
    let routes = "answer_by = \"either\"\n[[route]]\nname = \"echo\"\nreply = \"done\"\n".to_owned();
    let mut stack = Stack::embedded(Setup { routes, receiver: with_call_backs(), ..Setup::default() }).await;
    let process = stack.role("run").await;
    stack.sandbox.sandbox.push_once(&Push::text("main", "oAnna", "in the response")).await;
    until(&process, "huixin_receiver_responses_total", "how=\"answer\"", |answers| answers == 1.0).await;
    until(&process, "huixin_queue_log_bytes", "", |bytes| bytes > 0.0).await;
    until(&process, "huixin_build_info", "role=\"run\"", |info| info == 1.0).await;
    for its_own in [
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_threads",
    ] {
        until(&process, its_own, "", |value| value > 0.0).await;
    }
    // A test takes less than a second of the processor, and the address space may have no limit.
    for its_own in ["process_cpu_seconds_total", "process_virtual_memory_max_bytes"] {
        until(&process, its_own, "", |value| value >= 0.0).await;
    }
    shown_by(&process).await
}

fn with_call_backs() -> String {
    let address = format!("127.0.0.1:{}", free_port());
    format!("[callback]\nlisten = \"{address}\"\nbase_url = \"http://{address}\"\n")
}

/// Waits until a metric, summed over its other labels, is as the test wants it.
async fn until(process: &Process, name: &str, label: &str, holds: impl Fn(f64) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let value = process.metric_with(name, label).await;
        if holds(value) {
            return;
        }
        assert!(Instant::now() < deadline, "{name}{{{label}}} stays {value}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn shown_by(process: &Process) -> Shown {
    let page = process.metrics().await;
    let kind = Regex::new(r"(?m)^# TYPE (\w+) (\w+)$").expect("a pattern");
    let label = Regex::new(r#"(\w+)=""#).expect("a pattern");
    let mut shown: Shown = kind
        .captures_iter(&page)
        .map(|kind| (kind[1].to_owned(), (kind[2].to_owned(), BTreeSet::new())))
        .collect();
    for line in page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let known = family.filter(|family| shown.contains_key(*family)).unwrap_or(name);
        let (_, labels) = shown.get_mut(known).unwrap_or_else(|| panic!("it has a type: {line}"));
        let names = label.captures_iter(line).map(|label| label[1].to_owned());
        labels.extend(names.filter(|name| name != "le"));
    }
    shown
}

/// What docs/metrics.md says.
fn documented() -> Shown {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md"));
    let page = page.expect("the page is there");
    let row = Regex::new(r"(?m)^\| `(\w+)` \| (\w+) \| ([^|]*) \|").expect("a pattern");
    let label = Regex::new(r"`(\w+)`").expect("a pattern");
    let labels = |cell: &str| label.captures_iter(cell).map(|label| label[1].to_owned()).collect();
    row.captures_iter(&page).map(|row| (row[1].to_owned(), (row[2].to_owned(), labels(&row[3])))).collect()
}
