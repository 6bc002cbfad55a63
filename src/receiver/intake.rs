//! Where a push goes: to the queue, or to the spool, and it is durable there when this says so.
//!
//! With a spool, a push goes to the queue if the breaker is closed and no message of its lane is in the spool. If the queue
//! fails, or is slower than the budget, that very message goes to the spool, and the breaker opens: the next ones go there
//! without asking. It stays closed for a queue that was slow and stored other pushes. The accept that timed out may be applied
//! all the same, but not later than the budget allows (`not_after`), and when the copy in the spool is carried to the queue it
//! is known there. A push that comes again while its first try is under way waits for its lane's turn, and finds the first
//! copy wherever it is.
//!
//! A push is stamped with the time of its arrival when it is its turn. Had it been stamped before it waited, what another
//! receiver took in between would count as later, and two messages of one user could change places when one of them comes
//! from the spool.
//!
//! When more pushes come than the queue can take, or the spool while the queue is out of reach, the last ones are refused
//! before that: see [`Overload`].
//!
//! An error that is the fault of the message or its lane doesn't open the breaker. Every other error does, a refused password
//! too: to a push it makes no difference why the queue doesn't take it.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use huixin_queue::spool::Appended;
use huixin_queue::{Accepted, Class, HeldEffect, Lane, MessageId, NewMessage, Producer, QueueError};

use super::arrivals::Arrivals;
use super::lanes::LaneTurn;
use super::overload::Overload;
use super::receiver_spool::{ReceiverSpool, SPOOL_BUDGET};
use crate::one_line::one_line;

/// WeChat waits for five seconds, and the way there and back takes a part of them.
const PATIENCE: Duration = Duration::from_secs(4);
/// So many pushes of a lane count as waiting for the store: the one that has its turn, and those next.
const LANE_COUNTS: u32 = 8;

/// The way in.
pub(super) struct Intake {
    queue: Arc<dyn Producer>,
    /// How long the queue may take.
    budget: Duration,
    receiver_spool: Option<Arc<ReceiverSpool>>,
    arrivals: Arrivals,
    /// Those that wait for the queue, and those that wait for the spool.
    to_queue: Overload,
    to_spool: Overload,
}

/// Where a push is durable now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// In the queue.
    Queued,
    /// In the queue, since an earlier try.
    Known,
    /// In the spool, since an earlier try.
    KnownInSpool,
    /// Counted among the dead letters of its account.
    Counted,
    /// In the spool.
    Spooled,
}

/// A push that is understood as far as it can be, before it is its turn: it has no time of arrival yet.
pub(super) struct Arriving {
    pub(super) id: MessageId,
    pub(super) lane: Lane,
    pub(super) class: Class,
    pub(super) payload: Bytes,
    pub(super) held: HeldEffect,
    pub(super) dead_reason: Option<String>,
}

impl Arriving {
    fn stamped(self, arrivals: &Arrivals) -> NewMessage {
        let Self { id, lane, class, payload, held, dead_reason } = self;
        let arrived_us = arrivals.stamp();
        NewMessage { id, lane, class, payload, arrived_us, not_after: None, held, late: false, dead_reason }
    }
}

impl Intake {
    pub(super) fn new(
        queue: Arc<dyn Producer>,
        budget: Duration,
        receiver_spool: Option<Arc<ReceiverSpool>>,
    ) -> Self {
        // Without a spool to turn to it may take as long as WeChat waits.
        let budget = if receiver_spool.is_some() { budget } else { budget.max(PATIENCE) };
        let (to_queue, to_spool) = (Overload::new(budget), Overload::new(budget.min(SPOOL_BUDGET)));
        Self { queue, budget, receiver_spool, arrivals: Arrivals::default(), to_queue, to_spool }
    }

    /// How long the queue may take.
    pub(super) fn budget(&self) -> Duration {
        self.budget
    }

    /// Whether more pushes come than can be stored: then the next one should come again later.
    pub(super) fn is_overloaded(&self) -> bool {
        // What waits for a queue that is out of reach is on its way to the spool.
        self.to_spool.is_on() || !self.is_spooling() && self.to_queue.is_on()
    }

    fn is_spooling(&self) -> bool {
        self.receiver_spool.as_ref().is_some_and(|spool| spool.breaker.is_open())
    }

    /// Whether messages of the lane are in the spool and not in the queue.
    pub(super) fn has_spooled(&self, lane: &Lane) -> bool {
        self.receiver_spool.as_ref().is_some_and(|spool| spool.lanes.has_spooled(spool.lanes.key(lane)))
    }

