//! One connection to Redis that comes back by itself.
//!
//! The redis crate's own connection manager keeps a connection whose call has timed out, so a half-open one (a lost
//! peer, a silent firewall) fails every call until the kernel gives up. Here a call that times out or breaks gives its
//! connection up, and the next call makes a new one. After a failed attempt the next is made no sooner than
//! [`RECONNECT_PAUSE`], and calls in between fail at once with the reason: a receiver has milliseconds to say 503.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind,
};
use tokio::sync::Mutex;

use super::keys::Keys;
use crate::clock::system_now_us;
use crate::error::Cause;
use crate::{Clock, QueueError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);
/// The layout of [`super::keys`]. Another one is refused.
const FORMAT: &str = "1";

/// A connection, or the way to one.
pub(super) struct Link {
    client: redis::Client,
    place: String,
    keys: Keys,
    clock: Clock,
    response_timeout: Duration,
    /// Held while connecting, so that one attempt serves all who wait.
    state: Mutex<State>,
    /// Connections up to this number had a call whose caller went away before the answer came: they may be half-open.
    abandoned: AtomicU64,
    /// Redis's clock minus this machine's, in microseconds, never ahead of the truth.
    offset_us: AtomicI64,
}

#[derive(Default)]
struct State {
    /// The connection, numbered so that a late failure of an old one doesn't take the new one down.
    connection: Option<(u64, MultiplexedConnection)>,
    made: u64,
    failed: Option<(Instant, QueueError)>,
}

impl Link {
    pub(super) fn new(
        client: redis::Client,
        place: &str,
        keys: Keys,
        clock: Clock,
        response_timeout: Duration,
    ) -> Self {
        Self {
            client,
            place: place.to_owned(),
            keys,
            clock,
            response_timeout,
            state: Mutex::default(),
            abandoned: AtomicU64::new(0),
            offset_us: AtomicI64::new(0),
        }
    }

    /// Runs a script; a script that Redis has forgotten is loaded again by the same call.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, QueueError> {
        let (number, mut connection) = self.connection().await?;
        let call = self.under_way(number);
        let answer = script.invoke_async(&mut connection).await;
        call.ended();
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failed(number, error).await),
        }
    }

    /// Runs a command.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, QueueError> {
        let (number, mut connection) = self.connection().await?;
        let call = self.under_way(number);
        let answer = command.query_async(&mut connection).await;
        call.ended();
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.failed(number, error).await),
        }
    }

    /// A connection for one blocking command, with a timeout above its own. The caller owns it: dropping it while the
    /// command waits makes Redis forget the command.
    pub(super) async fn own(&self, response_timeout: Duration) -> Result<MultiplexedConnection, QueueError> {
        self.connect(response_timeout).await
    }

    /// What the test clock argument of a script must be.
    pub(super) fn test_now(&self) -> String {
        self.clock.test_now_us().map_or_else(String::new, |now| now.to_string())
    }

    /// What Redis's clock shows now, as far as is known: never later than it does.
    pub(super) fn store_now_us(&self) -> u64 {
        let known = || system_now_us().saturating_add_signed(self.offset_us.load(Ordering::Relaxed));
        self.clock.test_now_us().unwrap_or_else(known)
    }

    /// Learns from an answer that has just come what Redis's clock showed when it was made.
    pub(super) fn learn_time(&self, store_now_us: u64) {
        let offset = i128::from(store_now_us) - i128::from(system_now_us());
        self.offset_us.store(i64::try_from(offset).unwrap_or(0), Ordering::Relaxed);
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), QueueError> {
        let mut state = self.state.lock().await;
        if let Some((number, connection)) = &state.connection {
            if *number > self.abandoned.load(Ordering::Relaxed) {
                return Ok((*number, connection.clone()));
            }
            state.connection = None;
        }
        if let Some((when, error)) = &state.failed
            && when.elapsed() < RECONNECT_PAUSE
        {
            return Err(error.clone());
        }
        match self.connect(self.response_timeout).await {
            Ok(connection) => {
                state.made += 1;
                state.failed = None;
                state.connection = Some((state.made, connection.clone()));
                Ok((state.made, connection))
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn under_way(&self, number: u64) -> UnderWay<'_> {
        UnderWay { link: self, number, ended: false }
    }

    async fn connect(&self, response_timeout: Duration) -> Result<MultiplexedConnection, QueueError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(response_timeout));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|e| self.translate(e))?;
        let meta = self.keys.meta();
        // Read first: a full Redis refuses the write, and a heartbeat must be able to connect even then.
        let stored: Option<String> =
            self.ask(&mut connection, redis::cmd("HGET").arg(&meta).arg("format")).await?;
        let format = match stored {
            Some(format) => format,
            None => {
                let () =
                    self.ask(&mut connection, redis::cmd("HSETNX").arg(&meta).arg("shards").arg(1)).await?;
                let () = self
                    .ask(&mut connection, redis::cmd("HSETNX").arg(&meta).arg("format").arg(FORMAT))
                    .await?;
                self.ask(&mut connection, redis::cmd("HGET").arg(&meta).arg("format")).await?
            }
        };
        let (seconds, micros): (u64, u64) = self.ask(&mut connection, &mut redis::cmd("TIME")).await?;
        if format != FORMAT {
            return Err(QueueError::UnknownFormat {
                what: format!("the queue at {} (format {format})", self.place),
            });
        }
        self.learn_time(seconds * 1_000_000 + micros);
        Ok(connection)
    }

    async fn ask<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
        command: &mut redis::Cmd,
    ) -> Result<T, QueueError> {
        command.query_async(connection).await.map_err(|e| self.translate(e))
    }

    async fn failed(&self, number: u64, error: RedisError) -> QueueError {
        // A server that is no master any more stays where it is; a new connection may lead to the one that is.
        let moved = matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "MOVED" | "ASK"));
        let broken = error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
        if moved || broken || error.is_unrecoverable_error() {
            let mut state = self.state.lock().await;
            if state.connection.as_ref().is_some_and(|(current, _)| *current == number) {
                state.connection = None;
            }
        }
        self.translate(error)
    }

    /// Everything that may pass is an outage; only what a person must mend is a misconfiguration.
    pub(super) fn translate(&self, error: RedisError) -> QueueError {
        let misconfigured = |problem: &str, hint: &str, error: RedisError| QueueError::Misconfigured {
            place: self.place.clone(),
            problem: problem.to_owned(),
            hint: hint.to_owned(),
            cause: Some(Cause::new(error)),
        };
        let detail = error.to_string();
        let password = "put the user and the password into the URL: redis://user:password@host:port/db";
        match error.kind() {
            ErrorKind::AuthenticationFailed => misconfigured("it refuses the password", password, error),
            ErrorKind::InvalidClientConfig => {
                misconfigured("the URL can't be used", "see [queue] url", error)
            }
            ErrorKind::Server(ServerErrorKind::NoPerm) => misconfigured(
                "the user may not do this",
                "give the user the rights +@all on the keys of the prefix",
                error,
            ),
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => {
                misconfigured("it refuses the password", password, error)
            }
            _ if detail.contains("DB index is out of range") => {
                misconfigured("it has no such database", "use a smaller number after the / of the URL", error)
            }
            _ => QueueError::unavailable(&self.place, error),
        }
    }
}

/// A call on a connection. If it is dropped before it has ended, because its caller had less patience than the link, the
/// next call makes a new connection: a silent one would fail that patience for ever.
struct UnderWay<'a> {
    link: &'a Link,
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
        f.debug_struct("Link").field("place", &self.place).finish_non_exhaustive()
    }
}
