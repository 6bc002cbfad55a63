//! What the journal takes in Redis: its estimate is what Redis says, its limit holds, and what it costs is printed.

use std::time::Duration;

use futures::future::join_all;
use huixin_queue::prelude::*;
use huixin_queue::redis::RedisQueue;
use huixin_queue::testing::RedisServer;
use huixin_queue::testing::conformance::message;
use huixin_queue::{Accepted, Clock, Lease, Settled, Settlement};

use super::{open_with_prefix, request};

/// As a worker writes one.
const NOTE: &str = r#"{"msg_id":"24581374950813742","kind":"text","route":"lookup","end":"answered","attempts":1,"parts":1,"queueing_ms":1,"handling_ms":412,"sending_ms":38,"worker":"web-1-30889"}"#;
const TOGETHER: u64 = 32;
const KEEP: Duration = Duration::from_secs(7 * 86_400);

/// Messages that come, are handled and end. Gives the microseconds that their ends cost Redis, each.
async fn end_messages(queue: &RedisQueue, server: &RedisServer, calls: u64, round: u64) -> f64 {
    let mut cost_us = 0.0;
    for call in 0..calls {
        let number = round * calls + call;
        let id = |n: u64| format!("mdqnN2gYp0bhq2Q{:08}", number * TOGETHER + n);
        let accepts = (0..TOGETHER)
            .map(|n| queue.accept(message(&format!("main/oABCDEFGHIJKLMNOPQRSTUVWXY{n:02}"), &id(n))));
        join_all(accepts)
            .await
            .into_iter()
            .for_each(|accepted| assert_eq!(accepted.expect("accept"), Accepted::New));
        let taken = queue
            .take(&huixin_queue::TakeRequest { max: 32, ..request(number + 1) })
            .await
            .expect("take")
            .messages;
        assert_eq!(taken.len() as u64, TOGETHER);
        let before = processor_us(server);
        let settled = taken.iter().map(|leased| async move {
            let lease = Lease { note: NOTE.into(), ..leased.lease.clone() };
            queue.settle(&lease, Settlement::Complete).await
        });
        join_all(settled)
            .await
            .into_iter()
            .for_each(|settled| assert_eq!(settled.expect("complete"), Settled::AsAsked));
        cost_us += processor_us(server) - before;
    }
    #[allow(clippy::cast_precision_loss, reason = "it is small")]
    let messages = (calls * TOGETHER) as f64;
    cost_us / messages
}

/// What Redis's scripts have used of a processor.
fn processor_us(server: &RedisServer) -> f64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let of_scripts = stats.lines().filter(|line| line.starts_with("cmdstat_evalsha"));
    of_scripts.filter_map(|line| line.split("usec=").nth(1)?.split(',').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn the_journal_takes_what_it_says_and_keeps_its_limit() {
    let calls = if std::env::var_os("LONG_TESTS").is_some() { 1_000 } else { 60 };
    let server = RedisServer::start(&[]);
    let queue = open_with_prefix(server.url(), "huixin".to_owned(), Clock::Store);
    end_messages(&queue, &server, 5, 0).await;
    queue.keep_journal(false).await.expect("keep");
    let without_us = end_messages(&queue, &server, calls, 1).await;
    queue.keep_journal(true).await.expect("keep");
    let with_us = end_messages(&queue, &server, calls, 2).await;

    let size = queue.trim_journal(u64::MAX, KEEP).await.expect("trim");
    assert_eq!(size.records, (calls + 5) * TOGETHER);
    let used = || -> u64 {
        let answer = server.cli(&["MEMORY", "USAGE", "{huixin:0}:journal", "SAMPLES", "0"]);
        answer.trim().trim_start_matches("(integer) ").parse().expect("a number")
    };
    let is_near = |bytes: u64| bytes * 4 > used() * 3 && bytes * 3 < used() * 4;
    println!(
        "an end costs Redis {without_us:.1} µs without a journal and {with_us:.1} µs with it; a record takes {} bytes of memory, by \
         the estimate {}",
        used() / size.records,
        size.bytes / size.records
    );
    assert!(is_near(size.bytes), "{size:?}, but it is {}", used());
    let half = queue.trim_journal(used() / 2, KEEP).await.expect("trim");
    assert!(
        is_near(half.bytes) && half.bytes < size.bytes * 2 / 3,
        "{half:?} of {size:?}, and it is {}",
        used()
    );
}
