//! A load of pushes, to see what a receiver bears: so many a second for so long, each signed as any other, from many users.
//!
//! The load is an open one. Each push has its time, and it is measured from that time: what waits because the receiver is slow
//! counts as slow. A closed loop, in which the next push begins when the last one was answered, was rejected: it slows down
//! with its receiver and then finds nothing wrong. There is one try for each push, and nothing in the transcript.
//!
//! The times are kept by a thread of its own. The timers of the runtime are a millisecond coarse, which is longer than most
//! acks take.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    Push, SandboxAccount, TryOutcome,
    envelope::{Envelope, read_answer},
    passive,
};

/// How long one push may take, and how long after the last one's time those that are late may still begin.
const PATIENCE: Duration = Duration::from_secs(5);

/// What takes longer is counted as this.
const LONGEST_US: u64 = 60 * 60 * 1_000_000;

/// What is pushed, and how fast.
#[derive(Clone, Debug)]
pub struct FloodLoad {
    /// Where to.
    pub push_url: Url,
    /// Where the name in it leads, if that was looked up already.
    pub addresses: Vec<SocketAddr>,
    /// How many a second.
    pub per_second: u32,
    /// For how long.
    pub lasts: Duration,
    /// From how many users, in turn.
    pub users: u32,
    /// Over how many connections at most.
    pub connections: u32,
    /// What each says.
    pub text: String,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct FloodReport {
    /// How many were answered as WeChat wants it: nothing, `success`, or a reply.
    pub acked: u64,
    /// How many were answered with another status than 200, by the status.
    pub refused: BTreeMap<u16, u64>,
    /// How many were answered with a body that WeChat would call faulty.
    pub bad_replies: u64,
    /// How many had no answer within five seconds.
    pub timeouts: u64,
    /// How many found no connection, or lost it.
    pub unreachable: u64,
    /// How many were never sent, since all connections were busy until five seconds after the end.
    pub unsent: u64,
    /// How long it all took.
    pub took: Duration,
    /// How long the acks took, from the time when each push was due, in microseconds.
    pub ack_us: Histogram<u64>,
}

impl FloodLoad {
    /// How many pushes it has.
    pub fn pushes(&self) -> u64 {
        let pushes = self.lasts.as_nanos().saturating_mul(self.per_second.into()) / 1_000_000_000;
        u64::try_from(pushes).unwrap_or(u64::MAX)
    }

    fn due(&self, nth: u64) -> Duration {
        Duration::from_secs_f64(nth as f64 / f64::from(self.per_second.max(1)))
    }
}

impl FloodReport {
    /// How many were sent.
    pub fn pushed(&self) -> u64 {
        let answered = self.acked + self.refused.values().sum::<u64>() + self.bad_replies;
        answered + self.timeouts + self.unreachable
    }

