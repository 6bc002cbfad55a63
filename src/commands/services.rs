//! Runs the services of a process together, and stops them in order.
//!
//! On a stop the front goes first: the receiver takes no more pushes, the worker finishes what it has. The back (the
//! admin listener, and in `dev` the pretend WeChat that answers still go to) goes when the front is done. If any service
//! ends by itself, that is a failure, and the others are stopped the same way.

use std::future::Future;

use anyhow::{Context as _, anyhow};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::receiver::SpoolLeft;
use crate::report::Failure;
use crate::traces::Traces;

/// The services of one process.
pub(super) struct Services {
    /// Cancelled by a signal: the front stops.
    stop: CancellationToken,
    /// Cancelled when the front has stopped: the back stops.
    front_done: CancellationToken,
    front: JoinSet<Result<(), Failure>>,
    back: JoinSet<Result<(), Failure>>,
    /// What shows what they did; it ends last.
    traces: Option<Traces>,
}

impl Services {
    pub(super) fn new(stop: CancellationToken) -> Self {
        let (front, back) = (JoinSet::new(), JoinSet::new());
        Self { stop, front_done: CancellationToken::new(), front, back, traces: None }
    }

    /// Adds the export of spans, which ends after all services.
    pub(super) fn trace(&mut self, traces: Option<Traces>) {
        self.traces = traces;
    }

    /// Adds a service that stops first. It gets the future that tells it to.
    pub(super) fn front<F, E>(&mut self, name: &'static str, service: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.front.spawn(named(name, self.stop.clone(), service(self.stop.clone())));
    }

    /// Adds a service that stops last.
    pub(super) fn back<F, E>(&mut self, name: &'static str, service: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.back.spawn(named(name, self.stop.clone(), service(self.front_done.clone())));
    }

    /// Runs until all have stopped.
    ///
    /// # Errors
    /// The first failure of any.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let mut result = Ok(());
        let early = tokio::select! {
            () = self.stop.cancelled() => None,
            Some(ended) = self.front.join_next() => Some(ended),
            Some(ended) = self.back.join_next() => Some(ended),
        };
        self.stop.cancel();
        if let Some(ended) = early {
            keep_first(&mut result, ended);
        }
        while let Some(ended) = self.front.join_next().await {
            keep_first(&mut result, ended);
        }
        self.front_done.cancel();
        while let Some(ended) = self.back.join_next().await {
            keep_first(&mut result, ended);
        }
        if let Some(traces) = self.traces {
            traces.flush().await;
        }
        result
    }
}

async fn named<E: Into<anyhow::Error>>(
    name: &'static str,
    stop: CancellationToken,
    service: impl Future<Output = Result<(), E>>,
) -> Result<(), Failure> {
    match service.await {
        Ok(()) if stop.is_cancelled() => Ok(()),
        Ok(()) => Err(anyhow!("the {name} ended unexpectedly").into()),
        Err(error) => {
            let error = error.into();
            // That is no failure of the service, which has done what it could.
            if error.is::<SpoolLeft>() {
                return Err(error.into());
            }
            Err(error.context(format!("the {name} failed")).into())
        }
    }
}

fn keep_first(result: &mut Result<(), Failure>, ended: Result<Result<(), Failure>, tokio::task::JoinError>) {
    let ended = ended
        .context("a service panicked; please report this")
        .map_err(Failure::from)
        .and_then(|ended| ended);
    if result.is_ok() {
        *result = ended;
    } else if let Err(failure) = ended {
        tracing::error!(error = %failure.error, "another service failed too");
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A service that runs until its token stops it, and is counted then.
    async fn patient(stop: CancellationToken, stopped: Arc<AtomicUsize>) -> Result<(), Infallible> {
        stop.cancelled().await;
        stopped.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn broken() -> Result<(), Infallible> {
        panic!("a bug");
    }

    /// Runs this beside one service in front and one at the back, and counts which of the two were stopped in order.
    async fn beside<F, E>(service: impl FnOnce(CancellationToken) -> F) -> (Result<(), Failure>, usize)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        let stopped = Arc::new(AtomicUsize::new(0));
        let mut services = Services::new(CancellationToken::new());
        services.front("front", |stop| patient(stop, stopped.clone()));
        services.front("subject", service);
        services.back("back", |stop| patient(stop, stopped.clone()));
        (services.run().await, stopped.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_service_that_ends_fails_or_panics_is_a_failure_and_stops_the_others() {
        let (ended, stopped) = beside(|_| async { Ok::<_, Infallible>(()) }).await;
        assert_eq!(
            (ended.unwrap_err().error.to_string().as_str(), stopped),
            ("the subject ended unexpectedly", 2)
        );
        let (failed, stopped) = beside(|_| async { Err(anyhow!("it can't")) }).await;
        assert_eq!((failed.unwrap_err().error.to_string().as_str(), stopped), ("the subject failed", 2));
        let (panicked, stopped) = beside(|_| broken()).await;
        let error = panicked.unwrap_err().error.to_string();
        assert_eq!((error.as_str(), stopped), ("a service panicked; please report this", 2));
    }
}
