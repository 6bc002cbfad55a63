//! One connection to Redis that comes back by itself.
//!
//! The redis crate's own connection manager keeps a connection whose call has timed out, so a half-open one (a lost
//! peer, a silent firewall) fails every call until the kernel gives up. Here a call that times out or breaks gives its
//! connection up, and the next call makes a new one.
//!
//! **Making one.** An attempt to connect runs in a task of its own, so that a caller with less patience doesn't end it: with
//! a short lease over a slow network it would otherwise begin again for ever. The task and all I/O of the connection run on
//! the runtime that the link was given, so that no call decides whose threads others depend on; without one, on that of
//! the call that needed it: a connection that only one thread uses depends on that thread alone. While a new
//! connection takes longer than [`RECONNECT_PATIENCE`], and for [`RECONNECT_PAUSE`] after a failed attempt, calls fail at
//! once with the reason: a receiver has milliseconds to say 503. (The very first is waited for: nobody has had an answer
//! yet.)

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, FromRedisValue, RedisError, ServerErrorKind};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::dial::{DIAL_MAX, Dialer};
use super::errors;
use super::keys::ShardKeys;
use super::script_call::ScriptCall;
use crate::clock::system_now_us;
use crate::{Clock, QueueError};

const RECONNECT_PAUSE: Duration = Duration::from_millis(100);
/// Half a second is a hundred times what it takes on a good network.
const RECONNECT_PATIENCE: Duration = Duration::from_millis(500);
/// How often to load a script that Redis forgets again before it runs; after that it is an outage.
const SCRIPT_TRIES: usize = 3;

/// A connection, or the way to one.
pub(super) struct Link(Arc<LinkInner>);

struct LinkInner {
    dialer: Dialer,
    runtime: Option<Handle>,
    clock: Clock,
    response_timeout: Duration,
    state: Mutex<LinkState>,
    /// Connections up to this number had a call whose caller went away before the answer came: they may be half-open.
    abandoned: AtomicU64,
    /// Redis's clock minus this machine's, in microseconds, never ahead of the truth.
    offset_us: AtomicI64,
}

/// A connection with its number, so that a late failure of an old one doesn't take the new one down.
type Numbered = (u64, MultiplexedConnection);

#[derive(Default)]
struct LinkState {
    connection: Option<Numbered>,
    /// How many attempts were begun.
    begun: u64,
    attempt: Option<DialAttempt>,
    /// When the last attempt failed, if none has succeeded since, and why.
    failed: Option<(Instant, QueueError)>,
}

#[derive(Clone)]
struct DialAttempt {
    number: u64,
    began: Instant,
    /// Set by the attempt's task when it ends; closed without it if the task died with its runtime.
    outcome: watch::Receiver<Option<Result<Numbered, QueueError>>>,
}

impl Link {
    pub(super) fn new(
        client: redis::Client,
        place: &str,
        keys: ShardKeys,
        clock: Clock,
        response_timeout: Duration,
        runtime: Option<Handle>,
    ) -> Self {
        Self(Arc::new(LinkInner {
            runtime,
            dialer: Dialer { client, place: place.to_owned(), keys },
            clock,
            response_timeout,
            state: Mutex::default(),
            abandoned: AtomicU64::new(0),
            offset_us: AtomicI64::new(0),
        }))
    }

