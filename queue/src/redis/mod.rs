//! The queue on Redis 7.0 and newer, or Valkey.
//!
//! One Lua script per transition (`lua/*.lua`), so that every step is atomic and a crash between two keys can't exist.
//! Accepts, records and completions, the steps of every message, go in batches; the rest, steps of a failing
//! message, go alone. Time is Redis's own. What a script names in its header is checked by a test.
//!
//! Rejected: Streams with a consumer group (order only per partition, so that one slow answer holds up many users, and
//! twice the cost); a lock per user around one list (order breaks when the lock is busy); counters of running messages
//! (they drift).

mod answers;
mod batch;
mod dial;
mod errors;
mod inspector;
mod keys;
mod link;
mod packed;
mod risks;
mod scripts;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;

use self::batch::{Batcher, Item};
pub use self::inspector::Inspector;
use self::keys::{Keys, WAKE_TOKENS_MAX};
use self::link::Link;
pub use self::risks::{Finding, Gravity, Risk};
use self::scripts::Scripts;
use crate::clock::micros;
use crate::{
    Accepted, Class, Clock, Counts, DEAD_ON_ARRIVAL_MAX, DeadLetter, DeadPage, Lane, LaneView, Lease,
    MOVES_PER_TAKE, MessageId, NewMessage, Progress, Queue, QueueError, Renewal, TakeRequest, Taken,
    Violation,
};

/// How long a call may take before its connection is given up. Not the redis crate's own half second, which would
/// turn a stall of Redis into a storm of reconnects.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest a `wait` blocks: the safety net under a lost wake-up.
const WAIT_MAX: Duration = Duration::from_secs(1);
const LANE_VIEW_MAX: usize = 100;
const DEAD_PAGE_MAX: u64 = 1_000;

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
    accepts: Batcher<Accept, Accepted>,
    records: Batcher<Record, bool>,
    completes: Batcher<Lease, bool>,
    /// The number of the next record call, from 1.
    recorded: AtomicU64,
    /// The connection of the one blocking command, if no `wait` has it at the moment.
    waiting: Mutex<Option<redis::aio::MultiplexedConnection>>,
}

#[derive(Debug)]
struct Core {
    link: Link,
    keys: Keys,
    scripts: Scripts,
    place: String,
    dedup_window_ms: u64,
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
            scripts: Scripts::new(),
            place: place.clone(),
            dedup_window_ms: micros(settings.dedup_window) / 1000,
        });
        let (for_accepts, for_records, for_completes) = (core.clone(), core.clone(), core.clone());
        Ok(Self {
            heartbeat: link(RESPONSE_TIMEOUT),
            accepts: Batcher::start(&place, move |items| accept_all(for_accepts.clone(), items)),
            records: Batcher::start(&place, move |items| record_all(for_records.clone(), items)),
            completes: Batcher::start(&place, move |items| complete_all(for_completes.clone(), items)),
            recorded: AtomicU64::new(1),
            waiting: Mutex::new(None),
            core,
        })
    }

    async fn postpone(
        &self,
        lease: &Lease,
        after: Duration,
        counter: &str,
        reason: &str,
    ) -> Result<(), QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.postpone.key(keys.lease());
        call.key(keys.delay()).key(keys.run(&lease.lane));
        call.arg(link.test_now()).arg(lease.lane.as_str()).arg(proof(lease));
        call.arg(micros(after)).arg(counter).arg(reason);
        held(link.run(&call).await?)
    }
}

