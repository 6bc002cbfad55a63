//! Who has a turn when a push and the calls of a worker come together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use huixin_queue::{Renewal, Settlement};

use super::*;

#[tokio::test]
async fn a_push_does_not_wait_for_the_calls_of_a_worker_that_came_before_it() {
    const CALLS: usize = 500;
    let file = File::new();
    let queue = file.open(Clock::Store);
    let done = AtomicUsize::new(0);
    let value = Bytes::from(vec![0; 8_000]);
    let sets = (0..CALLS).map(|n| {
        let (queue, done, value) = (&queue, &done, value.clone());
        async move {
            queue.set(&format!("value{n}"), value, SECOND * 60).await.unwrap();
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
    let push = async {
        queue.accept(message("lane", "m")).await.unwrap();
        done.load(Ordering::Relaxed)
    };
    let both = [async { tokio::join!(futures::future::join_all(sets), push).1 }];
    let before = together(&file, both).await[0];
    assert!(before < CALLS / 2, "{before} calls were done before the push");
    assert_eq!(done.into_inner(), CALLS);
}

#[tokio::test]
async fn a_worker_renews_and_settles_and_the_file_is_written_anew_while_pushes_flood() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    for n in 0..64 {
        queue.accept(message(&format!("lane{n}"), &format!("m{n}"))).await.unwrap();
    }
    let leases: Vec<_> = take(&queue, 64).await.into_iter().map(|leased| leased.lease).collect();
    let is_over = AtomicBool::new(false);
    let flood = (0..64).map(|line| {
        let (queue, is_over) = (&queue, &is_over);
        async move {
            let mut pushes = 0;
            while !is_over.load(Ordering::Relaxed) {
                queue.accept(message(&format!("lane{line}"), &format!("p{line}-{pushes}"))).await.unwrap();
                pushes += 1;
            }
            pushes
        }
    });
    let worker = async {
        for _ in 0..3 {
            let renewed = queue.renew(&leases, LEASE).await.unwrap();
            assert_eq!(renewed, vec![Renewal::Kept; leases.len()]);
        }
        let settles = leases.iter().map(|lease| queue.settle(lease, Settlement::Complete));
        let settled = futures::future::join_all(settles).await;
        queue.compact().await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        settled
    };
    let both = async { tokio::join!(futures::future::join_all(flood), worker) };
    let (pushes, settled) =
        tokio::time::timeout(LEASE * 4, both).await.expect("the worker's calls get through");
    assert!(settled.iter().all(Result::is_ok));
    let open = queue.counts().await.unwrap().open_total();
    assert_eq!(open, pushes.iter().sum::<u64>());
    assert_eq!(queue.audit().await.unwrap(), []);
}

/// A batch with one that fails is run again, with those that are well and those that change nothing.
#[tokio::test]
async fn what_a_batch_did_before_one_of_it_failed_is_done_once() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    file.sql(
        "CREATE TRIGGER no BEFORE INSERT ON message WHEN new.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    let ids = ["a", "a", "bad", "b", "bad", "a"];
    let outcomes = together(&file, ids.map(|id| queue.accept(message("lane", id)))).await;
    let expected = [Some(Accepted::New), Some(Accepted::Duplicate), None, Some(Accepted::New), None];
    let expected = expected.into_iter().chain([Some(Accepted::Duplicate)]);
    assert!(outcomes.into_iter().map(Result::ok).eq(expected));
    let lane = queue.lane(&Lane::new("lane").unwrap()).await.unwrap().unwrap();
    assert_eq!(lane.waiting.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(queue.audit().await.unwrap(), []);
}
