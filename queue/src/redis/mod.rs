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
mod blocking;
mod dial;
mod errors;
mod filters;
mod forget;
mod inspector;
mod journal;
mod keys;
mod link;
mod operate;
mod packed;
mod prelude;
mod respond;
mod risks;
mod script_call;
mod scripts;
mod server_info;
mod settle;
mod share;
mod take;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::Script;
use tokio::runtime::Handle;

use self::accept::Accept;
use self::batch::Batcher;
use self::blocking::BlockingConnection;
use self::filters::Filters;
pub use self::inspector::Inspector;
use self::keys::ShardKeys;
use self::link::Link;
pub use self::risks::{Finding, Gravity, Risk};
use self::script_call::ScriptCall;
use self::scripts::SCRIPTS;
use self::settle::Record;
use crate::clock::micros;
use crate::{Accepted, Clock, Lease, QueueError, SendState, Settled};

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

/// The ids that a queue on Redis remembers.
#[derive(Clone, Copy, Debug)]
pub struct KnownIds {
    /// How many they are, with those that it hasn't dropped yet.
    pub count: u64,
    /// Since when they came, in Unix microseconds by Redis's clock.
    pub since_us: u64,
    /// What that clock shows now.
    pub now_us: u64,
}

/// A queue on Redis. Opening it connects to nothing: the first call does, and each later one if it must.
#[derive(Debug)]
pub struct RedisQueue {
    core: Arc<Core>,
    /// Settles and takes share a connection with accepts, which wait for nothing; leases have one of their own, so that
    /// no big answer in front of them makes them late.
    heartbeat: Link,
    accepts: Batcher<Accept, Result<Accepted, QueueError>>,
    records: Batcher<Record, Result<SendState, QueueError>>,
    completes: Batcher<Lease, Result<Settled, QueueError>>,
    /// The number of the next record call, from 1.
    recorded: AtomicU64,
    /// The connection of `wait`.
    waiting: BlockingConnection,
    /// The connection of `news`.
    listening: BlockingConnection,
}

#[derive(Debug)]
struct Core {
    link: Link,
    keys: ShardKeys,
    place: String,
    dedup_window_ms: u64,
    filters: Filters,
    keeps_journal: AtomicBool,
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
        let keys = ShardKeys::new(&settings.prefix);
        let (timeout, clock) = (RESPONSE_TIMEOUT, &settings.clock);
        let link = |runtime| Link::new(client.clone(), &place, keys.clone(), clock.clone(), timeout, runtime);
        let core = Arc::new(Core {
            link: link(Some(Handle::current())),
            keys: keys.clone(),
            place: place.clone(),
            dedup_window_ms: micros(settings.dedup_window) / 1000,
            filters: Filters::default(),
            keeps_journal: AtomicBool::new(true),
        });
        let (for_accepts, for_records, for_completes) = (core.clone(), core.clone(), core.clone());
        Ok(Self {
            // Of the thread that renews leases.
            heartbeat: link(None),
            accepts: Batcher::start(&place, move |items| accept::all(for_accepts.clone(), items)),
            records: Batcher::start(&place, move |items| settle::record_all(for_records.clone(), items)),
            completes: Batcher::start(&place, move |items| {
                settle::complete_all(for_completes.clone(), items)
            }),
            recorded: AtomicU64::new(1),
            waiting: BlockingConnection::default(),
            listening: BlockingConnection::default(),
            core,
        })
    }

    /// Tries everything that the queue asks of Redis, and leaves nothing there. For the start of a process: a server that can
    /// never work is not an outage to wait for.
    ///
    /// # Errors
    /// [`QueueError::Misconfigured`] with a remedy when the server or its user's rights don't suffice; an outage when it
    /// isn't there now.
    pub async fn probe(&self) -> Result<(), QueueError> {
        let mut call = self.core.call(&SCRIPTS.probe);
        call.key(self.core.keys.probe());
        let refused: Option<String> = self.core.link.run(&call).await?;
        refused.map_or(Ok(()), |refused| Err(errors::refused(&self.core.place, refused)))
    }

    /// How many ids are remembered, and since when.
    ///
    /// # Errors
    /// As all calls.
    pub async fn known_ids(&self) -> Result<KnownIds, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let now_us = link.store_now_us();
        let mut known = KnownIds { count: 0, since_us: now_us, now_us };
        for marks in keys.seen() {
            let began: Option<String> = link.query(redis::cmd("HGET").arg(&marks).arg("")).await?;
            let began_us = began.and_then(|began| began.split(' ').next()?.parse().ok());
            let fields: u64 = link.query(redis::cmd("HLEN").arg(&marks)).await?;
            // One field is the time.
            known.count += fields.saturating_sub(1);
            known.since_us = known.since_us.min(began_us.unwrap_or(u64::MAX));
        }
        Ok(known)
    }
}

impl Core {
    /// Begins a call of a script, with the key and the argument that all have.
    fn call<'a>(&self, script: &'a Script) -> ScriptCall<'a> {
        let mut call = ScriptCall::new(script);
        call.key(self.keys.base());
        let mut clock = self.link.test_now();
        if !self.keeps_journal.load(Ordering::Relaxed) {
            clock.push('-');
        }
        call.arg(clock);
        call
    }
}

/// The URL to show, without user and password. If an `@` stands behind the host, the URL was meant otherwise: the text before
/// that `@` may be part of a password.
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
