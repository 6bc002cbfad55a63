//! Answers that go out in the response of a push.

use std::time::Duration;

use async_trait::async_trait;

use super::SqliteQueue;
use crate::{Claimed, Class, Lane, OpenPush, PushTry, QueueError, Responder};

fn missing<T>() -> Result<T, QueueError> {
    Err(QueueError::Invalid("this engine can't do that yet".to_owned()))
}

#[async_trait]
impl Responder for SqliteQueue {
    async fn open(&self, _lane: &Lane, _push: &OpenPush) -> Result<u32, QueueError> {
        missing()
    }

    async fn claim(
        &self,
        _lane: &Lane,
        _class: &Class,
        _push: &PushTry,
        _within: Duration,
    ) -> Result<Claimed, QueueError> {
        missing()
    }

    async fn confirm(&self, _lane: &Lane, _push: &PushTry, _written: bool) -> Result<(), QueueError> {
        missing()
    }

    async fn announce(&self, _lane: &Lane) -> Result<(), QueueError> {
        missing()
    }

    async fn news(&self, _receiver: &str, _at_most: Duration) -> Result<Vec<Lane>, QueueError> {
        missing()
    }
}
