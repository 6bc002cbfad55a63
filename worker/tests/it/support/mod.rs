//! What the tests share.
//!
//! A [`Stage`] is one test's world: a queue, a pretend WeChat, an account and users with names of their own. Its
//! [`Stage::finish`] must be called, and checks what must hold after every test: nothing is left in the queue, nothing
//! is dead but what the test names, the queue's invariant holds, and no log line has a secret or a whole OpenID in it.

mod backend;
#[cfg(feature = "sql")]
pub(crate) mod database;
mod handlers;
mod logs;
mod process;
mod queue;

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::testing::RedisServer;
use huixin_queue::{
    Accepted, Class, Clock, DeadFilter, DeadLetter, HeldEffect, Lane, LaneState, LaneView, MessageId,
    NewMessage, Queue, TakeRequest, WorkerId,
};
use huixin_sandbox::{Account, Entry, Fault, Push, RunningSandbox, Sandbox, SandboxConfig, What};
use huixin_wechat::{Client, ClientConfig, Message, Secret, Trigger, http_client};
use huixin_worker::{Payload, Route, Stopped, Worker, WorkerError, WorkerSettings, note};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use backend::{Answer, Asked, Backend};
pub(crate) use handlers::{Gate, act, echo, text};
pub(crate) use process::Process;
pub(crate) use queue::{Call, Renewing, Tampered};

/// Far longer than anything takes; only a failing test waits for it.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The lease of workers unless a test says otherwise.
pub(crate) const LEASE: Duration = Duration::from_secs(2);

const DEDUP_WINDOW: Duration = Duration::from_secs(3600);

/// Which queue a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Redis,
}

/// Makes a test for each engine of functions from [`Engine`] to a future.
macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::support::Engine::Sqlite).await;
                }
            )*
        }
        mod on_redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::support::Engine::Redis).await;
                }
            )*
        }
    };
}
pub(crate) use on_both_engines;

