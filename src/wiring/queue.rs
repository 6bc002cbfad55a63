//! The queue, on Redis or in a file, and the watch on its Redis.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::redis::{Inspector, RedisQueue, RedisSettings};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::{Clock, QueueError};
use url::Url;

use crate::config::{MaskedUrl, QueueConfig, QueueUrl};
use crate::report::Failure;
use crate::safety::{self, Watch};

/// How long a start waits for an answer of the queue before it goes on without.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Opens the queue of roles that share it with other processes.
///
/// # Errors
/// When the queue is a file, or a Redis that can't be used as it is. One that is only away is waited for later.
pub async fn shared_queue(config: &QueueConfig, role: &str) -> Result<Arc<dyn Queue>, Failure> {
    match &config.url {
        QueueUrl::Redis(MaskedUrl(url)) => redis(config, url).await,
        QueueUrl::Sqlite(path) => Err(Failure::config(
            format!(
                "`huixin {role}` can't use the queue `sqlite:{}`: the file belongs to one process",
                path.display()
            ),
            "start receiver and worker in one process with `huixin run`, or give `queue.url` a redis:// URL",
        )),
    }
}

/// Opens the queue of a process that has receiver and worker.
///
/// # Errors
/// When it can't be used.
pub async fn own_queue(config: &QueueConfig) -> Result<Arc<dyn Queue>, Failure> {
    match &config.url {
        QueueUrl::Redis(MaskedUrl(url)) => redis(config, url).await,
        QueueUrl::Sqlite(path) => Ok(sqlite(path, config.dedup_window)?),
    }
}

async fn redis(config: &QueueConfig, url: &Url) -> Result<Arc<dyn Queue>, Failure> {
    let (queue, inspector) = (redis_queue(config, url)?, Inspector::open(url.as_str())?);
    // The queue itself too: what is there may be of another version, or may be forbidden to this user.
    let probe = async { Ok::<_, QueueError>((inspector.inspect().await?, queue.probe().await)) };
    match tokio::time::timeout(PROBE_TIMEOUT, probe).await {
        Ok(Ok((findings, answer))) => {
            if let Some(refusal) = safety::refusal(&inspector, &findings, &config.accept_risk) {
                return Err(refusal);
            }
            without_if_away(answer)?;
        }
        Ok(Err(error)) => without_if_away(Err(error))?,
        Err(_) => tracing::warn!(
            queue = queue.place(),
            "the queue does not answer: starting without it, and waiting for it"
        ),
    }
    Ok(Arc::new(queue))
}

/// A queue that can't be reached is waited for.
fn without_if_away(answer: Result<(), QueueError>) -> Result<(), QueueError> {
    match answer {
        Err(error) if error.is_outage() => {
            tracing::warn!(%error, "starting without the queue, and waiting for it");
            Ok(())
        }
        answer => answer,
    }
}

/// A queue on Redis, not connected yet and not looked at for risks.
///
/// # Errors
/// When the URL can't be read.
pub fn redis_queue(config: &QueueConfig, url: &Url) -> Result<RedisQueue, QueueError> {
    let queue = RedisQueue::open(&RedisSettings {
        url: url.to_string(),
        prefix: config.prefix.clone(),
        dedup_window: config.dedup_window,
        clock: Clock::Store,
    })?;
    queue.set_keeps_journal(config.journal.is_some());
    Ok(queue)
}

/// The watch on the queue's Redis; none if the queue is a file.
///
/// # Errors
/// When the URL can't be read.
pub fn watch(config: &QueueConfig) -> Result<Option<Watch>, QueueError> {
    match &config.url {
        QueueUrl::Redis(MaskedUrl(url)) => {
            let inspector = Inspector::open(url.as_str())?.of_queue(&config.prefix);
            Ok(Some(Watch::new(inspector, config.accept_risk.clone())))
        }
        QueueUrl::Sqlite(_) => Ok(None),
    }
}

/// Opens a queue in a file.
///
/// # Errors
/// When the file can't be used, or another process has it.
pub fn sqlite(path: &Path, dedup_window: Duration) -> Result<Arc<dyn Queue>, QueueError> {
    Ok(Arc::new(SqliteQueue::open(path, dedup_window, Clock::Store)?))
}
