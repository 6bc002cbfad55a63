//! Tells the queue's other users how this process is, and what it has done: what the operations page shows of all of them.
//!
//! The numbers of its charts are those of `/metrics`, read twice a minute. So nothing is counted for them, and neither a push nor a message
//! costs more.

mod sample;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::FutureExt as _;
use huixin_queue::QueueError;
use huixin_worker::{RunningMessage, WorkerSettings};

use self::sample::MetricTotals;
use super::Admin;
use crate::one_line::one_line;
use crate::operator::{ProcessView, RUNNING_MAX, RunningView, STEP_S, rfc3339};

/// How often a process says how it is.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// How long the queue may take for it.
const SAY_MAX: Duration = Duration::from_secs(1);

/// Says it until the end. A round that panics ends nothing.
pub(super) async fn run(admin: &Admin) {
    let steps = async {
        let mut before = MetricTotals::default();
        loop {
            // A moment late, so that a clock that is a little behind has passed the end of the step too.
            let into_the_step = since_1970() % (STEP_S * 1_000);
            tokio::time::sleep(Duration::from_millis(STEP_S * 1_000 - into_the_step + 20)).await;
            survived(end_step(admin, &mut before)).await;
        }
    };
    let words = async {
        let started_at = now();
        let mut ticks = tokio::time::interval(SAY_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            survived(say(admin, &started_at)).await;
        }
    };
    tokio::join!(steps, words);
}

async fn survived(round: impl Future<Output = ()>) {
    if AssertUnwindSafe(round).catch_unwind().await.is_err() {
        tracing::error!("what the operations page shows panicked: this is a bug, please report it");
    }
}

/// Adds the step that has just ended.
async fn end_step(admin: &Admin, before: &mut MetricTotals) {
    let now = MetricTotals::read(&admin.metrics.render());
    let step = now.since(before);
    *before = now;
    let (operator, number) = (&admin.operator, since_1970() / (STEP_S * 1_000));
    stored(operator.own.add_step(&*operator.queue, number, step)).await;
}

/// Says how the process is.
async fn say(admin: &Admin, started_at: &str) {
    let view = view(admin, started_at).await;
    stored(admin.operator.own.publish(&*admin.operator.queue, view)).await;
}

/// It has ended.
pub(super) async fn end(admin: &Admin) {
    stored(admin.operator.own.withdraw(&*admin.operator.queue)).await;
}

/// An outage is reported by those who need the queue more.
async fn stored(storing: impl Future<Output = Result<(), QueueError>>) {
    match tokio::time::timeout(SAY_MAX, storing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(error = one_line(&error), "other processes don't see this one"),
        Err(_) => tracing::debug!("other processes don't see this one: the queue took too long"),
    }
}

async fn view(admin: &Admin, started_at: &str) -> ProcessView {
    let report = admin.readiness.check().await;
    let worker = admin.readiness.worker.as_ref();
    let (running_total, running) = worker.map(|worker| worker.running(RUNNING_MAX)).unwrap_or_default();
    let commit = env!("HUIXIN_BUILD_COMMIT");
    let version = env!("CARGO_PKG_VERSION");
    ProcessView {
        name: WorkerSettings::default().name,
        role: <&str>::from(report.role).to_owned(),
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        version: if commit.is_empty() { version.to_owned() } else { format!("{version} ({commit})") },
        started_at: started_at.to_owned(),
        seen_at: now(),
        admin: admin.operator.access.address().to_string(),
        permits: worker.map(|worker| worker.permits() as u64),
        running_total: running_total as u64,
        running: running.iter().map(running_view).collect(),
        spool: report.spool,
        problems: report.problems,
        warnings: report.warnings,
    }
}

fn running_view(message: &RunningMessage) -> RunningView {
    let (account, user) = message.lane.as_str().split_once('/').unwrap_or((message.lane.as_str(), ""));
    let age_ms = u64::try_from(message.age.as_millis()).unwrap_or(u64::MAX);
    RunningView {
        id: message.id.to_string(),
        account: account.to_owned(),
        user: user.to_owned(),
        route: message.route.clone(),
        step: message.step.to_owned(),
        since: rfc3339(since_1970().saturating_sub(age_ms).saturating_mul(1_000)),
    }
}

fn now() -> String {
    rfc3339(since_1970().saturating_mul(1_000))
}

/// In milliseconds.
fn since_1970() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
