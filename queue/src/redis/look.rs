//! What can be seen of the queue without changing it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Core, answers};
use crate::{
    Class, Counts, DEAD_SCAN_MAX, DeadCursor, DeadFilter, DeadLetter, DeadPage, Lane, LaneView, MessageId,
    QueueError, Violation,
};

const LANE_VIEW_MAX: usize = 100;
/// Lanes audited by one call: a script must be short.
const AUDITED_TOGETHER: usize = 50;
/// Keys looked at by one SCAN, which must be short as well.
const SCANNED_TOGETHER: usize = 200;
/// Of a list or a set read by one call.
const READ_TOGETHER: i64 = 1_000;
/// The keys that all share, and what they are.
const SHARED_KEYS: &[(&str, &str)] = &[
    ("open", "hash"),
    ("lease", "zset"),
    ("delay", "zset"),
    ("hold", "zset"),
    ("parked", "zset"),
    ("paused", "hash"),
    ("pulse", "hash"),
    ("dead", "zset"),
    ("arrived", "hash"),
    ("counter", "string"),
    ("wake", "list"),
    ("classes:ready", "zset"),
    ("classes:suspect", "zset"),
];
/// Keys whose names end in that of a lane.
const LANE_KEYS: &[&str] = &["lane", "older", "run", "held", "sends"];
/// What the script says of a lane of which it could not read everything.
const UNREADABLE: &str = "can't be read";
/// Lanes looked at again by one call, and in all: more of them wrong is no more to mend.
const DOUBTFUL_TOGETHER: usize = 100;
const DOUBTFUL_MAX: usize = 1_000;

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
        let (mut violations, is_whole) = self.damaged().await?;
        if !is_whole {
            // Nothing can be said of the rest before that is mended.
            return Ok(violations);
        }
        let before = self.sums().await?;
        let (mut messages, mut held) = (0, 0);
        let ready = self.ready().await?;
        let (mut doubtful, mut is_readable) = (Vec::new(), true);
        for lanes in self.lanes(&ready).await?.chunks(AUDITED_TOGETHER) {
            let page = self.audit_page(lanes, Some(&ready)).await?;
            messages += page.messages;
            held += page.held;
            is_readable &= !page.violations.iter().any(|violation| violation.problem.contains(UNREADABLE));
            doubtful.extend(page.violations.into_iter().map(|violation| violation.lane));
        }
        // A lane may have moved since the lists were read. So what seems wrong is looked at again, all in one step.
        doubtful.dedup();
        for lanes in doubtful.chunks(DOUBTFUL_TOGETHER).take(DOUBTFUL_MAX / DOUBTFUL_TOGETHER) {
            violations.extend(self.audit_page(lanes, None).await?.violations);
        }
        // The lanes are looked at one page after the other, so that the sums mean something only if nothing moved meanwhile.
        let after = self.sums().await?;
        // What can't be read can't be counted.
        if !is_readable {
            return Ok(violations);
        }
        if before == after && after.0 != i64::try_from(messages).unwrap_or(i64::MAX) {
            let problem = format!("{messages} messages in all lanes, but {} are counted as open", after.0);
            violations.push(Violation { lane: String::new(), problem });
        }
        if before == after && after.1 != held {
            let problem = format!("{held} messages are held, but {} have an end", after.1);
            violations.push(Violation { lane: String::new(), problem });
        }
        Ok(violations)
    }

    /// What was set aside, and the keys shared by all that have a wrong type; whether there are none of these.
    async fn damaged(&self) -> Result<(Vec<Violation>, bool), QueueError> {
        let Self { link, keys, .. } = self;
        let mut found = Vec::new();
        for (name, right) in SHARED_KEYS {
            let key = format!("{}{name}", keys.base());
            let kind: String = link.query(redis::cmd("TYPE").arg(&key)).await?;
            if kind != "none" && kind != *right {
                let problem = format!(
                    "{key} is a {kind} and should be a {right}: it is set aside when it is used, and begun anew"
                );
                found.push(Violation { lane: String::new(), problem });
            }
        }
        let is_whole = found.is_empty();
        let start = keys.damaged();
        for key in self.scan(&start).await? {
            let (since, name) = key[start.len()..].split_once(':').unwrap_or_default();
            let kind_and_lane = name.split_once(':');
            let lane =
                kind_and_lane.filter(|(kind, _)| LANE_KEYS.contains(kind)).map_or("", |(_, lane)| lane);
            let since_s = since.parse::<u64>().unwrap_or(0) / 1_000_000;
            let problem = format!(
                "{name} was damaged and is set aside since the Unix time {since_s}: look at it, then `redis-cli UNLINK \
                 '{key}'`"
            );
            found.push(Violation { lane: lane.to_owned(), problem });
        }
        Ok((found, is_whole))
    }

    /// The keys that begin like this.
    async fn scan(&self, start: &str) -> Result<Vec<String>, QueueError> {
        let (mut keys, mut cursor) = (Vec::new(), 0_u64);
        loop {
            let mut scan = redis::cmd("SCAN");
            let pattern = format!("{}*", escape_glob(start));
            scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCANNED_TOGETHER);
            let (next, found): (u64, Vec<Vec<u8>>) = self.link.query(&scan).await?;
            keys.extend(found.iter().map(|key| String::from_utf8_lossy(key).into_owned()));
            if next == 0 {
                return Ok(keys);
            }
            cursor = next;
        }
    }

    /// Audits some lanes, with what is known of where they are ready.
    async fn audit_page(
        &self,
        lanes: &[String],
        ready: Option<&BTreeMap<String, (u64, String)>>,
    ) -> Result<answers::Audited, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.audit.key(keys.base());
        call.key(keys.open()).key(keys.lease()).key(keys.delay()).key(keys.parked());
        call.key(keys.hold()).key(keys.paused()).arg(link.test_now());
        call.arg(if ready.is_some() { "1" } else { "" });
        for lane in lanes {
            let (times, list) = match ready {
                Some(ready) => {
                    ready.get(lane).map_or(("0".to_owned(), ""), |(n, list)| (n.to_string(), list))
                }
                None => (String::new(), ""),
            };
            call.arg(lane).arg(times).arg(list);
        }
        answers::audited(link.run(&call).await?)
    }

    /// The open messages and the held ones, as they are counted.
    async fn sums(&self) -> Result<(i64, u64), QueueError> {
        let Self { link, keys, .. } = self;
        let open: Vec<String> = link.query(redis::cmd("HVALS").arg(keys.open())).await?;
        let held = link.query(redis::cmd("ZCARD").arg(keys.hold())).await?;
        Ok((open.iter().map(|open| open.parse().unwrap_or(0_i64)).sum(), held))
    }

    /// Every ready lane: how often it stands in the ready lists, and in which one.
    async fn ready(&self) -> Result<BTreeMap<String, (u64, String)>, QueueError> {
        let Self { link, keys, .. } = self;
        let mut ready = BTreeMap::new();
        let classes: Vec<String> = link.query(redis::cmd("HKEYS").arg(keys.open())).await?;
        for class in classes.into_iter().map(Class::from_stored) {
            for (key, list) in [
                (keys.ready(&class), format!("ready:{class}")),
                (keys.suspect(&class), format!("suspect:{class}")),
            ] {
                let mut from = 0;
                loop {
                    let to = from + READ_TOGETHER - 1;
                    let some = link.query(redis::cmd("LRANGE").arg(&key).arg(from).arg(to)).await;
                    let some: Vec<String> = match some {
                        // It is set aside when it is used; the lanes that stood in it stand nowhere, which is found.
                        Err(QueueError::Damaged { .. }) => Vec::new(),
                        some => some?,
                    };
                    let last = some.len() < usize::try_from(READ_TOGETHER).unwrap_or(usize::MAX);
                    for lane in some {
                        let (times, _) = ready.entry(lane).or_insert((0, list.clone()));
                        *times += 1;
                    }
                    if last {
                        break;
                    }
                    from += READ_TOGETHER;
                }
            }
        }
        Ok(ready)
    }

    /// Every lane that any key names, found by scanning, and the ready ones.
    async fn lanes(&self, ready: &BTreeMap<String, (u64, String)>) -> Result<Vec<String>, QueueError> {
        let Self { link, keys, .. } = self;
        let mut lanes: BTreeSet<String> = ready.keys().cloned().collect();
        for kind in LANE_KEYS {
            let start = format!("{}{kind}:", keys.base());
            let found = self.scan(&start).await?;
            lanes.extend(found.iter().filter_map(|key| key.strip_prefix(&start)).map(str::to_owned));
        }
        for key in [keys.lease(), keys.delay(), keys.parked()] {
            let mut cursor = 0_u64;
            loop {
                let mut scan = redis::cmd("ZSCAN");
                scan.arg(&key).arg(cursor).arg("COUNT").arg(READ_TOGETHER);
                let (next, found): (u64, Vec<(String, f64)>) = link.query(&scan).await?;
                lanes.extend(found.into_iter().map(|(lane, _)| lane));
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(lanes.into_iter().collect())
    }
}

fn escape_glob(text: &str) -> String {
    text.chars().flat_map(|c| if "*?[]\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}
