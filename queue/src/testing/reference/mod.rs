//! The reference: a queue in memory, as simple as possible.
//!
//! The engines are compared with it, answer by answer, on random operations. So it is written for the reader
//! and not for the machine: a lane is one value that says where it stands, everything is looked through from
//! one end to the other, and nothing survives the process. It follows the trait's documentation. Where that
//! leaves a choice which can be seen (which of two lanes that are due in the same microsecond is first), it
//! takes the engines': the earlier name.
//!
//! It passes the conformance suite itself; otherwise it would prove nothing. Rejected: comparing the two
//! engines with each other. They were made by the same hands from the same page, and share their
//! misunderstandings.

mod accept;
mod journal;
mod lane;
mod look;
mod pulse;
mod respond;
mod settle;
mod state;
mod take;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;

use self::state::State;
use crate::clock::{micros, system_now_us};
use crate::message::check_bytes;
use crate::name::check_name;
use crate::news::NewsBoard;
use crate::{
    Accepted, CallBackResult, Claimed, Class, Clock, Compaction, Consumer, Counts, DeadCursor, DeadFilter,
    DeadLetter, DeadPage, Forgotten, Journal as _, Lane, LaneSnapshot, Lease, Memory, MessageId, NewMessage,
    OpenPush, Operator, Paused, Producer, Progress, PushTry, QueueError, Renewal, Responder, Scope,
    SendState, Settled, Settlement, Shared, TakeRequest, Taken, Violation,
};

/// A queue in memory.
#[derive(Debug)]
pub struct ReferenceQueue {
    state: Mutex<State>,
    clock: Clock,
    dedup_window_us: u64,
    something_to_take: Notify,
    news: NewsBoard,
}

impl ReferenceQueue {
    /// An empty one.
    pub fn new(dedup_window: Duration, clock: Clock) -> Self {
        Self {
            state: Mutex::default(),
            clock,
            dedup_window_us: micros(dedup_window),
            something_to_take: Notify::new(),
            news: NewsBoard::default(),
        }
    }

    /// What becomes of an embedded queue whose process dies and is started again: the workers were in that
    /// process, so every lease is lost.
    pub fn reopen(&self) {
        self.step().reopen();
    }

    /// The state at this moment; each call is one step.
    fn step(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now_us = self.clock.test_now_us().unwrap_or_else(system_now_us);
        state
    }

    /// A step after which there may be something to take.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.step());
        self.something_to_take.notify_one();
        result
    }
}

#[async_trait]
impl Producer for ReferenceQueue {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        message.check()?;
        let begun_us = self.step().now_us;
        Ok(self.change(|state| state.accept(message, begun_us, self.dedup_window_us)))
    }

    async fn answer(&self, lane: &Lane, id: &MessageId, answer: Bytes) -> Result<CallBackResult, QueueError> {
        check_bytes("answer", &answer)?;
        Ok(self.change(|state| state.answer(lane, id, answer, self.dedup_window_us)))
    }

    async fn beat(&self) -> Result<(), QueueError> {
        let mut state = self.step();
        let now_us = state.now_us;
        state.pulse.beat(now_us, None);
        Ok(())
    }
}

#[async_trait]
impl Consumer for ReferenceQueue {
    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError> {
        Ok(self.step().take(request))
    }

    async fn wait(&self, at_most: Duration) -> Result<(), QueueError> {
        // Both ends are as good: there is something, or the time is over.
        let _ = tokio::time::timeout(at_most, self.something_to_take.notified()).await;
        Ok(())
    }

    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError> {
        Ok(self.step().renew(leases, lease_for))
    }

    async fn record(
        &self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<SendState, QueueError> {
        check_bytes("replies", progress.replies.as_deref().unwrap_or_default())?;
        check_bytes("memory", memory.as_ref().map_or(&[][..], |memory| &memory.bytes))?;
        self.step().record(lease, progress, memory)
    }

    async fn settle(&self, lease: &Lease, settlement: Settlement) -> Result<Settled, QueueError> {
        settlement.check()?;
        let brings_news =
            matches!(settlement, Settlement::Offer { .. } | Settlement::Hold { answer: Some(_), .. });
        let settled = self.change(|state| state.settle(lease, settlement.fitted()))?;
        if brings_news && settled == Settled::AsAsked {
            self.announce(&lease.lane).await?;
        }
        Ok(settled)
    }
}

#[async_trait]
impl Responder for ReferenceQueue {
    async fn open(&self, lane: &Lane, push: &OpenPush) -> Result<u32, QueueError> {
        Ok(self.step().open(lane, push))
    }

