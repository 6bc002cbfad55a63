//! What one message costs Redis: commands, those of scripts included, bytes of its append-only file, and memory.
//!
//! This is all in the budget that calls the queue's own interface.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::RedisServer;
use huixin_queue::testing::conformance::message;
use huixin_queue::{
    Accepted, Class, Clock, HeldEffect, Leased, NewMessage, Progress, Right, Settlement, TakeRequest,
    WorkerId,
};

use crate::lines::Measured;

/// What lies in the queue of a body of 450 bytes.
const PAYLOAD_BYTES: usize = 455;
const REPLIES_BYTES: usize = 200;
/// A multiple of what goes in one call.
const MESSAGES: usize = 320;
const TAKE_MAX: usize = 32;
/// Enough that what Redis needs besides doesn't count.
const LAID: usize = 12_000;

/// Each figure, for one message.
pub(crate) fn costs() -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut costs = Measured::new();
        transitions(true, &mut costs).await;
        transitions(false, &mut costs).await;
        for (name, a_lane) in [("waiting_five_a_lane_bytes", 5), ("waiting_one_a_lane_bytes", 1)] {
            let store = Store::new();
            // What is there once, and no more with every message.
            store.accept("w", 100, 100, TAKE_MAX).await;
            let before = store.number("memory", "used_memory:");
            store.accept("m", LAID, LAID / a_lane, TAKE_MAX).await;
            // A table that has grown is moved bit by bit.
            tokio::time::sleep(Duration::from_millis(500)).await;
            let each = (store.number("memory", "used_memory:") - before) / LAID as f64;
            costs.insert(name.to_owned(), each);
        }
        costs
    })
}

/// The way of a message that is answered by one send: all of them at once, or one call after the other.
async fn transitions(together: bool, costs: &mut Measured) {
    let how = if together { "together" } else { "alone" };
    for (what, spent) in round(&Store::new(), if together { TAKE_MAX } else { 1 }).await {
        costs.insert(format!("{what}_{how}_commands"), spent.commands);
        costs.insert(format!("{what}_{how}_aof_bytes"), spent.aof_bytes);
    }
}

/// The same with so many in a call: what each step costs for one message, after a first round that warms up.
pub(crate) async fn round(store: &Store, together: usize) -> Vec<(&'static str, Spent)> {
    let mut steps = Vec::new();
    for series in ["w", "m"] {
        steps.clear();
        let mut before = store.spent();
        let mut note = |what: &'static str| {
            let now = store.spent();
            steps.push((what, now.since(&before)));
            before = store.spent();
        };
        store.accept(series, MESSAGES, MESSAGES, together).await;
        note("accept");
        let leased = store.take(together).await;
        note("take");
        each(&leased, together, async |leased| store.record(leased).await).await;
        note("record");
        each(&leased, together, async |leased| store.complete(leased).await).await;
        note("complete");
    }
    steps
}

async fn each(leased: &[Leased], together: usize, call: impl AsyncFn(&Leased)) {
    for some in leased.chunks(together) {
        join_all(some.iter().map(|leased| call(leased))).await;
    }
}

/// What Redis has spent: commands, and microseconds in them; bytes of the append-only file; microseconds in all.
pub(crate) struct Spent {
    commands: f64,
    aof_bytes: f64,
    pub(crate) script_us: f64,
    pub(crate) all_us: f64,
}

impl Spent {
    /// What was spent since then, for one message.
    fn since(&self, before: &Self) -> Self {
        let each = |now: f64, before: f64| (now - before) / MESSAGES as f64;
        Self {
            commands: each(self.commands, before.commands),
            aof_bytes: each(self.aof_bytes, before.aof_bytes),
            script_us: each(self.script_us, before.script_us),
            all_us: each(self.all_us, before.all_us),
        }
    }
}

/// A queue on a Redis of its own.
pub(crate) struct Store {
    server: RedisServer,
    queue: RedisQueue,
}

impl Store {
    pub(crate) fn new() -> Self {
        let server = RedisServer::start(&["--auto-aof-rewrite-percentage", "0"]);
        let settings = RedisSettings {
            url: server.url(),
            prefix: "huixin".to_owned(),
            dedup_window: Duration::from_secs(6 * 3600),
            clock: Clock::Store,
        };
        Self { queue: RedisQueue::open(&settings).unwrap(), server }
    }

    async fn accept(&self, series: &str, messages: usize, lanes: usize, together: usize) {
        let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
        let accept = async |n: usize| {
            let (lane, id) = (format!("main/o{series}{:026}", n % lanes), format!("m{series}{n:020}"));
            let new = NewMessage {
                class: Class::new("main").unwrap(),
                payload: payload.clone(),
                held: HeldEffect::Wake(Right { sends: 5, until_s: 1_767_398_400 }),
                ..message(&lane, &id)
            };
            assert_eq!(self.queue.accept(new).await.unwrap(), Accepted::New);
        };
        for first in (0..messages).step_by(together) {
            join_all((first..messages.min(first + together)).map(accept)).await;
        }
    }

    async fn take(&self, max: usize) -> Vec<Leased> {
        let mut leased = Vec::new();
        while leased.len() < MESSAGES {
            let request = TakeRequest {
                max,
                classes: [Class::new("main").unwrap()].into(),
                worker: WorkerId::new("budget"),
                call: leased.len() as u64 + 1,
                lease_for: Duration::from_secs(600),
                suspect: true,
            };
            let taken = self.queue.take(&request).await.unwrap().messages;
            assert!(!taken.is_empty(), "all that was accepted can be taken");
            leased.extend(taken);
        }
        leased
    }

    /// What a worker writes before its send.
    async fn record(&self, leased: &Leased) {
        let replies = Some(Bytes::from(vec![b'r'; REPLIES_BYTES]));
        let progress = Progress { replies, sent: 0, sending: Some(0) };
        self.queue.record(&leased.lease, progress, None).await.unwrap();
    }

    async fn complete(&self, leased: &Leased) {
        self.queue.settle(&leased.lease, Settlement::Complete).await.unwrap();
    }

    /// So far.
    fn spent(&self) -> Spent {
        let stats = self.server.cli(&["INFO", "commandstats"]);
        let sum = |of: &str, field: &str| -> f64 {
            let ours =
                stats.lines().filter(|line| line.starts_with(of) && !line.starts_with("cmdstat_info:"));
            ours.filter_map(|line| line.split_once(field)?.1.split(',').next()?.parse::<f64>().ok()).sum()
        };
        let cpu = |which: &str| self.number("cpu", &format!("used_cpu_{which}_main_thread:"));
        Spent {
            commands: sum("cmdstat_", "calls="),
            script_us: sum("cmdstat_evalsha:", "usec="),
            aof_bytes: self.number("persistence", "aof_current_size:"),
            all_us: (cpu("user") + cpu("sys")) * 1e6,
        }
    }

    fn number(&self, section: &str, field: &str) -> f64 {
        let info = self.server.cli(&["INFO", section]);
        let value = info.lines().find_map(|line| line.strip_prefix(field));
        value.expect("Redis counts it").trim().parse().unwrap()
    }
}
