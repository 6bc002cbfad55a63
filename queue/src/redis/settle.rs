//! What the holder of a lease may do with its message. Records and completions, which every message has, go in batches.

use bytes::Bytes;
use redis::Script;
use std::sync::Arc;

use super::batch::Item;
use super::respond::add_answer;
use super::script_call::ScriptCall;
use super::scripts::SCRIPTS;
use super::{Core, RedisQueue, answers};
use crate::clock::micros;
use crate::journal::fitted;
use crate::{HELD_MAX, Lease, Memory, OFFER_LEAST, Progress, QueueError, SendState, Settled, Settlement};

/// One record call of a batch.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) lease: Lease,
    /// Rises with every call, so that a late call is recognised.
    pub(super) number: u64,
    pub(super) progress: Progress,
    pub(super) memory: Option<Memory>,
}

impl RedisQueue {
    /// Runs the script of a settlement, or has it run with others. All of them begin with the same keys and arguments.
    pub(super) async fn settle_message(
        &self,
        lease: &Lease,
        settlement: Settlement,
    ) -> Result<Settled, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let begin = |script| self.core.begin(script, lease);
        let note = fitted(&lease.note);
        let call = match settlement {
            Settlement::Complete => return self.completes.call(lease.clone()).await?,
            Settlement::Retry { after, patience, reason } => {
                let mut call = begin(&SCRIPTS.postpone);
                call.key(keys.delay()).arg(micros(after)).arg("failures").arg(reason).arg(micros(patience));
                call
            }
            Settlement::Snooze { after, reason } => {
                let mut call = begin(&SCRIPTS.postpone);
                call.key(keys.delay()).arg(micros(after)).arg("snoozes").arg(reason).arg("");
                call
            }
            Settlement::Release => begin(&SCRIPTS.release),
            Settlement::Bury { reason } => {
                let mut call = begin(&SCRIPTS.bury);
                call.key(keys.open()).key(keys.dead()).key(keys.arrived()).key(keys.letter(&lease.id));
                call.arg(reason).arg(note);
                call
            }
            Settlement::Offer { answer } => {
                let mut call = begin(&SCRIPTS.offer);
                call.key(keys.delay()).key(keys.newest(&lease.lane)).key(keys.memory(&lease.lane));
                call.arg(micros(OFFER_LEAST)).arg(note);
                add_answer(&mut call, &answer);
                call
            }
            Settlement::Hold { wakes, hold_for, refused, reason, answer } => {
                let mut call = begin(&SCRIPTS.hold);
                call.key(keys.open()).key(keys.dead()).key(keys.hold());
                call.key(keys.held(&lease.lane)).key(keys.counter());
                call.arg(wakes).arg(micros(hold_for)).arg(HELD_MAX).arg(reason);
                call.arg(if refused { "1" } else { "" }).arg(note);
                answer.iter().for_each(|answer| add_answer(&mut call, answer));
                call
            }
            Settlement::Await { within } => {
                let mut call = begin(&SCRIPTS.await_);
                call.key(keys.delay()).arg(micros(within));
                call
            }
        };
        settled(link.run(&call).await?)
    }
}

impl Core {
    fn begin<'a>(&self, script: &'a Script, lease: &Lease) -> ScriptCall<'a> {
        let (keys, lane) = (&self.keys, &lease.lane);
        let mut call = self.call(script);
        call.key(keys.wake()).key(keys.lease());
        call.key(keys.lane(lane)).key(keys.older(lane)).key(keys.run(lane));
        call.arg(lane.as_str()).arg(proof(lease));
        call
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
) -> Result<Vec<Result<SendState, QueueError>>, QueueError> {
    let Core { link, keys, .. } = &*core;
    let mut call = core.call(&SCRIPTS.record);
    call.key(keys.lease());
    for Record { lease, number, progress, memory } in &items {
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
        self.lane.as_str().len() + self.token.as_str().len() + self.note.len()
    }
}

/// Runs one batch of completions.
pub(super) async fn complete_all(
    core: Arc<Core>,
    leases: Vec<Lease>,
) -> Result<Vec<Result<Settled, QueueError>>, QueueError> {
    let Core { link, keys, .. } = &*core;
    let mut call = core.call(&SCRIPTS.complete);
    call.key(keys.open()).key(keys.lease());
    for lease in &leases {
        call.arg(lease.lane.as_str()).arg(proof(lease)).arg(fitted(&lease.note));
    }
    let results: Vec<u8> = link.run(&call).await?;
    Ok(results.into_iter().map(settled).collect())
}

/// The meaning of the number that a script answers.
fn settled(number: u8) -> Result<Settled, QueueError> {
    match number {
        1 => Ok(Settled::AsAsked),
        2 => Ok(Settled::ComesAgain),
        3 => Err(QueueError::CallBackPending),
        4 => Ok(Settled::NobodyWaits),
        _ => Err(QueueError::LeaseLost),
    }
}

/// What a lease's record must hold: the token, and the message's id, so that the token can't settle another message.
pub(super) fn proof(lease: &Lease) -> String {
    format!("{}/{}", lease.token, lease.id)
}
