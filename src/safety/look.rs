//! Looks at the queue every few seconds, once for all who want to know how it stands.
//!
//! The gauges of the queue ([`super::gauges`]), what stands still ([`super::standstill`]) and the warning about too many dead
//! letters all need the same counts. So one loop of each process asks for them, whether or not anybody asks the process:
//! neither a scrape nor `/readyz` costs the queue a look. What it costs doesn't grow with the messages, only with the accounts.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use huixin_queue::{Class, Counts, Queue, QueueError};
use tokio_util::sync::CancellationToken;

use super::Warnings;
use super::gauges::QueueGauges;
use super::standstill::Standstill;
use crate::config::DeadConfig;
use crate::receiver::SpoolHealth;

/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// From this part of their limit on, in percent, dead letters are a warning.
const DEAD_MAX_PERCENT: u64 = 80;

/// Looks at one queue, and at the spool of this process.
pub struct QueueWatch {
    queue: Arc<dyn Queue>,
    spool: Option<SpoolHealth>,
    dead: DeadConfig,
    gauges: QueueGauges,
    standstill: Standstill,
    /// Whether the warning about dead letters is in the log.
    is_dead_reported: bool,
    warnings: Warnings,
}

/// The warning about too many dead letters.
pub fn dead_too_many(dead: u64, limits: &DeadConfig) -> Option<String> {
    (dead.saturating_mul(100) >= limits.max.saturating_mul(DEAD_MAX_PERCENT)).then(|| {
        format!(
            "there are {dead} dead letters, and only {} are kept: then the oldest are removed; see `huixin dead \
                list`, and retry or drop them",
            limits.max
        )
    })
}

impl QueueWatch {
    /// A watch that has not looked yet. These accounts are shown in metrics even while they have no message.
    pub fn new(
        queue: Arc<dyn Queue>,
        spool: Option<SpoolHealth>,
        dead: DeadConfig,
        accounts: impl IntoIterator<Item = Class>,
    ) -> Self {
        Self {
            queue,
            spool,
            gauges: QueueGauges::new(accounts, dead.max),
            dead,
            standstill: Standstill::default(),
            is_dead_reported: false,
            warnings: Warnings::default(),
        }
    }

    /// A way to ask what is wrong.
    pub fn warnings(&self) -> Warnings {
        self.warnings.clone()
    }

    /// Looks until `stop`. A look that panics ends nothing.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let look = AssertUnwindSafe(self.run_once()).catch_unwind();
            if let Some(Err(_)) = stop.run_until_cancelled(look).await {
                tracing::error!("the watch of the queue panicked: this is a bug, please report it");
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// One look.
    pub async fn run_once(&mut self) {
        let asked = async { Ok::<_, QueueError>((self.queue.counts().await?, self.queue.paused().await?)) };
        // An outage is reported by those who meet it.
        let found = tokio::time::timeout(LOOK_MAX, asked).await.ok().and_then(Result::ok);
        let counts = found.as_ref().map(|(counts, _)| counts);
        let spool = match &self.spool {
            Some(spool) => Some(spool.report().await),
            None => None,
        };
        self.gauges.show(counts);
        let now = Instant::now();
        let standing = self.standstill.look(found.as_ref(), spool.as_ref(), now);
        let dead = counts.and_then(|counts| self.too_many_dead(counts));
        *self.warnings.lock() = standing.into_iter().chain(dead).collect();
    }

    fn too_many_dead(&mut self, counts: &Counts) -> Option<String> {
        let warning = dead_too_many(counts.dead, &self.dead);
        let was_reported = std::mem::replace(&mut self.is_dead_reported, warning.is_some());
        if let Some(warning) = warning.as_ref().filter(|_| !was_reported) {
            tracing::warn!(queue = self.queue.place(), "{warning}");
        }
        warning
    }
}

#[cfg(test)]
mod tests {
    use huixin_queue::NewMessage;
    use huixin_queue::testing::conformance::message;

    use super::*;

    /// A watch of a queue in this folder that keeps 10 dead letters.
    fn watch(folder: &std::path::Path) -> QueueWatch {
        let file = folder.join("queue.db");
        let queue = crate::wiring::sqlite(&file, Duration::from_secs(3600)).expect("the queue opens");
        let dead = DeadConfig { max_age: Duration::from_secs(3600), max: 10, archive: None };
        QueueWatch::new(queue, None, dead, [])
    }

    #[tokio::test]
    async fn many_dead_letters_are_a_warning_until_there_are_fewer() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut watch = watch(folder.path());
        for n in 0..9 {
            let dead_reason = Some("for the test".to_owned());
            let dead = NewMessage { dead_reason, ..message("lane", &format!("m{n}")) };
            watch.queue.accept(dead).await.expect("accept");
            watch.run_once().await;
            assert_eq!(watch.warnings().all().len(), usize::from(n >= 7), "{n}");
        }
        assert!(watch.warnings().all()[0].contains("9 dead letters"), "{:?}", watch.warnings().all());
        let oldest = watch.queue.oldest_dead(Duration::ZERO, 10).await.expect("oldest");
        let ids: Vec<_> = oldest.into_iter().take(4).map(|letter| letter.id).collect();
        watch.queue.drop_dead(&ids).await.expect("drop");
        watch.run_once().await;
        assert_eq!(watch.warnings().all(), [""; 0]);
    }
}
