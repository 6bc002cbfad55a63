//! How its messages stand in the queue.

use huixin_queue::{Class, DeadFilter, DeadLetter, Lane, LaneSnapshot, LaneState, TakeRequest, WorkerId};
use huixin_worker::{AccountPause, Interface, InterfaceState};

use super::Stage;
use crate::support::{LEASE, eventually};

impl Stage {
    pub(crate) fn lane_name(&self, user: &str) -> Lane {
        Lane::new(format!("{}/{user}", self.account())).unwrap()
    }

    pub(crate) async fn lane(&self, user: &str) -> Option<LaneSnapshot> {
        self.queue.lane(&self.lane_name(user)).await.unwrap()
    }

    pub(crate) async fn state(&self, user: &str) -> Option<LaneState> {
        self.lane(user).await.map(|lane| lane.state)
    }

    /// Waits until the head of the user's lane has failed, or was snoozed, for a reason that contains this.
    pub(crate) async fn put_off(&self, user: &str, reason: &str) -> LaneSnapshot {
        eventually(&format!("a message is put off: {reason}"), async || {
            let lane = self.lane(user).await?;
            let said = lane.last_error.as_deref().is_some_and(|error| error.contains(reason));
            (said && matches!(lane.state, LaneState::Delayed { .. })).then_some(lane)
        })
        .await
    }

    /// Waits until so many messages are held.
    pub(crate) async fn held(&self, n: u64) {
        eventually(&format!("{n} messages are held"), async || {
            (self.queue.counts().await.ok()?.held == n).then_some(())
        })
        .await;
    }

    /// Waits until so many messages are in the queue, whatever their state.
    pub(crate) async fn open(&self, n: u64) {
        eventually(&format!("{n} messages are in the queue"), async || {
            let counts = self.queue.counts().await.ok()?;
            (counts.open_total() == n).then_some(())
        })
        .await;
    }

    /// Waits until the queue is empty and the workers have stopped: all that is counted has been counted.
    pub(crate) async fn rest(&mut self) {
        self.open(0).await;
        self.stop().await;
    }

    /// Waits until there are so many dead letters, and gives them, the oldest first.
    pub(crate) async fn dead(&self, n: u64) -> Vec<DeadLetter> {
        let mut page = eventually(&format!("{n} messages are dead"), async || {
            let page = self.queue.dead(&DeadFilter::default(), None, 100).await.ok()?;
            (page.total == n).then_some(page)
        })
        .await;
        let mut letters = page.letters;
        while let Some(next) = page.next {
            page = self.queue.dead(&DeadFilter::default(), Some(&next), 100).await.unwrap();
            letters.append(&mut page.letters);
        }
        letters.reverse();
        letters
    }

    /// Why an interface of the account is paused, or was.
    pub(crate) async fn pause_of(&self, interface: Interface) -> Option<AccountPause> {
        InterfaceState::read(&*self.queue, self.account(), interface).await.unwrap().pause
    }

    /// What a worker called `somebody` would ask.
    pub(crate) fn request(&self, call: u64) -> TakeRequest {
        TakeRequest {
            max: 16,
            classes: [Class::new(self.account()).unwrap()].into(),
            worker: WorkerId::new("somebody"),
            call,
            lease_for: LEASE,
            suspect: true,
        }
    }
}
