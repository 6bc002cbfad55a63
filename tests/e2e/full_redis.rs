//! A Redis whose memory is full takes no new messages, and everything else goes on: leases are kept, answers recorded,
//! messages ended. That makes room again.

use std::time::{Duration, Instant};

use huixin_queue::testing::RedisServer;
use huixin_sandbox::{Push, SandboxConfig, TryOutcome};

use crate::harness::{Backend, History, Name, PATIENCE, Setup, Stack, Step, long, now_us};

const LEASE: Duration = Duration::from_secs(3);
/// How much may come after the limit is set, and how much each message brings.
const ROOM_BYTES: u64 = 256 * 1024;
const BODY_BYTES: usize = 16 * 1024;
/// Users who fill the room. Their messages are handled one by one, so that it isn't empty again at once.
const FILLERS: usize = 4;
/// Users whose handler outlasts several leases.
const PATIENT: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_keeps_the_leases_of_living_workers_and_drains_to_the_last_message() {
    let takes = if long() { Duration::from_secs(60) } else { LEASE * 3 };
    let backend = Backend::answering(move |asked| {
        let name = Name::of(&asked.content).expect("all messages have names");
        (if name.user >= FILLERS { takes } else { Duration::from_millis(300) }, format!("answer to {name}"))
    })
    .await;
    let sandbox = SandboxConfig { enforce_windows: false, ..SandboxConfig::default() };
    let setup = Setup { routes: backend.route(), lease: "3s", sandbox, ..Setup::default() };
    let mut stack = Stack::on_redis(setup).await;
    stack.expect_errors("pushes can't be stored");
    let _receiver = stack.role("receiver").await;
    let workers = [stack.role("worker").await, stack.role("worker").await];
    let mut history = History::default();
    for user in FILLERS..FILLERS + PATIENT {
        push(&stack, Name { user, number: 0 }, "", &mut history).await;
    }
    backend.wait_for_requests(PATIENT).await;

    // More comes than there is room for; and after a third of the time there is no room for anything.
    limit_memory(&stack, used_bytes(redis(&stack)) + ROOM_BYTES);
    let padding = "x".repeat(BODY_BYTES);
    let began = Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(50));
    let (mut acked, mut refused, mut has_room) = (0, 0, true);
    while began.elapsed() < takes {
        every.tick().await;
        if has_room && began.elapsed() > takes / 3 {
            has_room = false;
            limit_memory(&stack, 1);
        }
        let number = acked + refused;
        if push(&stack, Name { user: number % FILLERS, number }, &padding, &mut history).await {
            acked += 1;
        } else {
            refused += 1;
        }
    }
    let out_of_memory = out_of_memory(redis(&stack));
    // A worker that is started now must not be kept out by what it would like to write.
    let newcomer = stack.role("worker").await;
    stack.wait_until_empty().await;
    limit_memory(&stack, 0);
    let last = Name { user: 0, number: acked + refused };
    assert!(push(&stack, last, "", &mut history).await, "there is room again");
    stack.wait_for_all_sends(PATIENT + acked + 1, takes + PATIENCE).await;
    stack.wait_until_empty().await;

    stack.add_handled(&backend, &mut history);
    let verdict = history.judge();
    println!(
        "full for {takes:?}: {acked} acked, {refused} refused, {out_of_memory} times out of memory; {verdict}"
    );
    assert_eq!(refused, 0, "what Redis can't take goes to the spool");
    // The test proves something only if Redis refused.
    assert!(out_of_memory > 0, "Redis was never full");
    verdict.assert_right();
    verdict.assert_in_order();
    assert_eq!(verdict.repeated_starts, 0, "no lease was lost, so no handler ran twice");
    for worker in workers.iter().chain([&newcomer]) {
        assert_eq!(worker.metric("huixin_worker_leases_lost_total").await, 0.0);
    }
    stack.end().await;
}

/// Pushes once; whether it was acked. 503 is the other thing that a receiver may say.
async fn push(stack: &Stack, name: Name, padding: &str, history: &mut History) -> bool {
    history.add(now_us(), name, Step::Pushed);
    let push = Push::text("main", format!("oUser{}", name.user), format!("{name} {padding}"));
    match stack.sandbox.sandbox.push_once(&push).await.outcome {
        TryOutcome::Acked => {
            history.add(now_us(), name, Step::Acked);
            true
        }
        TryOutcome::Status(503) => false,
        other => panic!("{name}: {other:?}"),
    }
}

fn redis(stack: &Stack) -> &RedisServer {
    stack.redis.as_ref().expect("it is on Redis")
}

fn limit_memory(stack: &Stack, bytes: u64) {
    assert_eq!(redis(stack).cli(&["CONFIG", "SET", "maxmemory", &bytes.to_string()]).trim(), "OK");
}

fn used_bytes(redis: &RedisServer) -> u64 {
    number_after("used_memory:", &redis.cli(&["INFO", "memory"]))
}

/// How often Redis has refused something for want of memory.
fn out_of_memory(redis: &RedisServer) -> u64 {
    number_after("errorstat_OOM:count=", &redis.cli(&["INFO", "errorstats"]))
}

/// The number behind a field of INFO; 0 if the field isn't there.
fn number_after(field: &str, info: &str) -> u64 {
    let value = info.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    value.trim().parse().expect("it is a number")
}
