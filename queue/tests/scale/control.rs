//! A script that does the same work each time, whatever lies in the queue, and runs between the queue's own.
//!
//! `SLOWLOG` tells wall time. So a Redis looks slow although it only waits for the processor, or its machine stands still
//! because the host has other guests. Nothing reports either for a single call. But both meet every script that runs as long,
//! and so the control too. It runs while the queue is filled, which is by far the longest part. A script that is slow several
//! times as often as the control, then or later, has a reason in the queue itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::Script;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinHandle;

use super::meter::scripts_run;

/// Asks the given number of times for the length of one key, which isn't there.
const LOOKS: &str = "for _ = 1, ARGV[1] do redis.call('STRLEN', KEYS[1]) end";
/// Where Redis counts the control's command, which no script of the queue runs.
pub(crate) const COMMAND_STAT: &str = "cmdstat_strlen";
/// How long it takes: about as long as the queue's longest, so that what makes those slow makes it slow.
const TAKES_US: f64 = 2_000.0;

pub(crate) struct Control {
    pub(crate) sha: Vec<u8>,
    /// Its calls since the slow ones were looked at last.
    pub(crate) calls: u64,
    /// Slow ones among all that were looked at.
    pub(crate) slow_of_all: u64,
    pub(crate) all: u64,
    looks: u64,
}

/// One that runs, call after call.
pub(crate) struct Running {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

impl Control {
    /// Loads it, and finds out how often it must look to take its time here.
    pub(crate) async fn prepare(connection: &mut MultiplexedConnection) -> Self {
        const ROUNDS: usize = 5;
        const CALLS: u64 = 10;
        const LOOKS_AT_FIRST: u64 = 1_000;
        call(connection, LOOKS_AT_FIRST).await;
        let mut fastest_us = f64::INFINITY;
        for _ in 0..ROUNDS {
            let before = scripts_run(connection).await;
            for _ in 0..CALLS {
                call(connection, LOOKS_AT_FIRST).await;
            }
            let after = scripts_run(connection).await;
            assert_eq!(after.0 - before.0, CALLS);
            fastest_us = fastest_us.min(after.1 - before.1);
        }
        let looks_per_us = (CALLS * LOOKS_AT_FIRST) as f64 / fastest_us.max(1.0);
        let sha = Script::new(LOOKS).get_hash().as_bytes().to_vec();
        Self { sha, calls: 0, slow_of_all: 0, all: 0, looks: (TAKES_US * looks_per_us) as u64 }
    }

    pub(crate) fn run(&self, mut connection: MultiplexedConnection) -> Running {
        let (stop, looks) = (Arc::new(AtomicBool::new(false)), self.looks);
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut calls = 0;
            while !stopped.load(Ordering::Relaxed) {
                call(&mut connection, looks).await;
                calls += 1;
            }
            calls
        });
        Running { stop, task }
    }
}

impl Running {
    /// How many calls there were.
    pub(crate) async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the control is answered")
    }
}

async fn call(connection: &mut MultiplexedConnection, looks: u64) {
    let script = Script::new(LOOKS);
    let () = script.key("none").arg(looks).invoke_async(connection).await.expect("Redis answers");
}
