//! Everything at once: two receivers and three workers on one Redis, while Redis is killed, forgets its scripts and cuts
//! its connections under steady traffic.
//!
//! WeChat is played by the pushers of the sandbox, one for each receiver: five seconds a try, three tries without a
//! pause, and now and then an ack that gets lost on its way. With the users *pinned*, all pushes of a user go to the same
//! receiver, and the order must hold; else pushes and tries take turns, and what of the order is lost is only counted and
//! printed, because nothing is promised. Users write at random moments, so that messages wait for each other in their lanes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use huixin_sandbox::{Push, Sandbox, SandboxConfig};
use tokio::task::JoinSet;

use crate::harness::{
    Backend, History, Name, PATIENCE, Process, Setup, Stack, Step, WRITES_AT_ONCE, free_port, long, now_us,
};

const HANDLER_TAKES: Duration = Duration::from_millis(100);
/// Messages that a user writes in a second: with the handler's time, his lane is busy for more than half of it.
const A_USER_PER_SECOND: usize = 5;
/// Of so many pushes one loses its first ack.
const ONE_ACK_LOST_OF: usize = 7;
/// How long all that was accepted may take to come to its end once there are no more faults.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// What is done to Redis.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `kill -9`, away for this long, and started again on its files.
    Killed(Duration),
    ScriptsFlushed,
    ClientsCut,
}

