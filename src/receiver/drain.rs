//! Carries the entries of one spool to the queue.
//!
//! Many lanes at once, so that the queue's batches fill; within a lane one after the other, so that its order is kept. What
//! the queue takes is confirmed two seconds later by giving it to the queue again: `Duplicate` says that it is still known
//! there, and only then it is forgotten. If it is `New`, the queue has lost what it took, and all that was taken and not
//! forgotten is carried again. That costs a second, cheap call per entry, and needs no trust in how the store persists, in
//! how many shards it has, or in anybody noticing that it was restarted.
//!
//! An entry that has been here longer than duplicates are known might be handled a second time. It goes to the dead letters,
//! where a person sees it, never away.
//!
//! **One bad entry** must not look like an outage, nor take those down that are in its batch. So what fails is a *suspect*,
//! and from then on tried alone when it is first in its lane. Nearly all succeed at once, since it was the queue that had
//! failed. One that fails again and again while the queue takes others is quarantined.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use huixin_queue::spool::{Entry, Spool, SpoolError};
use huixin_queue::{Accepted, NewMessage, Queue, QueueError};
use rand::seq::SliceRandom as _;

use super::breaker::Breaker;
use super::lanes::{LaneKey, Lanes};
use super::metrics;
use crate::report::one_line;

/// Entries read at once at most, and bytes of them: enough to keep the queue busy, and so few that pushes that go to the
/// spool meanwhile don't notice.
const PAGE: usize = 512;
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Pages read at once at most, to find somebody behind a lane that waits for its suspect.
const PAGES_MAX: usize = 64;
/// Accepts under way at once.
const AT_ONCE: usize = 256;
/// Taken and not yet forgotten at most: some seconds of the fastest drain.
const TAKEN_MAX: usize = 65_536;
/// How long one accept may take: more than the queue gives its own calls.
const ACCEPT_WITHIN: Duration = Duration::from_secs(10);
/// A bad entry is refused sooner than this. Longer silence is an outage.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// How many entries are tried alone to see whether the queue works, out of how many, and how many more are read to find some
/// that have not failed in this before.
const SCOUTS: usize = 3;
const SCOUT_PAGE: usize = 128;
const SCOUT_PAGES: usize = 8;
const FAILED_SCOUTS_MAX: usize = 1_024;
/// How often a suspect is tried, how long apart, before it is quarantined.
const SUSPECT_TRIES: u32 = 5;
const SUSPECT_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 1_000 });

/// The carrier of one spool.
pub(super) struct Drain {
    queue: Arc<dyn Queue>,
    spool: Arc<Spool>,
    lanes: Arc<Lanes>,
    breaker: Arc<Breaker>,
    max_age: Duration,
    /// The lanes of what the queue took and is not forgotten, by number.
    taken: BTreeMap<u64, LaneKey>,
    suspects: HashMap<LaneKey, Suspect>,
    /// Lanes whose entries did not find the queue working, since it did last.
    failed_scouts: HashSet<LaneKey>,
}

/// An entry that the queue did not take.
struct Suspect {
    seq: u64,
    /// How often it failed alone, while the queue took others.
    failures: u32,
    /// When it was tried alone.
    tried: Option<Instant>,
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
pub enum Trouble {
    /// The queue doesn't take what it is given.
    #[error("the queue does not take what is in the spool: {0}")]
    Queue(String),
    /// The spool can't be read or written.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// What became of one try.
enum Tried {
    Taken,
    /// The queue refuses it for its own sake.
    Refused(String),
    Failed(String),
}

/// The pending entries of a lane, in their order, up to its suspect.
struct Chain {
    key: LaneKey,
    /// Whether the first of them is no suspect.
    goes_on: bool,
    entries: Vec<Entry>,
}

impl Drain {
    /// A carrier. An entry that has been in the spool for longer than `max_age` is not handled any more.
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

