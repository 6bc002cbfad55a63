//! What a person does with a running queue: look, retry, drop, pause.
//!
//! A queue on Redis is opened beside the processes that use it. A queue in a file belongs to one process; while that
//! runs, its admin listener answers the same questions in the same JSON. Commands don't know the difference: they ask an
//! [`Operator`].

mod asked;
mod http;
mod view;

use std::sync::Arc;

use huixin_queue::{MessageId, Queue, QueueError};
use huixin_worker::Trouble;

use asked::{Ids, PauseOrder, lane_of};
pub use asked::{LettersAsked, Pausable};
pub use http::routes;
pub(crate) use view::rfc3339;
pub use view::{CannotSend, EVERYTHING, LaneView, Letter, Letters, PausedView, Status, Violations};

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
                "start `huixin run` first, give the flags that `huixin dev` prints, or mend `queue.url`",
            )),
            QueueUrl::Sqlite(path) => match parts::sqlite(path, config.queue.dedup_window) {
                Ok(queue) => Ok(Self::Direct(queue)),
                Err(QueueError::InUse { .. }) => Ok(Self::Owner(http::Owner::new(config, path)?)),
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
            Self::Direct(queue) => {
                let counts = queue.counts().await?;
                let mut status = Status::of(queue.place(), &counts, &queue.paused().await?);
                // An account that can't send has messages that wait for it.
                for ((account, interface), trouble) in Trouble::read_all(&**queue).await? {
                    let cannot_send = trouble.pause.map(|pause| CannotSend::of(&account, interface, &pause));
                    status.cannot_send.extend(cannot_send);
                }
                Ok(status)
            }
            Self::Owner(owner) => owner.get("status").await,
        }
    }

    /// A page of the dead letters that are asked for, the youngest first. An empty one isn't the end: `next` says so.
    pub async fn letters(&self, asked: &LettersAsked) -> Result<Letters, Failure> {
        match self {
            Self::Direct(queue) => {
                let (filter, after) = (asked.filter()?, asked.cursor()?);
                Ok(Letters::of(&queue.dead(&filter, after.as_ref(), asked.limit).await?))
            }
            Self::Owner(owner) => owner.get_with("dead", asked).await,
        }
    }

    /// One dead letter.
    pub async fn letter(&self, id: &MessageId) -> Result<Option<Letter>, Failure> {
        match self {
            Self::Direct(queue) => Ok(queue.dead_letter(id).await?.as_ref().map(Letter::of)),
            Self::Owner(owner) => owner.get(&format!("dead/{id}")).await,
        }
    }

    /// Puts dead letters back into their lanes; how many there were.
    pub async fn revive(&self, ids: &[MessageId]) -> Result<usize, Failure> {
        match self {
            Self::Direct(queue) => Ok(done(&queue.revive(ids).await?)),
            Self::Owner(owner) => owner.post("dead/retry", &Ids::of(ids)).await,
        }
    }

    /// Removes dead letters; how many there were.
    pub async fn drop_letters(&self, ids: &[MessageId]) -> Result<usize, Failure> {
        match self {
            Self::Direct(queue) => Ok(done(&queue.drop_dead(ids).await?)),
            Self::Owner(owner) => owner.post("dead/drop", &Ids::of(ids)).await,
        }
    }

    /// Pauses everything, an account or a user, for a reason that is shown.
    pub async fn pause(&self, what: &Pausable, reason: &str) -> Result<(), Failure> {
        match self {
            Self::Direct(queue) => Ok(queue.pause(&what.scope()?, reason).await?),
            Self::Owner(owner) => {
                let order = PauseOrder { what: what.clone(), reason: reason.to_owned() };
                owner.post("pause", &order).await
            }
        }
    }

    /// Ends a pause; false if there was none.
    pub async fn resume(&self, what: &Pausable) -> Result<bool, Failure> {
        match self {
            Self::Direct(queue) => Ok(queue.resume(&what.scope()?).await?),
            Self::Owner(owner) => owner.post("resume", what).await,
        }
    }

    /// One user's lane; none if it has no messages.
    pub async fn lane(&self, account: &str, user: &str) -> Result<Option<LaneView>, Failure> {
        match self {
            Self::Direct(queue) => Ok(queue.lane(&lane_of(account, user)?).await?.as_ref().map(LaneView::of)),
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

fn done(each: &[bool]) -> usize {
    each.iter().filter(|done| **done).count()
}