/// One test's world.
pub(crate) struct Stage {
    /// The queue, for the test's own use.
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) sandbox: Sandbox,
    wechat: Option<RunningSandbox>,
    api_base: Url,
    account: Account,
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
        let account = Account::named(&format!("t{:012x}", rand::random::<u64>() >> 16));
        let config = SandboxConfig { accounts: vec![account.clone()], ..SandboxConfig::default() };
        let wechat = RunningSandbox::start(config).await.unwrap();
        Self {
            queue,
            sandbox: wechat.sandbox.clone(),
            api_base: wechat.base_url.clone(),
            wechat: Some(wechat),
            account,
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
        WorkerSettings { concurrency: 16, lease: LEASE, ..WorkerSettings::default() }
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

    /// A user with an OpenID of this test's own.
    pub(crate) fn user(&mut self, name: &str) -> String {
        let user = format!("oUser_{:016x}_{name}", rand::random::<u64>());
        self.users.push(user.clone());
        user
    }

    /// The user writes a text: WeChat opens the window, and the receiver has accepted the push. Gives the message's id.
    pub(crate) async fn say(&self, user: &str, text: &str) -> String {
        self.push(Push::text(self.account(), user, text)).await
    }

    pub(crate) async fn push(&self, push: Push) -> String {
        self.sandbox.push_once(&push).await;
        self.accept(&push).await
    }

    /// Only the receiver's part of a push: WeChat knows nothing of it.
    pub(crate) async fn accept(&self, push: &Push) -> String {
        let body = push.body(&self.account.original_id);
        let message = Message::parse(body.as_bytes()).unwrap();
        let id = message.dedup_key(self.account(), body.as_bytes()).opaque_id();
        let trigger = message.trigger();
        let payload = Payload { account: self.account().to_owned(), trigger, body: body.into() };
        let held = match trigger {
            Trigger::Unsubscribe => HeldEffect::Bury(note(trigger, message.created_at)),
            _ if trigger.reopens_window() => HeldEffect::Wake(note(trigger, message.created_at)),
            _ => HeldEffect::Leave,
        };
        self.accept_so(push.user.as_str(), &id, &payload.encode(), held).await;
        id
    }

    /// A message of the user, whatever its payload.
    pub(crate) async fn accept_bytes(&self, user: &str, id: &str, payload: &[u8]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let held = HeldEffect::Wake(note(Trigger::Message, now.as_secs().try_into().unwrap()));
        self.accept_so(user, id, payload, held).await;
    }

    async fn accept_so(&self, user: &str, id: &str, payload: &[u8], held: HeldEffect) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let new = NewMessage {
            id: MessageId::new(id).unwrap(),
            lane: self.lane_name(user),
            class: Class::new(self.account()).unwrap(),
            payload: payload.to_vec().into(),
            arrived_us: now.as_micros().try_into().unwrap(),
            not_after: None,
            held,
            late: false,
            dead_reason: None,
        };
        assert_eq!(self.queue.accept(new).await.unwrap(), Accepted::New);
    }

    /// Waits for so many messages to the user, and gives the texts of all that he has got.
    pub(crate) async fn texts(&self, user: &str, n: usize) -> Vec<String> {
        self.sandbox
            .transcript()
            .wait_for_sends(user, n, SOON)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        self.sandbox.transcript().texts_to(user)
    }

    /// How many messages the user has got.
    pub(crate) fn sent_to(&self, user: &str) -> usize {
        self.sandbox.transcript().sent_to(user).len()
    }

    /// What he has got, as JSON without the addressee.
    pub(crate) fn messages_to(&self, user: &str) -> Vec<serde_json::Value> {
        let sent = self.sandbox.transcript().sent_to(user);
        let bodies = sent.iter().filter_map(|entry| match &entry.what {
            What::Sent { message, .. } => Some(message.clone()),
            _ => None,
        });
        bodies
            .map(|mut message| {
                let to = message.as_object_mut().unwrap().remove("touser");
                assert_eq!(to, Some(user.into()));
                message
            })
            .collect()
    }

    /// The codes with which sends to the user were refused.
    pub(crate) fn refusals(&self, user: &str) -> Vec<i64> {
        let of_user = |entry: &Arc<Entry>| entry.user == user;
        let codes = self.sandbox.transcript().entries().into_iter().filter(of_user);
        codes
            .filter_map(|entry| if let What::Refused { code, .. } = entry.what { Some(code) } else { None })
            .collect()
    }

    /// Waits until so many calls have met this fault.
    pub(crate) async fn faulted(&self, fault: &Fault, n: usize) {
        let wanted = format!("{fault:?}");
        let is_it = |entry: &Entry| matches!(&entry.what, What::Faulted { fault, .. } if *fault == wanted);
        self.sandbox
            .transcript()
            .wait_for_matches(is_it, n, SOON)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Stops WeChat's server: connections are refused until [`Stage::wechat_returns`].
    pub(crate) async fn wechat_leaves(&mut self) {
        let wechat = self.wechat.take().expect("it is there");
        within("the sandbox stops", wechat.stop()).await.unwrap();
    }

    /// Serves WeChat again, at the same address.
    pub(crate) async fn wechat_returns(&self) {
        let address = self.api_base.socket_addrs(|| None).unwrap()[0];
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        tokio::spawn(huixin_sandbox::run(listener, self.sandbox.clone(), std::future::pending()));
    }

    pub(crate) fn lane_name(&self, user: &str) -> Lane {
        Lane::new(format!("{}/{user}", self.account())).unwrap()
    }

    pub(crate) async fn lane(&self, user: &str) -> Option<LaneView> {
        self.queue.lane(&self.lane_name(user)).await.unwrap()
    }

    pub(crate) async fn state(&self, user: &str) -> Option<LaneState> {
        self.lane(user).await.map(|lane| lane.state)
    }

    /// Waits until the head of the user's lane has failed, or was snoozed, for a reason that contains this.
    pub(crate) async fn put_off(&self, user: &str, reason: &str) -> LaneView {
        eventually(&format!("a message is put off: {reason}"), async || {
            let lane = self.lane(user).await?;
            let said = lane.last_error.as_deref().is_some_and(|error| error.contains(reason));
            (said && matches!(lane.state, LaneState::Delayed { .. })).then_some(lane)
        })
        .await
    }

    /// Waits until so many messages are held.
    pub(crate) async fn held(&self, n: u64) {
        eventually(&format!("{n} messages are held"), async || {
            (self.queue.counts().await.ok()?.held == n).then_some(())
        })
        .await;
    }

    /// Waits until so many messages are in the queue, whatever their state.
    pub(crate) async fn open(&self, n: u64) {
        eventually(&format!("{n} messages are in the queue"), async || {
            let counts = self.queue.counts().await.ok()?;
            (counts.open_total() == n).then_some(())
        })
        .await;
    }

    /// Waits until the queue is empty and the workers have stopped: all that is counted has been counted.
    pub(crate) async fn rest(&mut self) {
        self.open(0).await;
        self.stop().await;
    }

    /// Waits until there are so many dead letters, and gives them, the oldest first.
    pub(crate) async fn dead(&self, n: u64) -> Vec<DeadLetter> {
        let page = eventually(&format!("{n} messages are dead"), async || {
            let page = self.queue.dead(&DeadFilter::default(), None, 500).await.ok()?;
            (page.total == n).then_some(page)
        })
        .await;
        let mut letters = page.letters;
        letters.reverse();
        letters
    }

    /// What a worker called `somebody` would ask.
    pub(crate) fn request(&self, call: u64) -> TakeRequest {
        TakeRequest {
            max: 16,
            classes: vec![Class::new(self.account()).unwrap()],
            worker: WorkerId::new("somebody"),
            call,
            lease_for: LEASE,
            suspect: true,
        }
    }

    /// The sum of a counter over its labels, for this account.
    pub(crate) fn counted(&self, counter: &str, label: &str) -> u64 {
        let account = format!("account=\"{}\"", self.account());
        let lines = recorder().render();
        let of_account = lines.lines().filter(|line| {
            line.starts_with(&format!("{counter}{{")) && line.contains(&account) && line.contains(label)
        });
        of_account.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// How many messages left a worker this way.
    pub(crate) fn ended(&self, end: &str) -> u64 {
        self.counted("huixin_worker_messages_total", &format!("end=\"{end}\""))
    }

    /// How many parts were sent again although they may have arrived.
    pub(crate) fn unsure(&self) -> u64 {
        self.counted("huixin_worker_unsure_sends_total", "")
    }

    /// The log lines above debug that name this test's account.
    pub(crate) fn log(&self) -> Vec<String> {
        logs::lines_with(self.account())
    }

    /// Waits until one of them says this.
    pub(crate) async fn logs(&self, text: &str) {
        let says = async || self.log().iter().any(|line| line.contains(text)).then_some(());
        eventually(&format!("a log line says {text:?}"), says).await;
    }

    /// Those of all tests that contain this.
    pub(crate) fn logged(&self, text: &str) -> Vec<String> {
        logs::lines_with(text)
    }

    pub(crate) async fn finish(self) {
        self.finish_with(Left::default()).await;
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

/// Waits for something that has its own event, and says what if it doesn't come.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("not within {SOON:?}: {what}"))
}

/// Asks again and again until there is an answer: for what has no event.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, asking).await
}

/// An error of a queue that is out of reach.
pub(crate) async fn an_outage() -> huixin_queue::QueueError {
    // A bound port that nobody listens at refuses every connection.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("redis://{}/0", socket.local_addr().unwrap());
    let settings = RedisSettings { url, prefix: "p".into(), dedup_window: DEDUP_WINDOW, clock: Clock::Store };
    let error = RedisQueue::open(&settings).unwrap().ping().await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    error
}

/// Asserts that the list has these texts.
#[track_caller]
pub(crate) fn assert_texts<T: AsRef<str> + Debug>(texts: &[T], expected: &[&str]) {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    assert_eq!(texts, expected);
}

/// The recorder of all tests' metrics, which are told apart by the account.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let handle = PrometheusBuilder::new().install_recorder().unwrap();
        huixin_worker::metrics::describe();
        handle
    })
}