#[async_trait]
impl Queue for RedisQueue {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        message.check()?;
        let not_after_us =
            message.not_after.map(|within| self.core.link.store_now_us().saturating_add(micros(within)));
        self.accepts.call(Accept { packed: packed::pack(&message), message, not_after_us }).await
    }

    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.take.key(keys.base());
        call.key(keys.lease()).key(keys.delay()).key(keys.counter()).key(keys.batch(&request.worker));
        for class in &request.classes {
            call.key(keys.ready(class));
        }
        call.arg(link.test_now()).arg(request.max).arg(micros(request.lease_for)).arg(MOVES_PER_TAKE);
        call.arg(request.worker.name()).arg(request.worker.incarnation()).arg(request.call);
        answers::taken(link.run(&call).await?)
    }

    async fn wait(&self, at_most: Duration) -> Result<(), QueueError> {
        // Only one blocks at Redis; others wait for it here, and then look again.
        let Ok(mut slot) = self.waiting.try_lock() else {
            tokio::time::sleep(at_most.min(WAIT_MAX)).await;
            return Ok(());
        };
        let block = at_most;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.core.link.own(RESPONSE_TIMEOUT).await?,
        };
        connection.set_response_timeout(block + RESPONSE_TIMEOUT);
        let mut command = redis::cmd("BLPOP");
        // A timeout of 0 would block for ever.
        command.arg(self.core.keys.wake()).arg(block.as_secs_f64().max(0.001));
        // If this future is dropped here the connection goes with it, so no forgotten BLPOP eats a later token.
        let answer: Result<Option<(String, Bytes)>, _> = command.query_async(&mut connection).await;
        match answer {
            Ok(_) => {
                *slot = Some(connection);
                Ok(())
            }
            Err(error) => Err(self.core.link.translate(error)),
        }
    }

    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError> {
        const PER_CALL: usize = 256;
        let mut renewals = Vec::with_capacity(leases.len());
        for some in leases.chunks(PER_CALL) {
            let mut call = self.core.scripts.renew.key(self.core.keys.lease());
            call.arg(self.heartbeat.test_now()).arg(micros(lease_for));
            for lease in some {
                call.key(self.core.keys.run(&lease.lane)).arg(lease.lane.as_str()).arg(proof(lease));
            }
            let kept: Vec<bool> = self.heartbeat.run(&call).await?;
            renewals.extend(kept.into_iter().map(|kept| if kept { Renewal::Kept } else { Renewal::Lost }));
        }
        Ok(renewals)
    }

    async fn record(&self, lease: &Lease, progress: Progress) -> Result<(), QueueError> {
        held(
            self.records
                .call(Record {
                    lease: lease.clone(),
                    number: self.recorded.fetch_add(1, Ordering::Relaxed),
                    progress,
                })
                .await?,
        )
    }

    async fn complete(&self, lease: &Lease) -> Result<(), QueueError> {
        held(self.completes.call(lease.clone()).await?)
    }

    async fn retry(&self, lease: &Lease, after: Duration, reason: &str) -> Result<(), QueueError> {
        self.postpone(lease, after, "failures", reason).await
    }

    async fn snooze(&self, lease: &Lease, after: Duration, reason: &str) -> Result<(), QueueError> {
        self.postpone(lease, after, "snoozes", reason).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.release.key(keys.base());
        call.key(keys.wake()).key(keys.lease()).key(keys.lane(&lease.lane)).key(keys.run(&lease.lane));
        call.arg(WAKE_TOKENS_MAX).arg(lease.lane.as_str()).arg(proof(lease));
        held(link.run(&call).await?)
    }

    async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.bury.key(keys.base());
        call.key(keys.wake()).key(keys.open()).key(keys.lease()).key(keys.lane(&lease.lane));
        call.key(keys.run(&lease.lane)).key(keys.dead()).key(keys.letter(&lease.id));
        call.arg(link.test_now()).arg(WAKE_TOKENS_MAX).arg(lease.lane.as_str()).arg(proof(lease));
        call.arg(lease.id.as_str()).arg(reason);
        held(link.run(&call).await?)
    }

    async fn counts(&self) -> Result<Counts, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.counts.key(keys.base());
        call.key(keys.open()).key(keys.lease()).key(keys.delay()).key(keys.dead()).key(keys.arrived());
        call.arg(link.test_now());
        answers::counts(link.run(&call).await?)
    }

    async fn lane(&self, lane: &Lane) -> Result<Option<LaneView>, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.lane.key(keys.lane(lane));
        call.key(keys.run(lane)).key(keys.lease()).key(keys.delay()).arg(lane.as_str()).arg(LANE_VIEW_MAX);
        answers::lane_view(link.run(&call).await?)
    }

    async fn dead(&self, offset: u64, limit: u64) -> Result<DeadPage, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.dead.key(keys.base());
        call.key(keys.dead()).arg(offset).arg(limit.min(DEAD_PAGE_MAX));
        answers::dead_page(link.run(&call).await?)
    }

    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        let fields = ["packed", "lane", "reason", "died_us", "failures", "losses"];
        answers::dead_letter(
            self.core.link.query(redis::cmd("HMGET").arg(self.core.keys.letter(id)).arg(&fields)).await?,
        )
    }

    async fn revive(&self, id: &MessageId) -> Result<bool, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.revive.key(keys.base());
        call.key(keys.wake()).key(keys.open()).key(keys.dead()).key(keys.letter(id)).key(keys.arrived());
        call.arg(WAKE_TOKENS_MAX).arg(id.as_str());
        link.run(&call).await
    }

    async fn drop_dead(&self, id: &MessageId) -> Result<bool, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut call = scripts.drop.key(keys.dead());
        call.key(keys.letter(id)).key(keys.arrived()).arg(id.as_str());
        link.run(&call).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        // A real script, so that a Redis that answers PING but can't run one isn't called ready.
        self.counts().await.map(|_| ())
    }

    async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let mut violations = Vec::new();
        let mut messages = 0;
        for lanes in self.lanes().await?.chunks(500) {
            let mut call = scripts.audit.key(keys.base());
            call.key(keys.open()).key(keys.lease()).key(keys.delay());
            for lane in lanes {
                call.arg(lane);
            }
            let (counted, found) = answers::audited(link.run(&call).await?)?;
            messages += counted;
            violations.extend(found);
        }
        let open: Vec<i64> = link.query(redis::cmd("HVALS").arg(keys.open())).await?;
        if open.iter().sum::<i64>() != i64::try_from(messages).unwrap_or(i64::MAX) {
            let problem =
                format!("{messages} messages in all lanes, but the counts of open ones are {open:?}");
            violations.push(Violation { lane: String::new(), problem });
        }
        Ok(violations)
    }

    fn place(&self) -> &str {
        &self.core.place
    }
}

