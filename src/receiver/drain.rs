//! Carries the entries of one spool to the queue.
//!
//! Many lanes at once, so that the queue's batches fill; within a lane one after the other, so that its order is kept. An
//! entry that the queue took is confirmed two seconds later by giving it to the queue again: `Duplicate` says that the
//! queue still knows it, and only then the spool forgets it. `New` says that the queue has lost what it took, and every
//! entry taken and not forgotten is carried again. That costs a second, cheap call per entry, and needs no trust in how the
//! store persists, in how many shards it has, or in anybody noticing that it was restarted.
//!
//! An entry that has been here longer than duplicates are known might be handled a second time. It goes to the dead letters,
//! where a person sees it, and is never dropped.
//!
//! **One bad entry** must not look like an outage, nor make the others in its batch fail. So an entry that fails is a
//! *suspect*, and from then on tried alone when it is first in its lane. Nearly all suspects succeed at once, since it was
//! the queue that had failed. A suspect that fails again and again while the queue takes others is quarantined
//! (`suspects`).

mod all;
mod chains;
mod offer;
mod suspects;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use huixin_queue::spool::{Spool, SpoolEntry, SpoolError};
use huixin_queue::{Accepted, Queue};

use super::breaker::Breaker;
use super::intake::NotTaken;
use super::lanes::{LaneKey, Lanes};
use super::metrics;
pub use all::drain_all;
use chains::Chain;
use offer::OfferResult;
use suspects::Suspect;

/// Entries read at once at most, and bytes of them: enough to keep the queue busy, and so few that pushes that go to the
/// spool at the same time don't notice.
const PAGE: usize = 512;
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Pages read at once at most, to find entries behind a lane that waits for its suspect.
const PAGES_MAX: usize = 64;
/// Accepts under way at once.
const AT_ONCE: usize = 256;
/// Taken and not yet forgotten at most: some seconds of the fastest drain.
const TAKEN_MAX: usize = 65_536;
/// The drain of one spool.
pub(super) struct FolderDrain {
    queue: Arc<dyn Queue>,
    spool: Arc<Spool>,
    lanes: Arc<Lanes>,
    breaker: Arc<Breaker>,
    max_age: Duration,
    /// The lanes of entries that the queue took and the spool hasn't forgotten, by number.
    taken: BTreeMap<u64, LaneKey>,
    suspects: HashMap<LaneKey, Suspect>,
    /// Lanes whose scouts have failed since the queue last worked.
    failed_scouts: HashSet<LaneKey>,
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Entries that the queue took.
    pub taken: usize,
    /// Entries that were forgotten.
    pub forgotten: usize,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// The queue doesn't take what it is given.
    #[error("the queue does not accept the entries of the spool: {0}")]
    Queue(String),
    /// The spool can't be read or written.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl FolderDrain {
    /// The drain of one spool. An entry that has been in the spool for longer than `max_age` is not handled any more.
    pub(super) fn new(
        queue: Arc<dyn Queue>,
        spool: Arc<Spool>,
        lanes: Arc<Lanes>,
        breaker: Arc<Breaker>,
        max_age: Duration,
    ) -> Self {
        let (taken, suspects, failed_scouts) = (BTreeMap::new(), HashMap::new(), HashSet::new());
        Self { queue, spool, lanes, breaker, max_age, taken, suspects, failed_scouts }
    }

    /// The drain of another spool into the same queue.
    pub(super) fn beside(&self, spool: Arc<Spool>) -> Self {
        Self::new(self.queue.clone(), spool, self.lanes.clone(), self.breaker.clone(), self.max_age)
    }

    pub(super) fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Marks the lanes that have entries here. To be called before anything else.
    pub(super) async fn block_lanes(&self) -> Result<(), SpoolError> {
        const AT_A_TIME: usize = 10_000;
        let mut last = 0;
        loop {
            let lanes = self.spool.lanes(last, AT_A_TIME).await?;
            let Some((seq, _)) = lanes.last() else { return Ok(()) };
            last = *seq;
            lanes.iter().for_each(|(_, lane)| self.lanes.spooled(self.lanes.key(lane)));
        }
    }

    /// Confirms what was taken long enough ago, and carries a page of entries.
    pub(super) async fn run_once(&mut self) -> Result<Round, DrainError> {
        let forgotten = self.confirm().await?;
        if self.spool.taken_count() >= TAKEN_MAX {
            return Ok(Round { taken: 0, forgotten });
        }
        let mut chains = self.chains(PAGE, PAGES_MAX, |chain| chain.goes_on).await?;
        let mut ripe = Vec::new();
        for Chain { key, entries, .. } in &mut chains {
            let suspect = self.suspects.get(key).map(|suspect| suspect.seq);
            // The entries before the suspect go on; it is the last of its chain.
            if let Some(entry) = entries.pop_if(|entry| Some(entry.seq) == suspect)
                && entries.is_empty()
            {
                ripe.push((*key, entry));
            }
        }
        chains.retain(|chain| !chain.entries.is_empty());
        let mut taken = self.try_suspects(ripe).await?;
        taken += self.carry(chains).await?;
        Ok(Round { taken, forgotten })
    }

