//! Messages go out under leases, and leases are renewed.

use std::time::Duration;

use bytes::Bytes;

use super::settle::proof;
use super::{Core, RESPONSE_TIMEOUT, RedisQueue, answers};
use crate::clock::micros;
use crate::{Lease, MOVES_PER_TAKE, QueueError, Renewal, TAKEN_BYTES_MAX, TakeRequest, Taken};

/// The longest a `wait` blocks: the safety net under a lost wake-up.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Leases renewed by one call.
const RENEWED_TOGETHER: usize = 256;

impl Core {
    pub(super) async fn take(&self, request: &TakeRequest) -> Result<Taken, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let filter = self.filters.of(request);
        let mut call = scripts.take.key(keys.base());
        call.key(keys.lease()).key(keys.delay()).key(keys.counter()).key(keys.batch(&request.worker));
        call.key(keys.hold()).key(keys.paused()).key(keys.parked()).key(keys.pulse());
        call.arg(link.test_now()).arg(request.max).arg(micros(request.lease_for)).arg(MOVES_PER_TAKE);
        call.arg(request.worker.name()).arg(request.worker.incarnation()).arg(request.call);
        call.arg(if request.suspect { "1" } else { "" });
        call.arg(TAKEN_BYTES_MAX).arg(&filter.name).arg(filter.first());
        if filter.is_due() {
            filter.classes.iter().for_each(|class| _ = call.arg(class.as_str()));
        }
        let mut taken = answers::taken(link.run(&call).await?)?;
        if taken.is_none() {
            // The store has lost what it knew.
            filter.classes.iter().for_each(|class| _ = call.arg(class.as_str()));
            taken = answers::taken(link.run(&call).await?)?;
        }
        let taken =
            taken.ok_or_else(|| QueueError::unavailable(&self.place, "it keeps no list of classes"))?;
        self.filters.told(&filter, &taken);
        Ok(taken)
    }
}

impl RedisQueue {
    pub(super) async fn wait_for_work(&self, at_most: Duration) -> Result<(), QueueError> {
        // Only one blocks at Redis; others wait for it here, and then look again.
        let Ok(mut slot) = self.waiting.try_lock() else {
            tokio::time::sleep(at_most.min(WAIT_MAX)).await;
            return Ok(());
        };
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.core.link.own(RESPONSE_TIMEOUT).await?,
        };
        connection.set_response_timeout(at_most + RESPONSE_TIMEOUT);
        let mut command = redis::cmd("BLPOP");
        // A timeout of 0 would block for ever.
        command.arg(self.core.keys.wake()).arg(at_most.as_secs_f64().max(0.001));
        // If this future is dropped here the connection goes with it, so no forgotten BLPOP eats a later token.
        let answer: Result<Option<(String, Bytes)>, _> = command.query_async(&mut connection).await;
        match answer {
            Ok(_) => {
                *slot = Some(connection);
                Ok(())
            }
            Err(error) => Err(self.core.link.translate(error)),
        }
    }

    pub(super) async fn renew_leases(
        &self,
        leases: &[Lease],
        lease_for: Duration,
    ) -> Result<Vec<Renewal>, QueueError> {
        let Core { keys, scripts, .. } = &*self.core;
        let mut renewals = Vec::with_capacity(leases.len());
        let mut parts = leases.chunks(RENEWED_TOGETHER);
        // Without any lease the call still tells that the store serves.
        let mut part = Some(parts.next().unwrap_or_default());
        while let Some(some) = part {
            let mut call = scripts.renew.key(keys.base());
            call.key(keys.lease()).key(keys.pulse());
            call.arg(self.heartbeat.test_now()).arg(micros(lease_for));
            for lease in some {
                call.key(keys.run(&lease.lane)).arg(lease.lane.as_str()).arg(proof(lease));
            }
            let kept: Vec<bool> = self.heartbeat.run(&call).await?;
            renewals.extend(kept.into_iter().map(|kept| if kept { Renewal::Kept } else { Renewal::Lost }));
            part = parts.next();
        }
        Ok(renewals)
    }
}
