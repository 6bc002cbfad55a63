//! What workers do: messages go out under leases, which are renewed, and come back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::blocking::timeout_s;
use super::scripts::SCRIPTS;
use super::settle::{Record, proof};
use super::{Core, RedisQueue, answers};
use crate::clock::micros;
use crate::journal::fitted;
use crate::message::check_bytes;
use crate::{
    Consumer, Lease, MOVES_PER_TAKE, Memory, Progress, QueueError, Renewal, SendState, Settled, Settlement,
    TAKEN_BYTES_MAX, TakeRequest, Taken,
};

/// The longest a `wait` blocks: the safety net under a lost wake-up.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Leases renewed by one call.
const RENEWED_TOGETHER: usize = 256;

#[async_trait]
impl Consumer for RedisQueue {
    async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let filter = self.core.filters.of(request);
        let mut call = self.core.call(&SCRIPTS.take);
        call.key(keys.lease())
            .key(keys.delay())
            .key(keys.counter())
            .key(keys.batch(request.worker.incarnation()));
        call.key(keys.hold()).key(keys.paused()).key(keys.parked()).key(keys.pulse());
        call.arg(request.max).arg(micros(request.lease_for)).arg(MOVES_PER_TAKE);
        call.arg(request.worker.name()).arg(request.worker.incarnation()).arg(request.call);
        call.arg(if request.suspect { "1" } else { "" });
        call.arg(TAKEN_BYTES_MAX).arg(&filter.name).arg(filter.first());
        if filter.is_due() {
            filter.classes.iter().for_each(|class| _ = call.arg(class.as_str()));
        }
        let mut taken = answers::taken(link.run(&call).await?)?;
        if taken.is_none() {
            // The store has lost the classes that this name stands for.
            filter.classes.iter().for_each(|class| _ = call.arg(class.as_str()));
            taken = answers::taken(link.run(&call).await?)?;
        }
        let taken = taken.ok_or_else(|| {
            QueueError::unavailable(&self.core.place, "it does not keep the list of classes")
        })?;
        self.core.filters.note_known(&filter, &taken);
        Ok(taken)
    }

    async fn wait(&self, at_most: Duration) -> Result<(), QueueError> {
        let mut command = redis::cmd("BLPOP");
        command.arg(self.core.keys.wake()).arg(timeout_s(at_most));
        match self.waiting.run::<Option<(String, Bytes)>>(&self.core.link, &command, at_most).await {
            Some(answer) => answer.map(drop),
            // Only one blocks at Redis; others wait for it here, and then look again.
            None => {
                tokio::time::sleep(at_most.min(WAIT_MAX)).await;
                Ok(())
            }
        }
    }

    async fn renew(&self, leases: &[Lease], lease_for: Duration) -> Result<Vec<Renewal>, QueueError> {
        let keys = &self.core.keys;
        let mut renewals = Vec::with_capacity(leases.len());
        let mut parts = leases.chunks(RENEWED_TOGETHER);
        // Even without a lease the call notes that the store serves.
        let mut part = Some(parts.next().unwrap_or_default());
        while let Some(some) = part {
            let mut call = self.core.call(&SCRIPTS.renew);
            call.key(keys.lease()).key(keys.pulse());
            call.arg(micros(lease_for));
            for lease in some {
                call.key(keys.run(&lease.lane)).arg(lease.lane.as_str()).arg(proof(lease));
                call.arg(fitted(&lease.note));
            }
            let kept: Vec<bool> = self.heartbeat.run(&call).await?;
            renewals.extend(kept.into_iter().map(|kept| if kept { Renewal::Kept } else { Renewal::Lost }));
            part = parts.next();
        }
        Ok(renewals)
    }

    async fn record(
        &self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<SendState, QueueError> {
        check_bytes("replies", progress.replies.as_deref().unwrap_or_default())?;
        check_bytes("memory", memory.as_ref().map_or(&[][..], |memory| &memory.bytes))?;
        let number = self.recorded.fetch_add(1, Ordering::Relaxed);
        self.records.call(Record { lease: lease.clone(), number, progress, memory }).await?
    }

    async fn settle(&self, lease: &Lease, settlement: Settlement) -> Result<Settled, QueueError> {
        settlement.check()?;
        self.settle_message(lease, settlement.fitted()).await
    }
}