const FAULTS: [Fault; 7] = [
    Fault::Killed(Duration::from_millis(500)),
    Fault::ScriptsFlushed,
    Fault::ClientsCut,
    Fault::Killed(Duration::from_secs(1)),
    Fault::ClientsCut,
    Fault::ScriptsFlushed,
    Fault::Killed(Duration::from_secs(3)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_redis_under_traffic_lose_nothing_double_nothing_and_keep_the_order_of_pinned_users() {
    under_faults(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_redis_lose_nothing_of_users_who_come_to_two_receivers_in_turn() {
    under_faults(false).await;
}

async fn under_faults(pinned: bool) {
    // In their long form one at a time, or the machine is the subject and not the queue.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = if long() { Some(ALONE.lock().await) } else { None };
    let (per_second, seconds) = if long() { (300, 60) } else { (100, 9) };
    let users = per_second / A_USER_PER_SECOND;
    let faults = if long() { &FAULTS[..] } else { &FAULTS[..3] };
    let backend = Backend::start(HANDLER_TAKES).await;
    // Users write more than WeChat lets answer at once: not the subject here.
    let sandbox = SandboxConfig { enforce_windows: false, ..SandboxConfig::default() };
    let mut stack = Stack::on_redis(Setup {
        routes: backend.route(),
        sandbox,
        redis: WRITES_AT_ONCE,
        ..Setup::default()
    })
    .await;
    stack.expect_errors("pushes can't be stored");
    let (processes, pushers) = installation(&mut stack).await;
    // WeChat answers only to users that it knows.
    join_all((0..users).map(async |user| stack.say(&user_id(user), "hello").await)).await;
    stack.wait_for_all_sends(users, PATIENCE).await;

    let began = Instant::now();
    let history = Arc::new(Mutex::new(History::default()));
    let traffic = tokio::spawn(traffic(pushers, history.clone(), pinned, per_second, seconds));
    let mut struck_at = Vec::new();
    for (fault, n) in faults.iter().zip(1_u32..) {
        let part = Duration::from_secs(seconds) / (u32::try_from(faults.len()).unwrap_or(1) + 1);
        tokio::time::sleep((part * n).saturating_sub(began.elapsed())).await;
        struck_at.push((*fault, now_us()));
        strike(&mut stack, *fault).await;
    }
    traffic.await.expect("the traffic does not panic");
    settled(&stack).await;

    let mut history =
        Arc::into_inner(history).expect("all pushes have ended").into_inner().expect("none panicked");
    stack.add_handled(&backend, &mut history);
    let verdict = history.judge();
    let in_hand: Vec<_> = struck_at.iter().map(|(fault, at)| (fault, history.in_hand(*at))).collect();
    let mut unsure = 0.0;
    for worker in &processes[2..] {
        unsure += worker.metric("huixin_worker_unsure_sends_total").await;
    }
    println!(
        "{per_second}/s for {seconds} s, users {}: {verdict}; unsure sends made again {unsure}; handlers in hand at each \
         fault: {in_hand:?}",
        if pinned { "pinned" } else { "at both receivers" }
    );
    verdict.assert_right();
    let pushes = per_second * usize::try_from(seconds).unwrap_or(0);
    assert_eq!(verdict.pushed, pushes);
    // What Redis can't take goes to the spool. A few that lost the acks of all three tries were stored all the same.
    assert!(verdict.acked + pushes / 100 >= pushes, "{verdict}");
    if pinned {
        verdict.assert_in_order();
    }
    let excused: usize = in_hand.iter().map(|(_, in_hand)| in_hand).sum();
    assert!(
        verdict.repeated_starts <= excused,
        "only what was in hand at a fault is handled again: {verdict}"
    );
    assert!(
        verdict.repeated_answers as f64 <= unsure,
        "an answer comes again only if it was unsure: {verdict}"
    );
    drop(processes);
    stack.end().await;
}

/// Two receivers and then three workers, and a pusher to each receiver.
async fn installation(stack: &mut Stack) -> (Vec<Process>, [Sandbox; 2]) {
    let second_port = free_port();
    let listen = format!("127.0.0.1:{second_port}");
    let mut processes =
        vec![stack.spawn("receiver", &[]), stack.spawn("receiver", &[("HUIXIN_RECEIVER__LISTEN", &listen)])];
    processes.extend((0..3).map(|_| stack.spawn("worker", &[])));
    for process in &processes {
        process.ready().await;
    }
    let pushers = [stack.receiver_port, second_port].map(|port| {
        let pusher = Sandbox::new(stack.sandbox.sandbox.config().clone());
        let url = format!("http://127.0.0.1:{port}/wechat/main");
        pusher.set_push_url("main", url.parse().expect("it is a URL"));
        pusher
    });
    (processes, pushers)
}

/// Pushes at a steady rate, whatever becomes of the pushes before.
async fn traffic(
    pushers: [Sandbox; 2],
    history: Arc<Mutex<History>>,
    pinned: bool,
    per_second: usize,
    seconds: u64,
) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(1));
    let mut pushes = JoinSet::new();
    let mut written = vec![0; per_second / A_USER_PER_SECOND];
    for n in 0..per_second * usize::try_from(seconds).unwrap_or(0) {
        ticks.tick().await;
        let user = rand::random_range(0..written.len());
        let name = Name { user, number: written[user] };
        written[user] += 1;
        let turns = if pinned { [user % 2; 3] } else { [n % 2, (n + 1) % 2, n % 2] };
        let tries = turns.map(|receiver| pushers[receiver].clone());
        if n % ONE_ACK_LOST_OF == 0 {
            tries[0].faults().lose_acks(1);
        }
        let history = history.clone();
        pushes.spawn(async move {
            let note = |step| {
                history.lock().unwrap_or_else(PoisonError::into_inner).add(now_us(), name, step);
            };
            let push = Push::text("main", user_id(user), name.to_string());
            note(Step::Pushed);
            if is_acked(&tries, &push).await {
                note(Step::Acked);
            }
        });
    }
    pushes.join_all().await;
}

/// Whether one of the tries is acked.
async fn is_acked(tries: &[Sandbox; 3], push: &Push) -> bool {
    for pusher in tries {
        let outcome = pusher.push_once(push).await.outcome;
        if !outcome.is_retried() {
            return outcome.is_ack();
        }
    }
    false
}

async fn strike(stack: &mut Stack, fault: Fault) {
    let redis = stack.redis.as_mut().expect("it is on Redis");
    match fault {
        Fault::Killed(away) => {
            redis.kill();
            tokio::time::sleep(away).await;
            tokio::task::block_in_place(|| redis.restart());
        }
        Fault::ScriptsFlushed => assert!(redis.cli(&["SCRIPT", "FLUSH"]).contains("OK")),
        Fault::ClientsCut => {
            let cut = redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
            assert!(cut.trim().parse::<u32>().is_ok_and(|cut| cut > 3), "{cut}");
        }
    }
}

/// Waits until nothing is open, and asks the audit, as an operator does.
async fn settled(stack: &Stack) {
    let began = Instant::now();
    stack.wait_until_empty().await;
    assert!(began.elapsed() < SETTLES_WITHIN, "lanes were stuck: {:?}", began.elapsed());
    let audit = tokio::process::Command::new(env!("CARGO_BIN_EXE_huixin"))
        .args(["audit", "--config", "huixin.toml"])
        .current_dir(stack.folder.path())
        .output()
        .await
        .expect("the binary starts");
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

fn user_id(user: usize) -> String {
    format!("oUser{user}")
}
