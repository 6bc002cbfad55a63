//! The loop: permit → take → run.
//!
//! A permit comes first: a worker that took what it can't start would hold a lease for nothing while others are free.
//! What is free is taken in one call, up to a batch. A take whose answer got lost is repeated with the same number, so
//! that the queue gives the same batch again.
//!
//! **Stopping** has three stages, and the end says which were needed: stop taking; let what runs finish, until the
//! grace is over; hand the rest back. A take under way is waited for and what it brings is handed back: if the call were
//! dropped, its messages would wait until their leases run out. A send under way is let finish (its own timeout bounds
//! it), so that it doesn't become unsure.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use huixin_queue::{Class, Leased, NameError, Queue, QueueError, TakeRequest, Taken, WorkerId};
use huixin_wechat::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::job::{End, Job, shortened};
use crate::lease::Keeper;
use crate::metrics;
use crate::route::Route;

/// Messages taken in one call at most.
const TAKE_MAX: usize = 64;
/// The longest an idle worker waits before it looks again: the safety net under a lost wake-up.
const IDLE_MAX: Duration = Duration::from_secs(1);
const OUTAGE_PAUSE_FIRST: Duration = Duration::from_millis(100);
const OUTAGE_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long a stop waits for the answer to a take under way.
const LAST_TAKE_MAX: Duration = Duration::from_secs(3);

/// How a worker runs.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// What people call it; by default host and process.
    pub name: String,
    /// Messages handled at the same time at most.
    pub concurrency: usize,
    /// How long a lease runs without being renewed: a dead worker's messages wait this long.
    pub lease: Duration,
    /// How long running handlers may go on after a stop is asked for.
    pub grace: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        let host =
            std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "worker".to_owned());
        Self {
            name: format!("{}-{}", host.trim(), std::process::id()),
            concurrency: 256,
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(25),
        }
    }
}

/// Takes messages off a queue, runs their handlers, and delivers the replies.
pub struct Worker {
    queue: Arc<dyn Queue>,
    accounts: HashMap<String, Client>,
    routes: Vec<Route>,
    settings: WorkerSettings,
    health: WorkerHealth,
}

/// How a worker came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Messages that ran when the stop was asked for and were finished in time.
    pub finished: u64,
    /// Messages that were handed back to the queue.
    pub released: u64,
}

