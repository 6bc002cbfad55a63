//! Smart batching: calls that arrive while one is under way go together in the next.
//!
//! There is no timer and no wait: a lone call goes at once, and under load the batches grow by themselves to what fits
//! in one. One call is in flight per kind, and a second one as soon as enough wait for it: then Redis finds the next call
//! when it is through with one, and doesn't sleep while we read its answer. A call that must be repeated may be overtaken by
//! the next one: who needs an order waits for the one outcome before the next item. Rejected: pipelining single calls, which
//! costs Redis one script start each; a timer, which costs every lone call its delay.
//!
//! The task must not die while anybody may call: a panic in a call is logged and fails the items of that call, and the next
//! call goes.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::QueueError;

/// Items in one call at most. Nothing else runs on the server in that time: 32 accepts take a slow one about 1.4 ms.
const ITEMS_MAX: usize = 32;
/// Bytes in one call, counted by [`Item::size_bytes`]: when they are reached, the call goes.
const BYTES_MAX: usize = 1024 * 1024;
/// Calls in flight at most.
const CALLS_MAX: usize = 2;
/// Items that a second call in flight must have: with fewer, the start of a script would cost more than the wait.
const ITEMS_BESIDE: usize = ITEMS_MAX / 2;
/// Callers that wait for their turn at most; more wait in `call`.
const WAITING_MAX: usize = 4096;

/// Something that goes in one call with others of its kind.
pub(super) trait Item: Send + 'static {
    fn size_bytes(&self) -> usize;
}

type Recipient<O> = oneshot::Sender<Result<O, QueueError>>;

/// Sends items in batches through `run`, which answers one outcome for each, in order.
#[derive(Debug)]
pub(super) struct Batcher<I, O> {
    /// To the task that runs the calls. Dropping the batcher ends it after the items already given.
    waiting: mpsc::Sender<(I, Recipient<O>)>,
    /// Rung when enough wait for a second call.
    enough: Arc<Notify>,
    place: String,
}

