//! One worker with ten thousand slow handlers at once: what it holds then, and how soon all have their answer.
//!
//! A message that waits for its service costs a worker memory and a connection, and nothing else: so a worker may have as
//! many under way as the machine has sockets. The backlog lies in a queue that is paused, and the time counts from the
//! end of the pause. The long form is the full one. Its figures are asserted in a release build only, with the machine for
//! itself: `LONG_TESTS=1 cargo test --release --test e2e thousands_of_users -- --nocapture`. In the debug build, whose
//! futures are not optimised, memory has a loose bound.
//!
//! **Where the memory goes**: the service is asked over HTTP/1 without TLS, and asking takes 6 KiB a message: the socket, the
//! message as read, and what the protocol must know to read the answer. The worker's own task takes 3.5. With all else it is
//! less than 12 KiB. A client of hyper's took 31 for the asking alone; with mimalloc in place of the system's allocator it was
//! 16.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use huixin_queue::Scope;
use huixin_sandbox::What;

use crate::harness::{Backend, Setup, Stack, long};

/// Each message's share of the memory, and what the process needs without any, in the debug build.
const LOOSELY_KIB: (u64, usize) = (64 * 1024, 64);
/// For all ten thousand, in the release build: the aim, 200 MB.
const ALLOWED_KIB: u64 = 200_000_000 / 1024;
/// From the release of the backlog to the last answer, the service's ten seconds included.
const ALLOWED: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_users_whose_service_is_slow_are_answered_once_each_by_one_worker() {
    let (users, takes) =
        if long() { (10_000, Duration::from_secs(10)) } else { (1_000, Duration::from_secs(2)) };
    huixin::open_files::raise();
    let backend = Backend::start(takes).await;
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let worker = stack.spawn("worker", &[("HUIXIN_WORKER__CONCURRENCY", "10000")]);
    worker.ready().await;
    let idle_kib = worker.resident_kib();

    let queue = stack.queue();
    queue.pause(&Scope::All, "the backlog is being laid").await.expect("the queue answers");
    let said = async |n| stack.say(&user(n), &n.to_string()).await;
    futures::stream::iter(0..users).map(said).buffer_unordered(64).collect::<()>().await;
    let released = Instant::now();
    assert!(queue.resume(&Scope::All).await.expect("the queue answers"), "it was paused");

    backend.wait_for_requests(users).await;
    let (all_asked, waiting_kib) = (released.elapsed(), worker.resident_kib());
    stack.wait_for_all_sends(users, Duration::from_secs(120)).await;
    let all_answered = released.elapsed();
    stack.wait_until_empty().await;
    let all_settled = released.elapsed();

    let requests = backend.requests();
    let first = requests.iter().map(|asked| asked.at).min().expect("it was asked");
    let last = requests.iter().map(|asked| asked.at).max().expect("it was asked");
    let peak_kib = worker.peak_kib();
    let typing = stack.sandbox.sandbox.transcript().entries();
    let typing = typing.iter().filter(|entry| matches!(entry.what, What::Typing { .. })).count();
    println!(
        "{users} messages whose service takes {takes:?}, {} build: all asked after {all_asked:.1?}, answered after \
         {all_answered:.1?}, settled after {all_settled:.1?}; resident {idle_kib} KiB idle, {waiting_kib} KiB when all \
         were asked, {} KiB at the end, {peak_kib} KiB at most; {typing} typing calls",
        if cfg!(debug_assertions) { "debug" } else { "release" },
        worker.resident_kib(),
    );
    assert_eq!(requests.len(), users, "no handler runs twice");
    for n in 0..users {
        assert_eq!(stack.texts_to(&user(n)), [format!("answer to {n}")], "user {n}: once");
    }
    let loosely_kib = LOOSELY_KIB.0 + u64::try_from(LOOSELY_KIB.1 * users).unwrap_or(u64::MAX);
    assert!(peak_kib < loosely_kib, "{peak_kib} KiB is more than {loosely_kib} KiB");
    if long() && !cfg!(debug_assertions) {
        assert!(last.duration_since(first) < takes, "all were under way at once");
        assert!(peak_kib < ALLOWED_KIB, "{peak_kib} KiB is more than {ALLOWED_KIB} KiB");
        assert!(all_answered < ALLOWED, "{all_answered:?} is more than {ALLOWED:?}");
    }
    stack.end().await;
}

fn user(n: usize) -> String {
    format!("oSlow{n:05}")
}
