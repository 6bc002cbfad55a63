//! A queue between the worker and the real one, that lies about leases, holds back what was taken, loses answers, or
//! panics.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use huixin_queue::{
    Accepted, CallBackResult, Claimed, Class, Compaction, Consumer, Counts, DeadCursor, DeadFilter,
    DeadLetter, DeadPage, Forgotten, Journal, JournalCursor, JournalFilter, JournalPage, JournalSize, Lane,
    LaneSnapshot, Lease, Memory, MessageId, NewMessage, OpenPush, Operator, Paused, Producer, Progress,
    PushTry, Queue, QueueError, Renewal, Responder, Scope, SendState, Settled, Settlement, Shared,
    TakeRequest, Taken, Violation,
};

use super::Gate;

/// What becomes of renewals.
#[derive(Clone)]
pub(crate) enum Renewing {
    Works,
    /// The queue answers with this error.
    Fails(QueueError),
    /// The queue doesn't answer.
    Hangs,
    /// The queue says that somebody else has the message.
    Lost,
    /// The thread that renews comes to the gate, and then stands still for so long, as in a process that is paused.
    Stalls(Gate, Duration),
}

pub(crate) struct Tampered {
    inner: Arc<dyn Queue>,
    renewing: Mutex<Renewing>,
    /// Takes that brought something wait here before the worker sees it.
    taken: Option<Gate>,
    /// The next complete is done, and this is all that the worker hears.
    instead_of_completed: Mutex<Option<QueueError>>,
    /// The next take gives one message more than it is asked for.
    gives_more: AtomicBool,
    /// How often each call still panics.
    panics: Mutex<HashMap<Call, usize>>,
}

/// Where it may panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Take,
    /// A take that was done and brought something: its answer is lost.
    Taken,
    Wait,
    Renew,
    Record,
}

impl Tampered {
    pub(crate) fn new(inner: Arc<dyn Queue>) -> Arc<Self> {
        Self::with(inner, None, None)
    }

    pub(crate) fn holding_back(inner: Arc<dyn Queue>, taken: Gate) -> Arc<Self> {
        Self::with(inner, Some(taken), None)
    }

    pub(crate) fn losing_an_answer(inner: Arc<dyn Queue>, error: QueueError) -> Arc<Self> {
        Self::with(inner, None, Some(error))
    }

    fn with(inner: Arc<dyn Queue>, taken: Option<Gate>, lost: Option<QueueError>) -> Arc<Self> {
        let (renewing, instead_of_completed) = (Mutex::new(Renewing::Works), Mutex::new(lost));
        let (gives_more, panics) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { inner, renewing, taken, instead_of_completed, gives_more, panics })
    }

    pub(crate) fn renewing(&self, renewing: Renewing) {
        *self.renewing.lock().unwrap() = renewing;
    }

    /// The next take gives one message more than it is asked for, as one does that is repeated when fewer are asked for.
    pub(crate) fn give_more(&self) {
        self.gives_more.store(true, Ordering::SeqCst);
    }

    /// The next so many of these calls panic.
    pub(crate) fn panic_at(&self, call: Call, times: usize) {
        self.panics.lock().unwrap().insert(call, times);
    }

    /// How many of these calls have still to panic.
    pub(crate) fn panics_left(&self, call: Call) -> usize {
        self.panics.lock().unwrap().get(&call).copied().unwrap_or(0)
    }

    fn stumble(&self, call: Call) {
        let left = self.panics_left(call);
        if left > 0 {
            self.panic_at(call, left - 1);
            panic!("{call:?} has a bug");
        }
    }
}

#[async_trait]
impl Producer for Tampered {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        self.inner.accept(message).await
    }

    async fn answer(&self, lane: &Lane, id: &MessageId, answer: Bytes) -> Result<CallBackResult, QueueError> {
        self.inner.answer(lane, id, answer).await
    }

    async fn beat(&self) -> Result<(), QueueError> {
        self.inner.beat().await
    }
}

#[async_trait]
impl Consumer for Tampered {
    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError> {
        self.stumble(Call::Take);
        let more = usize::from(self.gives_more.swap(false, Ordering::SeqCst));
        let request = TakeRequest { max: request.max + more, ..request.clone() };
        let taken = self.inner.take(&request).await?;
        if !taken.messages.is_empty() {
            self.stumble(Call::Taken);
        }
        if let Some(gate) = &self.taken
            && !taken.messages.is_empty()
        {
            gate.pass().await;
            // So that the worker first looks at everything else that has happened before the gate opened.
            tokio::task::yield_now().await;
        }
        Ok(taken)
    }

