//! What the holder of a lease may do with its message. Records and completions, which every message has, go in batches.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::batch::Item;
use super::{Core, RedisQueue, answers};
use crate::clock::micros;
use crate::{
    Answered, Awaiting, HELD_MAX, Hold, Lane, Lease, Memory, MessageId, Progress, QueueError, Standing,
};

/// What became of one call of a batch.
#[derive(Debug)]
pub(super) enum Settled<T> {
    Done(T),
    /// An answer by call back lay there unheard: the message comes again with it.
    Answered,
    LeaseLost,
}

/// One record call of a batch.
#[derive(Debug)]
pub(super) struct Record {
    lease: Lease,
    /// Rises with every call, so that one that comes late is known.
    number: u64,
    progress: Progress,
    memory: Option<Memory>,
}

impl<T> Settled<T> {
    fn outcome(self) -> Result<T, QueueError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Answered => Err(QueueError::Answered),
            Self::LeaseLost => Err(QueueError::LeaseLost),
        }
    }
}

impl RedisQueue {
    pub(super) async fn record_progress(
        &self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<Standing, QueueError> {
        for (what, bytes) in
            [("replies", progress.replies.as_ref()), ("memory", memory.as_ref().map(|m| &m.bytes))]
        {
            bytes.map_or(Ok(()), |bytes| crate::message::check_bytes(what, bytes))?;
        }
        let number = self.recorded.fetch_add(1, Ordering::Relaxed);
        self.records.call(Record { lease: lease.clone(), number, progress, memory }).await?.outcome()
    }

    pub(super) async fn complete_message(&self, lease: &Lease) -> Result<(), QueueError> {
        self.completes.call(lease.clone()).await?.outcome()
    }
}

impl Core {
    pub(super) async fn postpone(
        &self,
        lease: &Lease,
        after: Duration,
        counter: &str,
        reason: &str,
    ) -> Result<(), QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.postpone.key(keys.base());
        call.key(keys.wake()).key(keys.lease()).key(keys.delay());
        call.key(keys.lane(&lease.lane)).key(keys.run(&lease.lane));
        call.arg(link.test_now()).arg(lease.lane.as_str()).arg(proof(lease));
        call.arg(micros(after)).arg(counter).arg(reason);
        held(link.run(&call).await?)
    }

    pub(super) async fn release(&self, lease: &Lease) -> Result<(), QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.release.key(keys.base());
        call.key(keys.wake()).key(keys.lease()).key(keys.lane(&lease.lane)).key(keys.run(&lease.lane));
        call.arg(link.test_now()).arg(lease.lane.as_str()).arg(proof(lease));
        held(link.run(&call).await?)
    }

    pub(super) async fn bury(&self, lease: &Lease, reason: &str) -> Result<(), QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.bury.key(keys.base());
        call.key(keys.wake()).key(keys.open()).key(keys.lease());
        call.key(keys.lane(&lease.lane)).key(keys.older(&lease.lane)).key(keys.run(&lease.lane));
        call.key(keys.dead()).key(keys.arrived()).key(keys.letter(&lease.id));
        call.arg(link.test_now()).arg(lease.lane.as_str()).arg(proof(lease)).arg(reason);
        settled(link.run(&call).await?).outcome()
    }

    pub(super) async fn hold(
        &self,
        lease: &Lease,
        trigger: u32,
        hold_for: Duration,
        reason: &str,
    ) -> Result<Hold, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let lane = &lease.lane;
        let mut call = scripts.hold.key(keys.base());
        call.key(keys.wake())
            .key(keys.lease())
            .key(keys.lane(lane))
            .key(keys.older(lane))
            .key(keys.run(lane));
        call.key(keys.hold()).key(keys.held(lane)).key(keys.counter()).key(keys.open()).key(keys.dead());
        call.arg(link.test_now()).arg(lane.as_str()).arg(proof(lease));
        call.arg(trigger).arg(micros(hold_for)).arg(HELD_MAX).arg(reason);
        match link.run::<u8>(&call).await? {
            1 => Ok(Hold::Held),
            2 => Ok(Hold::Waiting),
            3 => Err(QueueError::Answered),
            _ => Err(QueueError::LeaseLost),
        }
    }

    pub(super) async fn await_answer(&self, lease: &Lease, within: Duration) -> Result<Awaiting, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.await_.key(keys.base());
        call.key(keys.wake()).key(keys.lease()).key(keys.delay());
        call.key(keys.lane(&lease.lane)).key(keys.run(&lease.lane));
        call.arg(link.test_now()).arg(lease.lane.as_str()).arg(proof(lease)).arg(micros(within));
        match link.run::<u8>(&call).await? {
            1 => Ok(Awaiting::Waiting),
            2 => Ok(Awaiting::AnswerIsThere),
            _ => Err(QueueError::LeaseLost),
        }
    }

    pub(super) async fn answer(
        &self,
        lane: &Lane,
        id: &MessageId,
        answer: &[u8],
    ) -> Result<Answered, QueueError> {
        let Self { link, keys, scripts, dedup_window_ms, .. } = self;
        let mut call = scripts.answer.key(keys.base());
        call.key(keys.wake()).key(keys.delay()).key(keys.lane(lane)).key(keys.run(lane));
        call.key(keys.answered(id));
        call.arg(link.test_now()).arg(lane.as_str()).arg(id.as_str()).arg(answer).arg(dedup_window_ms);
        Ok(match link.run::<u8>(&call).await? {
            1 => Answered::First,
            2 => Answered::Already,
            _ => Answered::Gone,
        })
    }
}