    /// How many a second that was.
    pub fn per_second(&self) -> f64 {
        self.pushed() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Pushes to the end of the load, or until the stop. `on_answer` is called after each push.
pub async fn flood(
    account: &SandboxAccount,
    load: &FloodLoad,
    stop: &CancellationToken,
    on_answer: impl Fn() + Clone + Send + 'static,
) -> FloodReport {
    let flood = Arc::new(FloodState {
        account: account.clone(),
        client: client(load),
        load: load.clone(),
        started: Instant::now(),
        due: Semaphore::new(0),
        next: AtomicU64::new(0),
        end: AtomicU64::new(load.pushes()),
        report: Mutex::new(FloodReport::empty()),
    });
    let mut connections = JoinSet::new();
    for _ in 0..load.connections.max(1) {
        connections.spawn(Arc::clone(&flood).push_in_turn(on_answer.clone()));
    }
    let (ticking, stop) = (Arc::clone(&flood), stop.clone());
    // It panics nowhere, and its end is that of the connections.
    drop(tokio::task::spawn_blocking(move || ticking.tick(&stop)));
    connections.join_all().await;
    let mut report = flood.report.lock().clone();
    report.took = flood.started.elapsed();
    report.unsent = flood.end.load(Ordering::Relaxed).saturating_sub(report.pushed());
    report
}

fn client(load: &FloodLoad) -> reqwest::Client {
    // An error means that the program has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let host = load.push_url.host_str().unwrap_or_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(load.connections as usize)
        .resolve_to_addrs(host, &load.addresses)
        .build()
        .expect("with a TLS provider installed and no options from outside, a client can be built")
}

struct FloodState {
    account: SandboxAccount,
    client: reqwest::Client,
    load: FloodLoad,
    started: Instant,
    /// One permit for each push whose time has come, and at the end one more for each connection.
    due: Semaphore,
    /// The number of the next push.
    next: AtomicU64,
    /// The number after the last push.
    end: AtomicU64,
    report: Mutex<FloodReport>,
}

impl FloodState {
    /// Lets each push go at its time.
    fn tick(&self, stop: &CancellationToken) {
        let (mut given, pushes) = (0, self.load.pushes());
        while given < pushes && !stop.is_cancelled() {
            let wait = self.load.due(given).saturating_sub(self.started.elapsed());
            // Short, so that a stop is seen soon at one push an hour too.
            std::thread::sleep(wait.min(Duration::from_millis(100)));
            while given < pushes && self.load.due(given) <= self.started.elapsed() {
                self.due.add_permits(1);
                given += 1;
            }
        }
        self.end.store(given, Ordering::Relaxed);
        self.due.add_permits(self.load.connections.max(1) as usize);
    }

    /// One connection.
    async fn push_in_turn(self: Arc<Self>, on_answer: impl Fn()) {
        while let Ok(permit) = self.due.acquire().await {
            permit.forget();
            let nth = self.next.fetch_add(1, Ordering::Relaxed);
            let over = self.started.elapsed() > self.load.lasts.saturating_add(PATIENCE);
            if nth >= self.end.load(Ordering::Relaxed) || over {
                return;
            }
            let outcome = self.push(nth).await;
            let took = self.started.elapsed().saturating_sub(self.load.due(nth));
            self.report.lock().add(&outcome, took);
            on_answer();
        }
    }

    async fn push(&self, nth: u64) -> TryOutcome {
        let user = format!("oHuixinFlood{:016}", nth % u64::from(self.load.users.max(1)));
        let push = Push::text(&*self.account.name, user, &*self.load.text);
        let body = Bytes::from(push.body(&self.account.original_id));
        let envelope = Envelope::around(&self.account, &push.user, body);
        let exchange = async {
            let answer = envelope.request(&self.client, &self.load.push_url).send().await?;
            Ok::<_, reqwest::Error>((answer.status().as_u16(), read_answer(answer).await?))
        };
        match timeout(PATIENCE, exchange).await {
            Err(_) => TryOutcome::Timeout,
            Ok(Err(error)) => TryOutcome::Unreachable(error.without_url().to_string()),
            Ok(Ok((200, Some(body)))) => match passive::read(&self.account, &push, &body) {
                Ok(_) => TryOutcome::Acked,
                Err(reason) => TryOutcome::BadReply(reason),
            },
            Ok(Ok((200, None))) => TryOutcome::BadReply("too long".to_owned()),
            Ok(Ok((status, _))) => TryOutcome::Status(status),
        }
    }
}

impl FloodReport {
    fn empty() -> FloodReport {
        FloodReport {
            acked: 0,
            refused: BTreeMap::new(),
            bad_replies: 0,
            timeouts: 0,
            unreachable: 0,
            unsent: 0,
            took: Duration::ZERO,
            ack_us: Histogram::new_with_max(LONGEST_US, 3)
                .expect("three digits of up to an hour are allowed"),
        }
    }

    fn add(&mut self, outcome: &TryOutcome, took: Duration) {
        match outcome {
            TryOutcome::Acked | TryOutcome::PassiveReply(_) => {
                self.acked += 1;
                self.ack_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            }
            TryOutcome::Status(status) => *self.refused.entry(*status).or_default() += 1,
            TryOutcome::BadReply(_) => self.bad_replies += 1,
            TryOutcome::Timeout => self.timeouts += 1,
            TryOutcome::Unreachable(_) => self.unreachable += 1,
        }
    }
}
