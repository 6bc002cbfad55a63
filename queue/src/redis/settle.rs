//! What the holder of a lease may do with its message. Records and completions, which every message has, go in batches.

use bytes::Bytes;
use redis::{Script, ScriptInvocation};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::batch::Item;
use super::outcome::Outcome;
use super::{Core, RedisQueue, answers};
use crate::clock::micros;
use crate::{
    Answered, HELD_MAX, Lane, Lease, Memory, MessageId, Progress, QueueError, Settled, Settlement, Standing,
};

/// One record call of a batch.
#[derive(Debug)]
pub(super) struct Record {
    lease: Lease,
    /// Rises with every call, so that one that comes late is known.
    number: u64,
    progress: Progress,
    memory: Option<Memory>,
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
        self.records.call(Record { lease: lease.clone(), number, progress, memory }).await?.standing()
    }

    /// Runs the script of a settlement, or has it run with others. All of them begin with the same keys and arguments.
    pub(super) async fn settle_message(
        &self,
        lease: &Lease,
        settlement: Settlement,
    ) -> Result<Settled, QueueError> {
        let Core { link, keys, scripts, .. } = &*self.core;
        let lane = &lease.lane;
        let begin = |script| self.core.begin(script, lease);
        let call = match settlement {
            Settlement::Complete => return self.completes.call(lease.clone()).await?.settled(),
            Settlement::Retry { after, patience, reason } => {
                let mut call = begin(&scripts.postpone);
                call.key(keys.delay()).arg(micros(after)).arg("failures").arg(reason).arg(micros(patience));
                call
            }
            Settlement::Snooze { after, reason } => {
                let mut call = begin(&scripts.postpone);
                call.key(keys.delay()).arg(micros(after)).arg("snoozes").arg(reason).arg("");
                call
            }
            Settlement::Release => begin(&scripts.release),
            Settlement::Bury { reason } => {
                let mut call = begin(&scripts.bury);
                call.key(keys.open()).key(keys.dead()).key(keys.arrived()).key(keys.letter(&lease.id));
                call.arg(reason);
                call
            }
            Settlement::Hold { trigger, hold_for, refused, reason } => {
                let mut call = begin(&scripts.hold);
                call.key(keys.open())
                    .key(keys.dead())
                    .key(keys.hold())
                    .key(keys.held(lane))
                    .key(keys.counter());
                call.arg(trigger).arg(micros(hold_for)).arg(HELD_MAX).arg(reason);
                call.arg(if refused { "1" } else { "" });
                call
            }
            Settlement::Await { within } => {
                let mut call = begin(&scripts.await_);
                call.key(keys.delay()).arg(micros(within));
                call
            }
        };
        Outcome::of(link.run(&call).await?).settled()
    }
}

impl Core {
    fn begin<'a>(&self, script: &'a Script, lease: &Lease) -> ScriptInvocation<'a> {
        let Self { link, keys, .. } = self;
        let lane = &lease.lane;
        let mut call = script.key(keys.base());
        call.key(keys.wake())
            .key(keys.lease())
            .key(keys.lane(lane))
            .key(keys.older(lane))
            .key(keys.run(lane));
        call.arg(link.test_now()).arg(lane.as_str()).arg(proof(lease));
        call
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
) -> Result<Vec<Outcome<Standing>>, QueueError> {
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
) -> Result<Vec<Outcome<()>>, QueueError> {
    let Core { link, keys, scripts, .. } = &*core;
    let mut call = scripts.complete.key(keys.base());
    call.key(keys.wake()).key(keys.open()).key(keys.lease()).arg(link.test_now());
    for lease in &leases {
        call.key(keys.lane(&lease.lane)).key(keys.older(&lease.lane)).key(keys.run(&lease.lane));
        call.arg(lease.lane.as_str()).arg(proof(lease));
    }
    let results: Vec<u8> = link.run(&call).await?;
    Ok(results.into_iter().map(Outcome::of).collect())
}

/// What a lease's record must hold: the token, and the id of the message, so that a token alone settles nothing else.
pub(super) fn proof(lease: &Lease) -> String {
    format!("{}/{}", lease.token, lease.id)
}
