//! Looks at a Redis server for what would lose messages or stop the queue.
//!
//! It reads `INFO`, because hosted services often forbid `CONFIG`. It asks `CONFIG` only for what `INFO` doesn't say, and a
//! refusal of that is a finding. It makes a new connection for each look: the queue's own can't be made while another node of
//! a cluster has the keys, and that is when somebody should hear of it.
//!
//! Some risks show only in comparison: a slow fsync in a counter that grows, or in an fsync that is pending again and again;
//! an exchanged queue in its identity. So an inspector remembers what it saw.
//!
//! A server that doesn't serve yet is not judged: while it loads its files, its INFO describes another server than the one
//! that will serve (`aof_enabled:0`). So a `PING` first asks whether it serves; an answer that says no is an outage.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisError};

use super::keys::ShardKeys;
use super::risks::Finding;
use super::server_info::{Compared, ServerInfo, number};
use super::{dial, errors, place_of};
use crate::QueueError;
use crate::clock::{micros, system_now_us};

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// What `CONFIG` is asked for.
const SETTINGS: [&str; 4] =
    ["appendfsync", "no-appendfsync-on-rewrite", "save", "stop-writes-on-bgsave-error"];
/// An fsync that is pending at so many looks, with this pause between them, is slow. A quick one is seen once at most.
const PENDING_LOOKS: usize = 4;
const PENDING_PAUSE: Duration = Duration::from_millis(100);
/// For how long a slow fsync is a risk after it was seen: the next look may find a moment of rest.
const SLOW_FOR: Duration = Duration::from_secs(5 * 60);

/// Looks at one server. Opening it connects to nothing.
pub struct Inspector {
    client: redis::Client,
    place: String,
    cli: String,
    /// The keys of the queue whose identity is compared.
    keys: Option<ShardKeys>,
    before: Mutex<Baseline>,
}

/// What was seen by the looks before.
#[derive(Default)]
struct Baseline {
    delayed_fsyncs: Option<u64>,
    slow: Option<Instant>,
    identity: Option<String>,
}

impl Inspector {
    /// Prepares to look at the server of this URL.
    ///
    /// # Errors
    /// [`QueueError::Misconfigured`] when the URL can't be read.
    pub fn open(url: &str) -> Result<Self, QueueError> {
        let place = place_of(url);
        let client = redis::Client::open(url).map_err(|error| errors::bad_url(&place, error))?;
        let cli = cli_for(&client, &place);
        Ok(Self { client, place, cli, keys: None, before: Mutex::default() })
    }

    /// Also compares the identity of the queue with this prefix, from look to look.
    #[must_use]
    pub fn of_queue(self, prefix: &str) -> Self {
        Self { keys: Some(ShardKeys::new(prefix)), ..self }
    }

    /// Everything that is wrong with the server, the gravest first; empty if nothing is.
    ///
    /// # Errors
    /// When the server can't be reached, doesn't serve yet, or doesn't let us in.
    pub async fn inspect(&self) -> Result<Vec<Finding>, QueueError> {
        self.ask()
            .await
            .map(|or_refusal| or_refusal.findings())
            .map_err(|error| errors::translate(&self.place, error))
    }

    /// The server, without credentials.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How to call `redis-cli` for this server, without the password.
    pub fn cli(&self) -> &str {
        &self.cli
    }

    async fn ask(&self) -> Result<ServerInfo, RedisError> {
        let mut connection = dial::connect(&self.client, RESPONSE_TIMEOUT).await?;
        if let Err(error) = ask::<()>(&mut connection, &mut redis::cmd("PING")).await
            && !matches!(error.code(), Some("NOPERM" | "MISCONF"))
        {
            // A user without the right to PING, or a server that takes no writes, is judged by what follows.
            return Err(error);
        }
        let info = or_refusal(ask(&mut connection, &mut redis::cmd("INFO")).await)?;
        let mut config = Ok(BTreeMap::new());
        for name in SETTINGS {
            match (
                &mut config,
                or_refusal(ask(&mut connection, redis::cmd("CONFIG").arg("GET").arg(name)).await)?,
            ) {
                (Ok(settings), Ok(setting)) => settings.extend::<BTreeMap<_, _>>(setting),
                (config, Err(reason)) => *config = Err(reason),
                (Err(_), _) => {}
            }
        }
        let (asked, asked_us) = (Instant::now(), system_now_us());
        let time = or_refusal(ask::<(u64, u64)>(&mut connection, &mut redis::cmd("TIME")).await)?;
        let answered_us = asked_us.saturating_add(micros(asked.elapsed()));
        let skew_us = time.map_or(0, |(seconds, us)| skew(seconds * 1_000_000 + us, asked_us, answered_us));
        let pending = self.is_pending(&mut connection, info.as_deref().unwrap_or_default()).await?;
        let identity = self.identity(&mut connection).await?;
        let compared = self.compare(info.as_deref().unwrap_or_default(), pending, identity);
        Ok(ServerInfo { info, config, skew_us, compared })
    }

