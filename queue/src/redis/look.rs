//! What can be seen of the queue without changing it.

use std::time::Duration;

use redis::Value;

use super::{Core, answers};
use crate::clock::micros;
use crate::{
    Class, Counts, DEAD_SCAN_MAX, DeadCursor, DeadFilter, DeadLetter, DeadPage, Lane, LaneSnapshot,
    MessageId, QueueError,
};

const LANE_VIEW_MAX: usize = 100;
/// Calls for a sample of the keys.
const SAMPLES: usize = 20;

impl Core {
    pub(super) async fn counts(&self) -> Result<Counts, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.counts.key(keys.base());
        call.key(keys.open()).key(keys.lease()).key(keys.delay()).key(keys.parked()).key(keys.hold());
        call.key(keys.dead()).key(keys.arrived()).arg(link.test_now());
        answers::counts(link.run(&call).await?)
    }

    pub(super) async fn lane(&self, lane: &Lane) -> Result<Option<LaneSnapshot>, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.lane.key(keys.base());
        call.key(keys.lane(lane)).key(keys.older(lane)).key(keys.run(lane)).key(keys.held(lane));
        call.key(keys.lease()).key(keys.delay()).key(keys.parked()).key(keys.paused());
        call.arg(link.test_now()).arg(lane.as_str()).arg(LANE_VIEW_MAX);
        answers::lane_view(link.run(&call).await?)
    }

    pub(super) async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u64,
    ) -> Result<DeadPage, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        // Behind a 1, since a condition may be any text.
        let given = |text: Option<&str>| text.map(|text| format!("1{text}")).unwrap_or_default();
        let mut call = scripts.dead.key(keys.base());
        call.key(keys.dead()).arg(link.test_now());
        call.arg(after.map_or("", |after| after.id.as_str())).arg(after.map_or(0, |after| after.died_us));
        call.arg(limit.min(DEAD_SCAN_MAX)).arg(DEAD_SCAN_MAX);
        call.arg(given(filter.class.as_ref().map(Class::as_str)));
        call.arg(given(filter.lane.as_ref().map(Lane::as_str)));
        call.arg(filter.reason.as_deref().unwrap_or_default());
        answers::dead_page(link.run(&call).await?)
    }

    pub(super) async fn known_ids(&self) -> Result<u64, QueueError> {
        let Self { link, keys, .. } = self;
        let mark = format!("{}seen:", keys.base());
        let (mut known, mut sampled, mut cursor) = (0, 0, 0_u64);
        // Keys come in the order of their hashes, so the first ones are as good as any.
        for _ in 0..SAMPLES {
            let mut scan = redis::cmd("SCAN");
            let (next, found): (u64, Vec<Vec<u8>>) =
                link.query(scan.arg(cursor).arg("COUNT").arg(500)).await?;
            sampled += found.len() as u64;
            known += found.iter().filter(|key| key.starts_with(mark.as_bytes())).count() as u64;
            if next == 0 {
                return Ok(known);
            }
            cursor = next;
        }
        let keys: u64 = link.query(&redis::cmd("DBSIZE")).await?;
        Ok(known.saturating_mul(keys).checked_div(sampled).unwrap_or(0))
    }

    pub(super) async fn oldest_dead(
        &self,
        max_age: Duration,
        max: u64,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let Self { link, keys, scripts, place, .. } = self;
        let mut call = scripts.oldest.key(keys.base());
        call.key(keys.dead()).arg(link.test_now()).arg(micros(max_age)).arg(max).arg(DEAD_SCAN_MAX);
        let mut letters = Vec::new();
        for (id, letter) in link.run::<Vec<(Vec<u8>, Value)>>(&call).await? {
            match answers::dead_letter(letter) {
                Ok(Some(letter)) => letters.push(letter),
                // It can't be shown nor revived, and would be the oldest for ever.
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

    pub(super) async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        let fields = ["packed", "lane", "reason", "died_us", "failures", "losses"];
        let letter = self.link.query(redis::cmd("HMGET").arg(self.keys.letter(id)).arg(&fields)).await?;
        answers::dead_letter(letter)
    }
}
