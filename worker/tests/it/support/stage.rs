//! One test's world: how it is set up, its workers, and what must hold at its end.

mod observed;
mod pushes;
mod queue;
mod wechat;

use std::sync::Arc;
use std::time::Duration;

use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::RedisServer;
use huixin_queue::{Clock, Queue};
use huixin_sandbox::{RunningSandbox, Sandbox, SandboxAccount, SandboxConfig};
use huixin_wechat::{Client, ClientConfig, Secret, http_client};
use huixin_worker::{Rights, Route, Stopped, Worker, WorkerError, WorkerSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::observed::recorder;
use super::{DEDUP_WINDOW, Engine, LEASE, logs, within};

/// One test's world.
pub(crate) struct Stage {
    /// The queue, for the test's own use.
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) sandbox: Sandbox,
    wechat: Option<RunningSandbox>,
    api_base: Url,
    account: SandboxAccount,
    /// What each kind of action allows, by receiver and workers.
    pub(crate) rights: Rights,
    workers: Vec<RunningWorker>,
    users: Vec<String>,
    /// Opens another handle to the same queue, where the engine allows it.
    again: Option<RedisSettings>,
    finished: bool,
    _folder: Option<tempfile::TempDir>,
}

/// What a test expects to be left at its end.
#[derive(Debug, Default)]
pub(crate) struct Left<'a> {
    /// Messages still in the queue.
    pub(crate) open: u64,
    /// What the reasons of the dead letters contain, the oldest first.
    pub(crate) dead: &'a [&'a str],
}

struct RunningWorker {
    stop: CancellationToken,
    task: JoinHandle<Result<Stopped, WorkerError>>,
}

impl Stage {
    pub(crate) async fn on(engine: Engine) -> Self {
        Self::with_clock(engine, Clock::Store).await
    }

    pub(crate) async fn with_clock(engine: Engine, clock: Clock) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let queue = SqliteQueue::open(&folder.path().join("queue.db"), DEDUP_WINDOW, clock).unwrap();
                Self::new(Arc::new(queue), None, Some(folder)).await
            }
            Engine::Redis => Self::on_redis(RedisServer::shared(), clock).await,
        }
    }

    pub(crate) async fn on_redis(server: &RedisServer, clock: Clock) -> Self {
        let prefix = format!("test-{:016x}", rand::random::<u64>());
        let settings = RedisSettings { url: server.url(), prefix, dedup_window: DEDUP_WINDOW, clock };
        Self::new(Arc::new(RedisQueue::open(&settings).unwrap()), Some(settings), None).await
    }

    async fn new(
        queue: Arc<dyn Queue>,
        again: Option<RedisSettings>,
        folder: Option<tempfile::TempDir>,
    ) -> Self {
        logs::capture();
        recorder();
        let account = SandboxAccount::named(&format!("t{:012x}", rand::random::<u64>() >> 16));
        let config = SandboxConfig { accounts: vec![account.clone()], ..SandboxConfig::default() };
        let wechat = RunningSandbox::start(config).await.unwrap();
        Self {
            queue,
            sandbox: wechat.sandbox.clone(),
            api_base: wechat.base_url.clone(),
            wechat: Some(wechat),
            account,
            rights: Rights::default(),
            workers: Vec::new(),
            users: Vec::new(),
            again,
            finished: false,
            _folder: folder,
        }
    }

    /// The account's name.
    pub(crate) fn account(&self) -> &str {
        &self.account.name
    }

    pub(crate) fn settings(&self) -> WorkerSettings {
        WorkerSettings {
            concurrency: 16,
            lease: LEASE,
            rights: self.rights.clone(),
            ..WorkerSettings::default()
        }
    }

    /// A new client of the account's API, with a token of its own.
    pub(crate) fn client(&self) -> Client {
        self.client_with(&self.account.app_secret, ClientConfig::DEFAULT_TIMEOUT)
    }

    pub(crate) fn client_with(&self, app_secret: &str, timeout: Duration) -> Client {
        Client::new(ClientConfig {
            app_id: self.account.app_id.clone(),
            app_secret: Secret::from(app_secret),
            api_base: self.api_base.clone(),
            timeout,
            http: http_client().unwrap(),
        })
    }

    /// A worker that isn't started.
    pub(crate) fn worker(
        &self,
        queue: Arc<dyn Queue>,
        settings: WorkerSettings,
        routes: impl IntoIterator<Item = Route>,
    ) -> Worker {
        let worker = Worker::new(queue, settings).account(self.account(), self.client());
        routes.into_iter().fold(worker, Worker::route)
    }

    /// Starts a worker with these routes.
    pub(crate) fn start(&mut self, routes: impl IntoIterator<Item = Route>) {
        self.start_with(self.settings(), routes);
    }

    pub(crate) fn start_with(&mut self, settings: WorkerSettings, routes: impl IntoIterator<Item = Route>) {
        let worker = self.worker(self.queue.clone(), settings, routes);
        self.start_this(worker);
    }

    pub(crate) fn start_this(&mut self, worker: Worker) {
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone().cancelled_owned()));
        self.workers.push(RunningWorker { stop, task });
    }

    /// Asks the workers to stop.
    pub(crate) fn ask_to_stop(&self) {
        for worker in &self.workers {
            worker.stop.cancel();
        }
    }

    /// Stops the workers and tells how each ended.
    pub(crate) async fn stop(&mut self) -> Vec<Stopped> {
        self.ask_to_stop();
        let mut stopped = Vec::new();
        for worker in self.workers.drain(..) {
            let ended = within("a worker stops", worker.task).await;
            stopped.push(ended.expect("a worker doesn't panic").expect("a worker doesn't fail"));
        }
        stopped
    }

    /// Another handle to the queue, as another process would have: on SQLite there is only the one.
    pub(crate) fn another_queue(&self) -> Arc<dyn Queue> {
        match &self.again {
            Some(settings) => Arc::new(RedisQueue::open(settings).unwrap()),
            None => self.queue.clone(),
        }
    }

    pub(crate) async fn finish(self) {
        self.finish_with(Left::default()).await;
    }

    /// The same, whatever the messages died of.
    pub(crate) async fn finish_with_dead(self, open: u64) {
        let dead = self.queue.counts().await.unwrap().dead;
        let dead = vec![""; usize::try_from(dead).unwrap()];
        self.finish_with(Left { open, dead: &dead }).await;
    }

    pub(crate) async fn finish_with(mut self, left: Left<'_>) {
        self.open(left.open).await;
        self.stop().await;
        let counts = self.queue.counts().await.unwrap();
        assert_eq!((counts.open_total(), counts.running), (left.open, 0), "{counts:?}");
        let reasons: Vec<String> =
            self.dead(counts.dead).await.into_iter().map(|letter| letter.reason).collect();
        let as_expected = reasons.len() == left.dead.len()
            && reasons.iter().zip(left.dead).all(|(reason, part)| reason.contains(part));
        assert!(as_expected, "dead: {reasons:?}, expected: {:?}", left.dead);
        assert_eq!(self.queue.audit().await.unwrap(), []);

        self.sandbox.faults().clear();
        let token = self.client().token().await.unwrap().expose().to_owned();
        let secrets = [self.account.app_secret.clone(), token];
        for hidden in secrets.into_iter().chain(self.users.iter().cloned()) {
            assert_eq!(logs::lines_with(&hidden), Vec::<String>::new(), "a log has {hidden}");
            assert!(!reasons.iter().any(|reason| reason.contains(&hidden)), "{reasons:?} have {hidden}");
        }
        self.finished = true;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test must end with `finish`");
    }
}