impl Item for Record {
    fn size_bytes(&self) -> usize {
        let memory = self.memory.as_ref().map_or(0, |memory| memory.bytes.len());
        memory + self.progress.replies.as_ref().map_or(0, Bytes::len)
    }
}

/// Runs one batch of records.
pub(super) async fn record_all(
    core: Arc<Core>,
    items: Vec<Record>,
) -> Result<Vec<Settled<Standing>>, QueueError> {
    let Core { link, keys, scripts, .. } = &*core;
    let mut call = scripts.record.key(keys.base());
    call.arg(link.test_now());
    for Record { lease, number, progress, memory } in &items {
        call.key(keys.run(&lease.lane)).key(keys.memory(&lease.lane));
        call.arg(lease.lane.as_str()).arg(proof(lease)).arg(*number);
        call.arg(i32::from(progress.replies.is_some())).arg(progress.replies.as_deref().unwrap_or_default());
        call.arg(progress.sent).arg(progress.sending.map(|n| n.to_string()).unwrap_or_default());
        // An expiry of 0 is refused by Redis.
        let keep_ms = memory.as_ref().map(|memory| (micros(memory.keep_for) / 1000).max(1).to_string());
        call.arg(keep_ms.unwrap_or_default()).arg(memory.as_ref().map_or(&[][..], |memory| &memory.bytes));
    }
    answers::recorded(link.run(&call).await?)
}

impl Item for Lease {
    fn size_bytes(&self) -> usize {
        self.lane.as_str().len() + self.token.as_str().len()
    }
}

/// Runs one batch of completions.
pub(super) async fn complete_all(
    core: Arc<Core>,
    leases: Vec<Lease>,
) -> Result<Vec<Settled<()>>, QueueError> {
    let Core { link, keys, scripts, .. } = &*core;
    let mut call = scripts.complete.key(keys.base());
    call.key(keys.wake()).key(keys.open()).key(keys.lease()).arg(link.test_now());
    for lease in &leases {
        call.key(keys.lane(&lease.lane)).key(keys.older(&lease.lane)).key(keys.run(&lease.lane));
        call.arg(lease.lane.as_str()).arg(proof(lease));
    }
    let results: Vec<u8> = link.run(&call).await?;
    Ok(results.into_iter().map(settled).collect())
}

/// What a lease's record must hold: the token, and the id of the message, so that a token alone settles nothing else.
pub(super) fn proof(lease: &Lease) -> String {
    format!("{}/{}", lease.token, lease.id)
}

/// What a script's number says.
fn settled(result: u8) -> Settled<()> {
    match result {
        1 => Settled::Done(()),
        2 => Settled::Answered,
        _ => Settled::LeaseLost,
    }
}

fn held(held: bool) -> Result<(), QueueError> {
    if held { Ok(()) } else { Err(QueueError::LeaseLost) }
}
