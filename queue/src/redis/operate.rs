//! What a person does with the queue, and what its users share in it.

use std::time::Duration;

use bytes::Bytes;
use redis::Value;

use super::{Core, answers, errors};
use crate::clock::micros;
use crate::{MessageId, Paused, QueueError, Scope};

/// Letters revived or dropped by one call: a script must be short.
const LETTERS_TOGETHER: usize = 64;
/// How much of what is paused is shown.
const PAUSED_MAX: usize = 1_000;

impl Core {
    pub(super) async fn revive(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut revived = Vec::with_capacity(ids.len());
        for some in ids.chunks(LETTERS_TOGETHER) {
            let mut call = scripts.revive.key(keys.base());
            call.key(keys.wake()).key(keys.open()).key(keys.dead()).key(keys.arrived()).arg(link.test_now());
            for id in some {
                call.key(keys.letter(id)).key(keys.answered(id)).arg(id.as_str());
            }
            revived.extend(link.run::<Vec<bool>>(&call).await?);
        }
        Ok(revived)
    }

    pub(super) async fn drop_dead(&self, ids: &[MessageId]) -> Result<Vec<bool>, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut dropped = Vec::with_capacity(ids.len());
        for some in ids.chunks(LETTERS_TOGETHER) {
            let mut call = scripts.drop.key(keys.base());
            call.key(keys.dead()).key(keys.arrived()).arg(link.test_now());
            for id in some {
                call.key(keys.letter(id)).arg(id.as_str());
            }
            dropped.extend(link.run::<Vec<bool>>(&call).await?);
        }
        Ok(dropped)
    }

    pub(super) async fn pause(&self, scope: &Scope, reason: &str) -> Result<(), QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.pause.key(keys.base());
        call.key(keys.paused()).arg(link.test_now()).arg(field_of(scope)).arg(reason);
        link.run::<Value>(&call).await.map(|_| ())
    }

    pub(super) async fn resume(&self, scope: &Scope) -> Result<bool, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.resume.key(keys.base());
        call.key(keys.wake()).key(keys.paused()).key(keys.parked()).arg(link.test_now()).arg(field_of(scope));
        link.run(&call).await
    }

    pub(super) async fn paused(&self) -> Result<Vec<Paused>, QueueError> {
        let mut paused = Vec::new();
        let mut cursor = 0_u64;
        // By parts, since many lanes may be paused.
        while paused.len() < PAUSED_MAX {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(self.keys.paused()).arg(cursor).arg("COUNT").arg(PAUSED_MAX);
            let (next, found): (u64, Vec<(String, String)>) = self.link.query(&scan).await?;
            for (field, value) in found {
                // What can't be read pauses nothing that has a name.
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

    pub(super) async fn beat(&self) -> Result<(), QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.beat.key(keys.base());
        call.key(keys.pulse()).arg(link.test_now());
        link.run::<Value>(&call).await.map(|_| ())
    }

    pub(super) async fn probe(&self) -> Result<(), QueueError> {
        let Self { link, keys, scripts, place, .. } = self;
        let mut call = scripts.probe.key(keys.base());
        call.key(keys.probe()).arg(link.test_now());
        let refused: Option<String> = link.run(&call).await?;
        refused.map_or(Ok(()), |refused| Err(errors::refused(place, refused)))
    }

    pub(super) async fn ping(&self) -> Result<(), QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.ping.key(keys.base());
        call.arg(link.test_now());
        link.run::<Value>(&call).await.map(|_| ())
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.get.key(keys.base());
        call.key(keys.value(name)).arg(link.test_now());
        Ok(link.run::<Option<Vec<u8>>>(&call).await?.map(Bytes::from))
    }

    pub(super) async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.values.key(keys.base());
        call.key(keys.folder(folder)).arg(link.test_now());
        answers::values(link.run(&call).await?)
    }

    pub(super) async fn set(&self, name: &str, value: &[u8], keep_for: Duration) -> Result<(), QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.set.key(keys.base());
        // An expiry of 0 is refused by Redis.
        let keep_ms = (micros(keep_for) / 1000).max(1);
        call.key(keys.value(name)).arg(link.test_now()).arg(value).arg(keep_ms).arg(name);
        link.run::<Value>(&call).await.map(|_| ())
    }

    pub(super) async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError> {
        let Self { link, keys, scripts, .. } = self;
        let mut call = scripts.limit.key(keys.base());
        let one_us = micros(per) / u64::from(n.max(1));
        call.key(keys.limit(name)).arg(link.test_now()).arg(one_us).arg(micros(per));
        Ok(Duration::from_micros(link.run(&call).await?))
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
