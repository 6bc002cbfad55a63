//! What a person does with a running queue: look, retry, drop.
//!
//! A queue on Redis is opened beside the processes that use it. A queue in a file belongs to one process; while that
//! runs, its admin listener answers the same questions in the same JSON. Commands don't know the difference: they ask an
//! [`Operator`].

mod http;
mod view;

use std::sync::Arc;

use huixin_queue::{Lane, MessageId, Queue, QueueError};

pub use http::routes;
pub(crate) use view::rfc3339;
pub use view::{LaneView, Letter, Letters, Status, Violations};

use crate::config::{Config, QueueUrl};
use crate::parts;
use crate::report::Failure;

/// A way to the queue.
pub enum Operator {
    /// The queue itself.
    Direct(Arc<dyn Queue>),
    /// The process that owns it.
    Owner(http::Owner),
}

impl Operator {
    /// Opens the configured queue, or if it is a file in use, asks its owner at the configured admin address.
    ///
    /// # Errors
    /// When neither can be reached.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        match &config.queue.url {
            // Also one that would be refused for its risks: what is in it must be seen all the same.
            QueueUrl::Redis(url) => Ok(Self::Direct(Arc::new(parts::redis_queue(&config.queue, url)?))),
            QueueUrl::Sqlite(path) if !path.exists() => Err(Failure::failed(
                format!("there is no queue `sqlite:{}` yet", path.display()),
                "start `huixin run` first, or mend `queue.url`",
            )),
            QueueUrl::Sqlite(path) => match parts::sqlite(path, config.queue.dedup_window) {
                Ok(queue) => Ok(Self::Direct(queue)),
                Err(QueueError::InUse { .. }) => Ok(Self::Owner(http::Owner::new(config)?)),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// How many messages are in which state.
    ///
    /// # Errors
    /// When the queue doesn't answer; so for all of these.
    pub async fn status(&self) -> Result<Status, Failure> {
        match self {
            Self::Direct(queue) => Ok(Status::of(queue.place(), &queue.counts().await?)),
            Self::Owner(owner) => owner.get("status").await,
        }
    }

    /// A page of dead letters, the youngest first.
    pub async fn letters(&self, offset: u64, limit: u64) -> Result<Letters, Failure> {
        match self {
            Self::Direct(queue) => Ok(Letters::of(&queue.dead(offset, limit).await?)),
            Self::Owner(owner) => owner.get(&format!("dead?offset={offset}&limit={limit}")).await,
        }
    }

    /// One dead letter.
    pub async fn letter(&self, id: &MessageId) -> Result<Option<Letter>, Failure> {
        match self {
            Self::Direct(queue) => Ok(queue.dead_letter(id).await?.as_ref().map(Letter::of)),
            Self::Owner(owner) => owner.get(&format!("dead/{id}")).await,
        }
    }

    /// Puts a dead letter back into its lane; false if there is none.
    pub async fn revive(&self, id: &MessageId) -> Result<bool, Failure> {
        match self {
            Self::Direct(queue) => Ok(queue.revive(id).await?),
            Self::Owner(owner) => owner.post(&format!("dead/{id}/retry")).await,
        }
    }

    /// Removes a dead letter; false if there is none.
    pub async fn drop_letter(&self, id: &MessageId) -> Result<bool, Failure> {
        match self {
            Self::Direct(queue) => Ok(queue.drop_dead(id).await?),
            Self::Owner(owner) => owner.post(&format!("dead/{id}/drop")).await,
        }
    }

    /// One user's lane; none if it has no messages.
    pub async fn lane(&self, account: &str, user: &str) -> Result<Option<LaneView>, Failure> {
        match self {
            Self::Direct(queue) => {
                let lane = Lane::new(format!("{account}/{user}")).map_err(anyhow::Error::from)?;
                Ok(queue.lane(&lane).await?.as_ref().map(LaneView::of))
            }
            Self::Owner(owner) => owner.get(&format!("lane?account={account}&user={user}")).await,
        }
    }

    /// Breaches of the queue's invariant. Empty is right.
    pub async fn audit(&self) -> Result<Violations, Failure> {
        match self {
            Self::Direct(queue) => Ok(Violations::of(&queue.audit().await?)),
            Self::Owner(owner) => owner.get("audit").await,
        }
    }
}
