//! Smart batching: calls that arrive while one is under way go together in the next.
//!
//! There is no timer and no wait: a lone call goes at once, and under load the batches grow by themselves to what fits
//! in one. One call is in flight per kind. Rejected: pipelining single calls, which costs Redis one script start
//! each; a timer, which costs every lone call its delay.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::QueueError;

/// Items in one call at most.
const ITEMS_MAX: usize = 64;
/// Bytes in one call, counted by [`Item::size_bytes`]: reached, the call goes.
const BYTES_MAX: usize = 1024 * 1024;
/// Callers that wait for their turn at most; more wait in `call`.
const WAITING_MAX: usize = 4096;

/// What goes together with others of its kind.
pub(super) trait Item: Send + 'static {
    fn size_bytes(&self) -> usize;
}

type Answer<O> = oneshot::Sender<Result<O, QueueError>>;

/// Sends items in batches through `run`, which answers one outcome for each, in order.
#[derive(Debug)]
pub(super) struct Batcher<I, O> {
    /// To the task that runs the calls. Dropping the batcher ends it after the items already given.
    waiting: mpsc::Sender<(I, Answer<O>)>,
    place: String,
}

impl<I: Item, O: Send + 'static> Batcher<I, O> {
    /// Starts the task on the current runtime.
    pub(super) fn start<F>(place: &str, run: impl Fn(Vec<I>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<O>, QueueError>> + Send,
    {
        let (waiting, mut arriving) = mpsc::channel::<(I, Answer<O>)>(WAITING_MAX);
        let name = place.to_owned();
        tokio::spawn(async move {
            while let Some(first) = arriving.recv().await {
                let (items, answers) = gather(first, &mut arriving);
                if items.is_empty() {
                    continue;
                }
                match run(items).await {
                    Ok(outcomes) if outcomes.len() == answers.len() => {
                        for (answer, outcome) in answers.into_iter().zip(outcomes) {
                            let _ = answer.send(Ok(outcome));
                        }
                    }
                    Ok(_) => fail(
                        answers,
                        &QueueError::unavailable(&name, "a script answered for fewer items than it got"),
                    ),
                    Err(error) => fail(answers, &error),
                }
            }
        });
        Self { waiting, place: place.to_owned() }
    }

    /// Runs one item, with whatever else is there. Dropping the future leaves it unknown whether it ran.
    pub(super) async fn call(&self, item: I) -> Result<O, QueueError> {
        let stopped = || QueueError::unavailable(&self.place, "the queue is shutting down");
        let (answer, outcome) = oneshot::channel();
        self.waiting.send((item, answer)).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }
}

/// The first item and those that have come meanwhile, without the ones whose callers have gone.
fn gather<I: Item, O>(
    first: (I, Answer<O>),
    arriving: &mut mpsc::Receiver<(I, Answer<O>)>,
) -> (Vec<I>, Vec<Answer<O>>) {
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

fn fail<O>(answers: Vec<Answer<O>>, error: &QueueError) {
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}
