//! What a person does with a running queue: look, retry, drop, pause.
//!
//! A queue on Redis is opened beside the processes that use it. A queue in a file belongs to one process; while that
//! runs, its admin listener answers the same questions in the same JSON. Commands don't know the difference: they ask an
//! [`OperatorClient`].

mod access;
mod accounts;
mod cached;
mod cause;
mod causes;
mod change;
mod charts;
mod context;
mod forget;
mod login;
mod matching;
mod openapi;
mod owner;
mod page;
mod processes;
mod queue_look;
mod refusal;
mod request;
mod routes;
mod session;
mod trace;
mod view;

use std::sync::Arc;

use huixin_queue::{MessageId, Queue, QueueError};

pub use access::AdminAccess;
pub(crate) use access::nothing_here;
pub use accounts::ConfiguredView;
use cause::DeathCause;
pub use change::{AdminCaller, Change, Changes};
pub(crate) use charts::{ChartStep, STEP_S};
pub use context::OperatorContext;
pub use forget::{CompactionView, ForgottenOfUser, KeptOfUser};
pub(crate) use processes::{ProcessView, RUNNING_MAX, RunningView};
use queue_look::QueueLook;
pub use refusal::RequestRefusal;
use request::{LetterIds, Nothing, PauseRequest, lane_of};
pub use request::{LetterQuery, Pausable, UserName};
pub use routes::{guard, openapi_file, routes};
pub use trace::{EndedMessage, TRACE_MAX, TraceQuery, TraceView};
pub(crate) use view::rfc3339;
pub use view::{
    CannotSend, EVERYTHING, LaneView, LetterView, LettersView, PausedView, QueueStatus, Violations,
};

use crate::config::{Config, MaskedUrl, QueueUrl};
use crate::report::Failure;
use crate::wiring;

/// A way to the queue.
pub enum OperatorClient {
    /// The queue itself, for somebody.
    Direct(Arc<dyn Queue>, AdminCaller),
    /// The process that owns it.
    Owner(owner::Owner),
}