/// Why a worker can't go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The queue said so; see [`QueueError::hint`].
    #[error("the worker can't go on")]
    Queue(#[source] QueueError),
    /// The thread that renews leases could not be started.
    #[error("the thread that renews leases could not be started")]
    Keeper(#[source] std::io::Error),
    /// An account's name can't be a class of the queue.
    #[error("the account's name can't be used")]
    Account(#[source] NameError),
}

/// When the worker last got an answer of the queue, to be asked from outside.
#[derive(Clone, Debug)]
pub struct WorkerHealth {
    began: Instant,
    last_take_ms: Arc<AtomicU64>,
    /// Every permit is in use: nothing is taken, and that is right.
    full: Arc<AtomicBool>,
}

impl WorkerHealth {
    /// Time since the queue last answered a take; `None` before it first did. Nothing while every permit is in use.
    pub fn since_last_take(&self) -> Option<Duration> {
        if self.full.load(Ordering::Relaxed) {
            return Some(Duration::ZERO);
        }
        match self.last_take_ms.load(Ordering::Relaxed) {
            0 => None,
            at => Some(self.began.elapsed().saturating_sub(Duration::from_millis(at))),
        }
    }

    fn taken(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_take_ms.store(now.max(1), Ordering::Relaxed);
        metrics::taken();
    }
}

/// What all jobs of a worker share.
pub(crate) struct Shared {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) accounts: HashMap<String, Client>,
    pub(crate) routes: Vec<Route>,
    /// Cancelled when the grace is over: hand back what isn't done.
    pub(crate) stop_now: CancellationToken,
    released: AtomicU64,
    settled: AtomicU64,
}

impl Worker {
    /// A worker on this queue, without accounts and routes.
    pub fn new(queue: Arc<dyn Queue>, settings: WorkerSettings) -> Self {
        let health =
            WorkerHealth { began: Instant::now(), last_take_ms: Arc::default(), full: Arc::default() };
        Self { queue, accounts: HashMap::new(), routes: Vec::new(), settings, health }
    }

    /// Serves the messages of one more account, answering through `client`.
    #[must_use]
    pub fn account(mut self, name: impl Into<String>, client: Client) -> Self {
        self.accounts.insert(name.into(), client);
        self
    }

    /// Adds a route behind those that are there.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// A way to ask after the worker's health while it runs.
    pub fn health(&self) -> WorkerHealth {
        self.health.clone()
    }

    /// Works until `shutdown` is done, then stops in the stages that the module's essay names. A queue that is away is
    /// waited for.
    ///
    /// # Cancellation
    /// Dropping the future stops without grace: handlers are dropped, and tasks that it leaves behind hand their
    /// messages back.
    ///
    /// # Errors
    /// When the queue can never be used as it is set up, or has failed for good. What was running is handed back as far
    /// as the queue lets it.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<Stopped, WorkerError> {
        let classes: Vec<Class> =
            self.accounts.keys().map(Class::new).collect::<Result<_, _>>().map_err(WorkerError::Account)?;
        let keeper = Keeper::start(self.queue.clone(), self.settings.lease).map_err(WorkerError::Keeper)?;
        let request = TakeRequest {
            max: 0,
            classes,
            worker: WorkerId::new(self.settings.name.clone()),
            call: 1,
            lease_for: self.settings.lease,
        };
        let shared = Arc::new(Shared {
            queue: self.queue,
            accounts: self.accounts,
            routes: self.routes,
            stop_now: CancellationToken::new(),
            released: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        });
        let permits = Arc::new(Semaphore::new(self.settings.concurrency.max(1)));
        let crew = Crew { shared, permits, keeper, tasks: TaskTracker::new(), health: self.health };
        let stopping = CancellationToken::new();
        let watch = async {
            shutdown.await;
            stopping.cancel();
            std::future::pending::<Infallible>().await
        };
        let result = tokio::select! {
            // The stop is seen before what a take brings at the same moment.
            biased;
            never = watch => match never {},
            result = crew.work(request, &stopping) => result,
        };
        let stopped = crew.stop(self.settings.grace).await;
        result.map(|()| stopped)
    }
}

/// A running worker.
struct Crew {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    keeper: Keeper,
    tasks: TaskTracker,
    health: WorkerHealth,
}

