//! A whole installation in a folder of its own: configuration, queue, pretend WeChat, business service, processes.
//!
//! [`Stack::end`] checks what every test should: the queue is empty, nothing is dead, the invariant holds, and no
//! process logged an error that the test didn't announce.

mod backend;
mod group;
mod history;
mod model;
mod process;
mod proxy;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use backend::{Asked, Backend, Said};
pub(crate) use group::Group;
pub(crate) use history::{Blow, History, Name, Step, Strike, Verdict, now_us};
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::RedisServer;
pub(crate) use huixin_queue::testing::free_port;
use huixin_queue::{Clock, Counts, DeadFilter, DeadLetter, Queue, QueueError};
use huixin_sandbox::{Push, RunningSandbox, SandboxConfig, TryOutcome, What};
pub(crate) use model::{Prompt, model};
pub(crate) use process::Process;
pub(crate) use proxy::Proxy;
use url::Url;

/// Long enough for anything that should happen on a busy machine, short enough to end a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the long forms of the tests are asked for: `tests/run --long`.
pub(crate) fn long() -> bool {
    std::env::var_os("LONG_TESTS").is_some()
}

/// The seed of everything random in a test: that of the run, which `tests/run` names, or another each time.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("CHAOS_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("a seed is a number"));
    println!("CHAOS_SEED={seed}");
    seed
}

/// Notes that something wasn't tried because a program is missing, where `tests/run` counts it.
pub(crate) fn skipped(what: &str, program: &str) {
    println!("skipped: {what}: not installed: {program}");
    let Some(list) = std::env::var_os("SKIPPED_LIST") else { return };
    let list = std::fs::OpenOptions::new().create(true).append(true).open(list);
    let noted = list.and_then(|mut list| writeln!(list, "{what}"));
    noted.expect("the list of what is skipped can be written");
}

/// What a test can say about its installation.
pub(crate) struct Setup {
    /// More of `[account.main]` and then the routes, as TOML.
    pub(crate) routes: String,
    /// `worker.lease`.
    pub(crate) lease: &'static str,
    /// More of `[receiver]`, as TOML.
    pub(crate) receiver: String,
    /// `worker.grace`.
    pub(crate) grace: &'static str,
    /// More settings of its Redis.
    pub(crate) redis: &'static [&'static str],
    /// The pretend WeChat.
    pub(crate) sandbox: SandboxConfig,
}

/// For requests that were signed in 2024.
pub(crate) const ANY_CLOCK: &str = "max_skew = false\n";

/// For a Redis that is killed: with `everysec` it may put a write off for two seconds while its disk is busy, as it is when
/// many tests run, and a kill then loses what it had answered.
pub(crate) const WRITES_AT_ONCE: &[&str] = &["--appendfsync", "always"];

impl Default for Setup {
    fn default() -> Self {
        Self {
            routes: String::new(),
            receiver: String::new(),
            lease: "15s",
            grace: "25s",
            redis: &[],
            sandbox: SandboxConfig::default(),
        }
    }
}

/// An installation.
pub(crate) struct Stack {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sandbox: RunningSandbox,
    /// The Redis, unless the queue is a file.
    pub(crate) redis: Option<RedisServer>,
    pub(crate) receiver_port: u16,
    /// Log lines that a test expects although they are errors.
    expected_errors: Vec<String>,
    logs: Vec<PathBuf>,
}

impl Stack {
    /// One whose queue is a Redis of its own, with an append-only file.
    pub(crate) async fn on_redis(setup: Setup) -> Self {
        let redis = RedisServer::start(setup.redis);
        let url = redis.url();
        Self::start(setup, Some(redis), &url).await
    }

    /// One whose queue is a file.
    pub(crate) async fn embedded(setup: Setup) -> Self {
        Self::start(setup, None, "sqlite:huixin.db").await
    }

