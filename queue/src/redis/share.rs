//! What the users of a queue share in it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::scripts::SCRIPTS;
use super::{RedisQueue, answers};
use crate::clock::micros;
use crate::message::check_bytes;
use crate::name::check_name;
use crate::{QueueError, Shared};

#[async_trait]
impl Shared for RedisQueue {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError> {
        check_name(name)?;
        let mut call = self.core.call(&SCRIPTS.get);
        call.key(self.core.keys.value(name));
        Ok(self.core.link.run::<Option<Vec<u8>>>(&call).await?.map(Bytes::from))
    }

    async fn set(&self, name: &str, value: Bytes, keep_for: Duration) -> Result<(), QueueError> {
        check_name(name)?;
        check_bytes("value", &value)?;
        let mut call = self.core.call(&SCRIPTS.set);
        // An expiry of 0 is refused by Redis.
        let keep_ms = (micros(keep_for) / 1000).max(1);
        call.key(self.core.keys.value(name)).arg(value.as_ref()).arg(keep_ms).arg(name);
        self.core.link.run(&call).await
    }

    async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError> {
        let mut call = self.core.call(&SCRIPTS.values);
        call.key(self.core.keys.folder(folder));
        answers::values(self.core.link.run(&call).await?)
    }

    async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError> {
        check_name(name)?;
        let mut call = self.core.call(&SCRIPTS.limit);
        let one_us = micros(per) / u64::from(n.max(1));
        call.key(self.core.keys.limit(name)).arg(one_us).arg(micros(per));
        Ok(Duration::from_micros(self.core.link.run(&call).await?))
    }
}