impl RedisQueue {
    /// Every lane that any key names, found by scanning.
    async fn lanes(&self) -> Result<Vec<String>, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut lanes = std::collections::BTreeSet::new();
        for kind in ["lane:", "run:"] {
            let start = format!("{}{kind}", keys.base());
            let mut cursor = 0_u64;
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(format!("{}*", escape_glob(&start))).arg("COUNT").arg(1000);
                let (next, found): (u64, Vec<String>) = link.query(&scan).await?;
                lanes.extend(found.iter().filter_map(|key| key.strip_prefix(&start)).map(str::to_owned));
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        for key in [keys.lease(), keys.delay()] {
            let members: Vec<String> = link.query(redis::cmd("ZRANGE").arg(key).arg(0).arg(-1)).await?;
            lanes.extend(members);
        }
        let classes: Vec<String> = link.query(redis::cmd("HKEYS").arg(keys.open())).await?;
        for class in classes {
            let key = keys.ready(&Class::from_stored(class));
            let members: Vec<String> = link.query(redis::cmd("LRANGE").arg(key).arg(0).arg(-1)).await?;
            lanes.extend(members);
        }
        Ok(lanes.into_iter().collect())
    }
}

#[derive(Debug)]
struct Accept {
    message: NewMessage,
    packed: Bytes,
    not_after_us: Option<u64>,
}

impl Item for Accept {
    fn size_bytes(&self) -> usize {
        self.packed.len()
    }
}

async fn accept_all(core: Arc<Core>, items: Vec<Accept>) -> Result<Vec<Accepted>, QueueError> {
    let Core { link, keys, scripts, dedup_window_ms, .. } = &*core;
    let mut call = scripts.accept.key(keys.wake());
    call.key(keys.open()).key(keys.dead()).key(keys.arrived());
    call.arg(link.test_now()).arg(dedup_window_ms).arg(DEAD_ON_ARRIVAL_MAX).arg(WAKE_TOKENS_MAX);
    for Accept { message, packed, not_after_us } in &items {
        call.key(keys.seen(&message.id)).key(keys.lane(&message.lane));
        call.key(keys.ready(&message.class)).key(keys.letter(&message.id));
        call.arg(message.id.as_str()).arg(message.lane.as_str()).arg(message.class.as_str());
        call.arg(not_after_us.map(|us| us.to_string()).unwrap_or_default());
        call.arg(message.dead_reason.as_deref().unwrap_or_default()).arg(packed.as_ref());
    }
    let (now_us, outcomes) = answers::accepted(link.run(&call).await?)?;
    link.learn_time(now_us);
    Ok(outcomes)
}

#[derive(Debug)]
struct Record {
    lease: Lease,
    /// Rises with every call, so that one that comes late is known.
    number: u64,
    progress: Progress,
}

impl Item for Record {
    fn size_bytes(&self) -> usize {
        self.progress.replies.as_ref().map_or(0, Bytes::len)
    }
}

async fn record_all(core: Arc<Core>, items: Vec<Record>) -> Result<Vec<bool>, QueueError> {
    let Core { link, keys, scripts, .. } = &*core;
    let mut call = scripts.record.prepare_invoke();
    for Record { lease, number, progress } in &items {
        call.key(keys.run(&lease.lane)).arg(proof(lease)).arg(*number);
        call.arg(i32::from(progress.replies.is_some())).arg(progress.replies.as_deref().unwrap_or_default());
        call.arg(progress.sent).arg(progress.sending.map(|n| n.to_string()).unwrap_or_default());
    }
    link.run(&call).await
}

impl Item for Lease {
    fn size_bytes(&self) -> usize {
        self.lane.as_str().len() + self.token.as_str().len()
    }
}

async fn complete_all(core: Arc<Core>, leases: Vec<Lease>) -> Result<Vec<bool>, QueueError> {
    let Core { link, keys, scripts, .. } = &*core;
    let mut call = scripts.complete.key(keys.base());
    call.key(keys.wake()).key(keys.open()).key(keys.lease()).arg(WAKE_TOKENS_MAX);
    for lease in &leases {
        call.key(keys.lane(&lease.lane)).key(keys.run(&lease.lane));
        call.arg(lease.lane.as_str()).arg(proof(lease));
    }
    link.run(&call).await
}

/// What a lease's record must hold: the token, and the id of the message, so that a token alone settles nothing else.
fn proof(lease: &Lease) -> String {
    format!("{}/{}", lease.token, lease.id)
}

fn held(held: bool) -> Result<(), QueueError> {
    if held { Ok(()) } else { Err(QueueError::LeaseLost) }
}

/// The URL as it may be shown: without user and password.
fn place_of(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(parsed) => {
            let host = parsed.host_str().unwrap_or_default();
            let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{host}{port}{}", parsed.scheme(), parsed.path())
        }
        Err(_) => "redis".to_owned(),
    }
}

fn escape_glob(text: &str) -> String {
    text.chars().flat_map(|c| if "*?[]\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}
