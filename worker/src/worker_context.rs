//! What all messages of a worker share while they are handled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use huixin_queue::Queue;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::account::{Account, Pauses};
use crate::call_back::CallBacks;
use crate::media::MediaStore;
use crate::rights::Rights;
use crate::route::Route;
use crate::witness::Witness;

pub(crate) struct WorkerContext {
    /// The worker's name.
    pub(crate) name: String,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) accounts: HashMap<String, Account>,
    pub(crate) routes: Vec<Route>,
    pub(crate) rights: Rights,
    pub(crate) pauses: Pauses,
    pub(crate) media: MediaStore,
    pub(crate) call_backs: Option<CallBacks>,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    pub(crate) lease_for: Duration,
    /// One for each message that is handled.
    pub(crate) permits: Arc<Semaphore>,
    /// Whether a message runs that has outlived other workers: one at a time, so that it is known which it was.
    pub(crate) suspect_runs: AtomicBool,
    /// Rung when it has ended.
    pub(crate) suspect_ended: Notify,
    /// Cancelled when a stop is asked for: nothing is begun any more.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when the grace is over: hand back what isn't done.
    pub(crate) stop_now: CancellationToken,
    pub(crate) released: AtomicU64,
    pub(crate) settled: AtomicU64,
}
