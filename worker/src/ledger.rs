//! What a job writes into the queue, each call made again while the queue is away.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use huixin_queue::{Progress, Queue, QueueError, Renewal, Settled, Settlement, Standing};

use crate::job::{End, Job, Step, Stop};
use crate::lease::STEP_MAX;
use crate::route::{PATIENCE_DEFAULT, Route};
use crate::settle::HoldUp;

/// How long a settle is tried again while the queue is away. It can't do harm later: the queue refuses it by its token.
const SETTLE_TRIES_FOR: Duration = Duration::from_secs(120);

impl Job {
    pub(crate) fn queue(&self) -> &dyn Queue {
        &*self.shared.queue
    }

    /// Records how far the answer has got, and learns how the lane stands. What is to be remembered goes with the replies.
    pub(crate) async fn record(&self, progress: Progress) -> Step<()> {
        let memory = match progress.replies {
            Some(_) => self.to_remember.lock().unwrap_or_else(PoisonError::into_inner).take(),
            None => None,
        };
        let record = || self.queue().record(&self.leased.lease, progress.clone(), memory.clone());
        let standing = self.insist(record).await?;
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner) = progress.sending;
        Ok(())
    }

    /// Learns how the lane stands, before anything is sent of the answer.
    pub(crate) async fn look(&self) -> Step<()> {
        let sent = self.leased.progress.sent;
        self.record(Progress { replies: None, sent, sending: self.announced() }).await
    }

    /// How long the message, which has failed again, may hold up others, and how long it has.
    pub(crate) fn hold_up(&self, route: Option<&Route>) -> HoldUp {
        let before = self.leased.failing_for.map(|before| before.saturating_add(self.begun.elapsed()));
        HoldUp {
            has_followers: self.standing().has_followers,
            failing_for: before.unwrap_or_default(),
            patience: route.map_or(PATIENCE_DEFAULT, |route| route.patience),
        }
    }

    /// The send that was announced last, and not taken back.
    pub(crate) fn announced(&self) -> Option<u32> {
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the lane stands, as far as is known here.
    pub(crate) fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Confirms the lease of a message that has lost one before: only then does losing this one count.
    pub(crate) async fn confirm(&self) -> Step<()> {
        self.insist(|| async {
            let lease = std::slice::from_ref(&self.leased.lease);
            match self.queue().renew(lease, self.shared.lease_for).await?[..] {
                [Renewal::Kept] => Ok(()),
                _ => Err(QueueError::LeaseLost),
            }
        })
        .await
    }

    pub(crate) async fn complete(&self, end: End) -> Step<End> {
        self.settle(Settlement::Complete, end).await
    }

    /// A failed attempt: the user's next messages wait for this one, as long as there is patience.
    pub(crate) async fn retry(&self, route: Option<&Route>, after: Duration, reason: String) -> Step<End> {
        let patience = self.hold_up(route).patience;
        self.settle(Settlement::Retry { after, patience, reason }, End::Retried).await
    }

    pub(crate) async fn snooze(&self, after: Duration, reason: &str) -> Step<End> {
        self.settle(Settlement::Snooze { after, reason: reason.to_owned() }, End::Snoozed).await
    }

    pub(crate) async fn bury(&self, reason: &str) -> Step<End> {
        tracing::error!(reason, "the message is dead");
        self.settle(Settlement::Bury { reason: reason.to_owned() }, End::Dead).await
    }

    /// Settles the message. `end` is what that means here, unless it comes again instead.
    pub(crate) async fn settle(&self, settlement: Settlement, end: End) -> Step<End> {
        let settle = || self.queue().settle(&self.leased.lease, settlement.clone());
        Ok(match self.insist(settle).await? {
            Settled::AsAsked => end,
            Settled::ComesAgain => End::Waiting,
        })
    }

    /// Makes one call to the queue, again while the queue is away. `LeaseLost` after a repetition means "perhaps done
    /// already": an earlier try may have been applied and its answer lost.
    pub(crate) async fn insist<T, F>(&self, call: impl Fn() -> F) -> Step<T>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        self.held.begins("a call to the queue", STEP_MAX);
        let started = Instant::now();
        let mut pause = Duration::from_millis(50);
        let mut repeated = false;
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(QueueError::Answered) => return Err(Stop::Answered),
                Err(QueueError::LeaseLost) if repeated => return Err(Stop::PerhapsDone),
                Err(QueueError::LeaseLost) => return Err(Stop::Lost),
                Err(error)
                    if error.is_outage()
                        && started.elapsed() < SETTLE_TRIES_FOR
                        && !self.shared.stop_now.is_cancelled() =>
                {
                    repeated = true;
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.shared.stop_now.cancelled() => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Err(error) => return Err(Stop::Queue(error)),
            }
        }
    }
}
