//! Handlers for tests, and the gate that holds them.

use std::sync::Arc;

use async_trait::async_trait;
use huixin_wechat::{Message, Outgoing};
use huixin_worker::{Context, Handler, Outcome, Route};
use tokio::sync::{Semaphore, watch};

use super::within;

/// A handler that is an async closure over the message's text and its context.
pub(crate) fn act<F, R>(run: F) -> impl Handler
where
    F: Fn(String, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    Act(run)
}

struct Act<F>(F);

#[async_trait]
impl<F, R> Handler for Act<F>
where
    F: Fn(String, Context) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        (self.0)(message.content().unwrap_or_default().to_owned(), context.clone()).await
    }
}

/// A route that repeats each message, and counts its runs at a gate.
pub(crate) fn echo(runs: &Gate) -> Route {
    let runs = runs.clone();
    let run = move |content, _| {
        let runs = runs.clone();
        async move {
            runs.pass().await;
            Outcome::text(content)
        }
    };
    Route::new("echo", act(run))
}

/// A text to send.
pub(crate) fn text(content: &str) -> Outgoing {
    Outgoing::text(content)
}

/// Handlers come to it and wait until it is opened for them. It counts who came and who was dropped while waiting.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    came: watch::Sender<usize>,
    dropped: watch::Sender<usize>,
    tickets: Semaphore,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let inner =
            Inner { came: watch::Sender::new(0), dropped: watch::Sender::new(0), tickets: Semaphore::new(0) };
        Self(Arc::new(inner))
    }

    /// One that lets everybody through, and only counts.
    pub(crate) fn opened() -> Self {
        let gate = Self::closed();
        gate.open_for(1_000_000);
        gate
    }

    /// Waits for a ticket, and uses it up.
    pub(crate) async fn pass(&self) {
        let mut guard = Guard { gate: &self.0, passed: false };
        self.0.came.send_modify(|n| *n += 1);
        self.0.tickets.acquire().await.expect("it is never closed for good").forget();
        guard.passed = true;
    }

    /// Gives tickets to those who wait or will.
    pub(crate) fn open_for(&self, n: usize) {
        self.0.tickets.add_permits(n);
    }

    /// How many have come.
    pub(crate) fn came(&self) -> usize {
        *self.0.came.borrow()
    }

    /// Waits until so many have come.
    pub(crate) async fn until_came(&self, n: usize) {
        reached(&self.0.came, n, "handlers have begun").await;
    }

    /// Waits until so many were dropped while they waited.
    pub(crate) async fn until_dropped(&self, n: usize) {
        reached(&self.0.dropped, n, "handlers were dropped").await;
    }

    /// How many were dropped while they waited.
    pub(crate) fn dropped(&self) -> usize {
        *self.0.dropped.borrow()
    }
}

async fn reached(counter: &watch::Sender<usize>, n: usize, what: &str) {
    let mut news = counter.subscribe();
    within(&format!("{n} {what}"), news.wait_for(|count| *count >= n)).await.expect("the counter lives");
}

struct Guard<'a> {
    gate: &'a Inner,
    passed: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.passed {
            self.gate.dropped.send_modify(|n| *n += 1);
        }
    }
}
