//! Checks the invariant over the whole queue while it is in use.
//!
//! Nobody may notice the audit: no call reads more than a few lanes, or a part of a list. So lanes move between two calls,
//! and many seem wrong that aren't. A lane that seems wrong is looked at again. It is a finding if it seems wrong at each of
//! [`LOOKS`] looks and nothing happened to it in between. Rejected: a script that reads the ready lists and some lanes in one
//! step, which keeps everybody else from a Redis with a million ready lanes for more than a second.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis::FromRedisValue;

use super::answers::Audited;
use super::scripts::SCRIPTS;
use super::{Core, answers};
use crate::{Class, Lane, QueueError, Violation};

/// How often a lane must seem wrong, and the pause between.
const LOOKS: usize = 4;
const PAUSE: Duration = Duration::from_millis(50);
/// Lanes looked at by one call: well below a millisecond.
const LANES_TOGETHER: usize = 32;
/// Keys or members looked at by one call.
const READ_TOGETHER: i64 = 500;
/// Findings reported at most: longer lists help nobody.
const FOUND_MAX: usize = 1_000;

/// The keys that all lanes share, and what they are.
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
    ("seen:a", "hash"),
    ("seen:b", "hash"),
];
/// Keys whose names end in that of a lane.
const LANE_KEYS: &[&str] = &["lane", "older", "run", "held", "sends"];

/// A lane as its key names it. It is bytes, since a damaged name may be no text.
type Name = Vec<u8>;
/// Every ready lane: how often it is in the ready lists, and in which one.
type ReadyLanes = BTreeMap<Name, (u64, String)>;

impl Core {
    pub(super) async fn audit(&self) -> Result<Vec<Violation>, QueueError> {
        let (damaged, is_whole) = self.damaged().await?;
        if !is_whole {
            // Until that is fixed, nothing can be said of the rest.
            return Ok(damaged);
        }
        let (Audited { mut doubts, .. }, mut miscounted) = self.look_at_all().await?;
        for _ in 1..LOOKS {
            if !miscounted.is_empty() {
                let again = self.look_at_all().await?.1;
                miscounted.retain(|problem| again.contains(problem));
            }
            if !doubts.is_empty() {
                tokio::time::sleep(PAUSE).await;
                let lanes = doubts.keys().map(|(lane, _)| lane.clone()).collect();
                let again = self.look_at(lanes).await?.doubts;
                doubts = again.into_iter().filter(|(key, _)| doubts.contains_key(key)).collect();
            }
        }
        let miscounted = miscounted.into_iter().map(|problem| (String::new(), problem));
        let text = |lane: &Name| String::from_utf8_lossy(lane).into_owned();
        let wrong = doubts.into_iter().map(|((lane, _), problem)| (text(&lane), problem));
        let all = miscounted.chain(wrong).map(|(lane, problem)| Violation { lane, problem });
        Ok(damaged.into_iter().chain(all).take(FOUND_MAX).collect())
    }

    /// What was set aside, the shared keys of a wrong type, and whether there are no such keys.
    async fn damaged(&self) -> Result<(Vec<Violation>, bool), QueueError> {
        let Self { link, keys, .. } = self;
        let mut found = Vec::new();
        for (name, right) in SHARED_KEYS {
            let key = format!("{}{name}", keys.base());
            let kind: String = link.query(redis::cmd("TYPE").arg(&key)).await?;
            if kind != "none" && kind != *right {
                let problem = format!(
                    "{key} is a {kind} and should be a {right}: it is set aside and replaced at its next use"
                );
                found.push(Violation { lane: String::new(), problem });
            }
        }
        let is_whole = found.is_empty();
        let start = format!("{}damaged:", keys.base());
        let names = format!("{}*", escape_glob(&start));
        for key in self.scan::<Name>(&mut redis::cmd("SCAN"), &["MATCH", &names]).await? {
            let key = String::from_utf8_lossy(&key).into_owned();
            let (since, name) = key[start.len()..].split_once(':').unwrap_or_default();
            let kind_and_lane = name.split_once(':');
            let lane =
                kind_and_lane.filter(|(kind, _)| LANE_KEYS.contains(kind)).map_or("", |(_, lane)| lane);
            let since_s = since.parse::<u64>().unwrap_or(0) / 1_000_000;
            let problem = format!(
                "{name} was damaged and has been set aside since Unix time {since_s}: look at it, then run `redis-cli UNLINK \
                 '{key}'`"
            );
            found.push(Violation { lane: lane.to_owned(), problem });
        }
        Ok((found, is_whole))
    }

    /// One look at every lane, and what is wrong with the counts: a guess while messages come and go.
    async fn look_at_all(&self) -> Result<(Audited, Vec<String>), QueueError> {
        let (open, held) = self.sums().await?;
        let seen = self.look_at(self.lanes().await?).await?;
        let mut miscounted = Vec::new();
        // What can't be read can't be counted, and is a finding of its own.
        if seen.unreadable == 0 && (open, held) == self.sums().await? {
            if open != i64::try_from(seen.messages).unwrap_or(i64::MAX) {
                miscounted
                    .push(format!("{} messages in all lanes, but {open} are counted as open", seen.messages));
            }
            if held != seen.held {
                miscounted.push(format!("{} messages are held, but {held} have an end", seen.held));
            }
        }
        Ok((seen, miscounted))
    }

