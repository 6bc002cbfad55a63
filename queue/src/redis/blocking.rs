//! A connection of its own for a blocking command: on a shared one it would hold up all others.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue};
use tokio::sync::Mutex;

use super::RESPONSE_TIMEOUT;
use super::link::Link;
use crate::QueueError;

/// The connection, if no command has it at the moment and one was made.
#[derive(Debug, Default)]
pub(super) struct BlockingConnection(Mutex<Option<MultiplexedConnection>>);

impl BlockingConnection {
    /// Runs a command that blocks for `at_most`. `None`, at once: another one has the connection.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        link: &Link,
        command: &Cmd,
        at_most: Duration,
    ) -> Option<Result<T, QueueError>> {
        let mut slot = self.0.try_lock().ok()?;
        loop {
            // If this future is dropped the connection goes with it, so no forgotten command eats what comes later.
            let (mut connection, is_new) = match slot.take() {
                Some(connection) => (connection, false),
                None => match link.own(RESPONSE_TIMEOUT).await {
                    Ok(connection) => (connection, true),
                    Err(error) => return Some(Err(error)),
                },
            };
            connection.set_response_timeout(at_most + RESPONSE_TIMEOUT);
            match command.query_async(&mut connection).await {
                Ok(answer) => {
                    *slot = Some(connection);
                    return Some(Ok(answer));
                }
                // It was cut since its last command.
                Err(error) if !is_new && error.is_connection_dropped() => {}
                Err(error) => return Some(Err(link.translate(error))),
            }
        }
    }
}

/// A blocking command's timeout: one of 0 would block for ever.
pub(super) fn timeout_s(at_most: Duration) -> f64 {
    at_most.as_secs_f64().max(0.001)
}
