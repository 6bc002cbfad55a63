//! Making a connection to Redis, and seeing that the queue on it can be used.
//!
//! The timeouts are our own: the redis crate's half a second for an answer would turn a stall of Redis into a storm of
//! reconnects. There is also one for the whole, since a server may answer each question just in time.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, RedisError};

use super::errors::translate;
use super::keys::ShardKeys;
use crate::QueueError;
use crate::format::STORED_FORMAT;

/// For the name, the connection, TLS and the password.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For all of it, the questions after connecting included.
pub(super) const DIAL_MAX: Duration = Duration::from_secs(4);

/// More than one can't be served yet.
const SHARDS: &str = "1";

/// Where the queue is.
pub(super) struct Dialer {
    pub(super) client: redis::Client,
    pub(super) place: String,
    pub(super) keys: ShardKeys,
}

impl Dialer {
    /// Connects, looks whether this queue is there and can be used, and makes it if there is none. Gives the
    /// connection, and what Redis's clock showed a moment ago, in microseconds.
    pub(super) async fn dial(
        &self,
        response_timeout: Duration,
    ) -> Result<(MultiplexedConnection, u64), QueueError> {
        tokio::time::timeout(DIAL_MAX, self.greet(response_timeout)).await.unwrap_or_else(|_| {
            let reason = format!("connecting to it took longer than {DIAL_MAX:?}");
            Err(QueueError::unavailable(&self.place, reason))
        })
    }

    async fn greet(&self, response_timeout: Duration) -> Result<(MultiplexedConnection, u64), QueueError> {
        let connecting = connect(&self.client, response_timeout).await;
        let mut connection = connecting.map_err(|error| translate(&self.place, error))?;
        let meta = self.keys.meta();
        // Read first: a full Redis refuses the write, and a heartbeat must be able to connect even then.
        let known =
            redis::cmd("HMGET").arg(&meta).arg("format").arg("shards").query_async(&mut connection).await;
        let (stored, shards): (Option<String>, Option<String>) =
            known.map_err(|error| match error.code() {
                Some("WRONGTYPE") => self.unusable(format!("its key {meta} is not a hash")),
                _ => translate(&self.place, error),
            })?;
        let format = match stored {
            Some(format) => format,
            None => {
                let identity = format!("{:032x}", rand::random::<u128>());
                let first = [
                    ("shards", SHARDS),
                    ("identity", identity.as_str()),
                    ("format", &STORED_FORMAT.to_string()),
                ];
                for (field, value) in first {
                    let mut set = redis::cmd("HSETNX");
                    let () = self.ask(&mut connection, set.arg(&meta).arg(field).arg(value)).await?;
                }
                self.ask(&mut connection, redis::cmd("HGET").arg(&meta).arg("format")).await?
            }
        };
        let (seconds, micros): (u64, u64) = self.ask(&mut connection, &mut redis::cmd("TIME")).await?;
        if format != STORED_FORMAT.to_string() {
            return Err(QueueError::UnknownFormat {
                what: format!("the queue at {} (format {format})", self.place),
            });
        }
        // A queue that was made before this field was read doesn't have it, and has one shard.
        if let Some(shards) = shards.filter(|shards| shards != SHARDS) {
            return Err(
                self.unusable(format!("it was made for {shards} shards, and this version serves one"))
            );
        }
        Ok((connection, seconds * 1_000_000 + micros))
    }

    fn unusable(&self, problem: String) -> QueueError {
        let hint = "give this queue another `queue.prefix`, or the version of Huixin that made it";
        QueueError::misconfigured(&self.place, problem, hint, None)
    }

    async fn ask<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
        command: &mut redis::Cmd,
    ) -> Result<T, QueueError> {
        command.query_async(connection).await.map_err(|error| translate(&self.place, error))
    }
}

/// Connects to the server, whatever is in it.
pub(super) async fn connect(
    client: &redis::Client,
    response_timeout: Duration,
) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(response_timeout));
    client.get_multiplexed_async_connection_with_config(&config).await
}
