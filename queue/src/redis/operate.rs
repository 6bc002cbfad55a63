//! What can be seen of the queue, and what a person does with it.

use std::time::Duration;

use async_trait::async_trait;
use redis::Value;

use super::scripts::SCRIPTS;
use super::{Core, RedisQueue, answers};
use crate::clock::micros;
use crate::{
    Class, Compaction, Counts, DEAD_SCAN_MAX, DeadCursor, DeadFilter, DeadLetter, DeadPage, Forgotten, Lane,
    LaneSnapshot, MessageId, Operator, Paused, QueueError, Scope, Violation,
};

const LANE_VIEW_MAX: usize = 100;
/// Letters revived or dropped by one call: a script must be short.
const LETTERS_TOGETHER: usize = 64;
/// How much of what is paused is shown.
const PAUSED_MAX: usize = 1_000;

#[async_trait]
impl Operator for RedisQueue {
    async fn counts(&self) -> Result<Counts, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.counts);
        call.key(keys.open()).key(keys.lease()).key(keys.delay()).key(keys.parked()).key(keys.hold());
        call.key(keys.dead()).key(keys.arrived());
        answers::counts(link.run(&call).await?)
    }

    async fn lane(&self, lane: &Lane) -> Result<Option<LaneSnapshot>, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.lane);
        call.key(keys.lane(lane)).key(keys.older(lane)).key(keys.run(lane)).key(keys.held(lane));
        call.key(keys.lease()).key(keys.delay()).key(keys.parked()).key(keys.paused());
        call.arg(lane.as_str()).arg(LANE_VIEW_MAX);
        answers::lane_view(link.run(&call).await?)
    }

    async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u64,
    ) -> Result<DeadPage, QueueError> {
        // Behind a 1, since a condition may be any text.
        let given = |text: Option<&str>| text.map(|text| format!("1{text}")).unwrap_or_default();
        let mut call = self.core.call(&SCRIPTS.dead);
        call.key(self.core.keys.dead());
        call.arg(after.map_or("", |after| after.id.as_str())).arg(after.map_or(0, |after| after.died_us));
        call.arg(limit.min(DEAD_SCAN_MAX)).arg(DEAD_SCAN_MAX);
        call.arg(given(filter.class.as_ref().map(Class::as_str)));
        call.arg(given(filter.lane.as_ref().map(Lane::as_str)));
        call.arg(filter.reason.as_deref().unwrap_or_default());
        answers::dead_page(self.core.link.run(&call).await?)
    }

    async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        let fields = ["packed", "lane", "reason", "died_us", "failures", "losses"];
        let letter =
            self.core.link.query(redis::cmd("HMGET").arg(self.core.keys.letter(id)).arg(&fields)).await?;
        answers::dead_letter(letter)
    }

    async fn oldest_dead(&self, max_age: Duration, max: u64) -> Result<Vec<DeadLetter>, QueueError> {
        let Core { link, keys, place, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.oldest);
        call.key(keys.dead()).arg(micros(max_age)).arg(max).arg(DEAD_SCAN_MAX);
        let mut letters = Vec::new();
        for (id, letter) in link.run::<Vec<(Vec<u8>, Value)>>(&call).await? {
            match answers::dead_letter(letter) {
                Ok(Some(letter)) => letters.push(letter),
                // It can't be shown or revived, and would stay the oldest for ever.
                _ => {
                    let name = String::from_utf8_lossy(&id).into_owned();
                    tracing::error!(place, id = name, "a dead letter that can't be read is dropped");
                    self.drop_dead(&[MessageId::from_stored(name)]).await?;
                    // Also where the name was no text.
                    link.query::<()>(redis::cmd("ZREM").arg(keys.dead()).arg(id)).await?;
                }
            }
        }
        Ok(letters)
    }

    async fn revive(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut revived = Vec::with_capacity(ids.len());
        for some in ids.chunks(LETTERS_TOGETHER) {
            let mut call = self.core.call(&SCRIPTS.revive);
            call.key(keys.wake()).key(keys.open()).key(keys.dead()).key(keys.arrived());
            for id in some {
                call.key(keys.letter(id)).key(keys.answered(id)).arg(id.as_str());
            }
            revived.extend(link.run::<Vec<bool>>(&call).await?);
        }
        Ok(revived)
    }

    async fn drop_dead(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut dropped = Vec::with_capacity(ids.len());
        for some in ids.chunks(LETTERS_TOGETHER) {
            let mut call = self.core.call(&SCRIPTS.drop);
            call.key(keys.dead()).key(keys.arrived());
            for id in some {
                call.key(keys.letter(id)).arg(id.as_str());
            }
            dropped.extend(link.run::<Vec<bool>>(&call).await?);
        }
        Ok(dropped)
    }

    async fn pause(&self, scope: &Scope, reason: &str) -> Result<(), QueueError> {
        let mut call = self.core.call(&SCRIPTS.pause);
        call.key(self.core.keys.paused()).arg(field_of(scope)).arg(reason);
        self.core.link.run(&call).await
    }

    async fn resume(&self, scope: &Scope) -> Result<bool, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.resume);
        call.key(keys.wake()).key(keys.paused()).key(keys.parked()).arg(field_of(scope));
        link.run(&call).await
    }

    async fn paused(&self) -> Result<Vec<Paused>, QueueError> {
        let mut paused = Vec::new();
        let mut cursor = 0_u64;
        // By parts, since many lanes may be paused.
        while paused.len() < PAUSED_MAX {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(self.core.keys.paused()).arg(cursor).arg("COUNT").arg(PAUSED_MAX);
            let (next, found): (u64, Vec<(String, String)>) = self.core.link.query(&scan).await?;
            for (field, value) in found {
                // An unreadable entry pauses nothing that has a name.
                paused.extend(answers::paused(&field, &value));
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
        paused.sort_by(|a, b| a.scope.cmp(&b.scope));
        // A scan may show something twice.
        paused.dedup_by(|a, b| a.scope == b.scope);
        paused.truncate(PAUSED_MAX);
        Ok(paused)
    }

    async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        self.core.audit().await
    }

    async fn forget(&self, lane: &Lane) -> Result<Forgotten, QueueError> {
        self.forget_all_of(lane).await
    }

    async fn compact(&self) -> Result<Compaction, QueueError> {
        self.rewrite_log().await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        // A real script, so that a Redis that answers PING but can't run one isn't called ready.
        self.core.link.run(&self.core.call(&SCRIPTS.ping)).await
    }

    fn place(&self) -> &str {
        &self.core.place
    }
}

/// The field of what is paused.
fn field_of(scope: &Scope) -> String {
    match scope {
        Scope::All => "*".to_owned(),
        Scope::Class(class) => format!("c{class}"),
        Scope::Lane(lane) => format!("l{lane}"),
    }
}