    async fn look_at(&self, lanes: BTreeSet<Name>) -> Result<Audited, QueueError> {
        let Self { link, keys, .. } = self;
        let (ready, mut seen) = (self.ready().await?, Audited::default());
        let lanes: Vec<_> = lanes.into_iter().collect();
        for some in lanes.chunks(LANES_TOGETHER) {
            let mut call = self.call(&SCRIPTS.audit);
            call.key(keys.lease()).key(keys.delay()).key(keys.parked()).key(keys.hold()).key(keys.paused());
            for lane in some {
                let (times, list) = ready.get(lane).map_or((0, ""), |(times, list)| (*times, list.as_str()));
                call.arg(lane).arg(times).arg(list);
            }
            answers::audited(link.run(&call).await?, &mut seen)?;
        }
        Ok(seen)
    }

    /// The open messages and the held ones, as they are counted.
    async fn sums(&self) -> Result<(i64, u64), QueueError> {
        let Self { link, keys, .. } = self;
        let open: Vec<String> = link.query(redis::cmd("HVALS").arg(keys.open())).await?;
        let held = link.query(redis::cmd("ZCARD").arg(keys.hold())).await?;
        Ok((open.iter().map(|open| open.parse().unwrap_or(0_i64)).sum(), held))
    }

    /// Every ready lane: how often it is in the ready lists, and in which one.
    async fn ready(&self) -> Result<ReadyLanes, QueueError> {
        let Self { link, keys, .. } = self;
        let mut ready = ReadyLanes::new();
        let classes: Vec<String> = link.query(redis::cmd("HKEYS").arg(keys.open())).await?;
        for class in classes.into_iter().map(Class::from_stored) {
            for (key, list) in [
                (keys.ready(&class), format!("ready:{class}")),
                (keys.suspect(&class), format!("suspect:{class}")),
            ] {
                for lane in self.list(&key).await? {
                    ready.entry(lane).or_insert((0, list.clone())).0 += 1;
                }
            }
        }
        Ok(ready)
    }

    /// Reads a list that changes at the same time, from its end to its front, so that no element that stays in it is missed.
    async fn list(&self, key: &str) -> Result<Vec<Name>, QueueError> {
        let (mut read, mut to) = (Vec::<Name>::new(), -1);
        loop {
            let from = to - READ_TOGETHER + 1;
            let part = self.link.query(redis::cmd("LRANGE").arg(key).arg(from).arg(to)).await;
            let part: Vec<Name> = match part {
                // The list is set aside at its next use. Its lanes seem to be nowhere, and the audit finds that.
                Err(QueueError::Damaged { .. }) => return Ok(Vec::new()),
                part => part?,
            };
            let is_last = part.len() < usize::try_from(READ_TOGETHER).unwrap_or(usize::MAX);
            // Lanes added at the end since then have pushed some that were already read into this part.
            let known = read.last().and_then(|last| part.iter().rposition(|lane| lane == last));
            let new = known.unwrap_or(part.len());
            read.extend(part.into_iter().take(new).rev());
            if is_last {
                return Ok(read);
            }
            to -= READ_TOGETHER;
        }
    }

    /// Every lane that any key names.
    async fn lanes(&self) -> Result<BTreeSet<Name>, QueueError> {
        let keys = &self.keys;
        let mut lanes: BTreeSet<Name> = self.ready().await?.into_keys().collect();
        // Exactly these five kinds of keys: the server needn't send the others.
        let names = format!("{}[hlors][aelu][dln]*", escape_glob(keys.base()));
        let mut scan = redis::cmd("SCAN");
        for key in self.scan::<Name>(&mut scan, &["MATCH", &names]).await? {
            let rest = key.strip_prefix(keys.base().as_bytes()).unwrap_or_default();
            let of = |kind: &&str| rest.strip_prefix(kind.as_bytes())?.strip_prefix(b":");
            lanes.extend(LANE_KEYS.iter().find_map(of).map(<[u8]>::to_vec));
        }
        for key in [keys.lease(), keys.delay(), keys.parked()] {
            let members = self.scan::<(Name, f64)>(redis::cmd("ZSCAN").arg(key), &[]).await?;
            lanes.extend(members.into_iter().map(|(lane, _)| lane));
        }
        Ok(lanes)
    }

    /// Removes what was set aside as damaged of this lane.
    pub(super) async fn remove_set_aside(&self, lane: &Lane) -> Result<(), QueueError> {
        let base = self.keys.base();
        let names =
            format!("{}*{}", escape_glob(&format!("{base}damaged:")), escape_glob(&format!(":{lane}")));
        for key in self.scan::<Name>(&mut redis::cmd("SCAN"), &["MATCH", &names]).await? {
            self.link.query::<()>(redis::cmd("DEL").arg(key)).await?;
        }
        Ok(())
    }

    /// All that a scanning command gives.
    async fn scan<T: FromRedisValue>(
        &self,
        command: &mut redis::Cmd,
        options: &[&str],
    ) -> Result<Vec<T>, QueueError> {
        let (mut all, mut cursor) = (Vec::new(), 0_u64);
        loop {
            let mut scan = command.clone();
            scan.arg(cursor).arg(options).arg("COUNT").arg(READ_TOGETHER);
            let (next, found): (u64, Vec<T>) = self.link.query(&scan).await?;
            all.extend(found);
            if next == 0 {
                return Ok(all);
            }
            cursor = next;
        }
    }
}

fn escape_glob(text: &str) -> String {
    text.chars().flat_map(|c| if "*?[]\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}
