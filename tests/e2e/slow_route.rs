//! A slow service with a long line of messages doesn't keep users of another service waiting.
//!
//! There are fewer permits than slow messages, so without a limit of their route they would get all of them. What is
//! asserted always is that no message of the fast route waits for a slow one to end; how much longer it waits than
//! without them is measured in the same run, and asserted in the long form, which runs alone.

use std::time::Duration;

use futures::StreamExt as _;
use huixin_sandbox::{Push, Sandbox};

use crate::harness::{Backend, Setup, Stack, long};

const SLOW: usize = 200;
const PERMITS: &str = "64";
/// Messages of the fast route come at this rate.
const PER_SECOND: u32 = 50;
const MORE_AT_MOST: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_messages_of_a_slow_service_hold_up_no_message_of_a_fast_one() {
    let (fast, slow_takes) =
        if long() { (1_000, Duration::from_secs(25)) } else { (100, Duration::from_secs(5)) };
    let (slow_service, fast_service) =
        (Backend::start(slow_takes).await, Backend::start(Duration::ZERO).await);
    let slow_route = slow_service.route().replace("\"backend\"", "\"slow\"\nmatch = { text = \"^slow\" }");
    let routes = slow_route + &fast_service.route();
    let mut stack = Stack::on_redis(Setup { routes, ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let worker = stack.spawn("worker", &[("HUIXIN_WORKER__CONCURRENCY", PERMITS)]);
    worker.ready().await;
    let wechat = &stack.sandbox.sandbox;

    let calm = waits(wechat, &fast_service, "calm", fast).await;
    for n in 0..SLOW {
        stack.say(&format!("oSlow{n}"), &format!("slow {n}")).await;
    }
    // A quarter of the permits is left to others.
    slow_service.wait_for_requests(48).await;
    let loaded = waits(wechat, &fast_service, "loaded", fast).await;
    let begun = slow_service.requests().len();
    stack.wait_for_all_sends(SLOW + 2 * fast, 10 * slow_takes).await;

    let p99 = |waits: &[Duration]| waits[(waits.len() * 99).div_ceil(100) - 1];
    println!(
        "{fast} messages of a fast service wait p50 {:.1?}, p99 {:.1?} alone; beside {SLOW} of a slow one, and {begun} of them had \
         begun at their end, p50 {:.1?}, p99 {:.1?}",
        calm[fast / 2],
        p99(&calm),
        loaded[fast / 2],
        p99(&loaded),
    );
    assert!(begun < SLOW, "the slow service has a line until the end");
    let longest = loaded[fast - 1];
    assert!(longest < slow_takes / 2, "one waited for {longest:?}");
    assert!(
        !long() || p99(&loaded) <= p99(&calm) + MORE_AT_MOST,
        "{:?} after {:?}",
        p99(&loaded),
        p99(&calm)
    );
    assert_eq!(slow_service.requests().len(), SLOW, "each is asked once");
    stack.end().await;
}

/// How long messages of so many users waited from their receipt to the start of their handler, sorted.
async fn waits(wechat: &Sandbox, service: &Backend, kind: &str, count: usize) -> Vec<Duration> {
    let ticks = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    let paced = futures::stream::unfold((ticks, 0), async |(mut ticks, n)| {
        ticks.tick().await;
        (n < count).then_some((n, (ticks, n + 1)))
    });
    let push = async |n: usize| {
        let acked = wechat.push(Push::text("main", format!("o{kind}{n}"), format!("{kind} {n}"))).await.acked;
        assert!(acked, "{kind} {n} is acked");
    };
    paced.for_each_concurrent(64, push).await;
    let is_one = |asked: &&crate::harness::Asked| asked.content.starts_with(kind);
    service.wait_until(kind, |requests| requests.iter().filter(is_one).count() == count).await;
    let mut waits: Vec<_> = service.requests().iter().filter(is_one).map(|asked| asked.waited).collect();
    waits.sort();
    waits
}