    async fn start(setup: Setup, redis: Option<RedisServer>, queue_url: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let receiver_port = free_port();
        let sandbox = RunningSandbox::start(setup.sandbox).await.expect("the sandbox starts");
        let account = &sandbox.sandbox.config().accounts[0];
        // Where WeChat doesn't count, the worker needn't.
        let enforced = sandbox.sandbox.config().enforce_windows;
        let delivery = if enforced { "" } else { "[delivery.message]\nsends = 1000\n" };
        let config = format!(
            "[queue]\nurl = \"{queue_url}\"\n[receiver]\nlisten = \"127.0.0.1:{receiver_port}\"\n{}\
             [worker]\nlease = \"{}\"\ngrace = \"{}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{}\
             [account.main]\napp_id = \"{}\"\napp_secret = \"{}\"\ntoken = \"{}\"\napi_base = \"{}\"\n{}",
            setup.receiver,
            setup.lease,
            setup.grace,
            delivery,
            account.app_id,
            account.app_secret,
            account.token,
            sandbox.base_url,
            setup.routes,
        );
        std::fs::write(folder.path().join("huixin.toml"), config).expect("the folder can be written to");
        let stack =
            Self { folder, sandbox, redis, receiver_port, expected_errors: Vec::new(), logs: Vec::new() };
        stack.sandbox.sandbox.set_push_url("main", stack.push_url());
        stack
    }

    /// Where WeChat pushes to.
    pub(crate) fn push_url(&self) -> Url {
        format!("http://127.0.0.1:{}/wechat/main", self.receiver_port).parse().expect("it is a URL")
    }

    /// Starts a role and waits until it is ready.
    pub(crate) async fn role(&mut self, role: &str) -> Process {
        let process = self.spawn(role, &[]);
        process.ready().await;
        process
    }

    /// Starts a role with these variables, and doesn't wait.
    pub(crate) fn spawn(&mut self, role: &str, variables: &[(&str, &str)]) -> Process {
        let log = self.folder.path().join(format!("{role}-{}.log", self.logs.len()));
        self.logs.push(log.clone());
        Process::spawn(&[role, "--config", "huixin.toml"], self.folder.path(), log, variables)
    }

    /// Log lines with this text are no failure of the test.
    pub(crate) fn expect_errors(&mut self, containing: &str) {
        self.expected_errors.push(containing.to_owned());
    }

    /// Everything that was logged.
    pub(crate) fn all_logs(&self) -> String {
        self.logs_of_each().collect()
    }

    /// The same of each process.
    pub(crate) fn logs_of_each(&self) -> impl Iterator<Item = String> {
        self.logs.iter().map(|log| std::fs::read_to_string(log).unwrap_or_default())
    }

    /// What the workers' logs say of sends that may have been made or not: those alone may be made again.
    pub(crate) fn unsure_sends(&self) -> Vec<String> {
        let logs = self.all_logs();
        let unsure = logs.lines().filter(|line| line.contains("it is not known whether this part was sent"));
        unsure.map(str::to_owned).collect()
    }

    /// How many parts of answers may have gone out in responses or not, by the receivers' logs.
    pub(crate) fn unsure_responses(&self) -> usize {
        let logs = self.all_logs();
        let unsure =
            logs.lines().filter(|line| line.contains("it isn't known whether responses were written"));
        unsure
            .filter_map(|line| line.split("parts=").nth(1)?.split_whitespace().next()?.parse::<usize>().ok())
            .sum()
    }

    /// The queue, opened beside the processes (or after them, if it is a file).
    pub(crate) fn queue(&self) -> Arc<dyn Queue> {
        let window = Duration::from_secs(6 * 3600);
        match &self.redis {
            Some(redis) => Arc::new(
                RedisQueue::open(&RedisSettings {
                    url: redis.url(),
                    prefix: "huixin".to_owned(),
                    dedup_window: window,
                    clock: Clock::Store,
                })
                .expect("the URL is right"),
            ),
            None => {
                let file = self.folder.path().join("huixin.db");
                // The lock of a file outlives its owner for as long as a child of another test is between fork and exec.
                let deadline = Instant::now() + Duration::from_secs(5);
                loop {
                    match huixin_queue::sqlite::SqliteQueue::open(&file, window, Clock::Store) {
                        Ok(queue) => return Arc::new(queue),
                        Err(QueueError::InUse { .. }) if Instant::now() < deadline => {
                            std::thread::sleep(Duration::from_millis(5));
                        }
                        Err(error) => panic!("the queue opens: {error}"),
                    }
                }
            }
        }
    }

