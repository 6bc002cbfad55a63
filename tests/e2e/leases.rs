//! Leases of real processes: kept for as long as a handler runs, lost by a worker that stands still, and then nothing
//! that it still does counts.

use std::time::Duration;

use futures::future::join_all;

use crate::harness::{Backend, Setup, Stack, long};

const LEASE: Duration = Duration::from_secs(3);

/// SIGSTOP is what a suspended machine or a long pause of a hypervisor looks like from inside: the process knows nothing
/// of it, and the answer of its service lies ready when it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stood_still_beyond_its_lease_is_refused_and_sends_nothing() {
    const USERS: usize = 6;
    let trials = if long() { 5 } else { 1 };
    // The first worker's answer comes while it stands still. The second's comes before the first goes on (even users), or
    // afterwards (odd ones), when the first must not disturb it.
    let backend = Backend::answering(|asked| {
        let odd = asked.content.ends_with(['1', '3', '5']);
        let takes = match asked.attempt {
            1 => Duration::from_secs(1),
            _ if odd => LEASE + Duration::from_secs(7),
            _ => Duration::from_millis(100),
        };
        (takes, format!("attempt {} of {}", asked.attempt, asked.content))
    })
    .await;
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), lease: "3s", ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let mut lost = Vec::new();
    for trial in 0..trials {
        let asked = backend.requests().len();
        let mut stopped = stack.role("worker").await;
        for user in 0..USERS {
            stack.say(&format!("oUser{user}"), &format!("{trial}/{user}")).await;
        }
        backend.wait_for_requests(asked + USERS).await;
        stopped.signal("-STOP");
        let mut other = stack.role("worker").await;
        tokio::time::sleep(LEASE + Duration::from_secs(5)).await;
        stopped.signal("-CONT");
        backend.wait_for_requests(asked + 2 * USERS).await;
        stack.wait_for_all_sends((trial + 1) * USERS, Duration::from_secs(30)).await;
        stack.wait_until_empty().await;

        lost.push(stopped.metric("huixin_worker_leases_lost_total").await);
        assert_eq!(lost[trial], USERS as f64, "each of its results is refused");
        assert_eq!(stopped.metric("huixin_worker_sends_total").await, 0.0, "it sends nothing");
        assert_eq!(other.metric("huixin_worker_leases_lost_total").await, 0.0);
        assert_eq!(other.metric("huixin_worker_sends_total").await, USERS as f64);
        assert_eq!(backend.requests().len(), asked + 2 * USERS, "exactly one redelivery of each");
        assert_eq!((stopped.stop().await, other.stop().await), (Some(0), Some(0)));
    }
    println!("{trials} workers stood still for {:?}: leases lost {lost:?}", LEASE + Duration::from_secs(5));
    for user in 0..USERS {
        let expected: Vec<_> = (0..trials).map(|trial| format!("attempt 2 of {trial}/{user}")).collect();
        assert_eq!(stack.texts_to(&format!("oUser{user}")), expected);
    }
    stack.end().await;
}

/// Other workers look for lapsed leases all the time, and find none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_takes_many_times_its_lease_runs_once() {
    const USERS: usize = 20;
    let takes = if long() { Duration::from_secs(180) } else { LEASE * 4 };
    let backend = Backend::start(takes).await;
    let mut stack = Stack::on_redis(Setup { routes: backend.route(), lease: "3s", ..Setup::default() }).await;
    let _receiver = stack.role("receiver").await;
    let workers = [stack.role("worker").await, stack.role("worker").await, stack.role("worker").await];
    let users: Vec<_> = (0..USERS).map(|user| format!("oUser{user}")).collect();
    join_all(users.iter().map(|user| stack.say(user, user))).await;
    stack.wait_for_all_sends(USERS, takes + Duration::from_secs(60)).await;
    stack.wait_until_empty().await;
    assert_eq!(backend.requests().len(), USERS, "no handler ran twice");
    for user in &users {
        assert_eq!(stack.texts_to(user), [format!("answer to {user}")]);
    }
    for worker in &workers {
        assert_eq!(worker.metric("huixin_worker_leases_lost_total").await, 0.0);
    }
    println!("{USERS} handlers of {takes:?} under a lease of {LEASE:?}: each ran once");
    stack.end().await;
}
