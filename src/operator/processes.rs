//! The processes that use a queue, and what they do now.
//!
//! Each one says every two seconds how it is, in a value among the queue's shared ones that ends soon if it isn't renewed. So any of them
//! can be asked for all, and none needs to reach another. A queue in a file has one process, which needs no copy there.
//!
//! Rejected: a list of processes in the configuration, which would be wrong after the next change of a deployment.

use std::time::Duration;

use huixin_queue::{Queue, QueueError};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::charts::{ChartRing, ChartStep};
use crate::receiver::SpoolReport;

/// Those whose process hasn't said so for this long have ended, or can't reach the queue.
const KEEP_FOR: Duration = Duration::from_secs(15);
const FOLDER: &str = "process/";
/// How many messages of each are shown.
pub(crate) const RUNNING_MAX: usize = 50;

/// The processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct Processes {
    /// By role and name.
    pub processes: Vec<ProcessView>,
}

/// How a process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProcessView {
    /// Host and process id: how the journal names a worker.
    pub name: String,
    /// `run`, `receiver`, `worker` or `dev`.
    pub role: String,
    /// The machine.
    pub host: String,
    /// Its version, with the commit if it is known.
    pub version: String,
    /// When it started.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// When it said this.
    #[schema(format = DateTime)]
    pub seen_at: String,
    /// Where its admin listener is.
    pub admin: String,
    /// How many messages it handles at once at most; null: it has no worker.
    pub permits: Option<u64>,
    /// How many it handles now.
    pub running_total: u64,
    /// Those that it has had for the longest, at most 50.
    pub running: Vec<RunningView>,
    /// How its spool stands, if it has one.
    pub spool: Option<SpoolReport>,
    /// Why it can't do its work, a sentence each.
    pub problems: Vec<String>,
    /// What should be mended although it can.
    pub warnings: Vec<String>,
}

/// A message that is handled now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RunningView {
    /// Its id.
    pub id: String,
    /// The account's name.
    pub account: String,
    /// The user's OpenID; empty if the push had none.
    pub user: String,
    /// Its route; null if none takes it, or none is known yet.
    pub route: Option<String>,
    /// What is done for it now, in a few words.
    pub step: String,
    /// Since when the worker has had it.
    #[schema(format = DateTime)]
    pub since: String,
}

/// What this process knows of itself, and tells the others.
#[derive(Debug)]
pub(crate) struct OwnProcess {
    /// Its name among the shared values: a host's name and a process's id may come twice.
    id: String,
    view: Mutex<Option<ProcessView>>,
    ring: Mutex<ChartRing>,
}

impl OwnProcess {
    pub(super) fn new() -> Self {
        let id = format!("{:016x}", rand::random::<u64>());
        Self { id, view: Mutex::default(), ring: Mutex::default() }
    }

    /// How it is now.
    pub(crate) async fn publish(&self, queue: &dyn Queue, view: ProcessView) -> Result<(), QueueError> {
        let value = serde_json::to_vec(&view).unwrap_or_default();
        *self.view.lock() = Some(view);
        match is_shared(queue) {
            true => queue.set(&format!("{FOLDER}{}", self.id), value.into(), KEEP_FOR).await,
            false => Ok(()),
        }
    }

    /// It ends: nobody has to wait to see it.
    pub(crate) async fn withdraw(&self, queue: &dyn Queue) -> Result<(), QueueError> {
        match is_shared(queue) {
            true => queue.set(&format!("{FOLDER}{}", self.id), bytes::Bytes::new(), KEEP_FOR).await,
            false => Ok(()),
        }
    }

    /// A step of its charts has ended.
    pub(crate) async fn add_step(
        &self,
        queue: &dyn Queue,
        number: u64,
        step: ChartStep,
    ) -> Result<(), QueueError> {
        let ring = {
            let mut ring = self.ring.lock();
            ring.push(number, step);
            ring.clone()
        };
        if is_shared(queue) { ring.store(queue, &self.id).await } else { Ok(()) }
    }

    /// All processes. While the queue is away there is this one, whose problems say so.
    pub(super) async fn all(&self, queue: &dyn Queue) -> Result<Processes, QueueError> {
        let values = match is_shared(queue) {
            true => queue.values(FOLDER).await.or_else(none_in_an_outage)?,
            false => Vec::new(),
        };
        let others = values.iter().filter(|(name, _)| name.strip_prefix(FOLDER) != Some(&self.id));
        // What a newer version wrote, it can read.
        let others = others.filter_map(|(_, value)| serde_json::from_slice(value).ok());
        let mut processes: Vec<ProcessView> = others.chain(self.view.lock().clone()).collect();
        processes.sort_by(|a, b| (&a.role, &a.name).cmp(&(&b.role, &b.name)));
        Ok(Processes { processes })
    }

    /// The rings of all processes.
    pub(super) async fn rings(&self, queue: &dyn Queue) -> Result<Vec<ChartRing>, QueueError> {
        let mut rings = match is_shared(queue) {
            true => super::charts::others(queue, &self.id).await.or_else(none_in_an_outage)?,
            false => Vec::new(),
        };
        rings.push(self.ring.lock().clone());
        Ok(rings)
    }
}

/// Whether other processes may have this queue.
fn is_shared(queue: &dyn Queue) -> bool {
    !queue.place().starts_with("sqlite:")
}

fn none_in_an_outage<T>(error: QueueError) -> Result<Vec<T>, QueueError> {
    if error.is_outage() { Ok(Vec::new()) } else { Err(error) }
}
