//! The operations page beside a busy queue with many dead letters: what it costs its browser, and what it costs the worker.
//!
//! The long form has 100,000 dead letters and 1,000 messages a second for ten minutes; its figures are printed, not asserted, but
//! for what a page must never do: grow. `E2E_HUIXIN` names a release binary for it. Throughput is that of a backlog that is drained,
//! with and without the page in turns.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use huixin_queue::{NewMessage, Scope};
use huixin_worker::Payload;
use serde_json::{Value, json};

use super::browser::{Browser, Driver};
use crate::harness::{Setup, Stack, long};

const ROUTE: &str =
    "[queue.dead]\nmax = 200000\n[[route]]\nname = \"echo\"\nreply = \"收到：{{ content }}\"\n";
/// How much a page's memory may grow, once it has shown everything.
const GROWTH_BYTES: u64 = 8 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_dead_letters_and_messages_neither_make_the_page_grow_nor_the_worker_slow() {
    let (letters, backlog, watched, rate) = match long() {
        true => (100_000, 30_000, Duration::from_secs(600), 1_000),
        false => (2_000, 300, Duration::from_secs(6), 50),
    };
    let mut stack = Stack::on_redis(Setup { routes: ROUTE.to_owned(), ..Setup::default() }).await;
    bury(&stack, letters).await;
    let _receiver = stack.role("receiver").await;
    let wechat = wechat().await;
    let worker = stack.spawn("worker", &[("HUIXIN_ACCOUNT__MAIN__API_BASE", &wechat)]);
    worker.ready().await;
    let page = worker.url_after("health and metrics are served url=").await;
    let driver = Driver::start();
    let browser = driver.open("zh-CN", "about:blank").await;

    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..3 {
        let pages: [Option<&str>; 2] = if round % 2 == 0 { [None, Some(&page)] } else { [Some(&page), None] };
        for shown in pages {
            browser.goto(shown.unwrap_or("about:blank")).await;
            let drained = drained_per_s(&stack, backlog).await;
            if shown.is_some() { with.push(drained) } else { without.push(drained) }
        }
    }
    println!(
        "drained: {without:.0?}/s without the page, {with:.0?}/s with it: {:.3}",
        median(&with) / median(&without)
    );

    browser.goto(&page).await;
    browser.wait_for_text("main", &letters.to_string()[..1]).await;
    let paint = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
    println!("first paint after {} ms", browser.script(paint).await);
    let flood = flood(&stack, rate, watched);
    let watch = async {
        let mut memory = Vec::new();
        for place in ["#/dead", "#/journal", "#/processes", "#/"] {
            browser.goto(&format!("{page}{place}")).await;
            browser.wait_for("main h1, main h2", 1).await;
        }
        let until = Instant::now() + watched;
        while Instant::now() < until {
            memory.push(memory_of(&browser).await);
            // How long a page is watched is the test.
            tokio::time::sleep(watched / 20).await;
        }
        memory
    };
    let (flooded, memory) = tokio::join!(flood, watch);
    println!("beside the page: {flooded}\nthe page's (heap bytes, nodes): {memory:?}");
    let (early, late) = memory.split_at(memory.len() / 2);
    let most = |half: &[(u64, u64)]| {
        half.iter().copied().reduce(|a, b| (a.0.max(b.0), a.1.max(b.1))).expect("it was looked at")
    };
    let ((bytes_before, _), (bytes, nodes)) = (most(early), most(late));
    assert!(bytes < bytes_before + GROWTH_BYTES, "the page has grown: {memory:?}");
    assert!(nodes < 10_000, "the page holds {nodes} nodes: {memory:?}");
    browser.close().await;
    drop((worker, _receiver));
    stack.end_with_dead().await;
}

/// A WeChat that takes everything from everybody.
async fn wechat() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    let done = r#"{"errcode":0,"errmsg":"ok","access_token":"token","expires_in":7200}"#;
    let routes = axum::Router::new().fallback(async move || ([("content-type", "application/json")], done));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// Dead letters of some ten causes.
async fn bury(stack: &Stack, letters: usize) {
    let queue = stack.queue();
    let one = async |n: usize| {
        let body = format!("<xml><FromUserName><![CDATA[oDead{n}]]></FromUserName></xml>");
        let payload = Payload {
            account: "main".to_owned(),
            trigger: huixin_wechat::Trigger::Silent,
            body: body.into(),
        };
        let message = NewMessage {
            payload: payload.encode(),
            class: huixin_queue::Class::new("main").expect("a name"),
            late: true,
            dead_reason: Some(format!("the service answered 5{:02} after {n} ms", n % 10)),
            ..huixin_queue::testing::conformance::message(&format!("main/oDead{n}"), &format!("dead{n}"))
        };
        queue.accept(message).await.expect("the queue takes it");
    };
    futures::stream::iter(0..letters).map(one).buffer_unordered(256).collect::<()>().await;
}

/// How fast a backlog goes.
async fn drained_per_s(stack: &Stack, backlog: u32) -> f64 {
    let queue = stack.queue();
    queue.pause(&Scope::All, "the backlog is being laid").await.expect("the queue answers");
    flood(stack, 2_000.min(backlog), Duration::from_secs(u64::from(backlog).div_ceil(2_000))).await;
    let laid = stack.counts().await.open.values().sum::<u64>();
    let released = Instant::now();
    assert!(queue.resume(&Scope::All).await.expect("the queue answers"), "it was paused");
    stack.wait_until_empty().await;
    #[allow(clippy::cast_precision_loss, reason = "there are never so many")]
    let laid = laid as f64;
    laid / released.elapsed().as_secs_f64()
}

/// Pushes so many a second for a time, and gives what is said of it.
async fn flood(stack: &Stack, per_s: u32, lasts: Duration) -> Value {
    let (receiver, rate) = (format!("http://127.0.0.1:{}", stack.receiver_port), format!("{per_s}/s"));
    let lasts = format!("{}s", lasts.as_secs());
    let arguments = [
        "sandbox",
        "flood",
        "--receiver",
        &receiver,
        "--rate",
        &rate,
        "--for",
        &lasts,
        "--users",
        "5000",
        "--json",
    ];
    let huixin = std::env::var_os("E2E_HUIXIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_huixin").into());
    let command =
        tokio::process::Command::new(huixin).args(arguments).current_dir(stack.folder.path()).output().await;
    let output = command.expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{error}: {said} {}", String::from_utf8_lossy(&output.stderr)))
}

/// What lives of the page's heap, in bytes, and the nodes that are kept.
async fn memory_of(browser: &Browser) -> (u64, u64) {
    browser.chromium("HeapProfiler.collectGarbage", json!({})).await;
    let answer = browser.chromium("Memory.getDOMCounters", json!({})).await;
    let nodes = answer["nodes"].as_u64().expect("a count");
    let used = browser.chromium("Runtime.getHeapUsage", json!({})).await;
    (used["usedSize"].as_f64().map(|bytes| bytes as u64).expect("a size"), nodes)
}

fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