    /// The queue has failed: entries that it took and the spool hasn't forgotten may be lost, and are pending again.
    pub(super) fn pending_again(&mut self) {
        self.spool.pending_again();
        std::mem::take(&mut self.taken).into_values().for_each(|key| self.lanes.spooled(key));
    }

    /// Whether anything waits to be confirmed or is tried from time to time, so that a round is due soon.
    pub(super) fn is_waiting(&self) -> bool {
        !self.taken.is_empty() || !self.suspects.is_empty()
    }

    /// Lanes side by side, each in its order. It stops at the first failure.
    async fn carry(&mut self, chains: Vec<Chain>) -> Result<usize, DrainError> {
        let stop = AtomicBool::new(false);
        let (this, stop) = (&*self, &stop);
        let carried = stream::iter(chains).map(|Chain { key, entries, .. }| async move {
            let mut tried = Vec::with_capacity(entries.len());
            for entry in entries {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let outcome = this.offer(&entry).await;
                let failed = matches!(outcome, OfferResult::Failed(_));
                tried.push((entry.seq, outcome));
                if failed {
                    stop.store(true, Ordering::Relaxed);
                    break;
                }
            }
            (key, tried)
        });
        let carried: Vec<_> = carried.buffer_unordered(AT_ONCE).collect().await;
        let (mut taken, mut trouble) = (0, None);
        for (key, tried) in carried {
            for (seq, outcome) in tried {
                match outcome {
                    OfferResult::Taken => {
                        self.has_taken(seq, key);
                        taken += 1;
                    }
                    OfferResult::Refused(reason) => self.quarantine(seq, key, &reason).await?,
                    OfferResult::Failed(reason) => {
                        self.suspects.entry(key).or_insert(Suspect { seq, failures: 0, tried: None });
                        trouble = Some(DrainError::Queue(reason));
                    }
                }
            }
        }
        trouble.map_or(Ok(taken), Err)
    }

    /// Gives what was taken two seconds ago to the queue again, and forgets it; how many entries.
    async fn confirm(&mut self) -> Result<usize, DrainError> {
        let settled = self.spool.settled(PAGE).await?;
        if settled.is_empty() {
            return Ok(0);
        }
        // Lane by lane, as they were carried: this stores lost entries again, and none may come before an older one.
        let mut lanes: HashMap<LaneKey, Vec<SpoolEntry>> = HashMap::new();
        for entry in settled {
            lanes.entry(self.lanes.key(&entry.message.lane)).or_default().push(entry);
        }
        let this = &*self;
        let asked = stream::iter(lanes.into_values()).map(|entries| async move {
            let mut answers = Vec::with_capacity(entries.len());
            for entry in entries {
                let answer = this.accept(&entry).await;
                let is_known = matches!(answer, Ok(Accepted::Duplicate | Accepted::Expired));
                answers.push((entry.seq, answer));
                if !is_known {
                    break;
                }
            }
            answers
        });
        let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        let (mut known, mut lost) = (Vec::new(), 0);
        for (seq, answer) in answers.into_iter().flatten() {
            match answer {
                Ok(Accepted::New | Accepted::Counted) => lost += 1,
                Ok(_) => known.push(seq),
                Err(NotTaken { reason, .. }) => return Err(DrainError::Queue(reason)),
            }
        }
        if lost > 0 {
            tracing::warn!(
                lost,
                "the queue lost entries that it had taken from the spool; they are sent again"
            );
            metrics::lost(lost);
            self.pending_again();
            return Ok(0);
        }
        self.spool.forget(known.clone()).await?;
        for seq in &known {
            self.taken.remove(seq);
        }
        Ok(known.len())
    }

    fn has_taken(&mut self, seq: u64, key: LaneKey) {
        self.spool.taken(seq);
        self.taken.insert(seq, key);
        if self.suspects.get(&key).is_some_and(|suspect| suspect.seq == seq) {
            self.suspects.remove(&key);
        }
        self.lanes.left(key);
    }

    async fn quarantine(&mut self, seq: u64, key: LaneKey, reason: &str) -> Result<(), SpoolError> {
        tracing::error!(
            reason,
            "the queue refuses an entry of the spool: it is quarantined, see `huixin spool status`"
        );
        self.spool.quarantine(seq, reason).await?;
        self.suspects.remove(&key);
        self.lanes.left(key);
        metrics::quarantined();
        Ok(())
    }
}