    /// Runs a script; a script that Redis has forgotten is loaded again by the same call.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &ScriptCall<'_>) -> Result<T, QueueError> {
        let (number, mut connection) = self.connection().await?;
        let under_way = self.under_way(number);
        let command = call.command();
        let mut answer = command.query_async(&mut connection).await;
        for _ in 0..SCRIPT_TRIES {
            match &answer {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    answer = match call.script.load_async(&mut connection).await {
                        Ok(_) => command.query_async(&mut connection).await,
                        Err(error) => Err(error),
                    };
                }
                _ => break,
            }
        }
        under_way.ended();
        answer.map_err(|error| self.failed(number, error))
    }

    /// Runs a command.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, QueueError> {
        let (number, mut connection) = self.connection().await?;
        let call = self.under_way(number);
        let answer = command.query_async(&mut connection).await;
        call.ended();
        answer.map_err(|error| self.failed(number, error))
    }

    /// A connection for one blocking command, with a timeout above its own. The caller owns it: dropping it while the
    /// command waits makes Redis forget the command.
    pub(super) async fn own(&self, response_timeout: Duration) -> Result<MultiplexedConnection, QueueError> {
        self.0.dial(response_timeout).await
    }

    /// What the test clock argument of a script must be.
    pub(super) fn test_now(&self) -> String {
        self.0.clock.test_now_us().map_or_else(String::new, |now| now.to_string())
    }

    /// What Redis's clock shows now, as far as is known: never later than it does.
    pub(super) fn store_now_us(&self) -> u64 {
        let known = || system_now_us().saturating_add_signed(self.0.offset_us.load(Ordering::Relaxed));
        self.0.clock.test_now_us().unwrap_or_else(known)
    }

    /// Learns from an answer that has just come what Redis's clock showed when it was made.
    pub(super) fn learn_time(&self, store_now_us: u64) {
        self.0.learn_time(store_now_us);
    }

    pub(super) fn translate(&self, error: RedisError) -> QueueError {
        errors::translate(&self.0.dialer.place, error)
    }

    async fn connection(&self) -> Result<Numbered, QueueError> {
        let (mut attempt, patience) = {
            let mut state = self.0.state();
            if let Some((number, connection)) = &state.connection {
                if *number > self.0.abandoned.load(Ordering::Relaxed) {
                    return Ok((*number, connection.clone()));
                }
                state.connection = None;
            }
            if let Some((when, error)) = &state.failed
                && when.elapsed() < RECONNECT_PAUSE
            {
                return Err(error.clone());
            }
            let under_way = state.attempt.clone().filter(DialAttempt::is_alive);
            let attempt = under_way.unwrap_or_else(|| self.0.begin(&mut state));
            let patience = if attempt.number == 1 { DIAL_MAX * 2 } else { RECONNECT_PATIENCE };
            (attempt.clone(), patience.saturating_sub(attempt.began.elapsed()))
        };
        let outcome = tokio::time::timeout(patience, attempt.outcome.wait_for(Option::is_some)).await;
        match outcome.map(|set| set.map(|outcome| outcome.clone())) {
            Ok(Ok(Some(outcome))) => outcome,
            Ok(_) => Err(self.0.unavailable("connecting to it was interrupted")),
            Err(_) => {
                let before = self.0.state().failed.as_ref().map(|(_, error)| error.clone());
                Err(before.unwrap_or_else(|| self.0.unavailable("connecting to it is slow")))
            }
        }
    }

    fn under_way(&self, number: u64) -> UnderWay<'_> {
        UnderWay { link: &self.0, number, ended: false }
    }

    fn failed(&self, number: u64, error: RedisError) -> QueueError {
        let broken = error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
        if errors::has_moved(&error) || broken || error.is_unrecoverable_error() {
            let mut state = self.0.state();
            if state.connection.as_ref().is_some_and(|(current, _)| *current == number) {
                state.connection = None;
            }
        }
        self.translate(error)
    }
}

impl LinkInner {
    fn state(&self) -> MutexGuard<'_, LinkState> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn_time(&self, store_now_us: u64) {
        let offset = i128::from(store_now_us) - i128::from(system_now_us());
        self.offset_us.store(i64::try_from(offset).unwrap_or(0), Ordering::Relaxed);
    }

    /// Starts an attempt in a task of its own.
    fn begin(self: &Arc<Self>, state: &mut LinkState) -> DialAttempt {
        state.begun += 1;
        let number = state.begun;
        let (set, outcome) = watch::channel(None);
        let attempt = DialAttempt { number, began: Instant::now(), outcome };
        state.attempt = Some(attempt.clone());
        let inner = self.clone();
        let runtime = self.runtime.clone().unwrap_or_else(Handle::current);
        runtime.spawn(async move {
            let outcome = inner.dial(inner.response_timeout).await.map(|connection| (number, connection));
            inner.ended(number, &outcome);
            set.send_replace(Some(outcome));
        });
        attempt
    }

    fn ended(&self, number: u64, outcome: &Result<Numbered, QueueError>) {
        let mut state = self.state();
        if state.attempt.as_ref().is_none_or(|attempt| attempt.number != number) {
            // It took so long that another was begun.
            return;
        }
        state.attempt = None;
        match outcome {
            Ok(made) => {
                state.failed = None;
                state.connection = Some(made.clone());
            }
            Err(error) => state.failed = Some((Instant::now(), error.clone())),
        }
    }

    async fn dial(&self, response_timeout: Duration) -> Result<MultiplexedConnection, QueueError> {
        let (connection, store_now_us) = self.dialer.dial(response_timeout).await?;
        self.learn_time(store_now_us);
        Ok(connection)
    }

    fn unavailable(&self, reason: &str) -> QueueError {
        QueueError::unavailable(&self.dialer.place, reason)
    }
}

impl DialAttempt {
    /// Whether the attempt may still succeed.
    fn is_alive(&self) -> bool {
        self.outcome.has_changed().is_ok() && self.began.elapsed() < DIAL_MAX * 2
    }
}

/// A call on a connection. If it is dropped before it has ended, because its caller had less patience than the link, the next
/// call makes a new connection: a silent connection would fail such a caller for ever.
struct UnderWay<'a> {
    link: &'a LinkInner,
    number: u64,
    ended: bool,
}

impl UnderWay<'_> {
    fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.link.abandoned.fetch_max(self.number, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Link {
    /// Without the client: it holds the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("place", &self.0.dialer.place).finish_non_exhaustive()
    }
}
