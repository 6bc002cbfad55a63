//! How a queue stands, in one look.

use std::collections::BTreeMap;

use huixin_queue::{Counts, Paused, Queue, QueueError};
use huixin_worker::{Interface, InterfaceState};

/// How a queue stands.
#[derive(Clone, Debug)]
pub(super) struct QueueLook {
    pub(super) counts: Counts,
    pub(super) paused: Vec<Paused>,
    /// By account and interface. An account that can't send has messages that wait for it.
    pub(super) troubles: BTreeMap<(String, Interface), InterfaceState>,
}

impl QueueLook {
    pub(super) async fn of(queue: &dyn Queue) -> Result<Self, QueueError> {
        let (counts, paused) = (queue.counts().await?, queue.paused().await?);
        Ok(Self { counts, paused, troubles: InterfaceState::read_all(queue).await? })
    }
}
