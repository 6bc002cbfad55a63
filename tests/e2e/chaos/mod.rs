//! Everything at once: two receivers and four workers on one Redis, and each of them is killed, stopped, cut off or started
//! beside a Redis that loads its files, under steady traffic.
//!
//! WeChat is played by the pushers of the sandbox, one for each receiver: three tries, and now and then an ack that gets lost
//! on its way. With the users *pinned*, all pushes of a user go to the same receiver, and the order must hold; otherwise
//! pushes and tries take turns, and lost order is only counted and printed, because no order is promised then. Users write at
//! random moments, so that messages wait for each other in their lanes.
//!
//! Chance has a seed, which is printed. `CHAOS_SEED=7` repeats one, `CHAOS_SEEDS="1 2 3"` tries several; the long form
//! pushes 100,000 messages for each and belongs in a release build. A run that fails says where its wrong messages lie,
//! and keeps its folder.
//!
//! Redis syncs each write here: with `everysec` a kill may lose two seconds of what it had answered.

pub(crate) mod faults;
pub(crate) mod installation;
mod post_mortem;
mod tests;
mod traffic;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use futures::future::join_all;
use huixin_queue::{Lane, MessageId, Queue};
use huixin_sandbox::{Sandbox, SandboxConfig};

use self::installation::{Installation, LEASE, RECEIVERS};
use self::post_mortem::{Places, dead_letters, report};
use self::traffic::{Ids, Traffic};
use self::watch::watch;
use crate::harness::{Backend, History, PATIENCE, Setup, Stack, Step, WRITES_AT_ONCE, long, now_us, seed};

