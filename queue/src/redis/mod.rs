//! The queue on Redis 7.0 and newer, or Valkey.
//!
//! One Lua script per transition (`lua/*.lua`), so that every step is atomic and a crash between two keys can't exist.
//! Accepts, records and completions, the steps of every message, go in batches; the rest, steps of a failing
//! message, go alone. Time is Redis's own. What a script names in its header is checked by a test.
//!
//! Rejected: Streams with a consumer group (order only per partition, so that one slow answer holds up many users, and
//! twice the cost); a lock per user around one list (order breaks when the lock is busy); counters of running messages
//! (they drift).

mod accept;
mod answers;
mod audit;
mod batch;
mod dial;
mod errors;
mod filters;
mod inspector;
mod keys;
mod link;
mod look;
mod operate;
mod outcome;
mod packed;
mod prelude;
mod risks;
mod scripts;
mod settle;
mod take;
mod told;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;

use self::accept::Accept;
use self::batch::Batcher;
use self::filters::Filters;
pub use self::inspector::Inspector;
use self::keys::Keys;
use self::link::Link;
use self::outcome::Outcome;
pub use self::risks::{Finding, Gravity, Risk};
use self::scripts::{SCRIPTS, Scripts};
use self::settle::Record;
use crate::clock::micros;
use crate::{
    Accepted, Answered, Clock, Consumer, Counts, DeadCursor, DeadFilter, DeadLetter, DeadPage, Lane,
    LaneView, Lease, Memory, MessageId, NewMessage, Operator, Paused, Producer, Progress, QueueError,
    Renewal, Scope, Settled, Settlement, Shared, Standing, TakeRequest, Taken, Violation,
};

/// How long a call may take before its connection is given up. Not the redis crate's own half second, which would
/// turn a stall of Redis into a storm of reconnects.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How to reach a queue on Redis.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://` or `redis+unix://` URL with user, password and database, if any.
    pub url: String,
    /// What all keys begin with, inside the hash tag.
    pub prefix: String,
    /// How long an id is remembered.
    pub dedup_window: Duration,
    /// Whose time counts.
    pub clock: Clock,
}

/// A queue on Redis. Opening it connects to nothing: the first call does, and each later one if it must.
#[derive(Debug)]
pub struct RedisQueue {
    core: Arc<Core>,
    /// Settles and takes share a connection with accepts, which wait for nothing; leases have one of their own, so that
    /// no big answer in front of them makes them late.
    heartbeat: Link,
    accepts: Batcher<Accept, Result<Accepted, QueueError>>,
    records: Batcher<Record, Outcome<Standing>>,
    completes: Batcher<Lease, Outcome<()>>,
    /// The number of the next record call, from 1.
    recorded: AtomicU64,
    /// The connection of the one blocking command, if no `wait` has it at the moment.
    waiting: Mutex<Option<redis::aio::MultiplexedConnection>>,
}

#[derive(Debug)]
struct Core {
    link: Link,
    keys: Keys,
    scripts: &'static Scripts,
    place: String,
    dedup_window_ms: u64,
    filters: Filters,
}

impl RedisQueue {
    /// Prepares a queue. It must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`QueueError::Misconfigured`] when the URL can't be read.
    pub fn open(settings: &RedisSettings) -> Result<Self, QueueError> {
        let place = place_of(&settings.url);
        let opened = redis::Client::open(settings.url.as_str());
        let client = opened.map_err(|error| errors::bad_url(&place, error))?;
        let keys = Keys::new(&settings.prefix);
        let link = |timeout| Link::new(client.clone(), &place, keys.clone(), settings.clock.clone(), timeout);
        let core = Arc::new(Core {
            link: link(RESPONSE_TIMEOUT),
            keys: keys.clone(),
            scripts: &SCRIPTS,
            place: place.clone(),
            dedup_window_ms: micros(settings.dedup_window) / 1000,
            filters: Filters::default(),
        });
        let (for_accepts, for_records, for_completes) = (core.clone(), core.clone(), core.clone());
        Ok(Self {
            heartbeat: link(RESPONSE_TIMEOUT),
            accepts: Batcher::start(&place, move |items| accept::all(for_accepts.clone(), items)),
            records: Batcher::start(&place, move |items| settle::record_all(for_records.clone(), items)),
            completes: Batcher::start(&place, move |items| {
                settle::complete_all(for_completes.clone(), items)
            }),
            recorded: AtomicU64::new(1),
            waiting: Mutex::new(None),
            core,
        })
    }