    /// How many messages are in which state.
    pub(crate) async fn counts(&self) -> Counts {
        self.queue().counts().await.expect("the queue answers")
    }

    /// The dead letters, the youngest first.
    pub(crate) async fn dead(&self) -> Vec<DeadLetter> {
        let (queue, mut letters, mut after) = (self.queue(), Vec::new(), None);
        loop {
            let page = queue.dead(&DeadFilter::default(), after.as_ref(), 100).await;
            let page = page.expect("the queue answers");
            letters.extend(page.letters);
            after = page.next;
            if after.is_none() {
                return letters;
            }
        }
    }

    /// Pushes a text once and expects its ack.
    pub(crate) async fn say(&self, user: &str, text: &str) {
        let outcome = self.sandbox.sandbox.push_once(&Push::text("main", user, text)).await.outcome;
        assert_eq!(outcome, TryOutcome::Acked, "{text} is acked");
    }

    /// The texts a user got, in order.
    pub(crate) fn texts_to(&self, user: &str) -> Vec<String> {
        self.sandbox.sandbox.transcript().texts_to(user)
    }

    /// Waits for `count` accepted messages to a user.
    pub(crate) async fn wait_for_sends(&self, user: &str, count: usize) {
        self.sandbox
            .sandbox
            .transcript()
            .wait_for_sends(user, count, PATIENCE)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
    }

    /// Waits for `count` accepted messages to anybody.
    pub(crate) async fn wait_for_all_sends(&self, count: usize, within: Duration) {
        let sent = |entry: &huixin_sandbox::TranscriptEntry| matches!(entry.what, What::Sent { .. });
        let transcript = self.sandbox.sandbox.transcript();
        transcript.wait_for_matches(sent, count, within).await.unwrap_or_else(|e| panic!("{e}"));
    }

    /// Adds to a history which handlers started and which answers came, as far as their texts name messages.
    ///
    /// Handlers must take some milliseconds: the pretend WeChat tells its times in whole ones, and an answer must not seem
    /// to come before its handler.
    pub(crate) fn add_handled(&self, backend: &Backend, history: &mut History) {
        for asked in backend.requests() {
            if let Some(name) = Name::of(&asked.content) {
                history.add(asked.at_us, name, Step::Started { id: asked.id });
            }
        }
        for entry in self.sandbox.sandbox.transcript().entries() {
            if let Some(name) = entry.what.text().and_then(|text| Name::of(text.strip_prefix("answer to ")?))
            {
                history.add(entry.at_ms * 1000, name, Step::Answered);
            }
        }
    }

    /// Waits until the queue holds no open message.
    pub(crate) async fn wait_until_empty(&self) {
        let queue = self.queue();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let counts = queue.counts().await.expect("the queue answers");
            if counts.open_total() == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "the queue is not empty: {counts:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Checks what every test should, after its processes have ended or while they are idle.
    pub(crate) async fn end(self) {
        self.wait_until_empty().await;
        let dead = self.dead().await;
        assert!(dead.is_empty(), "nothing is dead: {dead:?}");
        self.end_with_dead().await;
    }

    /// The same for a test that has buried something.
    pub(crate) async fn end_with_dead(self) {
        self.assert_clean().await;
    }

    /// The invariant holds, and nothing was logged as an error that the test didn't announce.
    pub(crate) async fn assert_clean(&self) {
        let violations = self.queue().audit().await.expect("the audit runs");
        assert!(violations.is_empty(), "the invariant is broken: {violations:?}");
        for line in self.all_logs().lines().filter(|line| line.contains("ERROR") || line.contains("panicked"))
        {
            assert!(
                self.expected_errors.iter().any(|expected| line.contains(expected)),
                "an unexpected error was logged: {line}"
            );
        }
    }
}
