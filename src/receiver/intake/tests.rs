//! A queue that is busy, and one that is away.

use async_trait::async_trait;
use huixin_queue::spool::{Folders, SpoolLimits};
use huixin_queue::{CallBackResult, Clock};
use tempfile::TempDir;

use super::super::claimed_spool::ClaimedSpool;
use super::*;

const BUDGET: Duration = Duration::from_millis(100);

/// Stores at once, and what is in the lane `slow` never.
struct SlowForOne;

#[async_trait]
impl Producer for SlowForOne {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        if message.lane.as_str() == "slow" {
            std::future::pending::<()>().await;
        }
        Ok(Accepted::New)
    }

    async fn answer(&self, _: &Lane, _: &MessageId, _: Bytes) -> Result<CallBackResult, QueueError> {
        Ok(CallBackResult::Gone)
    }

    async fn beat(&self) -> Result<(), QueueError> {
        Ok(())
    }
}

fn intake() -> (Intake, Arc<ReceiverSpool>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let limits = SpoolLimits { max_bytes: 1 << 30, reserve_bytes: 0 };
    let folders = Folders::new(folder.path(), limits, Clock::Store);
    let spool = ClaimedSpool::open(folders, Duration::from_secs(3600)).unwrap().receiver_spool;
    (Intake::new(Arc::new(SlowForOne), BUDGET, Some(spool.clone())), spool, folder)
}

fn push(lane: &str, n: u64) -> Arriving {
    Arriving {
        id: MessageId::new(format!("{lane}{n}")).unwrap(),
        lane: Lane::new(lane).unwrap(),
        class: Class::new("c").unwrap(),
        payload: "payload".into(),
        held: HeldEffect::Leave,
        dead_reason: None,
    }
}

#[tokio::test]
async fn a_push_that_is_late_while_others_are_stored_goes_to_the_spool_alone() {
    let (intake, spool, _folder) = intake();
    let mut late = std::pin::pin!(intake.store(push("slow", 0)));
    let mut n = 0;
    let stored = loop {
        tokio::select! {
            stored = &mut late => break stored,
            () = tokio::task::yield_now() => n += 1,
        }
        assert_eq!(intake.store(push("quick", n)).await, Ok(Stored::Queued));
    };
    assert_eq!(stored, Ok(Stored::Spooled));
    assert!(!spool.breaker.is_open());
}

#[tokio::test]
async fn a_push_that_is_late_while_nothing_is_stored_opens_the_breaker() {
    let (intake, spool, _folder) = intake();
    assert_eq!(intake.store(push("slow", 0)).await, Ok(Stored::Spooled));
    assert!(spool.breaker.is_open());
    assert_eq!(intake.store(push("quick", 0)).await, Ok(Stored::Spooled));
}

#[tokio::test]
async fn a_lane_with_many_pushes_refuses_nobody_elses() {
    const PUSHES: u64 = 1_000;
    let (intake, _, _folder) = intake();
    let many = futures::future::join_all((0..PUSHES).map(|n| intake.store(push("slow", n))));
    let mut many = std::pin::pin!(many);
    assert!(futures::poll!(&mut many).is_pending());
    assert_eq!(intake.to_queue.waiting(), u64::from(LANE_COUNTS));
    assert!(!intake.is_overloaded());
    assert_eq!(intake.store(push("quick", 0)).await, Ok(Stored::Queued));
}
