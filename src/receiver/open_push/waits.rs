//! The pushes of this receiver that wait for a part, and the task that wakes them.
//!
//! One task asks the queue for news of all lanes, and only while a push is open. Rejected: a question of each push, which
//! would hold a connection of the store for each.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use huixin_queue::{Lane, Responder};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::one_line::one_line;

/// How long one question for news may take.
const NEWS_WITHIN: Duration = Duration::from_secs(1);
/// What the way there and back may take besides.
const NEWS_GRACE: Duration = Duration::from_secs(1);
/// The pause after a question that failed: pushes look so often without news.
const PAUSE: Duration = Duration::from_millis(500);

/// The pushes that wait, by their lanes. A lane has several when one is tried again, or when its user acts again.
#[derive(Debug, Default)]
pub(super) struct Waits {
    lanes: Mutex<HashMap<Lane, Vec<Arc<Notify>>>>,
    /// Rung when a push begins to wait.
    begun: Notify,
}

/// A push that waits, until this is dropped.
#[derive(Debug)]
pub(super) struct WaitingPush {
    waits: Arc<Waits>,
    lane: Lane,
    news: Arc<Notify>,
}

impl Waits {
    /// From now on no news of the lane is missed.
    pub(super) fn wait(self: &Arc<Self>, lane: Lane) -> WaitingPush {
        let news = Arc::new(Notify::new());
        self.lanes.lock().entry(lane.clone()).or_default().push(news.clone());
        self.begun.notify_one();
        WaitingPush { waits: self.clone(), lane, news }
    }

    /// Asks for news for as long as the receiver runs.
    pub(super) async fn listen(self: Arc<Self>, responder: Arc<dyn Responder>, receiver: String) {
        loop {
            // A ring from before this only makes it look once more.
            while self.lanes.lock().is_empty() {
                self.begun.notified().await;
            }
            let asked = AssertUnwindSafe(self.run_once(&*responder, &receiver)).catch_unwind().await;
            match asked {
                Ok(Ok(())) => continue,
                Ok(Err(problem)) => tracing::debug!(problem, "open pushes get no news of their answers"),
                Err(_) => tracing::error!("asking for news panicked: this is a bug, please report it"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn run_once(&self, responder: &dyn Responder, receiver: &str) -> Result<(), String> {
        let asking = responder.news(receiver, NEWS_WITHIN);
        let news = tokio::time::timeout(NEWS_WITHIN + NEWS_GRACE, asking).await;
        let lanes = news.map_err(|_| "no answer in time".to_owned())?.map_err(|error| one_line(&error))?;
        let waiting = self.lanes.lock();
        for push in lanes.iter().filter_map(|lane| waiting.get(lane)).flatten() {
            push.notify_one();
        }
        Ok(())
    }
}

impl WaitingPush {
    /// Returns when there has been news since the last time.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}

impl Drop for WaitingPush {
    fn drop(&mut self) {
        let mut lanes = self.waits.lanes.lock();
        if let Some(pushes) = lanes.get_mut(&self.lane) {
            pushes.retain(|push| !Arc::ptr_eq(push, &self.news));
            if pushes.is_empty() {
                lanes.remove(&self.lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use huixin_queue::testing::ReferenceQueue;
    use huixin_queue::{Clock, MessageId, OpenPush};

    use super::*;

    #[tokio::test]
    async fn news_of_a_lane_wakes_all_of_its_pushes_and_no_others() {
        let queue = ReferenceQueue::new(Duration::from_secs(60), Clock::Store);
        let (waits, [a, b]) = (Arc::new(Waits::default()), ["a", "b"].map(|name| Lane::new(name).unwrap()));
        let (first, second, other) = (waits.wait(a.clone()), waits.wait(a.clone()), waits.wait(b));
        let push = OpenPush {
            id: MessageId::new("m").unwrap(),
            receiver: "r".to_owned(),
            open_for: Duration::from_secs(60),
        };
        queue.open(&a, &push).await.unwrap();
        queue.announce(&a).await.unwrap();
        waits.run_once(&queue, "r").await.unwrap();
        assert!(first.news().now_or_never().is_some() && second.news().now_or_never().is_some());
        assert!(first.news().now_or_never().is_none(), "once");
        assert!(other.news().now_or_never().is_none());
        drop((first, second, other));
        assert!(waits.lanes.lock().is_empty());
    }
}
