//! What can be seen of the queue without changing it.

use std::collections::BTreeSet;

use super::{Core, answers};
use crate::{
    Class, Counts, DEAD_SCAN_MAX, DeadCursor, DeadFilter, DeadLetter, DeadPage, Lane, LaneView, MessageId,
    QueueError, Violation,
};

const LANE_VIEW_MAX: usize = 100;
/// Lanes audited by one call.
const AUDITED_TOGETHER: usize = 500;

impl Core {
    pub(super) async fn counts(&self) -> Result<Counts, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.counts.key(keys.base());
        call.key(keys.open()).key(keys.lease()).key(keys.delay()).key(keys.parked()).key(keys.hold());
        call.key(keys.dead()).key(keys.arrived()).arg(link.test_now());
        answers::counts(link.run(&call).await?)
    }

    pub(super) async fn lane(&self, lane: &Lane) -> Result<Option<LaneView>, QueueError> {
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

    pub(super) async fn dead_letter(&self, id: &MessageId) -> Result<Option<DeadLetter>, QueueError> {
        let fields = ["packed", "lane", "reason", "died_us", "failures", "losses"];
        let letter = self.link.query(redis::cmd("HMGET").arg(self.keys.letter(id)).arg(&fields)).await?;
        answers::dead_letter(letter)
    }

    pub(super) async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut violations = Vec::new();
        let (mut messages, mut held) = (0, 0);
        for lanes in self.lanes().await?.chunks(AUDITED_TOGETHER) {
            let mut call = scripts.audit.key(keys.base());
            call.key(keys.open()).key(keys.lease()).key(keys.delay()).key(keys.parked());
            call.key(keys.hold()).key(keys.paused()).arg(link.test_now());
            for lane in lanes {
                call.arg(lane);
            }
            let (counted, holding, found) = answers::audited(link.run(&call).await?)?;
            messages += counted;
            held += holding;
            violations.extend(found);
        }
        let mut of_the_whole = |problem| violations.push(Violation { lane: String::new(), problem });
        let open: Vec<i64> = link.query(redis::cmd("HVALS").arg(keys.open())).await?;
        if open.iter().sum::<i64>() != i64::try_from(messages).unwrap_or(i64::MAX) {
            of_the_whole(format!(
                "{messages} messages in all lanes, but the counts of open ones are {open:?}"
            ));
        }
        let ends: u64 = link.query(redis::cmd("ZCARD").arg(keys.hold())).await?;
        if ends != held {
            of_the_whole(format!("{held} messages are held, but {ends} have an end"));
        }
        Ok(violations)
    }

    /// Every lane that any key names, found by scanning.
    async fn lanes(&self) -> Result<Vec<String>, QueueError> {
        let Self { link, keys, .. } = self;
        let mut lanes = BTreeSet::new();
        for kind in ["lane:", "older:", "run:", "held:"] {
            let start = format!("{}{kind}", keys.base());
            let mut cursor = 0_u64;
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(format!("{}*", escape_glob(&start))).arg("COUNT").arg(1000);
                let (next, found): (u64, Vec<String>) = link.query(&scan).await?;
                lanes.extend(found.iter().filter_map(|key| key.strip_prefix(&start)).map(str::to_owned));
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        for key in [keys.lease(), keys.delay(), keys.parked()] {
            let members: Vec<String> = link.query(redis::cmd("ZRANGE").arg(key).arg(0).arg(-1)).await?;
            lanes.extend(members);
        }
        let classes: Vec<String> = link.query(redis::cmd("HKEYS").arg(keys.open())).await?;
        for class in classes.into_iter().map(Class::from_stored) {
            for key in [keys.ready(&class), keys.suspect(&class)] {
                let members: Vec<String> = link.query(redis::cmd("LRANGE").arg(key).arg(0).arg(-1)).await?;
                lanes.extend(members);
            }
        }
        Ok(lanes.into_iter().collect())
    }
}

fn escape_glob(text: &str) -> String {
    text.chars().flat_map(|c| if "*?[]\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}