impl Crew {
    /// Takes and starts messages until it is to stop.
    async fn work(&self, mut request: TakeRequest, stopping: &CancellationToken) -> Result<(), WorkerError> {
        let mut pause = OUTAGE_PAUSE_FIRST;
        let mut away = false;
        while let Some(mut permits) = stopping.run_until_cancelled(self.some_permits()).await {
            request.max = permits.num_permits();
            let began = Instant::now();
            let taken = tokio::select! {
                taken = self.shared.queue.take(&request) => taken,
                () = long_after(stopping) => break,
            };
            match taken {
                Ok(taken) if stopping.is_cancelled() => {
                    self.hand_back(&taken.messages).await;
                    break;
                }
                Ok(taken) => {
                    request.call += 1;
                    self.health.taken();
                    if std::mem::take(&mut away) {
                        tracing::info!(queue = self.shared.queue.place(), "the queue is back");
                    }
                    pause = OUTAGE_PAUSE_FIRST;
                    let Taken { messages, next_due } = taken;
                    if stopping.is_cancelled() {
                        return self.give_back(messages).await;
                    }
                    let idle = messages.is_empty();
                    for leased in messages {
                        // The store never gives more than it was asked for.
                        let Some(permit) = permits.split(1) else { break };
                        self.start(leased, began, permit);
                    }
                    drop(permits);
                    if idle {
                        let at_most =
                            next_due.map_or(IDLE_MAX, |due| due.clamp(Duration::from_millis(5), IDLE_MAX));
                        let wait = stopping.run_until_cancelled(self.shared.queue.wait(at_most)).await;
                        if matches!(wait, Some(Err(_))) {
                            stopping.run_until_cancelled(tokio::time::sleep(OUTAGE_PAUSE_FIRST)).await;
                        }
                    }
                }
                Err(error) if error.is_outage() => {
                    metrics::take_failed();
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(%error, cause = error_source(&error), "the queue is away: waiting for it");
                    }
                    drop(permits);
                    stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = (pause * 2).min(OUTAGE_PAUSE_MAX);
                }
                Err(error) => return Err(WorkerError::Queue(error)),
            }
        }
        Ok(())
    }

    /// What came after the stop was asked for, and was not begun.
    async fn hand_back(&self, messages: &[Leased]) {
        let released = messages.iter().map(|leased| self.shared.queue.release(&leased.lease));
        for result in futures::future::join_all(released).await {
            match result {
                Ok(()) => {
                    self.shared.released.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    tracing::warn!(%error, "a message could not be handed back: its lease must run out first");
                }
            }
        }
    }

    /// Hands back what was taken while the stop was asked for.
    async fn give_back(&self, messages: Vec<Leased>) -> Result<(), WorkerError> {
        for leased in messages {
            if let Err(error) = self.shared.queue.release(&leased.lease).await {
                let id = leased.lease.id.as_str();
                tracing::warn!(id, %error, "a message could not be handed back: it comes again when its lease runs out");
            }
        }
        Ok(())
    }

    /// At least one permit, and at once as many more as are free, up to a batch.
    async fn some_permits(&self) -> OwnedSemaphorePermit {
        self.health.full.store(self.permits.available_permits() == 0, Ordering::Relaxed);
        let first = self.permits.clone().acquire_owned().await;
        self.health.full.store(false, Ordering::Relaxed);
        let mut permits = first.expect("the semaphore is never closed");
        let more = self.permits.available_permits().min(TAKE_MAX - 1);
        if let Ok(more) = self.permits.clone().try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
            permits.merge(more);
        }
        permits
    }

    fn start(&self, leased: Leased, taken: Instant, permit: OwnedSemaphorePermit) {
        let held = self.keeper.hold(leased.lease.clone(), taken);
        let span = tracing::info_span!(
            "message",
            id = leased.lease.id.as_str(),
            account = leased.class.as_str(),
            user = shortened(leased.lease.lane.as_str()),
            attempt = leased.failures + leased.losses + 1,
        );
        let shared = self.shared.clone();
        metrics::started(leased.arrived_us);
        let job = async move {
            let account = leased.class.to_string();
            let end = Job { shared: shared.clone(), leased, held }.run().await;
            match end {
                End::Released => {
                    shared.released.fetch_add(1, Ordering::Relaxed);
                }
                End::LeaseLost | End::Unsettled => {}
                _ => {
                    shared.settled.fetch_add(1, Ordering::Relaxed);
                }
            }
            metrics::ended(&account, end.as_str());
            drop(permit);
        };
        self.tasks.spawn(job.instrument(span));
    }

    /// Lets what runs finish within the grace, then hands back the rest.
    async fn stop(self, grace: Duration) -> Stopped {
        let (running, before) = (self.tasks.len(), self.shared.settled.load(Ordering::Relaxed));
        if running > 0 {
            tracing::info!(running, grace_ms = grace.as_millis(), "stopping: waiting for running messages");
        }
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(running = self.tasks.len(), "the grace is over: handing back what still runs");
            self.shared.stop_now.cancel();
            self.tasks.wait().await;
        }
        let finished = self.shared.settled.load(Ordering::Relaxed) - before;
        Stopped { finished, released: self.shared.released.load(Ordering::Relaxed) }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // After a stop nothing runs any more; if the worker was dropped instead, nothing may run on without its leases.
        self.shared.stop_now.cancel();
    }
}

/// Is done when a stop has waited long enough.
async fn long_after(stopping: &CancellationToken) {
    stopping.cancelled().await;
    tokio::time::sleep(LAST_TAKE_MAX).await;
}

fn error_source(error: &QueueError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