    pub(super) fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Tells the lanes which of them have entries here. Before anything else.
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
    pub(super) async fn round(&mut self) -> Result<Round, Trouble> {
        let forgotten = self.confirm().await?;
        if self.spool.taken_count() >= TAKEN_MAX {
            return Ok(Round { taken: 0, forgotten });
        }
        let mut chains = self.chains(PAGE, PAGES_MAX, |chain| chain.goes_on).await?;
        let mut ripe = Vec::new();
        for Chain { key, entries, .. } in &mut chains {
            let suspect = self.suspects.get(key).map(|suspect| suspect.seq);
            // What is before it goes on; it is the last of its chain.
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

    /// Sees whether the queue works after it has failed, with some entries, each alone. True if one was taken, false if
    /// there is nothing to try it with.
    pub(super) async fn scout(&mut self) -> Result<bool, Trouble> {
        let is_good = |chain: &Chain| chain.goes_on && !self.failed_scouts.contains(&chain.key);
        let mut chains = self.chains(SCOUT_PAGE, SCOUT_PAGES, is_good).await?;
        // Others each time, so that a few bad ones can't make the queue look bad for ever.
        chains.shuffle(&mut rand::rng());
        chains.sort_by_key(|chain| !is_good(chain));
        let mut trouble = None;
        for Chain { key, mut entries, .. } in chains.into_iter().take(SCOUTS) {
            let (entry, asked) = (entries.swap_remove(0), Instant::now());
            match self.offer(&entry).await {
                Tried::Taken => {
                    self.has_taken(entry.seq, key);
                    self.failed_scouts.clear();
                    return Ok(true);
                }
                Tried::Refused(reason) => self.quarantine(entry.seq, key, &reason).await?,
                Tried::Failed(reason) => {
                    self.failed_scouts.insert(key);
                    trouble = Some(Trouble::Queue(reason));
                }
            }
            if asked.elapsed() > REFUSED_WITHIN {
                break;
            }
        }
        if self.failed_scouts.len() > FAILED_SCOUTS_MAX {
            self.failed_scouts.clear();
        }
        trouble.map_or(Ok(false), Err)
    }

    /// The queue has failed: what it took and is not forgotten may be lost, and is pending again.
    pub(super) fn pending_again(&mut self) {
        self.spool.pending_again();
        std::mem::take(&mut self.taken).into_values().for_each(|key| self.lanes.spooled(key));
    }

    /// Whether anything waits to be confirmed or is tried from time to time, so that a round is due soon.
    pub(super) fn is_waiting(&self) -> bool {
        !self.taken.is_empty() || !self.suspects.is_empty()
    }

    /// Pending entries by lane, nothing behind a suspect. Pages are read until there is a chain that is enough.
    async fn chains(
        &self,
        first_page: usize,
        most_pages: usize,
        is_enough: impl Fn(&Chain) -> bool,
    ) -> Result<Vec<Chain>, SpoolError> {
        let mut chains: Vec<Chain> = Vec::new();
        let mut places = HashMap::new();
        let (mut last, mut page) = (0, first_page);
        for _ in 0..most_pages {
            let entries = self.spool.next_after(last, page, PAGE_BYTES).await?;
            let Some(end) = entries.last() else { break };
            (last, page) = (end.seq, PAGE);
            for entry in entries {
                let key = self.lanes.key(&entry.message.lane);
                let suspect = self.suspects.get(&key).map(|suspect| suspect.seq);
                if suspect.is_some_and(|suspect| entry.seq > suspect) {
                    continue;
                }
                let place = *places.entry(key).or_insert(chains.len());
                if place == chains.len() {
                    chains.push(Chain { key, goes_on: suspect != Some(entry.seq), entries: Vec::new() });
                }
                chains[place].entries.push(entry);
            }
            if chains.iter().any(&is_enough) {
                break;
            }
        }
        Ok(chains)
    }

    /// Lanes side by side, each in its order. It stops at the first failure.
    async fn carry(&mut self, chains: Vec<Chain>) -> Result<usize, Trouble> {
        let stop = AtomicBool::new(false);
        let (this, stop) = (&*self, &stop);
        let carried = stream::iter(chains).map(|Chain { key, entries, .. }| async move {
            let mut tried = Vec::with_capacity(entries.len());
            for entry in entries {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let outcome = this.offer(&entry).await;
                let failed = matches!(outcome, Tried::Failed(_));
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
                    Tried::Taken => {
                        self.has_taken(seq, key);
                        taken += 1;
                    }
                    Tried::Refused(reason) => self.quarantine(seq, key, &reason).await?,
                    Tried::Failed(reason) => {
                        self.suspects.entry(key).or_insert(Suspect { seq, failures: 0, tried: None });
                        trouble = Some(Trouble::Queue(reason));
                    }
                }
            }
        }
        trouble.map_or(Ok(taken), Err)
    }

    /// Tries suspects that are first in their lanes, each alone; how many the queue took.
    async fn try_suspects(&mut self, ripe: Vec<(LaneKey, Entry)>) -> Result<usize, Trouble> {
        if ripe.is_empty() {
            return Ok(0);
        }
        // Only a failure while the queue takes others says something about the entry.
        let mut queue_works = self.breaker.has_stored();
        let (mut taken, mut failed) = (0, Vec::new());
        for (key, entry) in ripe {
            let tried = self.suspects.get(&key).and_then(|suspect| suspect.tried);
            if tried.is_some_and(|tried| tried.elapsed() < SUSPECT_PAUSE) {
                continue;
            }
            let asked = Instant::now();
            match self.offer(&entry).await {
                Tried::Taken => {
                    self.has_taken(entry.seq, key);
                    (taken, queue_works) = (taken + 1, true);
                }
                Tried::Refused(reason) => self.quarantine(entry.seq, key, &reason).await?,
                Tried::Failed(reason) if asked.elapsed() > REFUSED_WITHIN => {
                    return Err(Trouble::Queue(reason));
                }
                Tried::Failed(reason) => failed.push((key, reason)),
            }
        }
        for (key, reason) in failed {
            let Some(suspect) = self.suspects.get_mut(&key) else { continue };
            suspect.tried = Some(Instant::now());
            suspect.failures += u32::from(queue_works);
            if suspect.failures >= SUSPECT_TRIES {
                let seq = suspect.seq;
                self.quarantine(seq, key, &reason).await?;
            }
        }
        Ok(taken)
    }

    /// Gives what was taken two seconds ago to the queue again, and forgets it; how many entries.
    async fn confirm(&mut self) -> Result<usize, Trouble> {
        let settled = self.spool.settled(PAGE).await?;
        if settled.is_empty() {
            return Ok(0);
        }
        let this = &*self;
        let asked = stream::iter(settled).map(|entry| async move { (entry.seq, this.accept(&entry).await) });
        let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        let (mut known, mut lost) = (Vec::with_capacity(answers.len()), 0);
        for (seq, answer) in answers {
            match answer {
                Ok(Accepted::New | Accepted::Counted) => lost += 1,
                Ok(_) => known.push(seq),
                Err(NotTaken { reason, .. }) => return Err(Trouble::Queue(reason)),
            }
        }
        if lost > 0 {
            tracing::warn!(
                lost,
                "the queue has lost what it had taken out of the spool: it is carried again"
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
            "the queue refuses an entry of the spool: it stays there, see `huixin spool status`"
        );
        self.spool.quarantine(seq, reason).await?;
        self.suspects.remove(&key);
        self.lanes.left(key);
        metrics::quarantined();
        Ok(())
    }

    async fn offer(&self, entry: &Entry) -> Tried {
        match self.accept(entry).await {
            // What can't be understood may be only counted when its account's letters are many; what was acked in good
            // order may not.
            Ok(Accepted::Counted) if entry.message.dead_reason.is_none() => Tried::Refused(
                "it may have been handled already, and its account keeps no more dead letters".to_owned(),
            ),
            Ok(accepted) => {
                metrics::drained(accepted);
                self.breaker.stored();
                Tried::Taken
            }
            Err(NotTaken { reason, is_its_fault: true }) => Tried::Refused(reason),
            Err(NotTaken { reason, .. }) => Tried::Failed(reason),
        }
    }

    async fn accept(&self, entry: &Entry) -> Result<Accepted, NotTaken> {
        let mut message: NewMessage = entry.message.clone();
        if entry.age > self.max_age && message.dead_reason.is_none() {
            let age = humantime::format_duration(Duration::from_secs(entry.age.as_secs()));
            message.dead_reason = Some(format!(
                "a possible duplicate: it was in a receiver's spool for {age}, longer than `receiver.spool.max_age`"
            ));
        }
        match tokio::time::timeout(ACCEPT_WITHIN, self.queue.accept(message)).await {
            Ok(Ok(accepted)) => Ok(accepted),
            Ok(Err(error)) => Err(NotTaken {
                is_its_fault: matches!(error, QueueError::Invalid(_)),
                reason: one_line(&error),
            }),
            Err(_) => Err(NotTaken { is_its_fault: false, reason: no_answer() }),
        }
    }
}

/// Carries everything in a spool to the queue, for a person who asked for it: the quarantined entries are tried too. How
/// many entries it has then.
///
/// # Errors
/// When the spool can't be read, or the queue takes nothing for ten seconds.
pub async fn drain_all(
    queue: Arc<dyn Queue>,
    spool: Arc<Spool>,
    max_age: Duration,
) -> Result<usize, Trouble> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(100);
    spool.release_quarantined().await?;
    let mut drain = Drain::new(queue, spool.clone(), Arc::default(), Arc::default(), max_age);
    let (mut drained, mut progress) = (0, Instant::now());
    while spool.counts().await?.entries > 0 {
        let round = drain.round().await;
        let trouble = match round {
            Ok(Round { taken: 0, forgotten: 0 }) => {
                Trouble::Queue("it refuses the entries that are left".to_owned())
            }
            Ok(round) => {
                drained += round.forgotten;
                progress = Instant::now();
                continue;
            }
            Err(Trouble::Queue(reason)) => {
                drain.pending_again();
                Trouble::Queue(reason)
            }
            Err(error) => return Err(error),
        };
        if progress.elapsed() > PATIENCE {
            return Err(trouble);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(drained)
}

/// The queue did not take an entry.
struct NotTaken {
    reason: String,
    is_its_fault: bool,
}

fn no_answer() -> String {
    format!("it did not answer within {ACCEPT_WITHIN:?}")
}

#[cfg(test)]
mod tests;
