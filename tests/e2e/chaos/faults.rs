//! What is done to the installation, in an order that a seed decides.
//!
//! Faults are dealt as from a pack of cards: the seed shuffles it, and each comes once before any comes again. So even a short
//! run meets them all.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::installation::{Installation, RECEIVERS};
use crate::harness::{Blow, now_us};

#[derive(Clone, Copy, Debug)]
enum Fault {
    WorkerKilled,
    /// Stopped beyond its lease, then continued.
    WorkerAsleep,
    ReceiverKilled,
    /// `kill -9`, away for up to two seconds, and started again on its files.
    RedisKilled,
    /// The same while its append-only file is being rewritten.
    RedisKilledAmidRewrite,
    /// Redis is killed, and a receiver and a worker, which start again while Redis loads its files.
    AllKilled,
    ClientsCut,
    ScriptsFlushed,
    Rewrite,
}

const PACK: [Fault; 9] = [
    Fault::WorkerKilled,
    Fault::WorkerAsleep,
    Fault::ReceiverKilled,
    Fault::RedisKilled,
    Fault::RedisKilledAmidRewrite,
    Fault::AllKilled,
    Fault::ClientsCut,
    Fault::ScriptsFlushed,
    Fault::Rewrite,
];

/// About how often one strikes.
const EVERY: Duration = Duration::from_millis(1_800);

/// Strikes for a time, and leaves everything running.
pub(crate) async fn strike_at(installation: &mut Installation, seed: u64, lasting: Duration) {
    let mut chance = StdRng::seed_from_u64(seed);
    let end = Instant::now() + lasting;
    let mut pack = Vec::new();
    loop {
        let next = Instant::now() + EVERY.mul_f64(chance.random_range(0.5..1.5));
        installation.tend_until(next.min(end)).await;
        if next > end {
            break;
        }
        if pack.is_empty() {
            pack.extend(PACK);
            pack.shuffle(&mut chance);
        }
        if let Some(fault) = pack.pop() {
            strike(installation, fault, &mut chance).await;
        }
    }
    installation.tend_until_all_are_awake().await;
}

async fn strike(on: &mut Installation, fault: Fault, chance: &mut StdRng) {
    // Drawn for every fault: later draws must not depend on which one it is.
    let (receiver, worker) = (chance.random_range(0..RECEIVERS), chance.random_range(0..on.workers()));
    let [away, moment, loads_for] = [2.0, 0.1, 1.0].map(|most| span(chance, most));
    match fault {
        Fault::WorkerKilled => {
            on.kill_worker(worker);
            on.start_worker(worker);
        }
        Fault::WorkerAsleep => on.put_to_sleep(worker, Duration::from_secs(1) + away),
        Fault::ReceiverKilled => {
            on.kill_receiver(receiver);
            on.start_receiver(receiver);
        }
        Fault::RedisKilled => on.kill_redis(away).await,
        Fault::RedisKilledAmidRewrite => {
            rewrite(on);
            tokio::time::sleep(moment).await;
            on.kill_redis(away).await;
        }
        Fault::AllKilled => {
            let began_us = on.redis_goes();
            tokio::time::sleep(away).await;
            tokio::task::block_in_place(|| on.redis().restart_loading());
            on.kill_receiver(receiver);
            on.start_receiver(receiver);
            on.kill_worker(worker);
            on.start_worker(worker);
            tokio::time::sleep(loads_for).await;
            on.redis_serves().await;
            on.redis_is_back(began_us, "Redis killed, and loading for a time");
        }
        Fault::ClientsCut => {
            let now = now_us();
            let cut = on.redis().cli(&["CLIENT", "KILL", "TYPE", "normal"]);
            assert!(cut.trim().parse::<u32>().is_ok_and(|cut| cut > 3), "{cut}");
            on.note(now, Blow::Hit, format!("{} clients cut off", cut.trim()));
        }
        Fault::ScriptsFlushed => {
            let now = now_us();
            assert!(on.redis().cli(&["SCRIPT", "FLUSH"]).contains("OK"));
            on.note(now, Blow::Hit, "scripts flushed".to_owned());
        }
        Fault::Rewrite => rewrite(on),
    }
}

fn rewrite(on: &mut Installation) {
    let now = now_us();
    on.redis().keep_files();
    let answer = on.redis().cli(&["BGREWRITEAOF"]);
    // A rewrite that is under way is as good.
    on.note(now, Blow::Hit, format!("rewrite of the append-only file: {}", answer.trim()));
}

fn span(chance: &mut StdRng, most_seconds: f64) -> Duration {
    Duration::from_secs_f64(chance.random_range(0.0..most_seconds))
}
