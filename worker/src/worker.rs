//! A worker: what it is made of, and how it runs from its start to its end.
//!
//! The loop that takes and starts messages is in [`crate::dispatcher`], one message's way in [`crate::process`].

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use huixin_queue::{Class, NameError, Queue, QueueError};
use strum::VariantNames as _;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::{Account, Pauses};
use crate::call_back::CallBacks;
use crate::dispatcher::{Dispatcher, Stopped};
use crate::health::WorkerHealth;
use crate::lease::Keeper;
use crate::media::MediaStore;
use crate::message_end::End;
use crate::metrics::{self, KnownLabels};
use crate::route::{Route, Unsure};
use crate::settings::WorkerSettings;
use crate::witness::Witness;
use crate::worker_context::WorkerContext;

/// Takes messages off a queue, runs their handlers, and delivers the replies.
pub struct Worker {
    queue: Arc<dyn Queue>,
    accounts: HashMap<String, Account>,
    routes: Vec<Route>,
    settings: WorkerSettings,
    call_backs: Option<CallBacks>,
    witness: Option<Arc<dyn Witness>>,
    runtime: Option<Handle>,
    health: WorkerHealth,
}

/// Why a worker can't go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The queue said so; see [`QueueError::hint`].
    #[error("it can't go on")]
    Queue(#[source] QueueError),
    /// The thread that renews leases could not be started.
    #[error("the thread that renews leases could not be started")]
    Keeper(#[source] std::io::Error),
    /// The HTTP client that fetches media can't be made.
    #[error("the HTTP client that fetches media can't be made")]
    Media(#[source] reqwest::Error),
    /// An account's name can't be a class of the queue.
    #[error("the account's name can't be used")]
    Account(#[source] NameError),
}

impl Worker {
    /// A worker on this queue, without accounts and routes.
    pub fn new(queue: Arc<dyn Queue>, settings: WorkerSettings) -> Self {
        Self {
            queue,
            accounts: HashMap::new(),
            routes: Vec::new(),
            health: WorkerHealth::new(settings.concurrency),
            settings,
            call_backs: None,
            witness: None,
            runtime: None,
        }
    }

    /// Serves the messages of one more account: a [`Client`](huixin_wechat::Client), or an [`Account`] that says more.
    #[must_use]
    pub fn account(mut self, name: impl Into<String>, account: impl Into<Account>) -> Self {
        self.accounts.insert(name.into(), account.into());
        self
    }

    /// Adds a route behind those that are there.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Gives handlers addresses for answers by call back. What listens there calls [`answer`](huixin_queue::Producer::answer).
    #[must_use]
    pub fn call_backs(mut self, call_backs: CallBacks) -> Self {
        self.call_backs = Some(call_backs);
        self
    }

    /// Lets a witness see each step of each message: see [`Witness`].
    #[must_use]
    pub fn witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Handles messages on another runtime than the one that [`run`](Self::run) is polled on, which takes them. It must not end
    /// before the worker does.
    #[must_use]
    pub fn handle_on(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Takes the place of another worker in this process: who asks that one's health learns of this one.
    #[must_use]
    pub fn in_place_of(mut self, other: &WorkerHealth) -> Self {
        self.health = other.clone();
        self
    }

    /// A way to ask about the worker's health while it runs.
    pub fn health(&self) -> WorkerHealth {
        let clients =
            self.accounts.iter().filter_map(|(name, account)| Some((name.clone(), account.api()?.clone())));
        self.health.of(clients.collect())
    }

    /// Works until `shutdown` is done, then stops in stages: it takes nothing more, lets what runs finish within the grace, and
    /// hands back the rest. A queue that is away is waited for.
    ///
    /// # Cancellation
    /// Dropping the future stops without grace: handlers are dropped, and tasks that it leaves behind hand their
    /// messages back.
    ///
    /// # Errors
    /// When the queue can never be used as it is set up, or has failed for good. What was running is handed back as far
    /// as the queue lets it.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<Stopped, WorkerError> {
        let classes = self.accounts.keys().map(Class::new).collect::<Result<BTreeSet<_>, _>>();
        let classes: Arc<[Class]> = classes.map_err(WorkerError::Account)?.into_iter().collect();
        let keeper = Keeper::start(self.queue.clone(), self.settings.lease, self.health.overdue.clone())
            .map_err(WorkerError::Keeper)?;
        *self.health.leases.lock() = Some(keeper.running.clone());
        let names: Vec<_> = self.accounts.keys().cloned().collect();
        let routes: Vec<_> = self.routes.iter().map(|route| route.name.clone()).collect();
        metrics::prepare(KnownLabels {
            accounts: &names,
            routes: &routes,
            ends: End::VARIANTS,
            policies: Unsure::VARIANTS,
        });
        let pauses = Pauses::new(self.queue.clone());
        let media = MediaStore::new(&self.settings.media).map_err(WorkerError::Media)?;
        let concurrency = self.settings.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        metrics::concurrency(concurrency);
        let stopping = CancellationToken::new();
        let shared = Arc::new(WorkerContext {
            name: self.settings.name,
            queue: self.queue,
            accounts: self.accounts,
            routes: self.routes,
            rights: self.settings.rights,
            pauses: pauses.clone(),
            media,
            call_backs: self.call_backs,
            witness: self.witness,
            lease_for: self.settings.lease,
            permits: Arc::new(Semaphore::new(concurrency)),
            suspect_runs: AtomicBool::new(false),
            suspect_ended: Notify::new(),
            stopping: stopping.clone(),
            stop_now: CancellationToken::new(),
            released: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        });
        let (tasks, health) = (TaskTracker::new(), self.health);
        let runtime = self.runtime.unwrap_or_else(Handle::current);
        let dispatcher = Dispatcher { shared, classes, keeper, tasks, runtime, health };
        let watch = async {
            shutdown.await;
            stopping.cancel();
            std::future::pending::<Infallible>().await
        };
        let result = tokio::select! {
            // The stop is seen before what a take brings at the same moment.
            biased;
            never = watch => match never {},
            never = pauses.watch(&names) => match never {},
            result = dispatcher.run() => result,
        };
        let stopped = dispatcher.stop(self.settings.grace).await;
        result.map_err(WorkerError::Queue).map(|()| stopped)
    }
}
