//! Settlements in fewer words, for tests.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Consumer, Lease, QueueError, Settled, Settlement};

/// A method for each settlement that many tests make.
#[allow(missing_docs, reason = "each is named for its settlement")]
#[async_trait]
pub trait Settling: Consumer {
    async fn complete(&self, lease: &Lease) -> Result<(), QueueError> {
        as_asked(self.settle(lease, Settlement::Complete).await)
    }

    /// With all the patience there is.
    async fn retry(&self, lease: &Lease, after: Duration, reason: &str) -> Result<(), QueueError> {
        let (patience, reason) = (Duration::MAX, reason.to_owned());
        as_asked(self.settle(lease, Settlement::Retry { after, patience, reason }).await)
    }

    async fn snooze(&self, lease: &Lease, after: Duration, reason: &str) -> Result<(), QueueError> {
        as_asked(self.settle(lease, Settlement::Snooze { after, reason: reason.to_owned() }).await)
    }

    async fn release(&self, lease: &Lease) -> Result<(), QueueError> {
        as_asked(self.settle(lease, Settlement::Release).await)
    }

    async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        as_asked(self.settle(lease, Settlement::Bury { reason: reason.to_owned() }).await)
    }

    async fn hold(
        &self,
        lease: &Lease,
        wakes: u32,
        hold_for: Duration,
        reason: &str,
    ) -> Result<Settled, QueueError> {
        let (reason, refused, answer) = (reason.to_owned(), false, None);
        self.settle(lease, Settlement::Hold { wakes, hold_for, refused, reason, answer }).await
    }

    async fn await_answer(&self, lease: &Lease, within: Duration) -> Result<Settled, QueueError> {
        self.settle(lease, Settlement::Await { within }).await
    }
}

impl<Q: Consumer + ?Sized> Settling for Q {}

/// Only a hold or a wait can find that what it should wait for is there.
fn as_asked(settled: Result<Settled, QueueError>) -> Result<(), QueueError> {
    settled.map(|settled| assert_eq!(settled, Settled::AsAsked))
}