/// How long a handler takes, in milliseconds.
const HANDLER_TAKES_MS: std::ops::Range<u64> = 50..150;
const WORKERS: usize = 4;
/// How many messages a user writes in a second: with the handler's time and the lost leases, their lane is busy for a good part
/// of it.
const A_USER_PER_SECOND: usize = 3;
/// After the last fault, the longest time in which no accepted message comes to its end. How long the whole takes depends on
/// the machine.
const MOVES_WITHIN: Duration = Duration::from_secs(30);
/// What a message that may die has died of.
const POISON: &str = "3 workers died while they handled it: ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_every_process_under_traffic_lose_nothing_double_nothing_and_keep_the_order_of_pinned_users()
 {
    under_faults(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_every_process_lose_nothing_of_users_who_come_to_two_receivers_in_turn() {
    under_faults(false).await;
}

async fn under_faults(pinned: bool) {
    // In their long form one at a time: otherwise they would test the machine and not the queue.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = if long() { Some(ALONE.lock().await) } else { None };
    for seed in seeds() {
        let (per_second, messages) = if long() { (400, 100_000) } else { (90, 1_800) };
        let users = per_second / A_USER_PER_SECOND;
        run(Traffic { pinned, per_second, messages, users, seed }).await;
    }
}

fn seeds() -> Vec<u64> {
    let number = |text: &str| text.parse().expect("a seed is a number");
    let given = std::env::var("CHAOS_SEEDS");
    given.map_or_else(|_| vec![seed()], |seeds| seeds.split_whitespace().map(number).collect())
}

async fn run(traffic: Traffic) {
    let backend = Backend::answering(|asked| {
        let takes = Duration::from_millis(rand::random_range(HANDLER_TAKES_MS));
        (takes, format!("answer to {}", asked.content))
    })
    .await;
    let stack = stack(&backend, traffic).await;
    let queue = stack.queue();
    let spool = stack.folder.path().join("huixin-spool");
    let mut installation = Installation::start(stack, WORKERS, traffic.seed).await;
    greet(&installation.stack, traffic.users).await;

    let ends = Arc::new(AtomicBool::new(false));
    let outages = installation.outages.clone();
    let watching = tokio::spawn(watch(queue.clone(), spool.clone(), traffic.users, outages, ends.clone()));
    let pushing = tokio::spawn(traffic.push(pushers(&installation)));
    faults::strike_at(&mut installation, traffic.seed, traffic.lasting()).await;
    let (mut history, ids) = pushing.await.expect("the traffic does not panic");
    let mut wrongs = settle(&mut installation, &*queue, &spool).await;
    ends.store(true, Ordering::Relaxed);
    let watch = watching.await.expect("the watch does not panic");

    let dead = dead_letters(&*queue).await;
    installation.stack.add_handled(&backend, &mut history);
    installation.strikes.drain(..).for_each(|strike| history.strike(strike));
    for letter in &dead {
        history.add(letter.died_us, ids[&letter.id], Step::Died);
    }
    add_unsure(&installation.stack.unsure_sends(), &ids, &mut history);
    let verdict = history.judge();
    println!("{traffic}: {verdict}; {watch}");

    wrongs.append(&mut installation.ended);
    wrongs.extend(watch.wrongs(traffic.lasting()));
    let unexpected = dead.iter().filter(|letter| !letter.reason.starts_with(POISON));
    wrongs.extend(unexpected.map(|letter| format!("{letter:?}")));
    wrongs.extend(traffic.wrongs(&verdict));
    if !wrongs.is_empty() {
        installation.let_spools_go();
        let places = Places::find(&dead, &spool).await;
        println!("{}", report(&*queue, &places, &history, &ids, &verdict.suspects()).await);
        panic!("{}", wrongs.join("\n"));
    }
    installation.stack.assert_clean().await;
}

fn pushers(installation: &Installation) -> [Sandbox; RECEIVERS] {
    installation.receiver_ports.map(|port| {
        // What they did is in the history.
        let config = SandboxConfig { max_entries: 1, ..installation.stack.sandbox.sandbox.config().clone() };
        let pusher = Sandbox::new(config);
        let url = format!("http://127.0.0.1:{port}/wechat/main");
        pusher.set_push_url("main", url.parse().expect("it is a URL"));
        pusher
    })
}

async fn stack(backend: &Backend, traffic: Traffic) -> Stack {
    // Users write more than WeChat allows answers for: not the subject here.
    let sandbox = SandboxConfig {
        enforce_windows: false,
        max_entries: 10 * traffic.messages,
        ..SandboxConfig::default()
    };
    let mut stack = Stack::on_redis(Setup {
        routes: backend.route(),
        sandbox,
        lease: LEASE,
        redis: WRITES_AT_ONCE,
        ..Setup::default()
    })
    .await;
    for expected in ["pushes can't be stored", "the message is dead"] {
        stack.expect_errors(expected);
    }
    stack
}

/// WeChat answers only to users that it knows.
async fn greet(stack: &Stack, users: usize) {
    join_all((0..users).map(async |user| stack.say(&user_id(user), "hello").await)).await;
    stack.wait_for_all_sends(users, PATIENCE).await;
}

/// Waits until nothing is open and the spools are empty, and asks the audit, as an operator does.
async fn settle(installation: &mut Installation, queue: &dyn Queue, spool: &std::path::Path) -> Vec<String> {
    let (mut moved, mut last, mut wrongs) = (Instant::now(), None, Vec::new());
    loop {
        installation.tend_until(Instant::now()).await;
        // The queue may not know yet that Redis is back.
        let open = queue.counts().await.map(|counts| counts.open_total());
        let folders = huixin_queue::spool::look(spool).expect("the spools can be read");
        let left = folders.into_iter().map(|view| view.content.expect("a folder can be read").0);
        let left: u64 = left.map(|counts| counts.entries + counts.quarantined).sum();
        if matches!(open, Ok(0)) && left == 0 {
            break;
        }
        let now = (open.ok(), left);
        if last != Some(now) {
            (moved, last) = (Instant::now(), Some(now));
        }
        if moved.elapsed() > MOVES_WITHIN {
            wrongs.push(format!("{left} are left in spools, and in the queue {now:?}: nothing moves"));
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let audit = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"))
        .args(["audit", "--config", "huixin.toml"])
        .current_dir(installation.stack.folder.path())
        .output()
        .await
        .expect("the binary starts");
    if !audit.status.success() {
        wrongs.push(String::from_utf8_lossy(&audit.stdout).into_owned());
    }
    wrongs
}

/// Adds each unsure send to the history. Greetings don't count as messages.
fn add_unsure(lines: &[String], ids: &Ids, history: &mut History) {
    for line in lines {
        let id = line.split_once("id=\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(id, _)| id);
        let name = MessageId::new(id).ok().and_then(|id| ids.get(&id));
        let at = line.split_whitespace().next().and_then(|time| humantime::parse_rfc3339(time).ok());
        let at = at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        if let Some(name) = name {
            let at_us = at.map_or_else(now_us, |at| u64::try_from(at.as_micros()).unwrap_or(u64::MAX));
            history.add(at_us, *name, Step::Unsure);
        }
    }
}

fn lane_of(user: usize) -> Lane {
    Lane::new(format!("main/{}", user_id(user))).expect("it is short")
}

fn user_id(user: usize) -> String {
    format!("oUser{user}")
}
