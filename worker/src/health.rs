//! How a worker is, asked from outside while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use huixin_wechat::Client;
use parking_lot::Mutex;

use crate::lease::{RunningLeases, RunningMessage};
use crate::metrics;

/// How far this machine's clock may differ from the API's, in seconds.
pub const CLOCKS_APART_S: u64 = 30;

/// When the queue last answered the worker, what stands still, and whose clock is wrong.
#[derive(Clone, Debug)]
pub struct WorkerHealth {
    began: Instant,
    permits: usize,
    last_take_ms: Arc<AtomicU64>,
    /// Every permit is in use: nothing is taken, as it should be.
    pub(crate) full: Arc<AtomicBool>,
    pub(crate) overdue: Arc<AtomicUsize>,
    /// Set when the worker runs, and anew by one that takes its place.
    pub(crate) leases: Arc<Mutex<Option<Arc<RunningLeases>>>>,
    clients: Vec<(String, Client)>,
}

impl WorkerHealth {
    pub(crate) fn new(permits: usize) -> Self {
        Self {
            began: Instant::now(),
            permits,
            last_take_ms: Arc::default(),
            full: Arc::default(),
            overdue: Arc::default(),
            leases: Arc::default(),
            clients: Vec::new(),
        }
    }

    /// The same, with the clients of the worker's accounts.
    pub(crate) fn of(&self, clients: Vec<(String, Client)>) -> Self {
        Self { clients, ..self.clone() }
    }

    /// Accounts whose API has another time than this machine, with the seconds that this clock is ahead (below 0: behind).
    /// Windows and held answers are judged by this clock.
    pub fn clocks_apart(&self) -> impl Iterator<Item = (&str, i64)> {
        let ahead =
            self.clients.iter().filter_map(|(name, client)| Some((name.as_str(), client.clock_ahead_s()?)));
        ahead.filter(|(_, ahead_s)| ahead_s.unsigned_abs() > CLOCKS_APART_S)
    }

    /// Time since the queue last answered a take; `None` before it first did. Zero while every permit is in use.
    pub fn since_last_take(&self) -> Option<Duration> {
        if self.full.load(Ordering::Relaxed) {
            return Some(Duration::ZERO);
        }
        match self.last_take_ms.load(Ordering::Relaxed) {
            0 => None,
            at => Some(self.began.elapsed().saturating_sub(Duration::from_millis(at))),
        }
    }

    /// How many messages stand still: their step takes longer than all timeouts in it. That is a bug, and their users wait.
    pub fn overdue(&self) -> usize {
        self.overdue.load(Ordering::Relaxed)
    }

    /// How many messages the worker handles at once at most.
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// How many messages the worker handles now, and those that it has had for the longest.
    pub fn running(&self, at_most: usize) -> (usize, Vec<RunningMessage>) {
        self.leases.lock().as_ref().map_or_else(Default::default, |leases| leases.oldest(at_most))
    }

    pub(crate) fn taken(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_take_ms.store(now.max(1), Ordering::Relaxed);
        metrics::taken();
    }
}