impl<I: Item, O: Send + 'static> Batcher<I, O> {
    /// Starts the task on the current runtime.
    pub(super) fn start<F>(place: &str, mut run: impl FnMut(Vec<I>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<O>, QueueError>> + Send + 'static,
    {
        let (waiting, mut arriving) = mpsc::channel::<(I, Recipient<O>)>(WAITING_MAX);
        let enough = Arc::new(Notify::new());
        let (name, rung) = (place.to_owned(), enough.clone());
        tokio::spawn(async move {
            let mut in_flight = FuturesUnordered::new();
            while let Some(first) = arriving.recv().await {
                let (items, answers) = gather(first, &mut arriving);
                if !items.is_empty() {
                    in_flight.push(call(&name, items, answers, &mut run));
                }
                while !may_call(in_flight.len(), arriving.len()) {
                    tokio::select! {
                        _ = in_flight.next() => {}
                        () = rung.notified() => {}
                    }
                }
            }
            while in_flight.next().await.is_some() {}
        });
        Self { waiting, enough, place: place.to_owned() }
    }

    /// Runs one item, with whatever else is there. Dropping the future leaves it unknown whether it ran.
    pub(super) async fn call(&self, item: I) -> Result<O, QueueError> {
        let stopped = || QueueError::unavailable(&self.place, "the queue is shutting down");
        let (answer, outcome) = oneshot::channel();
        self.waiting.send((item, answer)).await.map_err(|_| stopped())?;
        if self.waiting.max_capacity() - self.waiting.capacity() >= ITEMS_BESIDE {
            self.enough.notify_one();
        }
        outcome.await.map_err(|_| stopped())?
    }
}

/// Whether one more call may go, beside those in flight.
fn may_call(in_flight: usize, waiting: usize) -> bool {
    in_flight == 0 || in_flight < CALLS_MAX && waiting >= ITEMS_BESIDE
}

/// Makes one call for these items, and gives its outcome to each caller.
fn call<I, O, F, R>(
    place: &str,
    items: Vec<I>,
    answers: Vec<Recipient<O>>,
    run: &mut R,
) -> impl Future<Output = ()> + use<I, O, F, R>
where
    R: FnMut(Vec<I>) -> F,
    F: Future<Output = Result<Vec<O>, QueueError>>,
{
    let call = std::panic::catch_unwind(AssertUnwindSafe(|| run(items)));
    let place = place.to_owned();
    async move {
        let outcome = match call {
            Ok(call) => AssertUnwindSafe(call).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        let outcome = outcome.unwrap_or_else(|_| {
            tracing::error!(queue = place, "a call to the queue panicked: this is a bug, please report it");
            Err(QueueError::unavailable(&place, "the call panicked; it may or may not have been applied"))
        });
        answer_all(&place, answers, outcome);
    }
}

fn answer_all<O>(place: &str, answers: Vec<Recipient<O>>, outcome: Result<Vec<O>, QueueError>) {
    match outcome {
        Ok(outcomes) if outcomes.len() == answers.len() => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
        }
        Ok(_) => {
            fail(answers, &QueueError::unavailable(place, "a script answered for fewer items than it got"));
        }
        Err(error) => fail(answers, &error),
    }
}

/// The first item and those that have come since, without the ones whose callers have gone.
fn gather<I: Item, O>(
    first: (I, Recipient<O>),
    arriving: &mut mpsc::Receiver<(I, Recipient<O>)>,
) -> (Vec<I>, Vec<Recipient<O>>) {
    let (mut items, mut answers, mut size) = (Vec::new(), Vec::new(), 0);
    let mut next = Some(first);
    while let Some((item, answer)) = next {
        if !answer.is_closed() {
            size += item.size_bytes();
            items.push(item);
            answers.push(answer);
        }
        next = if items.len() < ITEMS_MAX && size < BYTES_MAX { arriving.try_recv().ok() } else { None };
    }
    (items, answers)
}

fn fail<O>(answers: Vec<Recipient<O>>, error: &QueueError) {
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    impl Item for u32 {
        fn size_bytes(&self) -> usize {
            4
        }
    }

    /// Doubles its items; a 13 among them panics, before the call is begun or in the middle of it.
    fn doubling(in_the_middle: bool) -> Batcher<u32, u32> {
        Batcher::start("here", move |items: Vec<u32>| {
            let unlucky = items.contains(&13);
            assert!(in_the_middle || !unlucky, "a bug");
            async move {
                tokio::task::yield_now().await;
                assert!(!unlucky, "a bug");
                Ok(items.iter().map(|item| item * 2).collect())
            }
        })
    }

    #[tokio::test]
    async fn a_panic_fails_the_calls_of_its_batch_and_no_later_ones() {
        for in_the_middle in [false, true] {
            let batcher = doubling(in_the_middle);
            let calls = async { tokio::join!(batcher.call(13), batcher.call(13)) };
            let (first, second) =
                tokio::time::timeout(Duration::from_secs(10), calls).await.expect("no call hangs");
            for outcome in [first, second] {
                let error = outcome.expect_err("it panicked");
                assert!(error.is_outage(), "{error:?}");
            }
            assert_eq!(batcher.call(4).await.expect("the next is served"), 8);
        }
    }

    #[tokio::test]
    async fn what_arrives_while_a_call_is_under_way_goes_together_in_the_next() {
        let (gate, sizes) = (Arc::new(Semaphore::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
        let (theirs, seen) = (gate.clone(), sizes.clone());
        let batcher = Batcher::start("here", move |items: Vec<u32>| {
            let (gate, seen) = (theirs.clone(), seen.clone());
            async move {
                seen.lock().expect("no holder panics").push(items.len());
                gate.acquire().await.expect("it is never closed").forget();
                Ok(items)
            }
        });
        let calls = (0..100).map(|item| batcher.call(item));
        let answers = async { futures::future::join_all(calls).await };
        let (answers, ()) = tokio::join!(answers, async { gate.add_permits(100) });
        for (item, answer) in (0..100).zip(answers) {
            assert_eq!(answer.expect("it is served"), item);
        }
        assert_eq!(
            *sizes.lock().expect("no holder panics"),
            [ITEMS_MAX, ITEMS_MAX, ITEMS_MAX, 100 - 3 * ITEMS_MAX]
        );
    }

    #[tokio::test]
    async fn a_second_call_goes_beside_the_first_when_enough_wait_and_no_third() {
        let (gate, (began, mut begun)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
        let theirs = gate.clone();
        let batcher = Batcher::start("here", move |items: Vec<u32>| {
            let (gate, began) = (theirs.clone(), began.clone());
            async move {
                began.send(items.len()).expect("the test listens");
                gate.acquire().await.expect("it is never closed").forget();
                Ok(items)
            }
        });
        let calls = futures::future::join_all((0..100).map(|item| batcher.call(item)));
        let watching = async {
            let two = [begun.recv().await, begun.recv().await];
            assert_eq!(two, [Some(ITEMS_MAX), Some(ITEMS_MAX)]);
            tokio::task::yield_now().await;
            assert!(begun.try_recv().is_err(), "both are in flight");
            gate.add_permits(100);
        };
        let (answers, ()) =
            tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(calls, watching) })
                .await
                .expect("the second doesn't wait for the first");
        assert!(answers.into_iter().all(|answer| answer.is_ok()));
    }

    #[test]
    fn calls_of_a_batcher_whose_runtime_is_gone_fail_and_do_not_hang() {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
        };
        let (theirs, ours) = (runtime(), runtime());
        let batcher = theirs.block_on(async { doubling(true) });
        drop(theirs);
        let outcome = ours.block_on(async {
            tokio::time::timeout(Duration::from_secs(10), batcher.call(1)).await.expect("it ends")
        });
        assert!(outcome.expect_err("nobody is there").is_outage());
    }
}