    /// Tries everything that the queue asks of Redis, and leaves nothing there. For the start of a process: a server that can
    /// never work is no outage that anybody should wait for.
    ///
    /// # Errors
    /// [`QueueError::Misconfigured`] with a remedy when the server or its user's rights don't suffice; an outage when it
    /// isn't there now.
    pub async fn probe(&self) -> Result<(), QueueError> {
        self.core.probe().await
    }

    /// About how many ids are remembered, from a sample of the keys.
    ///
    /// # Errors
    /// As all calls.
    pub async fn known_ids(&self) -> Result<u64, QueueError> {
        self.core.known_ids().await
    }
}

#[async_trait]
impl Producer for RedisQueue {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        message.check()?;
        self.accept_message(message).await
    }

    async fn answer(&self, lane: &Lane, id: &MessageId, answer: Bytes) -> Result<Answered, QueueError> {
        crate::message::check_bytes("answer", &answer)?;
        self.core.answer(lane, id, &answer).await
    }

    async fn beat(&self) -> Result<(), QueueError> {
        self.core.beat().await
    }
}

#[async_trait]
impl Consumer for RedisQueue {
    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError> {
        self.core.take(request).await
    }

    async fn wait(&self, at_most: Duration) -> Result<(), QueueError> {
        self.wait_for_work(at_most).await
    }

    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError> {
        self.renew_leases(leases, lease_for).await
    }

    async fn record(
        &self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<Standing, QueueError> {
        self.record_progress(lease, progress, memory).await
    }

    async fn settle(&self, lease: &Lease, settlement: Settlement) -> Result<Settled, QueueError> {
        self.settle_message(lease, settlement.fitted()).await
    }
}

#[async_trait]
impl Operator for RedisQueue {
    async fn counts(&self) -> Result<Counts, QueueError> {
        self.core.counts().await
    }

    async fn lane(&self, lane: &Lane) -> Result<Option<LaneView>, QueueError> {
        self.core.lane(lane).await
    }

    async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u64,
    ) -> Result<DeadPage, QueueError> {
        self.core.dead(filter, after, limit).await
    }

    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        self.core.dead_letter(id).await
    }

    async fn oldest_dead(&self, max_age: Duration, max: u64) -> Result<Vec<DeadLetter>, QueueError> {
        self.core.oldest_dead(max_age, max).await
    }

    async fn revive(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        self.core.revive(ids).await
    }

    async fn drop_dead(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        self.core.drop_dead(ids).await
    }

    async fn pause(&self, scope: &Scope, reason: &str) -> Result<(), QueueError> {
        self.core.pause(scope, reason).await
    }

    async fn resume(&self, scope: &Scope) -> Result<bool, QueueError> {
        self.core.resume(scope).await
    }

    async fn paused(&self) -> Result<Vec<Paused>, QueueError> {
        self.core.paused().await
    }

    async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        self.core.audit().await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        // A real script, so that a Redis that answers PING but can't run one isn't called ready.
        self.core.ping().await
    }

    fn place(&self) -> &str {
        &self.core.place
    }
}

#[async_trait]
impl Shared for RedisQueue {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError> {
        crate::name::check_name(name)?;
        self.core.get(name).await
    }

    async fn set(&self, name: &str, value: Bytes, keep_for: Duration) -> Result<(), QueueError> {
        crate::name::check_name(name)?;
        crate::message::check_bytes("value", &value)?;
        self.core.set(name, &value, keep_for).await
    }

    async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError> {
        self.core.values(folder).await
    }

    async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError> {
        crate::name::check_name(name)?;
        self.core.limit(name, n, per).await
    }
}

/// The URL as it may be shown: without user and password. One with an `@` behind its host was meant otherwise, and what is
/// before that may be a part of a password.
fn place_of(url: &str) -> String {
    let is_cut = |url: &url::Url| {
        [Some(url.path()), url.query(), url.fragment()].into_iter().flatten().any(|part| part.contains('@'))
    };
    match url::Url::parse(url) {
        Ok(parsed) if parsed.has_host() && is_cut(&parsed) => "redis".to_owned(),
        Ok(parsed) => {
            let host = parsed.host_str().unwrap_or_default();
            let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{host}{port}{}", parsed.scheme(), parsed.path())
        }
        Err(_) => "redis".to_owned(),
    }
}