    async fn wait(&self, at_most: Duration) -> Result<(), QueueError> {
        self.stumble(Call::Wait);
        self.inner.wait(at_most).await
    }

    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError> {
        // A beat renews nothing: it has no bug.
        if !leases.is_empty() {
            self.stumble(Call::Renew);
        }
        let renewing = self.renewing.lock().unwrap().clone();
        match renewing {
            Renewing::Works => self.inner.renew(leases, lease_for).await,
            Renewing::Fails(error) => Err(error),
            Renewing::Hangs => std::future::pending().await,
            Renewing::Stalls(gate, time) => {
                gate.pass().await;
                std::thread::sleep(time);
                self.inner.renew(leases, lease_for).await
            }
            Renewing::Lost => Ok(vec![Renewal::Lost; leases.len()]),
        }
    }

    async fn record(
        &self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<SendState, QueueError> {
        self.stumble(Call::Record);
        self.inner.record(lease, progress, memory).await
    }

    async fn settle(&self, lease: &Lease, settlement: Settlement) -> Result<Settled, QueueError> {
        let completes = settlement == Settlement::Complete;
        let settled = self.inner.settle(lease, settlement).await?;
        match self.instead_of_completed.lock().unwrap().take_if(|_| completes) {
            Some(error) => Err(error),
            None => Ok(settled),
        }
    }
}

#[async_trait]
impl Operator for Tampered {
    async fn counts(&self) -> Result<Counts, QueueError> {
        self.inner.counts().await
    }

    async fn lane(&self, lane: &Lane) -> Result<Option<LaneSnapshot>, QueueError> {
        self.inner.lane(lane).await
    }

    async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u64,
    ) -> Result<DeadPage, QueueError> {
        self.inner.dead(filter, after, limit).await
    }

    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        self.inner.dead_letter(id).await
    }

    async fn oldest_dead(&self, max_age: Duration, max: u64) -> Result<Vec<DeadLetter>, QueueError> {
        self.inner.oldest_dead(max_age, max).await
    }

    async fn revive(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        self.inner.revive(ids).await
    }

    async fn drop_dead(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        self.inner.drop_dead(ids).await
    }

    async fn pause(&self, scope: &Scope, reason: &str) -> Result<(), QueueError> {
        self.inner.pause(scope, reason).await
    }

    async fn resume(&self, scope: &Scope) -> Result<bool, QueueError> {
        self.inner.resume(scope).await
    }

    async fn paused(&self) -> Result<Vec<Paused>, QueueError> {
        self.inner.paused().await
    }

    async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        self.inner.audit().await
    }

    async fn forget(&self, lane: &Lane) -> Result<Forgotten, QueueError> {
        self.inner.forget(lane).await
    }

    async fn compact(&self) -> Result<Compaction, QueueError> {
        self.inner.compact().await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        self.inner.ping().await
    }

    fn place(&self) -> &str {
        self.inner.place()
    }
}

#[async_trait]
impl Shared for Tampered {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError> {
        self.inner.get(name).await
    }

    async fn set(&self, name: &str, value: Bytes, keep_for: Duration) -> Result<(), QueueError> {
        self.inner.set(name, value, keep_for).await
    }

    async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError> {
        self.inner.values(folder).await
    }

    async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError> {
        self.inner.limit(name, n, per).await
    }
}

#[async_trait]
impl Journal for Tampered {
    async fn journal(
        &self,
        filter: &JournalFilter,
        after: Option<&JournalCursor>,
        limit: usize,
    ) -> Result<JournalPage, QueueError> {
        self.inner.journal(filter, after, limit).await
    }

    async fn trim_journal(&self, max_bytes: u64, keep: Duration) -> Result<JournalSize, QueueError> {
        self.inner.trim_journal(max_bytes, keep).await
    }

    async fn keep_journal(&self, keep: bool) -> Result<(), QueueError> {
        self.inner.keep_journal(keep).await
    }

    async fn forget_journal(&self, lane: &Lane) -> Result<u64, QueueError> {
        self.inner.forget_journal(lane).await
    }
}

#[async_trait]
impl Responder for Tampered {
    async fn open(&self, lane: &Lane, push: &OpenPush) -> Result<u32, QueueError> {
        self.inner.open(lane, push).await
    }

    async fn claim(
        &self,
        lane: &Lane,
        class: &Class,
        push: &PushTry,
        within: Duration,
    ) -> Result<Claimed, QueueError> {
        self.inner.claim(lane, class, push, within).await
    }

    async fn confirm(&self, lane: &Lane, push: &PushTry, written: bool) -> Result<(), QueueError> {
        self.inner.confirm(lane, push, written).await
    }

    async fn announce(&self, lane: &Lane) -> Result<(), QueueError> {
        self.inner.announce(lane).await
    }

    async fn news(&self, receiver: &str, at_most: Duration) -> Result<Vec<Lane>, QueueError> {
        self.inner.news(receiver, at_most).await
    }
}
