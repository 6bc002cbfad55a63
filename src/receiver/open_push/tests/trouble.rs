//! A queue that is slow or fails, and clients that leave at the worst moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use huixin_queue::prelude::*;
use huixin_queue::testing::ReferenceQueue;
use huixin_queue::{Claimed, Class, Lane, OpenPush, PushTry, QueueError};
use tokio::sync::{Semaphore, mpsc};

use super::stage::*;
use super::wire::*;
use crate::receiver::open_push::PushLimits;

/// A queue in which calls wait until they may go on, or fail.
struct Slow {
    queue: Arc<ReferenceQueue>,
    opens: bool,
    limits: bool,
    /// One for each claim that may go on.
    claims: Semaphore,
    calls: mpsc::UnboundedSender<Call>,
}

/// A call that a test waits for.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Confirm { written: bool },
    Limit,
}

const WRITTEN: Option<Call> = Some(Call::Confirm { written: true });
const NOT_WRITTEN: Option<Call> = Some(Call::Confirm { written: false });

struct Trouble {
    stage: Stage,
    slow: Arc<Slow>,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl Trouble {
    async fn of(limits: PushLimits, change: impl FnOnce(&mut Slow)) -> Self {
        let (made, calls) = mpsc::unbounded_channel();
        let mut seen = None;
        let stage = Stage::with(push(Some((9, NEVER))), limits, |queue| {
            let claims = Semaphore::new(0);
            let mut slow = Slow { queue, opens: true, limits: true, claims, calls: made };
            change(&mut slow);
            let slow = Arc::new(slow);
            seen = Some(slow.clone());
            (slow.clone(), slow)
        });
        let stage = stage.await;
        Self { stage, slow: seen.unwrap(), calls }
    }
}

#[tokio::test]
async fn a_queue_that_hangs_keeps_no_push_longer_than_wechat_waits() {
    let Trouble { stage, slow, mut calls } = Trouble::of(hasty(), |_| {}).await;
    let began = Instant::now();
    let push = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    stage.hold(&leased, &["hello"]).await;
    assert!(said(push).await.starts_with("later:"));
    let took = began.elapsed();
    assert!(took >= hasty().claim_until + hasty().grace, "the queue has its time: {took:?}");
    slow.claims.add_permits(1);
    assert_eq!(calls.recv().await, NOT_WRITTEN, "what it gave too late, if anything, goes back");
    assert_eq!(stage.stored().await, 1);
}

#[tokio::test]
async fn a_part_whose_client_has_left_goes_out_in_the_next_try() {
    let Trouble { stage, slow, mut calls } = Trouble::of(patient(), |_| {}).await;
    let push = stage.post_text(1, "hi").await;
    let leased = stage.take().await;
    stage.hold(&leased, &["hello"]).await;
    drop(push);
    stage.until_open(0).await;
    slow.claims.add_permits(1);
    assert_eq!(calls.recv().await, NOT_WRITTEN);
    slow.claims.add_permits(1);
    assert_eq!(said(stage.post_text(1, "hi").await).await, "hello");
    assert_eq!(calls.recv().await, WRITTEN);
    stage.until_stored(0).await;
}

#[tokio::test]
async fn a_push_that_can_not_be_opened_is_stored_and_ends_at_once() {
    let Trouble { stage, .. } = Trouble::of(patient(), |slow| slow.opens = false).await;
    assert!(said(stage.post_text(1, "hi").await).await.starts_with("later:"));
    assert_eq!(stage.stored().await, 1);
    assert!(said(stage.post_text(2, "继续").await).await.starts_with("later:"));
    assert_eq!(stage.stored().await, 2, "it may be a message like any other");
}

#[tokio::test]
async fn without_word_of_the_budget_a_push_gets_the_notice() {
    let Trouble { stage, calls: _calls, .. } = Trouble::of(hasty(), |slow| {
        slow.limits = false;
        slow.claims.add_permits(9);
    })
    .await;
    assert!(said(stage.post_text(1, "hi").await).await.starts_with("later:"));
}

#[tokio::test]
async fn a_stop_cuts_a_try_that_is_left_unanswered() {
    let limits = PushLimits { cut_after: NEVER, ..hasty() };
    let Trouble { stage, mut calls, .. } = Trouble::of(limits, |slow| slow.claims.add_permits(9)).await;
    let push = stage.post_text(1, "hi").await;
    assert_eq!(calls.recv().await, Some(Call::Limit));
    stage.stop();
    assert_eq!(got(push).await, Got::Nothing);
    stage.stopped().await.unwrap();
}

#[tokio::test]
async fn a_claim_that_fails_is_undone_and_made_again() {
    let Trouble { stage, slow, mut calls } =
        Trouble::of(PushLimits { look_every: SOON, ..patient() }, |slow| slow.claims.close()).await;
    let push = stage.post_text(1, "hi").await;
    assert_eq!(calls.recv().await, NOT_WRITTEN);
    assert_eq!(calls.recv().await, NOT_WRITTEN);
    stage.stop();
    assert!(said(push).await.starts_with("later:"));
    drop(slow);
}

fn failing() -> QueueError {
    QueueError::Invalid("on purpose".to_owned())
}

#[async_trait]
impl Responder for Slow {
    async fn open(&self, lane: &Lane, push: &OpenPush) -> Result<u32, QueueError> {
        if self.opens { self.queue.open(lane, push).await } else { Err(failing()) }
    }

    async fn claim(
        &self,
        lane: &Lane,
        class: &Class,
        push: &PushTry,
        _: Duration,
    ) -> Result<Claimed, QueueError> {
        self.claims.acquire().await.map_err(|_| failing())?.forget();
        self.queue.claim(lane, class, push, NEVER).await
    }

    async fn confirm(&self, lane: &Lane, push: &PushTry, written: bool) -> Result<(), QueueError> {
        self.queue.confirm(lane, push, written).await?;
        self.calls.send(Call::Confirm { written }).unwrap();
        Ok(())
    }

    async fn announce(&self, lane: &Lane) -> Result<(), QueueError> {
        self.queue.announce(lane).await
    }

    async fn news(&self, receiver: &str, at_most: Duration) -> Result<Vec<Lane>, QueueError> {
        self.queue.news(receiver, at_most).await
    }
}

#[async_trait]
impl Shared for Slow {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, QueueError> {
        self.queue.get(name).await
    }

    async fn set(&self, name: &str, value: Bytes, keep_for: Duration) -> Result<(), QueueError> {
        self.queue.set(name, value, keep_for).await
    }

    async fn values(&self, folder: &str) -> Result<Vec<(String, Bytes)>, QueueError> {
        self.queue.values(folder).await
    }

    async fn limit(&self, name: &str, n: u32, per: Duration) -> Result<Duration, QueueError> {
        self.calls.send(Call::Limit).unwrap();
        if self.limits { self.queue.limit(name, n, per).await } else { std::future::pending().await }
    }
}
