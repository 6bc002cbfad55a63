//! A worker: what it is made of, and how it runs from its start to its end.
//!
//! The loop that takes and starts messages is in [`crate::crew`], one message's way in [`crate::job`].

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use huixin_queue::{Class, NameError, Queue, QueueError, TakeRequest, WorkerId};
use huixin_wechat::Client;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Pauses;
use crate::call_back::CallBacks;
use crate::crew::Crew;
use crate::lease::Keeper;
use crate::media::{MediaSettings, MediaStore};
use crate::metrics;
use crate::rights::Rights;
use crate::route::Route;

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
    /// What each kind of user's action lets an account send.
    pub rights: Rights,
    /// Where the media of replies may come from.
    pub media: MediaSettings,
}

/// An account as a worker serves it.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) client: Client,
    pub(crate) send_rate: Option<SendRate>,
    /// Whose turn it is to ask for one of the rate: all at once would ask again and again for the same one.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    /// A send has one of these while it is under way: each costs a connection, and ten thousand answers may be ready at
    /// once.
    pub(crate) lines: Arc<Semaphore>,
    /// The same for typing, which goes without if none is free.
    pub(crate) typing_lines: Arc<Semaphore>,
}

/// Sends of one account that are under way at once, at most. At WeChat's usual 50 to 100 ms that is thousands a second.
const LINES: usize = 512;
const TYPING_LINES: usize = 64;

/// So many sends per time, for all workers together; unused ones are saved up to that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendRate {
    /// How many, at least one.
    pub sends: u32,
    /// In which time.
    pub per: Duration,
}

impl Account {
    /// An account that is answered through `client`.
    pub fn new(client: Client) -> Self {
        let lines = |n| Arc::new(Semaphore::new(n));
        Self {
            client,
            send_rate: None,
            turn: Arc::default(),
            lines: lines(LINES),
            typing_lines: lines(TYPING_LINES),
        }
    }

    /// Sends no faster than this.
    #[must_use]
    pub fn send_rate(mut self, rate: SendRate) -> Self {
        self.send_rate = Some(rate);
        self
    }
}

impl From<Client> for Account {
    fn from(client: Client) -> Self {
        Self::new(client)
    }
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            name: format!("{}-{}", gethostname::gethostname().display(), std::process::id()),
            concurrency: 256,
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(25),
            rights: Rights::default(),
            media: MediaSettings::default(),
        }
    }
}

/// Takes messages off a queue, runs their handlers, and delivers the replies.
pub struct Worker {
    queue: Arc<dyn Queue>,
    accounts: HashMap<String, Account>,
    routes: Vec<Route>,
    settings: WorkerSettings,
    call_backs: Option<CallBacks>,
    health: WorkerHealth,
}

/// How far this machine's clock may be off the API's, in seconds.
pub const CLOCKS_APART_S: u64 = 30;

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

/// When the worker last got an answer of the queue, to be asked from outside.
#[derive(Clone, Debug)]
pub struct WorkerHealth {
    began: Instant,
    last_take_ms: Arc<AtomicU64>,
    /// Every permit is in use: nothing is taken, and that is right.
    pub(crate) full: Arc<AtomicBool>,
    overdue: Arc<AtomicUsize>,
    clients: Vec<(String, Client)>,
}

impl WorkerHealth {
    /// Accounts whose API has another time than this machine, with how many seconds this clock is ahead (below 0: behind):
    /// windows and held answers are judged by it.
    pub fn clocks_apart(&self) -> impl Iterator<Item = (&str, i64)> {
        let ahead =
            self.clients.iter().filter_map(|(name, client)| Some((name.as_str(), client.clock_ahead_s()?)));
        ahead.filter(|(_, ahead_s)| ahead_s.unsigned_abs() > CLOCKS_APART_S)
    }

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

    /// How many messages stand still: what they do takes longer than every timeout in it. A bug, and their users wait.
    pub fn overdue(&self) -> usize {
        self.overdue.load(Ordering::Relaxed)
    }