    async fn claim(
        &self,
        lane: &Lane,
        class: &Class,
        push: &PushTry,
        within: Duration,
    ) -> Result<Claimed, QueueError> {
        let late_us = self.step().now_us.saturating_add(micros(within));
        let mut state = self.step();
        let is_late = state.now_us > late_us;
        Ok(state.claim(lane, class, push, is_late))
    }

    async fn confirm(&self, lane: &Lane, push: &PushTry, written: bool) -> Result<(), QueueError> {
        self.change(|state| state.confirm(lane, push, written));
        Ok(())
    }

    async fn announce(&self, lane: &Lane) -> Result<(), QueueError> {
        let receiver = self.step().listener(lane);
        if let Some(receiver) = receiver {
            self.news.post(&receiver, lane);
        }
        Ok(())
    }

    async fn news(&self, receiver: &str, at_most: Duration) -> Result<Vec<Lane>, QueueError> {
        Ok(self.news.take(receiver, at_most).await)
    }
}

#[async_trait]
impl Operator for ReferenceQueue {
    async fn counts(&self) -> Result<Counts, QueueError> {
        Ok(self.step().counts())
    }

    async fn lane(&self, lane: &Lane) -> Result<Option<LaneSnapshot>, QueueError> {
        Ok(self.step().lane_view(lane))
    }

    async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u64,
    ) -> Result<DeadPage, QueueError> {
        Ok(self.step().dead_page(filter, after, limit))
    }

    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        Ok(self.step().dead.get(id).map(|(letter, _)| letter.clone()))
    }

    async fn oldest_dead(&self, max_age: Duration, max: u64) -> Result<Vec<DeadLetter>, QueueError> {
        Ok(self.step().oldest_dead(max_age, max))
    }

    async fn revive(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        Ok(self.change(|state| ids.iter().map(|id| state.revive(id)).collect()))
    }

    async fn drop_dead(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        let mut state = self.step();
        Ok(ids.iter().map(|id| state.dead.remove(id).is_some()).collect())
    }

    async fn pause(&self, scope: &Scope, reason: &str) -> Result<(), QueueError> {
        self.step().pause(scope, reason);
        Ok(())
    }

    async fn resume(&self, scope: &Scope) -> Result<bool, QueueError> {
        Ok(self.change(|state| state.resume(scope)))
    }

    async fn paused(&self) -> Result<Vec<Paused>, QueueError> {
        Ok(self.step().paused.values().cloned().collect())
    }

    async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        Ok(self.step().audit())
    }

    async fn forget(&self, lane: &Lane) -> Result<Forgotten, QueueError> {
        let journal = self.forget_journal(lane).await?;
        Ok(Forgotten { journal, ..self.step().forget(lane) })
    }

    async fn compact(&self) -> Result<Compaction, QueueError> {
        Ok(Compaction::Needless)
    }

    async fn ping(&self) -> Result<(), QueueError> {
        Ok(())
    }

    fn place(&self) -> &str {
        "memory"
    }
}

#[async_trait]
impl Shared for ReferenceQueue {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError> {
        check_name(name)?;
        let state = self.step();
        Ok(state.values.get(name).and_then(|value| value.at(state.now_us)))
    }

    async fn set(&self, name: &str, value: Bytes, keep_for: Duration) -> Result<(), QueueError> {
        check_name(name)?;
        check_bytes("value", &value)?;
        self.step().set(name, value, keep_for);
        Ok(())
    }

    async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError> {
        let state = self.step();
        let in_folder = state.values.iter().filter(|(name, _)| name.starts_with(folder));
        Ok(in_folder.filter_map(|(name, value)| Some((name.clone(), value.at(state.now_us)?))).collect())
    }

    async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError> {
        check_name(name)?;
        Ok(self.step().limit(name, n, per))
    }
}
