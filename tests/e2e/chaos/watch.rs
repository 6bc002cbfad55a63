//! What must not lie still during a run: a lane that is ready and not taken, an entry of a spool beside a Redis that serves.
//!
//! Both are looked at every second. What is found in the same state in two looks has been there for the time between
//! them; it counts only if Redis served all that time. The age in the queue's counts is no measure: it counts from the
//! arrival, and a message may rightly wait long for those before it in its lane.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use huixin_queue::spool::{FolderView, look};
use huixin_queue::{Lane, LaneState, MessageId, Queue};

use super::lane_of;

const EVERY: Duration = Duration::from_secs(1);
/// The longest that a ready lane may wait to be taken, and an entry in a spool for a Redis that serves.
pub(super) const AT_MOST: Duration = Duration::from_secs(10);

/// For how long each thing has been as it is, while Redis served.
pub(super) struct Unmoved<K> {
    since: HashMap<K, Duration>,
    pub(super) longest: Duration,
    /// What stood for longer than [`AT_MOST`], each once.
    pub(super) too_long: Vec<K>,
}

impl<K: Clone + Eq + Hash> Default for Unmoved<K> {
    fn default() -> Self {
        Self { since: HashMap::new(), longest: Duration::ZERO, too_long: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash> Unmoved<K> {
    /// From now on the time counts anew.
    fn begin_anew(&mut self) {
        self.since.clear();
    }

    /// All that stands now, a time after the look before.
    pub(super) fn look(&mut self, now: Vec<K>, served: Duration) {
        let before = std::mem::take(&mut self.since);
        for key in now {
            let stood = before.get(&key).map_or(Duration::ZERO, |stood| *stood + served);
            self.longest = self.longest.max(stood);
            if stood > AT_MOST && !self.too_long.contains(&key) {
                self.too_long.push(key.clone());
            }
            self.since.insert(key, stood);
        }
    }
}

/// What was seen.
#[derive(Default)]
pub(super) struct Watch {
    /// Lanes with the message that could have been taken.
    pub(super) ready: Unmoved<(String, MessageId)>,
    /// Folders with the time at which their oldest entry was put there, in milliseconds since 1970.
    pub(super) spooled: Unmoved<(PathBuf, u64)>,
    /// The same of the look before.
    spooled_ms: HashMap<PathBuf, u64>,
    /// How many looks were whole.
    pub(super) looks: usize,
}

impl Watch {
    /// What it found, if it could look often enough in this time to find anything.
    pub(super) fn wrongs(&self, lasting: Duration) -> Vec<String> {
        let mut wrongs = Vec::new();
        if self.looks < lasting.div_duration_f64(EVERY) as usize / 4 {
            wrongs.push(format!("only {} looks in {lasting:?}", self.looks));
        }
        if !self.ready.too_long.is_empty() {
            wrongs.push(format!("ready for more than {AT_MOST:?}, and not taken: {:?}", self.ready.too_long));
        }
        if !self.spooled.too_long.is_empty() {
            wrongs.push(format!("in a spool for more than {AT_MOST:?}: {:?}", self.spooled.too_long));
        }
        wrongs
    }

    /// A time comes from an age, which is read a moment after the clock: times that are almost equal mean the same entry.
    fn look_at_spools(&mut self, spooled: Vec<(PathBuf, u64)>, served: Duration) {
        let before = std::mem::take(&mut self.spooled_ms);
        let same = |(folder, at_ms): (PathBuf, u64)| {
            let known = before.get(&folder).filter(|known| known.abs_diff(at_ms) < 200);
            (folder, known.copied().unwrap_or(at_ms))
        };
        self.spooled_ms = spooled.into_iter().map(same).collect();
        let now = self.spooled_ms.iter().map(|(folder, at_ms)| (folder.clone(), *at_ms));
        self.spooled.look(now.collect(), served);
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ready, spooled) = (self.ready.longest, self.spooled.longest);
        write!(f, "ready for {ready:.1?} at most, in a spool for {spooled:.1?}, in {} looks", self.looks)
    }
}

/// Looks until it is stopped.
pub(super) async fn watch(
    queue: Arc<dyn Queue>,
    spool: PathBuf,
    users: usize,
    outages: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
) -> Watch {
    let mut watch = Watch::default();
    let mut before: Option<(Instant, u64)> = None;
    while !ends.load(Ordering::Relaxed) {
        tokio::time::sleep(EVERY).await;
        let (now, outage) = (Instant::now(), outages.load(Ordering::SeqCst));
        let Some(ready) = ready_lanes(&*queue, users).await else {
            before = None;
            continue;
        };
        let served = match before {
            Some((then, as_now)) if as_now == outage => now.duration_since(then),
            _ => Duration::ZERO,
        };
        if served.is_zero() {
            // What was carried and not confirmed is carried once more after an outage.
            watch.spooled.begin_anew();
        }
        let spool = spool.clone();
        let spooled =
            tokio::task::spawn_blocking(move || oldest(&spool)).await.expect("looking does not panic");
        watch.ready.look(ready, served);
        watch.look_at_spools(spooled, served);
        watch.looks += 1;
        before = (outage % 2 == 0).then_some((now, outage));
    }
    watch
}

async fn ready_lanes(queue: &dyn Queue, users: usize) -> Option<Vec<(String, MessageId)>> {
    let mut ready = Vec::new();
    for user in 0..users {
        let lane: Lane = lane_of(user);
        if let Some(view) = queue.lane(&lane).await.ok()?
            && view.state == LaneState::Ready
            && let Some(head) = view.waiting.into_iter().next()
        {
            ready.push((lane.to_string(), head));
        }
    }
    Some(ready)
}

/// The oldest entry of each folder. A folder that is just being made can't be read yet.
fn oldest(spool: &Path) -> Vec<(PathBuf, u64)> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let of = |view: FolderView| {
        let since = now.saturating_sub(view.content.ok()?.0.oldest?);
        Some((view.folder, u64::try_from(since.as_millis()).unwrap_or_default()))
    };
    look(spool).unwrap_or_default().into_iter().filter_map(of).collect()
}
