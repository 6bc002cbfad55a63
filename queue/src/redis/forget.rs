//! Removing all that is kept of a lane: a few short scripts, then its dead letters and its journal, page by page.

use std::time::{Duration, Instant};

use super::scripts::SCRIPTS;
use super::{Core, RedisQueue};
use crate::{
    Compaction, DEAD_SCAN_MAX, DeadFilter, Forgotten, Journal as _, Lane, Operator as _, QueueError,
};

/// Messages of a lane that one script removes.
const MESSAGES_TOGETHER: u64 = 500;
/// How long to wait for the end of a rewrite that is under way, and the pause between two looks.
const REWRITE_WITHIN: Duration = Duration::from_secs(5);
const REWRITE_PAUSE: Duration = Duration::from_millis(50);
/// Records of the journal that one script copies: about a millisecond.
const RECORDS_TOGETHER: usize = 200;

impl RedisQueue {
    /// The lane first: from then on nothing of it can die or end.
    pub(super) async fn forget_all_of(&self, lane: &Lane) -> Result<Forgotten, QueueError> {
        let mut forgotten = self.forget_lane(lane).await?;
        let filter = DeadFilter { lane: Some(lane.clone()), ..DeadFilter::default() };
        let mut after = None;
        loop {
            let page = self.dead(&filter, after.as_ref(), DEAD_SCAN_MAX).await?;
            let ids: Vec<_> = page.letters.into_iter().map(|letter| letter.id).collect();
            forgotten.dead += self.drop_dead(&ids).await?.iter().filter(|done| **done).count() as u64;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        forgotten.journal = self.forget_journal(lane).await?;
        self.core.remove_set_aside(lane).await?;
        Ok(forgotten)
    }

    /// Copies the journal, and has Redis write its append-only file anew.
    pub(super) async fn rewrite_log(&self) -> Result<Compaction, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        // A copy that was interrupted may have what has been deleted since.
        link.query::<()>(redis::cmd("DEL").arg(keys.anew())).await?;
        let mut copy = self.core.call(&SCRIPTS.copy);
        copy.key(keys.journal()).key(keys.anew()).arg(RECORDS_TOGETHER);
        while !link.run::<bool>(&copy).await? {}
        let deadline = Instant::now() + REWRITE_WITHIN;
        loop {
            let info: String = link.query(redis::cmd("INFO").arg("persistence")).await?;
            if !info.contains("aof_enabled:1") {
                return Ok(Compaction::Needless);
            }
            // One that began earlier may have begun before the removal.
            if info.contains("aof_rewrite_in_progress:0") {
                break;
            }
            if Instant::now() > deadline {
                let busy = "it writes its append-only file anew already: try again when that is done";
                return Err(QueueError::unavailable(&self.core.place, busy));
            }
            tokio::time::sleep(REWRITE_PAUSE).await;
        }
        link.query::<()>(&redis::cmd("BGREWRITEAOF")).await?;
        Ok(Compaction::Begun)
    }

    async fn forget_lane(&self, lane: &Lane) -> Result<Forgotten, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.forget);
        call.key(keys.lane(lane)).key(keys.older(lane)).key(keys.run(lane)).key(keys.held(lane));
        call.key(keys.sends(lane)).key(keys.memory(lane)).key(keys.newest(lane));
        call.key(keys.lease()).key(keys.delay()).key(keys.parked()).key(keys.hold()).key(keys.paused());
        call.key(keys.open()).arg(lane.as_str()).arg(MESSAGES_TOGETHER);
        let mut forgotten = Forgotten::default();
        loop {
            let (messages, held, memory, paused, more): (u64, u64, bool, bool, bool) =
                link.run(&call).await?;
            forgotten.messages += messages;
            forgotten.held += held;
            forgotten.memory |= memory;
            forgotten.paused |= paused;
            if !more {
                return Ok(forgotten);
            }
        }
    }
}