    pub(crate) fn taken(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_take_ms.store(now.max(1), Ordering::Relaxed);
        metrics::taken();
    }
}

/// What all jobs of a worker share.
pub(crate) struct Shared {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) accounts: HashMap<String, Account>,
    pub(crate) routes: Vec<Route>,
    pub(crate) rights: Rights,
    pub(crate) pauses: Pauses,
    pub(crate) media: MediaStore,
    pub(crate) call_backs: Option<CallBacks>,
    pub(crate) lease_for: Duration,
    /// One for each message that is handled.
    pub(crate) permits: Arc<Semaphore>,
    /// Whether a message runs that has outlived other workers: one at a time, so that it is known which it was.
    pub(crate) suspect_runs: AtomicBool,
    /// Rung when it has ended.
    pub(crate) suspect_ended: Notify,
    /// Cancelled when a stop is asked for: nothing is begun any more.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when the grace is over: hand back what isn't done.
    pub(crate) stop_now: CancellationToken,
    pub(crate) released: AtomicU64,
    pub(crate) settled: AtomicU64,
}

impl Worker {
    /// A worker on this queue, without accounts and routes.
    pub fn new(queue: Arc<dyn Queue>, settings: WorkerSettings) -> Self {
        let health = WorkerHealth {
            began: Instant::now(),
            last_take_ms: Arc::default(),
            full: Arc::default(),
            overdue: Arc::default(),
            clients: Vec::new(),
        };
        Self { queue, accounts: HashMap::new(), routes: Vec::new(), settings, call_backs: None, health }
    }

    /// Serves the messages of one more account: a [`Client`], or an [`Account`] that says more.
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

    /// Gives handlers addresses for answers by call back. Whoever listens there calls [`answer`](huixin_queue::Producer::answer).
    #[must_use]
    pub fn call_backs(mut self, call_backs: CallBacks) -> Self {
        self.call_backs = Some(call_backs);
        self
    }

    /// A way to ask after the worker's health while it runs.
    pub fn health(&self) -> WorkerHealth {
        let clients = self.accounts.iter().map(|(name, account)| (name.clone(), account.client.clone()));
        WorkerHealth { clients: clients.collect(), ..self.health.clone() }
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
        let classes = self.accounts.keys().map(Class::new).collect::<Result<BTreeSet<_>, _>>();
        let classes: Arc<[Class]> = classes.map_err(WorkerError::Account)?.into_iter().collect();
        let keeper = Keeper::start(self.queue.clone(), self.settings.lease, self.health.overdue.clone())
            .map_err(WorkerError::Keeper)?;
        let request = TakeRequest {
            max: 0,
            classes: classes.clone(),
            worker: WorkerId::new(self.settings.name.clone()),
            call: 1,
            lease_for: self.settings.lease,
            suspect: true,
        };
        let names: Vec<_> = self.accounts.keys().cloned().collect();
        let pauses = Pauses::new(self.queue.clone());
        let media = MediaStore::new(&self.settings.media).map_err(WorkerError::Media)?;
        let concurrency = self.settings.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let stopping = CancellationToken::new();
        let shared = Arc::new(Shared {
            queue: self.queue,
            accounts: self.accounts,
            routes: self.routes,
            rights: self.settings.rights,
            pauses: pauses.clone(),
            media,
            call_backs: self.call_backs,
            lease_for: self.settings.lease,
            permits: Arc::new(Semaphore::new(concurrency)),
            suspect_runs: AtomicBool::new(false),
            suspect_ended: Notify::new(),
            stopping: stopping.clone(),
            stop_now: CancellationToken::new(),
            released: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        });
        let crew = Crew { shared, classes, keeper, tasks: TaskTracker::new(), health: self.health };
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
            result = crew.work(request, &stopping) => result,
        };
        let stopped = crew.stop(self.settings.grace).await;
        result.map(|()| stopped)
    }
}
