//! The worker of `dev`, which can be killed: the page shows how another one takes over what it was doing.
//!
//! It has a thread and a runtime of its own. When it is killed, the runtime goes with all that runs on it, as when a machine
//! dies: nothing is handed back, no lease is given up. Dropping the worker alone would be kinder than death: what it leaves
//! behind on a runtime that goes on hands its messages back at once.

use std::sync::Arc;

use anyhow::Context as _;
use huixin_worker::{Stopped, Worker};
use tokio::runtime;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::report::Failure;

/// Runs a worker until it is stopped. When it is killed, `another` takes its place.
pub(super) async fn run(
    mut worker: Worker,
    another: impl Fn() -> Result<Worker, Failure>,
    kills: Arc<Notify>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let health = worker.health();
    loop {
        if let Some(stopped) = live(worker, kills.clone(), stop.clone()).await? {
            tracing::info!(
                finished = stopped.finished,
                handed_back = stopped.released,
                "the worker has stopped"
            );
            return Ok(());
        }
        tracing::warn!("the worker was killed: another one takes its messages when their leases run out");
        worker = another().map_err(|failure| failure.error)?.in_place_of(&health);
    }
}

/// Runs a worker to its end; `None` if it was killed.
async fn live(
    worker: Worker,
    kills: Arc<Notify>,
    stop: CancellationToken,
) -> anyhow::Result<Option<Stopped>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("worker".to_owned()).spawn(move || {
        let life = runtime.block_on(async {
            tokio::select! {
                stopped = worker.run(stop.cancelled_owned()) => stopped.map(Some),
                () = kills.notified() => Ok(None),
            }
        });
        runtime.shutdown_background();
        // Nobody waits for it any more if the process ends.
        let _ = ended.send(life);
    })?;
    Ok(end.await.context("the worker panicked; please report this")??)
}