impl OperatorClient {
    /// Opens the configured queue, or if it is a file in use, asks its owner at the configured admin address.
    ///
    /// # Errors
    /// When neither can be reached.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        match &config.queue.url {
            // Also a Redis that would be refused for its risks: its messages must be seen all the same.
            QueueUrl::Redis(MaskedUrl(url)) => {
                Ok(Self::Direct(Arc::new(wiring::redis_queue(&config.queue, url)?), AdminCaller::CommandLine))
            }
            QueueUrl::Sqlite(path) if !path.exists() => Err(Failure::failed(
                format!("there is no queue `sqlite:{}` yet", path.display()),
                "start `huixin run` first, give the flags that `huixin dev` prints, or correct `queue.url`",
            )),
            QueueUrl::Sqlite(path) => match wiring::sqlite(path, config.queue.dedup_window) {
                Ok(queue) => Ok(Self::Direct(queue, AdminCaller::CommandLine)),
                Err(QueueError::InUse { .. }) => Ok(Self::Owner(owner::Owner::new(config, path)?)),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// How many messages are in which state.
    ///
    /// # Errors
    /// When the queue doesn't answer; the same for all calls below.
    pub async fn status(&self) -> Result<QueueStatus, Failure> {
        match self {
            Self::Direct(queue, _) => {
                let look = QueueLook::of(&**queue).await?;
                Ok(QueueStatus::of(queue.place(), &look))
            }
            Self::Owner(owner) => owner.get("status", &()).await,
        }
    }

    /// A page of the dead letters that are asked for, the youngest first. An empty one isn't the end: `next` says so.
    pub async fn letters(&self, asked: &LetterQuery) -> Result<LettersView, Failure> {
        match self {
            Self::Direct(queue, _) => {
                let (filter, after) = (asked.filter()?, asked.cursor()?);
                let mut page = queue.dead(&filter, after.as_ref(), asked.limit).await?;
                let is_meant = |reason: &str| {
                    asked.cause.as_ref().is_none_or(|cause| DeathCause::of(reason).text == *cause)
                };
                page.letters.retain(|letter| is_meant(&letter.reason));
                let mut view = LettersView::of(&page);
                if !asked.bodies {
                    view.letters = view.letters.into_iter().map(LetterView::without_body).collect();
                }
                Ok(view)
            }
            Self::Owner(owner) => owner.get("dead", asked).await,
        }
    }

    /// One dead letter.
    pub async fn letter(&self, id: &MessageId) -> Result<Option<LetterView>, Failure> {
        match self {
            Self::Direct(queue, _) => Ok(queue.dead_letter(id).await?.as_ref().map(LetterView::of)),
            Self::Owner(owner) => owner.get(&format!("dead/{id}"), &()).await,
        }
    }

    /// Puts dead letters back into their lanes; how many there were.
    pub async fn revive(&self, ids: &[MessageId]) -> Result<usize, Failure> {
        match self {
            Self::Direct(queue, caller) => {
                let revived = done(&queue.revive(ids).await?);
                note_letters(&**queue, caller, "retry", revived).await;
                Ok(revived)
            }
            Self::Owner(owner) => owner.post("dead/retry", &LetterIds::of(ids)).await,
        }
    }

    /// Removes dead letters; how many there were.
    pub async fn drop_letters(&self, ids: &[MessageId]) -> Result<usize, Failure> {
        match self {
            Self::Direct(queue, caller) => {
                let dropped = done(&queue.drop_dead(ids).await?);
                note_letters(&**queue, caller, "drop", dropped).await;
                Ok(dropped)
            }
            Self::Owner(owner) => owner.post("dead/drop", &LetterIds::of(ids)).await,
        }
    }

    /// Pauses everything, an account or a user, for a reason that is shown.
    pub async fn pause(&self, what: &Pausable, reason: &str) -> Result<(), Failure> {
        match self {
            Self::Direct(queue, caller) => {
                queue.pause(&what.scope()?, reason).await?;
                change::note(&**queue, caller, "pause", what, None).await;
                Ok(())
            }
            Self::Owner(owner) => {
                let order = PauseRequest { what: what.clone(), reason: reason.to_owned() };
                owner.post("pause", &order).await
            }
        }
    }

    /// Ends a pause; false if there was none.
    pub async fn resume(&self, what: &Pausable) -> Result<bool, Failure> {
        match self {
            Self::Direct(queue, caller) => {
                let is_resumed = queue.resume(&what.scope()?).await?;
                if is_resumed {
                    change::note(&**queue, caller, "resume", what, None).await;
                }
                Ok(is_resumed)
            }
            Self::Owner(owner) => owner.post("resume", what).await,
        }
    }

    /// One user's lane; none if it has no messages.
    pub async fn lane(&self, account: &str, user: &str) -> Result<Option<LaneView>, Failure> {
        match self {
            Self::Direct(queue, _) => {
                Ok(queue.lane(&lane_of(account, user)?).await?.as_ref().map(LaneView::of))
            }
            Self::Owner(owner) => owner.get("lane", &[("account", account), ("user", user)]).await,
        }
    }

    /// What became of messages.
    pub async fn trace(&self, asked: &TraceQuery) -> Result<TraceView, Failure> {
        match self {
            Self::Direct(queue, _) => trace::trace(&**queue, asked).await,
            Self::Owner(owner) => owner.get("trace", asked).await,
        }
    }

    /// What the queue keeps of a user.
    pub async fn kept(&self, name: &UserName) -> Result<KeptOfUser, Failure> {
        match self {
            Self::Direct(queue, _) => forget::kept(&**queue, name).await,
            Self::Owner(owner) => owner.get("user", name).await,
        }
    }

    /// Removes all of it.
    pub async fn forget(&self, name: &UserName) -> Result<ForgottenOfUser, Failure> {
        match self {
            Self::Direct(queue, caller) => {
                let forgotten = ForgottenOfUser::of(&queue.forget(&name.lane()?).await?);
                let whose = Pausable { account: Some(name.account.clone()), user: Some(name.user.clone()) };
                change::note(&**queue, caller, "forget", &whose, Some(forgotten.count())).await;
                Ok(forgotten)
            }
            Self::Owner(owner) => owner.post("forget", name).await,
        }
    }

    /// Writes the store anew, so that its disk doesn't hold what was removed.
    pub async fn compact(&self) -> Result<CompactionView, Failure> {
        match self {
            Self::Direct(queue, _) => Ok(CompactionView::of(queue.compact().await?)),
            Self::Owner(owner) => owner.post("compact", &Nothing {}).await,
        }
    }

    /// Who has changed what.
    pub async fn changes(&self) -> Result<Changes, Failure> {
        match self {
            Self::Direct(queue, _) => Ok(change::last(&**queue).await?),
            Self::Owner(owner) => owner.get("changes", &()).await,
        }
    }

    /// Breaches of the queue's invariant. Empty is right.
    pub async fn audit(&self) -> Result<Violations, Failure> {
        match self {
            Self::Direct(queue, _) => Ok(Violations::of(&queue.audit().await?)),
            Self::Owner(owner) => owner.get("audit", &()).await,
        }
    }
}

/// Notes what was done to so many dead letters, if there was one.
async fn note_letters(queue: &dyn Queue, caller: &AdminCaller, what: &str, letters: usize) {
    if letters > 0 {
        change::note(queue, caller, what, &Pausable::default(), Some(letters as u64)).await;
    }
}

fn done(each: &[bool]) -> usize {
    each.iter().filter(|done| **done).count()
}
