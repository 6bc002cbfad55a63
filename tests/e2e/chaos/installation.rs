//! The installation under faults: two receivers, some workers, one Redis, as real processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use huixin_queue::testing::RedisServer;

use super::post_mortem::Evidence;
use crate::harness::{Blow, Process, Stack, Strike, free_port, now_us};

/// `worker.lease`.
pub(crate) const LEASE: &str = "5s";
const LEASE_FOR: Duration = Duration::from_secs(5);
pub(crate) const RECEIVERS: usize = 2;
/// With more of them asleep, nobody might be left to take what is ready.
const ASLEEP_MAX: usize = 2;

/// A place for a process. One that is killed is started again with the same configuration.
struct Slot {
    name: String,
    process: Process,
    /// Until when it stands still, and since when in microseconds since 1970.
    asleep: Option<(Instant, u64)>,
}

pub(crate) struct Installation {
    /// In front of the stack: dropped before its files are gone.
    _evidence: Evidence,
    pub(crate) stack: Stack,
    pub(crate) receiver_ports: [u16; RECEIVERS],
    receivers: Vec<Slot>,
    workers: Vec<Slot>,
    pub(crate) strikes: Vec<Strike>,
    /// Processes that ended without having been killed.
    pub(crate) ended: Vec<String>,
    /// One more when Redis goes, and one more when it is back: odd while it is away.
    pub(crate) outages: Arc<AtomicU64>,
}

impl Installation {
    pub(crate) async fn start(mut stack: Stack, workers: usize, seed: u64) -> Self {
        let evidence = Evidence::of(&stack, seed);
        let receiver_ports = [stack.receiver_port, free_port()];
        let slot = |process, role: &str, number: usize| Slot {
            name: format!("{role} {number}"),
            process,
            asleep: None,
        };
        let receivers = (0..RECEIVERS).map(|n| slot(receiver(&mut stack, receiver_ports[n]), "receiver", n));
        let receivers: Vec<_> = receivers.collect();
        let workers: Vec<_> = (0..workers).map(|n| slot(worker(&mut stack), "worker", n)).collect();
        for slot in receivers.iter().chain(&workers) {
            slot.process.ready().await;
        }
        let (strikes, ended, outages) = Default::default();
        Self { _evidence: evidence, stack, receiver_ports, receivers, workers, strikes, ended, outages }
    }

    /// How many workers it has.
    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn redis(&mut self) -> &mut RedisServer {
        self.stack.redis.as_mut().expect("it is on Redis")
    }

    /// Notes a fault that ends now.
    pub(crate) fn note(&mut self, from_us: u64, blow: Blow, what: String) {
        self.strikes.push(Strike { from_us, to_us: now_us(), blow, what });
    }

    /// Until this time, wakes workers whose time has come, and restarts processes that have ended by themselves.
    pub(crate) async fn tend_until(&mut self, until: Instant) {
        loop {
            for worker in 0..self.workers.len() {
                if self.workers[worker].asleep.is_some_and(|(wakes, _)| wakes <= Instant::now()) {
                    self.workers[worker].process.signal("-CONT");
                    self.is_awake(worker);
                }
            }
            self.start_who_has_ended();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(Duration::from_millis(100))).await;
        }
    }

    pub(crate) async fn tend_until_all_are_awake(&mut self) {
        while let Some(wakes) = self.workers.iter().find_map(|slot| slot.asleep) {
            self.tend_until(wakes.0).await;
        }
    }

    fn start_who_has_ended(&mut self) {
        for number in 0..RECEIVERS {
            if let Some(status) = self.receivers[number].process.has_ended() {
                self.ended.push(self.receivers[number].tell(&status.to_string()));
                self.start_receiver(number);
            }
        }
        for number in 0..self.workers.len() {
            if let Some(status) = self.workers[number].process.has_ended() {
                self.ended.push(self.workers[number].tell(&status.to_string()));
                self.start_worker(number);
            }
        }
    }

    pub(crate) fn kill_receiver(&mut self, number: usize) {
        self.receivers[number].process.kill();
        self.note(now_us(), Blow::Hit, self.receivers[number].tell("killed"));
    }

    pub(crate) fn start_receiver(&mut self, number: usize) {
        self.receivers[number].process = receiver(&mut self.stack, self.receiver_ports[number]);
    }

    pub(crate) fn kill_worker(&mut self, number: usize) {
        self.workers[number].process.kill();
        self.note(now_us(), Blow::Hit, self.workers[number].tell("killed"));
        if self.workers[number].asleep.is_some() {
            self.is_awake(number);
        }
    }

    pub(crate) fn start_worker(&mut self, number: usize) {
        self.workers[number].process = worker(&mut self.stack);
    }

    /// Stops a worker for its lease and this much more, unless it or too many stand still already.
    pub(crate) fn put_to_sleep(&mut self, number: usize, beyond_lease: Duration) {
        let asleep = self.workers.iter().filter(|slot| slot.asleep.is_some()).count();
        let worker = &mut self.workers[number];
        if worker.asleep.is_none() && asleep < ASLEEP_MAX {
            worker.process.signal("-STOP");
            worker.asleep = Some((Instant::now() + LEASE_FOR + beyond_lease, now_us()));
        }
    }

    fn is_awake(&mut self, number: usize) {
        if let Some((_, since_us)) = self.workers[number].asleep.take() {
            self.note(since_us, Blow::Sleep, self.workers[number].tell("stopped for a time"));
        }
    }

    /// Ends the receivers, so that what is in their spools can be read.
    pub(crate) fn let_spools_go(&mut self) {
        self.receivers.clear();
    }

    /// Kills Redis. Gives the time, for [`Self::redis_is_back`].
    pub(crate) fn redis_goes(&mut self) -> u64 {
        let began_us = now_us();
        self.outages.fetch_add(1, Ordering::SeqCst);
        self.redis().keep_files();
        self.redis().kill();
        began_us
    }

    pub(crate) fn redis_is_back(&mut self, began_us: u64, what: &str) {
        self.outages.fetch_add(1, Ordering::SeqCst);
        self.note(began_us, Blow::Outage, what.to_owned());
    }

    pub(crate) async fn kill_redis(&mut self, away: Duration) {
        let began_us = self.redis_goes();
        tokio::time::sleep(away).await;
        tokio::task::block_in_place(|| self.redis().restart());
        self.redis_is_back(began_us, "Redis killed");
    }

    /// Lets a Redis that loads slowly come to its end.
    pub(crate) async fn redis_serves(&mut self) {
        loop {
            self.redis().cli(&["CONFIG", "SET", "key-load-delay", "0"]);
            if self.redis().cli(&["PING"]).contains("PONG") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Slot {
    fn tell(&self, what: &str) -> String {
        let log = self.process.log_file().file_name().unwrap_or_default();
        format!("{} ({}): {what}", self.name, log.display())
    }
}

fn receiver(stack: &mut Stack, port: u16) -> Process {
    stack.spawn("receiver", &[("HUIXIN_RECEIVER__LISTEN", &format!("127.0.0.1:{port}"))])
}

fn worker(stack: &mut Stack) -> Process {
    stack.spawn("worker", &[])
}
