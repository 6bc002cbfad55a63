//! Telling an entry that the queue refuses from a queue that is away.

use std::time::{Duration, Instant};

use huixin_queue::spool::SpoolEntry;
use rand::seq::SliceRandom as _;

use super::super::lanes::LaneKey;
use super::{Chain, DrainError, FolderDrain, OfferResult};

/// A bad entry is refused sooner than this. Longer silence is an outage.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// How many entries are tried alone to see whether the queue works, out of how many, and how many more are read to find some
/// that have not failed in this before.
const SCOUTS: usize = 3;
pub(super) const SCOUT_PAGE: usize = 128;
pub(super) const SCOUT_PAGES: usize = 8;
const FAILED_SCOUTS_MAX: usize = 1_024;
/// How often a suspect is tried, how long apart, before it is quarantined.
const SUSPECT_TRIES: u32 = 5;
pub(super) const SUSPECT_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 1_000 });

/// An entry that the queue did not take.
pub(super) struct Suspect {
    pub(super) seq: u64,
    /// How often it failed alone, while the queue took others.
    pub(super) failures: u32,
    /// When it was tried alone.
    pub(super) tried: Option<Instant>,
}

impl FolderDrain {
    /// Sees whether the queue works after it has failed, with some entries, each alone. True if one was taken, false if
    /// there is nothing to try it with.
    pub(in crate::receiver) async fn scout(&mut self) -> Result<bool, DrainError> {
        let is_good = |chain: &Chain| chain.goes_on && !self.failed_scouts.contains(&chain.key);
        let mut chains = self.chains(SCOUT_PAGE, SCOUT_PAGES, is_good).await?;
        // Others each time, so that a few bad ones can't make the queue look bad for ever.
        chains.shuffle(&mut rand::rng());
        chains.sort_by_key(|chain| !is_good(chain));
        let mut trouble = None;
        for Chain { key, mut entries, .. } in chains.into_iter().take(SCOUTS) {
            let (entry, asked) = (entries.swap_remove(0), Instant::now());
            match self.offer(&entry).await {
                OfferResult::Taken => {
                    self.has_taken(entry.seq, key);
                    self.failed_scouts.clear();
                    return Ok(true);
                }
                OfferResult::Refused(reason) => self.quarantine(entry.seq, key, &reason).await?,
                OfferResult::Failed(reason) => {
                    self.failed_scouts.insert(key);
                    trouble = Some(DrainError::Queue(reason));
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

    /// Tries suspects that are first in their lanes, each alone; how many the queue took.
    pub(super) async fn try_suspects(
        &mut self,
        ripe: Vec<(LaneKey, SpoolEntry)>,
    ) -> Result<usize, DrainError> {
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
                OfferResult::Taken => {
                    self.has_taken(entry.seq, key);
                    (taken, queue_works) = (taken + 1, true);
                }
                OfferResult::Refused(reason) => self.quarantine(entry.seq, key, &reason).await?,
                OfferResult::Failed(reason) if asked.elapsed() > REFUSED_WITHIN => {
                    return Err(DrainError::Queue(reason));
                }
                OfferResult::Failed(reason) => failed.push((key, reason)),
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
}
