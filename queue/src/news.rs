//! News for the receivers of one process: see [`Responder::news`](crate::Responder::news).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Lane;

/// Lanes that one receiver may have waiting for it; more are dropped, and found when it looks.
const LANES_MAX: usize = 4_096;

/// What is waiting for each receiver.
#[derive(Debug, Default)]
pub(crate) struct NewsBoard {
    lanes: Mutex<HashMap<String, Vec<Lane>>>,
    posted: Notify,
}

impl NewsBoard {
    /// There is news of a lane for a receiver.
    pub(crate) fn post(&self, receiver: &str, lane: &Lane) {
        let mut lanes = self.lanes();
        let waiting = lanes.entry(receiver.to_owned()).or_default();
        if waiting.len() < LANES_MAX {
            waiting.push(lane.clone());
        }
        self.posted.notify_waiters();
    }

    /// Takes what is there for a receiver, or comes within `at_most`.
    pub(crate) async fn take(&self, receiver: &str, at_most: Duration) -> Vec<Lane> {
        let taken = async {
            loop {
                let posted = self.posted.notified();
                if let Some(lanes) = self.lanes().remove(receiver) {
                    return lanes;
                }
                posted.await;
            }
        };
        tokio::time::timeout(at_most, taken).await.unwrap_or_default()
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<String, Vec<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