    /// Whether an fsync was pending at every one of some looks.
    async fn is_pending(
        &self,
        connection: &mut MultiplexedConnection,
        info: &str,
    ) -> Result<bool, RedisError> {
        let mut pending = number(info, "aof_pending_bio_fsync") > 0;
        for _ in 1..PENDING_LOOKS {
            if !pending {
                break;
            }
            tokio::time::sleep(PENDING_PAUSE).await;
            let again: String = ask(connection, redis::cmd("INFO").arg("persistence")).await?;
            pending = number(&again, "aof_pending_bio_fsync") > 0;
        }
        Ok(pending)
    }

    /// The identity of the queue that is there now; `None` if it can't be known.
    async fn identity(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<Option<Option<String>>, RedisError> {
        let Some(keys) = &self.keys else { return Ok(None) };
        Ok(or_refusal(ask(connection, redis::cmd("HGET").arg(keys.meta()).arg("identity")).await)?.ok())
    }

    fn compare(&self, info: &str, pending: bool, identity: Option<Option<String>>) -> Compared {
        // Nothing panics while the lock is held.
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let delayed = number(info, "aof_delayed_fsync");
        let grown = before.delayed_fsyncs.replace(delayed).is_some_and(|known| delayed > known);
        if pending || grown {
            before.slow = Some(Instant::now());
        }
        let is_slow = before.slow.is_some_and(|seen| seen.elapsed() < SLOW_FOR);
        let known = before.identity.clone();
        let is_exchanged =
            matches!((&known, &identity), (Some(known), Some(now)) if now.as_ref() != Some(known));
        before.identity = known.or(identity.flatten());
        Compared { is_slow, is_exchanged }
    }
}

async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &mut redis::Cmd,
) -> Result<T, RedisError> {
    command.query_async(connection).await
}

/// A question that the server refuses is a finding too; only what prevents every question is an error.
fn or_refusal<T>(answer: Result<T, RedisError>) -> Result<Result<T, String>, RedisError> {
    match answer {
        Ok(or_refusal) => Ok(Ok(or_refusal)),
        Err(error) if error.is_io_error() || error.is_timeout() || error.is_connection_dropped() => {
            Err(error)
        }
        Err(error) if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// How far Redis's clock is from this machine's, given that it was read between two moments of this one.
fn skew(store_us: u64, asked_us: u64, answered_us: u64) -> i64 {
    let apart = |us: u64| i64::try_from(i128::from(store_us) - i128::from(us)).unwrap_or(i64::MAX);
    match store_us {
        early if early < asked_us => apart(asked_us),
        late if late > answered_us => apart(answered_us),
        _ => 0,
    }
}

fn cli_for(client: &redis::Client, place: &str) -> String {
    let server = match place.split_once("unix://") {
        Some((_, path)) => format!("redis-cli -s {path}"),
        None => format!("redis-cli -u {place}"),
    };
    let settings = client.get_connection_info().redis_settings();
    let user = settings.username().map(|user| format!(" --user {user}")).unwrap_or_default();
    let password = if settings.password().is_some() { " --askpass" } else { "" };
    format!("{server}{user}{password}")
}

impl fmt::Debug for Inspector {
    /// Without the client: it holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector").field("place", &self.place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_by_no_more_than_is_certain() {
        assert_eq!(skew(1_000, 900, 1_100), 0);
        assert_eq!(skew(800, 900, 1_100), -100);
        assert_eq!(skew(1_300, 900, 1_100), 200);
    }

    #[test]
    fn the_command_for_people_has_no_password() {
        let cli = |url| Inspector::open(url).expect("it can be read").cli().to_owned();
        assert_eq!(cli("redis://127.0.0.1:6379/0"), "redis-cli -u redis://127.0.0.1:6379/0");
        assert_eq!(cli("rediss://:s3cret@host/1"), "redis-cli -u rediss://host/1 --askpass");
        assert_eq!(cli("redis://anna:s3cret@host/1"), "redis-cli -u redis://host/1 --user anna --askpass");
        assert_eq!(
            cli("redis+unix:///run/redis.sock?db=1&pass=s3cret"),
            "redis-cli -s /run/redis.sock --askpass"
        );
        let shown = format!("{:?}", Inspector::open("redis://:s3cret@host/1"));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
