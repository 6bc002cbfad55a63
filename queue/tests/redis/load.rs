//! Redis forgets its scripts, cuts its clients off and is killed while the queue is in full use.
//!
//! [`Load`] is producers and workers that repeat a call while it is an outage, as receivers and workers do. At the end
//! everything that was accepted was taken by one worker, once, and has ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::RedisQueue;
use huixin_queue::testing::RedisServer;
use huixin_queue::testing::Settling as _;
use huixin_queue::testing::conformance::message;
use huixin_queue::{Clock, Progress, QueueError, TakeRequest, WorkerId};

use super::{eventually, open_at, request};

const PRODUCERS: usize = 8;
const WORKERS: usize = 3;

/// A queue in use.
struct Load {
    queue: RedisQueue,
    each: usize,
    over: AtomicBool,
    accepted: AtomicUsize,
    taken: Mutex<HashMap<String, u32>>,
    ended: AtomicUsize,
    /// Calls that failed at all, and the most failures of one in a row.
    failed: AtomicU32,
    most_in_a_row: AtomicU32,
}

impl Load {
    /// `each` messages of every producer.
    fn on(server: &RedisServer, each: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: open_at(server.url(), Clock::Store),
            each,
            over: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            taken: Mutex::default(),
            ended: AtomicUsize::new(0),
            failed: AtomicU32::new(0),
            most_in_a_row: AtomicU32::new(0),
        })
    }

    fn total(&self) -> usize {
        PRODUCERS * self.each
    }

    /// Runs until all has ended, while `trouble` is made.
    async fn run(self: &Arc<Self>, trouble: impl Future<Output = ()>) {
        let mut tasks = tokio::task::JoinSet::new();
        for producer in 0..PRODUCERS {
            tasks.spawn({
                let load = self.clone();
                async move { load.produce(producer).await }
            });
        }
        for worker in 0..WORKERS {
            tasks.spawn({
                let load = self.clone();
                async move { load.work(worker).await }
            });
        }
        trouble.await;
        let all = async { while tasks.join_next().await.transpose().expect("no task panics").is_some() {} };
        let in_time = tokio::time::timeout(Duration::from_secs(60), all).await;
        assert!(in_time.is_ok(), "{} of {} have ended", self.ended.load(Ordering::SeqCst), self.total());
        self.check().await;
    }

    async fn produce(&self, producer: usize) {
        for n in 0..self.each {
            let new = message(&format!("lane{producer}-{}", n % 5), &format!("m{producer}-{n}"));
            // A repeated one may be a duplicate of itself.
            self.insist(|| self.queue.accept(new.clone())).await.expect("nothing else is wrong");
            self.accepted.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn work(&self, worker: usize) {
        let worker = WorkerId::new(format!("worker{worker}"));
        let mut call = 0;
        while !self.over.load(Ordering::SeqCst) {
            call += 1;
            let asked = TakeRequest { worker: worker.clone(), max: 8, ..request(call) };
            let taken =
                self.insist(|| self.queue.take(&asked)).await.expect("nothing else is wrong").messages;
            for leased in &taken {
                let lease = &leased.lease;
                *self.taken.lock().expect("no holder panics").entry(lease.id.to_string()).or_default() += 1;
                let sending = || Progress { sending: Some(0), ..Progress::default() };
                self.settle(|| self.queue.record(lease, sending(), None)).await;
                self.settle(|| self.queue.complete(lease)).await;
                if self.ended.fetch_add(1, Ordering::SeqCst) + 1 == self.total() {
                    self.over.store(true, Ordering::SeqCst);
                }
            }
            if taken.is_empty() && self.queue.wait(Duration::from_millis(100)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// A settle that is repeated may find that it was done.
    async fn settle<T, F: Future<Output = Result<T, QueueError>>>(&self, call: impl Fn() -> F) {
        let repeated = AtomicBool::new(false);
        let again = || {
            repeated.store(true, Ordering::SeqCst);
            call()
        };
        let first = call().await;
        let outcome = match first {
            Err(error) if error.is_outage() => {
                self.count(&error, 1);
                self.insist(again).await
            }
            other => other,
        };
        match outcome {
            Ok(_) => {}
            Err(QueueError::LeaseLost) if repeated.load(Ordering::SeqCst) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Makes the call again while it is an outage.
    async fn insist<T, F>(&self, call: impl Fn() -> F) -> Result<T, QueueError>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        let mut in_a_row = 0;
        loop {
            match call().await {
                Err(error) if error.is_outage() => {
                    in_a_row += 1;
                    self.count(&error, in_a_row);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                other => return other,
            }
        }
    }

    fn count(&self, error: &QueueError, in_a_row: u32) {
        self.failed.fetch_add(1, Ordering::SeqCst);
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        // That is the machine's fault: it is too busy to connect.
        if !cause.contains("connecting to it is slow") {
            self.most_in_a_row.fetch_max(in_a_row, Ordering::SeqCst);
        }
    }

    /// Waits until so many have ended.
    async fn until_ended(&self, n: usize) {
        eventually(&format!("{n} have ended"), async || {
            (self.ended.load(Ordering::SeqCst) >= n).then_some(())
        })
        .await;
    }

    async fn check(&self) {
        assert_eq!(self.accepted.load(Ordering::SeqCst), self.total());
        let taken = self.taken.lock().expect("no holder panics").clone();
        assert_eq!(taken.len(), self.total(), "all that was accepted was taken");
        let twice: Vec<_> = taken.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "no lease ran out, so nothing was taken twice: {twice:?}");
        // The last trouble may have come after the last call.
        let counts = self.insist(|| self.queue.counts()).await.expect("counts");
        assert_eq!(counts.open_total(), 0);
        assert_eq!(self.insist(|| self.queue.audit()).await.expect("audit"), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_although_redis_forgets_its_scripts_all_the_time() {
    let server = RedisServer::start(&[]);
    let load = Load::on(&server, 60);
    let mut flushes = 0;
    load.run(async {
        while !load.over.load(Ordering::SeqCst) {
            assert!(server.cli(&["SCRIPT", "FLUSH"]).contains("OK"));
            flushes += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(flushes >= 3, "{flushes}");
    assert_eq!(load.failed.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_redis_cuts_all_its_clients_off_each_call_fails_at_most_once_and_nothing_is_lost() {
    let server = RedisServer::start(&[]);
    let load = Load::on(&server, 100);
    load.run(async {
        for cut in 1..=4 {
            load.until_ended(cut * load.total() / 5).await;
            server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
    })
    .await;
    assert!(load.failed.load(Ordering::SeqCst) > 0, "somebody was cut off");
    assert_eq!(load.most_in_a_row.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_and_started_again_in_full_use_loses_nothing() {
    let mut server = RedisServer::start(&["--appendfsync", "always"]);
    let load = Load::on(&server, 60);
    load.run(async {
        for kill in 1..=2 {
            load.until_ended(kill * load.total() / 3).await;
            server.kill();
            server.restart();
        }
    })
    .await;
    assert!(load.failed.load(Ordering::SeqCst) > 0, "somebody met the outage");
}