    /// Stamps the push and stores it. The text says why that can't be done: then the push must not be acknowledged.
    pub(super) async fn store(&self, push: Arriving) -> Result<Stored, String> {
        let Some(receiver_spool) = &self.receiver_spool else {
            return self.queue(push.stamped(&self.arrivals)).await.map_err(|trouble| trouble.reason);
        };
        let turn = self.turn(receiver_spool, &push.lane).await?;
        let message = push.stamped(&self.arrivals);
        if !receiver_spool.breaker.is_open() && !turn.is_behind_spool() {
            let stored_before = self.to_queue.stored_count();
            match self.queue(message.clone()).await {
                Ok(stored) => {
                    receiver_spool.breaker.stored();
                    return Ok(stored);
                }
                Err(trouble) => match trouble.whose {
                    AtFault::Messages => return Err(trouble.reason),
                    // It is kept in the spool, its lane waits behind it, and it is quarantined if this goes on.
                    AtFault::Lanes => tracing::error!(
                        reason = trouble.reason,
                        "the queue can't read its data of a lane: the lane's pushes go to the spool"
                    ),
                    AtFault::Late if self.to_queue.stored_count() > stored_before => {
                        tracing::debug!(
                            reason = trouble.reason,
                            "the queue is busy: one push goes to the spool"
                        );
                    }
                    AtFault::Late | AtFault::Queues => receiver_spool.breaker.open(&trouble.reason),
                },
            }
        }
        let on_its_way = self.to_spool.set_out();
        let appended = receiver_spool.clone().store(turn, message).await?;
        on_its_way.stored();
        Ok(match appended {
            Appended::New => Stored::Spooled,
            Appended::Duplicate => Stored::KnownInSpool,
        })
    }

    /// Waits for the push's turn in its lane. While it does, it counts as waiting for the store, since those of few lanes wait
    /// here rather than there; but not all of one lane, which should refuse nobody else's.
    async fn turn(&self, receiver_spool: &ReceiverSpool, lane: &Lane) -> Result<LaneTurn, String> {
        let key = receiver_spool.lanes.key(lane);
        let mut turn = std::pin::pin!(receiver_spool.lanes.turn(key));
        if let Poll::Ready(turn) = futures::poll!(&mut turn) {
            return Ok(turn);
        }
        let line = if self.is_spooling() { &self.to_spool } else { &self.to_queue };
        let _waits = (receiver_spool.lanes.pushes(key) <= LANE_COUNTS).then(|| line.set_out());
        let turn = tokio::time::timeout(self.budget + SPOOL_BUDGET, turn).await;
        turn.map_err(|_| "earlier pushes of the same user are not stored yet".to_owned())
    }

    /// Straight to the queue, within the budget.
    async fn queue(&self, message: NewMessage) -> Result<Stored, NotTaken> {
        let message = NewMessage { not_after: Some(self.budget), ..message };
        let on_its_way = self.to_queue.set_out();
        let stored = match accept(&*self.queue, message, self.budget).await? {
            Accepted::New => Stored::Queued,
            Accepted::Duplicate => Stored::Known,
            Accepted::Counted => Stored::Counted,
            Accepted::Expired => {
                let reason = "the queue accepted it too late".to_owned();
                return Err(NotTaken { whose: AtFault::Late, reason });
            }
        };
        on_its_way.stored();
        Ok(stored)
    }
}

/// Why the queue did not take a message.
pub(super) struct NotTaken {
    pub(super) reason: String,
    pub(super) whose: AtFault,
}

/// Whose fault it is: whether another message would be taken.
pub(super) enum AtFault {
    Messages,
    Lanes,
    Queues,
    /// It was not in time: the queue is away, or busy.
    Late,
}

/// Asks the queue to take a message within this time.
pub(super) async fn accept(
    queue: &dyn Producer,
    message: NewMessage,
    within: Duration,
) -> Result<Accepted, NotTaken> {
    match tokio::time::timeout(within, queue.accept(message)).await {
        Ok(Ok(accepted)) => Ok(accepted),
        Ok(Err(error)) => {
            let whose = match error {
                QueueError::Invalid(_) => AtFault::Messages,
                QueueError::Damaged { .. } => AtFault::Lanes,
                _ => AtFault::Queues,
            };
            Err(NotTaken { whose, reason: one_line(&error) })
        }
        Err(_) => Err(NotTaken {
            whose: AtFault::Late,
            reason: format!("the queue did not answer within {within:?}"),
        }),
    }
}
