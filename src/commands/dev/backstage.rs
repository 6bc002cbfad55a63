//! What the page of the pretend WeChat asks of the queue, and its button that kills the worker.

use std::sync::Arc;

use async_trait::async_trait;
use huixin_queue::{DeadFilter, Lane, Queue, QueueError};
use huixin_sandbox::{Backstage, PausedInterface, UserCounts};
use huixin_worker::InterfaceState;
use tokio::sync::Notify;

/// The most dead letters of one user that are counted.
const DEAD_MAX: u64 = 100;

/// The queue of `dev`, and the way to its worker.
pub(super) struct DevBackstage {
    pub(super) queue: Arc<dyn Queue>,
    /// Rung to kill the worker.
    pub(super) kills: Arc<Notify>,
}

impl DevBackstage {
    async fn count(&self, account: &str, user: &str) -> Result<Option<UserCounts>, QueueError> {
        let Ok(lane) = Lane::new(format!("{account}/{user}")) else { return Ok(None) };
        let snapshot = self.queue.lane(&lane).await?;
        let (waiting, held) = snapshot.map_or((0, 0), |lane| (lane.waiting.len(), lane.held.len()));
        let his = DeadFilter { lane: Some(lane), ..DeadFilter::default() };
        let dead = self.queue.dead(&his, None, DEAD_MAX).await?.letters.len();
        Ok(Some(UserCounts { open: waiting + held, held, dead }))
    }
}

#[async_trait]
impl Backstage for DevBackstage {
    async fn counts(&self, account: &str, user: &str) -> Option<UserCounts> {
        self.count(account, user).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the page can't show how many messages a user has");
            None
        })
    }

    async fn pauses(&self) -> Vec<PausedInterface> {
        let shared = InterfaceState::read_all(&*self.queue).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the page can't show which accounts are paused");
            Default::default()
        });
        let paused = shared.into_iter().filter_map(|((account, interface), state)| {
            let pause = state.pause.filter(|pause| !pause.remaining().is_zero())?;
            let (code, reason, remedy, until_ms) = (pause.code, pause.reason, pause.remedy, pause.until_ms);
            let interface = interface.as_str().to_owned();
            Some(PausedInterface { account, interface, code, reason, remedy, until_ms })
        });
        paused.collect()
    }

    fn kill_worker(&self) {
        self.kills.notify_waiters();
    }
}

impl std::fmt::Debug for DevBackstage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevBackstage").finish_non_exhaustive()
    }
}
