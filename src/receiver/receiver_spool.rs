//! The spool of a receiver, as pushes, the drainer and health reports share it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use huixin_queue::NewMessage;
use huixin_queue::spool::{Appended, Spool, SpoolCounts, SpoolError};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};

use super::breaker::Breaker;
use super::lanes::{LaneTurn, Lanes};
use crate::one_line::one_line;

/// How long the spool may take. WeChat waits five seconds.
pub(super) const SPOOL_BUDGET: Duration = Duration::from_secs(1);
/// Pushes that wait for the disk at once at most: when it hangs, the ones after them fail at once.
const APPENDS_MAX: usize = 1_024;

/// What pushes and the drainer share.
pub(super) struct ReceiverSpool {
    /// This receiver's own spool.
    pub(super) own: Arc<Spool>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) breaker: Arc<Breaker>,
    /// Rung when there is something new to carry.
    pub(super) appended: Notify,
    appends: Arc<Semaphore>,
    /// Those it has adopted.
    adopted: Mutex<Vec<Arc<Spool>>>,
}

/// What a health report says of the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SpoolReport {
    /// Where it is.
    pub folder: String,
    /// `idle`; `spooling`: pushes go to it; `draining`: the queue is back, and not everything is there yet.
    pub state: String,
    /// Entries that are not in the queue, or for less than two seconds.
    pub entries: u64,
    /// What they take of the limit.
    pub bytes: u64,
    /// Entries that the queue refuses for their own sake.
    pub quarantined: u64,
    /// How long the oldest entry has been there.
    pub oldest_age_ms: Option<u64>,
    /// Why that can't be read; absent if it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A way to ask about the spool of a running receiver.
#[derive(Clone)]
pub struct SpoolHealth(pub(super) Arc<ReceiverSpool>);

impl ReceiverSpool {
    pub(super) fn new(own: Arc<Spool>) -> Self {
        Self {
            own,
            lanes: Arc::default(),
            breaker: Arc::default(),
            appended: Notify::new(),
            appends: Arc::new(Semaphore::new(APPENDS_MAX)),
            adopted: Mutex::default(),
        }
    }

    /// Stores an entry in the spool, within its budget. A store that has begun is finished even if nobody waits for it
    /// any more: the lane's later pushes must know whether they are behind an entry.
    pub(super) async fn store(
        self: Arc<Self>,
        turn: LaneTurn,
        message: NewMessage,
    ) -> Result<Appended, String> {
        let Ok(permit) = self.appends.clone().try_acquire_owned() else {
            return Err("too many pushes wait for the disk of the spool".to_owned());
        };
        turn.spooled();
        let append = tokio::spawn(async move {
            let appended = self.own.append(message).await;
            if matches!(appended, Ok(Appended::New)) {
                self.breaker.spooled();
                self.appended.notify_one();
            } else {
                turn.left();
            }
            // The next push of the lane comes only now, so that the order of the spool is that of the turns.
            drop((turn, permit));
            appended
        });
        match tokio::time::timeout(SPOOL_BUDGET, append).await {
            Ok(Ok(Ok(appended))) => Ok(appended),
            Ok(Ok(Err(error))) => Err(one_line(&error)),
            Ok(Err(_)) => Err("the spool could not be asked".to_owned()),
            Err(_) => Err(format!("the spool did not answer within {SPOOL_BUDGET:?}")),
        }
    }

    /// The drainer has adopted these, and no others.
    pub(super) fn set_adopted(&self, adopted: Vec<Arc<Spool>>) {
        *self.adopted.lock().unwrap_or_else(PoisonError::into_inner) = adopted;
    }

    /// What is in all of them.
    pub(super) async fn counts(&self) -> Result<SpoolCounts, SpoolError> {
        let adopted = self.adopted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut total = self.own.counts().await?;
        for spool in adopted {
            let counts = spool.counts().await?;
            total.entries += counts.entries;
            total.bytes += counts.bytes;
            total.quarantined += counts.quarantined;
            total.oldest = total.oldest.max(counts.oldest);
        }
        Ok(total)
    }
}

impl SpoolHealth {
    /// How it stands.
    pub async fn report(&self) -> SpoolReport {
        let ReceiverSpool { own, lanes, breaker, .. } = &*self.0;
        let (counts, problem) = match self.0.counts().await {
            Ok(counts) => (counts, None),
            Err(error) => (SpoolCounts::default(), Some(one_line(&error))),
        };
        let SpoolCounts { entries, bytes, quarantined, oldest } = counts;
        let state = match breaker.is_open() {
            true => "spooling",
            false if lanes.total() > 0 => "draining",
            false => "idle",
        };
        let oldest_age_ms = oldest.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let folder = own.folder().display().to_string();
        SpoolReport { folder, state: state.to_owned(), entries, bytes, quarantined, oldest_age_ms, problem }
    }

    /// Whether a push could be spooled now; the text says why not. It writes something.
    ///
    /// # Errors
    /// When it couldn't.
    pub async fn probe(&self) -> Result<(), String> {
        match tokio::time::timeout(SPOOL_BUDGET, self.0.own.probe()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(one_line(&error)),
            Err(_) => Err(format!("the spool did not answer within {SPOOL_BUDGET:?}")),
        }
    }
}
