//! Looks after the Redis while the process runs.
//!
//! Somebody changes a setting, a disk fills up, a failover leads to a server without an append-only file: nobody starts our
//! processes anew for that. So each looks again every [`WATCH_EVERY`], tells what has changed once, with what mends it, and
//! shows what is wrong now in `/readyz` and in the metric `huixin_queue_risk`. It goes on working: a message that may be lost
//! is no reason to take none. A Redis that is away is reported by those who need it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use huixin_queue::redis::{Finding, Gravity, Inspector, Risk};
use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::is_grave;

/// The pause between two looks.
pub const WATCH_EVERY: Duration = Duration::from_secs(30);
/// The pause until a look has succeeded: a Redis that comes late should be looked at soon.
const UNTIL_FIRST: Duration = Duration::from_secs(2);
/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(10);

/// Looks at one Redis again and again.
#[derive(Debug)]
pub struct Watch {
    /// The pause between two looks; [`WATCH_EVERY`].
    pub every: Duration,
    inspector: Inspector,
    accepted: Vec<Risk>,
    /// What the last look found; `None` before the first.
    seen: Option<Vec<Finding>>,
    warnings: Warnings,
}

/// What is wrong now, a sentence each, to be asked from outside.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<Mutex<Vec<String>>>);

impl Watch {
    /// A watch that tells what isn't accepted as an error.
    pub fn new(inspector: Inspector, accepted: Vec<Risk>) -> Self {
        Self { every: WATCH_EVERY, inspector, accepted, seen: None, warnings: Warnings::default() }
    }

    /// A way to ask what is wrong.
    pub fn warnings(&self) -> Warnings {
        self.warnings.clone()
    }

    /// Looks, until its token stops it.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let look = stop.run_until_cancelled(AssertUnwindSafe(self.run_once()).catch_unwind()).await;
            if let Some(Err(_)) = look {
                tracing::error!("the watch of Redis panicked: this is a bug, please report it");
            }
            let pause = if self.seen.is_some() { self.every } else { self.every.min(UNTIL_FIRST) };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    async fn run_once(&mut self) {
        match tokio::time::timeout(LOOK_MAX, self.inspector.inspect()).await {
            Ok(Ok(found)) => self.tell(found),
            Ok(Err(error)) => tracing::debug!(%error, "the Redis could not be checked"),
            Err(_) => tracing::debug!("the check of the Redis took too long"),
        }
    }

    fn tell(&mut self, found: Vec<Finding>) {
        let (queue, cli) = (self.inspector.place(), self.inspector.cli());
        let before = self.seen.take().unwrap_or_default();
        let has = |findings: &[Finding], risk| findings.iter().any(|finding| finding.risk == risk);
        for Finding { risk, problem } in found.iter().filter(|finding| !has(&before, finding.risk)) {
            let (name, remedy) = (risk.name(), risk.remedy(cli));
            if risk.gravity() == Gravity::Alarm {
                tracing::error!(queue, risk = name, problem, remedy, "the Redis needs attention");
            } else if is_grave(*risk, &self.accepted) {
                tracing::error!(queue, risk = name, problem, remedy, "the Redis is not safe");
            } else if self.accepted.contains(risk) {
                tracing::warn!(
                    queue,
                    risk = name,
                    problem,
                    "the Redis is not safe, and the risk is accepted"
                );
            } else {
                tracing::warn!(queue, risk = name, problem, remedy, "the Redis needs attention");
            }
        }
        for Finding { risk, problem } in before.iter().filter(|finding| !has(&found, finding.risk)) {
            tracing::info!(queue, risk = risk.name(), problem, "a problem of the Redis is over");
        }
        for risk in Risk::ALL {
            gauge!("huixin_queue_risk", "risk" => risk.name()).set(f64::from(u8::from(has(&found, risk))));
        }
        let warning = |finding: &Finding| format!("the Redis at {queue}: {}", finding.problem);
        *self.warnings.lock() = found.iter().map(warning).collect();
        self.seen = Some(found);
    }
}

impl Warnings {
    /// All there are now.
    pub fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use huixin_queue::testing::RedisServer;
    use metrics::set_default_local_recorder;

    use super::*;
    use crate::tests::Broken;

    // On one thread: the recorder is of this one only.
    #[tokio::test]
    async fn a_look_that_panics_does_not_end_the_watch() {
        let server = RedisServer::start(&[]);
        let recorder = Broken::after(3);
        let _recording = set_default_local_recorder(&recorder);
        let inspector = Inspector::open(&server.url()).expect("the URL is right");
        let mut watch = Watch::new(inspector, Vec::new());
        watch.every = Duration::from_millis(10);
        let stop = CancellationToken::new();
        let watching = tokio::spawn(watch.run(stop.clone()));
        let looks = async {
            while recorder.used() < 3 * Risk::ALL.len() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looks).await.expect("it looks on");
        stop.cancel();
        watching.await.expect("it ends when it is stopped");
    }
}
