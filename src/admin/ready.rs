//! Whether a process can do its work now.

use std::sync::Arc;
use std::time::Duration;

use huixin_queue::Queue;
use huixin_worker::WorkerHealth;
use serde::Serialize;

use crate::config::Role;
use crate::receiver::{SpoolHealth, SpoolReport};
use crate::safety::Warnings;

/// How long the queue may take to answer.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);
/// A worker whose last answered take is longer ago is stuck.
const TAKE_MAX_AGE: Duration = Duration::from_secs(10);

/// What is asked about the process.
pub struct Readiness {
    /// What this process is.
    pub role: Role,
    /// Its queue.
    pub queue: Arc<dyn Queue>,
    /// Its worker, if it has one.
    pub worker: Option<WorkerHealth>,
    /// What is wrong with its Redis, and what stands still.
    pub warnings: Vec<Warnings>,
    /// Its receiver's spool, if it has one: with that it can work without its queue.
    pub spool: Option<SpoolHealth>,
    /// Whether it should have a spool, and could not open it at its start.
    pub lacks_spool: bool,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether it can work.
    pub ready: bool,
    /// What it is.
    pub role: Role,
    /// Why it can't, a sentence each.
    pub problems: Vec<String>,
    /// What should be mended although it can work, a sentence each.
    pub warnings: Vec<String>,
    /// How the spool stands, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolReport>,
}

/// What is wrong with a clock, and what is judged by it.
pub fn clocks_apart(account: &str, ahead_s: i64) -> String {
    let (seconds, side) = (ahead_s.unsigned_abs(), if ahead_s > 0 { "ahead of" } else { "behind" });
    format!(
        "this machine's clock is {seconds} s {side} WeChat's (account `{account}`): the time left to answer is \
            computed from it"
    )
}

impl Readiness {
    /// Of a process that has only its queue.
    pub fn of(role: Role, queue: Arc<dyn Queue>) -> Self {
        Self { role, queue, worker: None, warnings: Vec::new(), spool: None, lacks_spool: false }
    }

    /// Asks everything.
    pub async fn check(&self) -> Report {
        let mut problems = Vec::new();
        let mut warnings: Vec<_> = self.warnings.iter().flat_map(Warnings::all).collect();
        if let Some(trouble) = self.queue_trouble().await {
            match &self.spool {
                None => problems.push(trouble),
                Some(spool) => match spool.probe().await {
                    Ok(()) => warnings.push(trouble),
                    Err(error) => problems.extend([trouble, error]),
                },
            }
        }
        match self.worker.as_ref().map(WorkerHealth::since_last_take) {
            Some(None) => problems.push("the worker has not reached its queue yet".to_owned()),
            Some(Some(age)) if age > TAKE_MAX_AGE => {
                // A worker whose every permit is taken takes nothing either; it still renews its leases.
                problems.push(format!("the worker last took messages {} s ago", age.as_secs()));
            }
            _ => {}
        }
        if let Some(overdue @ 1..) = self.worker.as_ref().map(WorkerHealth::overdue) {
            problems.push(format!("{overdue} messages are stuck in the worker: see its log, and restart it"));
        }
        for (account, ahead_s) in self.worker.iter().flat_map(WorkerHealth::clocks_apart) {
            warnings.push(clocks_apart(account, ahead_s));
        }
        if self.lacks_spool {
            warnings.push(
                "the spool could not be opened at the start: see the log, and restart the process".to_owned(),
            );
        }
        let spool = match &self.spool {
            Some(spool) => Some(spool.report().await),
            None => None,
        };
        Report { ready: problems.is_empty(), role: self.role, problems, warnings, spool }
    }

    async fn queue_trouble(&self) -> Option<String> {
        match tokio::time::timeout(QUEUE_TIMEOUT, self.queue.ping()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                Some(format!("the queue at {} does not answer within {QUEUE_TIMEOUT:?}", self.queue.place()))
            }
        }
    }
}
