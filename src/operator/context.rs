//! What the requests of one admin listener share.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huixin_queue::{Queue, QueueError};

use super::access::AdminAccess;
use super::accounts::{Accounts, ConfiguredView};
use super::cached::Cached;
use super::causes::{CAUSES_FOR, DeathCauses, ScannedLetters};
use super::charts::{ChartsView, STEP_S};
use super::processes::{OwnProcess, Processes};
use super::queue_look::QueueLook;
use super::view::QueueStatus;

/// How long a look at the queue is shown: pages ask for it again and again.
const LOOK_FOR: Duration = Duration::from_secs(1);

/// What the requests of one admin listener share.
pub struct OperatorContext {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) access: AdminAccess,
    pub(crate) own: OwnProcess,
    pub(super) configured: ConfiguredView,
    look: Cached<Arc<QueueLook>>,
    processes: Cached<Arc<Processes>>,
    charts: Cached<Arc<ChartsView>>,
    letters: Cached<Arc<ScannedLetters>>,
}

impl OperatorContext {
    /// Of a listener that nobody has asked yet.
    pub fn new(queue: Arc<dyn Queue>, access: AdminAccess, configured: ConfiguredView) -> Self {
        let own = OwnProcess::new();
        let (look, processes, charts) = (Cached::new(LOOK_FOR), Cached::new(LOOK_FOR), Cached::new(LOOK_FOR));
        let letters = Cached::new(CAUSES_FOR);
        Self { queue, access, own, configured, look, processes, charts, letters }
    }

    /// How many messages are in which state.
    pub(super) async fn status(&self) -> Result<QueueStatus, QueueError> {
        Ok(QueueStatus::of(self.queue.place(), &*self.look().await?))
    }

    /// How the accounts stand.
    pub(super) async fn accounts(&self) -> Result<Accounts, QueueError> {
        Ok(Accounts::of(&self.configured, &*self.look().await?))
    }

    /// All processes that use the queue.
    pub(super) async fn processes(&self) -> Result<Arc<Processes>, QueueError> {
        self.processes.get(async { self.own.all(&*self.queue).await.map(Arc::new) }).await
    }

    /// The last hour of all of them.
    pub(super) async fn charts(&self) -> Result<Arc<ChartsView>, QueueError> {
        let look = async {
            let rings = self.own.rings(&*self.queue).await?;
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(Arc::new(ChartsView::of(&rings, since.as_secs() / STEP_S)))
        };
        self.charts.get(look).await
    }

    /// What the messages of an account, or all, died of.
    pub(super) async fn causes(&self, account: Option<&str>) -> Result<DeathCauses, QueueError> {
        let look = async { ScannedLetters::read(&*self.queue).await.map(Arc::new) };
        Ok(self.letters.get(look).await?.causes(account))
    }

    /// Somebody has changed something, and wants to see it.
    pub(super) async fn has_changed(&self) {
        self.look.forget().await;
        self.letters.forget().await;
    }

    async fn look(&self) -> Result<Arc<QueueLook>, QueueError> {
        self.look.get(async { QueueLook::of(&*self.queue).await.map(Arc::new) }).await
    }
}
