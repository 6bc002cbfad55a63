//! Carries what is in spools to the queue, for as long as the receiver runs.
//!
//! One task: it alone closes the breaker, so that nothing goes straight to the queue before the lanes that must wait are
//! known. It carries its own spool and those it has adopted, the adopted ones first, since what is in them is older. While
//! the queue is away it tries a few entries at a time; when they are taken it closes the breaker and carries the rest at
//! full speed, beside the pushes.
//!
//! It doesn't end before the receiver does: a panic is logged and the work begins again, since a receiver that ended with
//! it would take no pushes at all.

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use huixin_queue::Queue;
use huixin_queue::spool::{Folders, Spool, SpoolError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::claimed_spool::{ClaimedSpool, SpoolLeft};
use super::drain::{DrainError, FolderDrain, Round};
use super::metrics;
use super::receiver_spool::ReceiverSpool;
use crate::one_line::one_line;

/// The pause between looks for a queue that is away: the first, and the longest.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(1);
const PING_WITHIN: Duration = Duration::from_secs(2);
/// How soon what waits to be confirmed is looked at again.
const TICK: Duration = Duration::from_millis(100);
/// How long it rests when there is nothing to do.
const IDLE: Duration = Duration::from_secs(1);
/// How often everything is counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How often abandoned folders are looked for. At the second look one is adopted.
const ADOPT_EVERY: Duration = Duration::from_secs(3);
/// How long a stop waits for the spool to be empty, if the queue takes it: more than the two seconds of a confirmation.
const EMPTY_WITHIN: Duration = Duration::from_secs(6);

async fn count(receiver_spool: Arc<ReceiverSpool>) {
    let mut ticks = tokio::time::interval(COUNT_EVERY);
    loop {
        ticks.tick().await;
        let counting = AssertUnwindSafe(async {
            // The drainer logs one that can't be read.
            if let Ok(counts) = receiver_spool.counts().await {
                metrics::spool(&counts, receiver_spool.breaker.is_open());
            }
        });
        if counting.catch_unwind().await.is_err() {
            tracing::error!("counting the spool panicked: this is a bug, please report it");
        }
    }
}

/// The task.
pub(super) struct Drainer {
    queue: Arc<dyn Queue>,
    receiver_spool: Arc<ReceiverSpool>,
    folders: Folders,
    /// A queue that is slower than this is no place for pushes.
    budget: Duration,
    own: FolderDrain,
    adopted: Vec<FolderDrain>,
    /// Adopted ones that broke: held, so that they aren't adopted again, and left as they are until another start.
    given_up: Vec<FolderDrain>,
    /// How often the breaker had opened when this looked last.
    seen_openings: u64,
    /// Whether the queue took something since it failed last.
    near: bool,
    pause: Duration,
    /// Since when it has been carrying, and how many entries, until nothing is left to carry.
    carrying: Option<(Instant, usize)>,
    /// Why no spool can be read any more.
    broken: Option<SpoolError>,
    /// When abandoned folders were looked for.
    looked: Instant,
}

impl Drainer {
    /// The drainer of a spool. The spool's lanes are blocked when this returns, so that pushes may come.
    pub(super) async fn of(
        claimed_spool: ClaimedSpool,
        queue: Arc<dyn Queue>,
        budget: Duration,
    ) -> Result<Self, SpoolError> {
        let ClaimedSpool { folders, max_age, receiver_spool, adopted } = claimed_spool;
        let mut drainer = Self {
            own: FolderDrain::new(
                queue.clone(),
                receiver_spool.own.clone(),
                receiver_spool.lanes.clone(),
                receiver_spool.breaker.clone(),
                max_age,
            ),
            adopted: Vec::new(),
            given_up: Vec::new(),
            seen_openings: receiver_spool.breaker.openings(),
            near: true,
            pause: LOOK_FIRST,
            carrying: None,
            broken: None,
            looked: Instant::now(),
            folders,
            receiver_spool,
            queue,
            budget,
        };
        drainer.own.block_lanes().await?;
        for spool in adopted {
            drainer.adopt(spool).await;
        }
        Ok(drainer)
    }

    /// Carries until the stop, and then as long as the queue takes what is left.
    ///
    /// # Errors
    /// [`SpoolLeft`] if something is left in the end; a [`SpoolError`] when there are entries that can't be read any more.
    pub(super) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        // Beside the carrying, which may wait for a queue that is silent.
        let _counting = AbortOnDropHandle::new(tokio::spawn(count(self.receiver_spool.clone())));
        while !stop.is_cancelled() {
            let rest = self.run_once().await?;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(rest) => {}
                () = self.receiver_spool.appended.notified(), if self.near => {}
                () = self.receiver_spool.breaker.opened(), if self.near => {}
            }
        }
        self.finish().await
    }

    /// Does what is due, and says how long there is nothing to do then. After a panic it isn't known what was taken: every
    /// entry not forgotten is offered again, and the queue knows those that it took.
    async fn run_once(&mut self) -> Result<Duration, SpoolError> {
        AssertUnwindSafe(self.do_what_is_due()).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("draining the spool panicked: this is a bug, please report it");
            self.has_failed();
            Ok(LOOK_MAX)
        })
    }

    async fn do_what_is_due(&mut self) -> Result<Duration, SpoolError> {
        self.look_for_abandoned().await;
        let openings = self.receiver_spool.breaker.openings();
        if openings != self.seen_openings {
            self.has_failed();
        }
        let worked = match (&self.broken, self.near) {
            (Some(_), _) => return self.do_without().await,
            (None, true) => self.round().await,
            (None, false) => self.scout().await,
        };
        match worked {
            Ok(rest) => Ok(rest),
            Err(DrainError::Queue(reason)) => {
                self.receiver_spool.breaker.open(&reason);
                self.has_failed();
                let pause = self.pause;
                self.pause = (pause * 2).min(LOOK_MAX);
                Ok(pause)
            }
            Err(DrainError::Spool(error)) if error.is_fatal() => {
                tracing::error!(error = one_line(&error), "the spool can no longer be used");
                self.broken = Some(error);
                Ok(Duration::ZERO)
            }
            Err(DrainError::Spool(error)) => {
                tracing::warn!(error = one_line(&error), "the spool can't be read now");
                Ok(LOOK_MAX)
            }
        }
    }

    async fn round(&mut self) -> Result<Duration, DrainError> {
        let mut done = Round::default();
        let mut waiting = false;
        let mut broken = Vec::new();
        let adopted = self.adopted.len();
        for (at, drain) in self.adopted.iter_mut().chain([&mut self.own]).enumerate() {
            let round = match drain.run_once().await {
                Err(DrainError::Spool(error)) if error.is_fatal() && at < adopted => {
                    broken.push((at, error));
                    continue;
                }
                round => round?,
            };
            done.taken += round.taken;
            done.forgotten += round.forgotten;
            waiting |= drain.is_waiting();
            if round.taken > 0 {
                // The next ones are younger.
                break;
            }
        }
        self.give_up(broken);
        if self.receiver_spool.breaker.is_open() {
            self.close_breaker().await;
            waiting = true;
        }
        self.tell(done.taken);
        Ok(match (done.taken + done.forgotten, waiting) {
            (0, true) => TICK,
            (0, false) => IDLE,
            _ => Duration::ZERO,
        })
    }

    /// Says once for each outage that everything is in the queue. While the breaker is held open, single pushes still go
    /// through the spool.
    fn tell(&mut self, taken: usize) {
        if taken > 0 {
            self.carrying.get_or_insert((Instant::now(), 0)).1 += taken;
        }
        let is_over = self.receiver_spool.lanes.total() == 0 && !self.receiver_spool.breaker.is_open();
        if let Some((since, entries)) = self.carrying.take_if(|_| is_over) {
            let took_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(entries, took_ms, "the spooled pushes are in the queue");
        }
    }

    /// The queue is away, or was: a few entries go ahead.
    async fn scout(&mut self) -> Result<Duration, DrainError> {
        let mut taken = false;
        let (mut trouble, mut broken) = (None, Vec::new());
        let adopted = self.adopted.len();
        for (at, drain) in self.adopted.iter_mut().chain([&mut self.own]).enumerate() {
            match drain.scout().await {
                Ok(some) => taken |= some,
                Err(DrainError::Spool(error)) if error.is_fatal() && at < adopted => broken.push((at, error)),
                Err(DrainError::Queue(reason)) => trouble = Some(DrainError::Queue(reason)),
                Err(error) => return Err(error),
            }
            if taken {
                break;
            }
        }
        self.give_up(broken);
        match trouble {
            Some(trouble) if !taken => return Err(trouble),
            None if !taken => self.ping().await?,
            _ => {}
        }
        self.near = true;
        self.pause = LOOK_FIRST;
        self.carrying = Some((Instant::now(), usize::from(taken)));
        self.close_breaker().await;
        Ok(Duration::ZERO)
    }

    async fn ping(&self) -> Result<(), DrainError> {
        match tokio::time::timeout(PING_WITHIN, self.queue.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(DrainError::Queue(one_line(&error))),
            Err(_) => Err(DrainError::Queue(format!("it did not answer within {PING_WITHIN:?}"))),
        }
    }

    /// Lets pushes go straight to the queue, if it answers quickly enough for them.
    async fn close_breaker(&self) {
        if matches!(tokio::time::timeout(self.budget, self.queue.ping()).await, Ok(Ok(()))) {
            self.receiver_spool.breaker.close();
        }
    }

    fn has_failed(&mut self) {
        self.seen_openings = self.receiver_spool.breaker.openings();
        self.near = false;
        self.adopted.iter_mut().chain([&mut self.own]).for_each(FolderDrain::pending_again);
    }

    /// No spool can be read. While the queue is away there is nothing to do about it. When it is back, a new start may read
    /// what is there; if nothing is, the receiver goes on without a spool.
    async fn do_without(&mut self) -> Result<Duration, SpoolError> {
        if self.receiver_spool.breaker.is_open() {
            self.close_breaker().await;
        }
        match &self.broken {
            Some(error)
                if !self.receiver_spool.breaker.is_open() && self.receiver_spool.lanes.total() > 0 =>
            {
                Err(error.clone())
            }
            _ => Ok(LOOK_MAX),
        }
    }

    async fn look_for_abandoned(&mut self) {
        if self.looked.elapsed() < ADOPT_EVERY || self.broken.is_some() {
            return;
        }
        self.looked = Instant::now();
        self.give_up_drained().await;
        let folders = self.folders.clone();
        match tokio::task::spawn_blocking(move || folders.adopt()).await {
            Ok(Ok(spools)) => {
                for spool in spools {
                    self.adopt(Arc::new(spool)).await;
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(error = one_line(&error), "can't look for abandoned spools");
            }
            Err(error) => tracing::warn!(%error, "can't look for abandoned spools"),
        }
    }

    /// Carries this one too, if it can be read.
    pub(super) async fn adopt(&mut self, spool: Arc<Spool>) {
        let drain = self.own.beside(spool);
        let folder = drain.spool().folder().display().to_string();
        match drain.block_lanes().await {
            Ok(()) => {
                tracing::info!(folder, "draining the spool of a receiver that is gone");
                self.adopted.push(drain);
                self.show_adopted();
            }
            Err(error) => tracing::error!(error = one_line(&error), "an abandoned spool can't be read"),
        }
    }

    fn show_adopted(&self) {
        self.receiver_spool.set_adopted(self.adopted.iter().map(|drain| drain.spool().clone()).collect());
    }

    /// Leaves adopted spools that can't be used any more as they are. Their lanes stay blocked: later pushes of these lanes
    /// go through the own spool.
    fn give_up(&mut self, broken: Vec<(usize, SpoolError)>) {
        for (at, error) in broken.into_iter().rev() {
            tracing::error!(
                error = one_line(&error),
                "an abandoned spool can no longer be read; it is left as it is"
            );
            self.given_up.push(self.adopted.remove(at));
        }
        self.show_adopted();
    }

    /// Gives up what was adopted and is drained.
    async fn give_up_drained(&mut self) {
        let mut at = 0;
        while let Some(drain) = self.adopted.get(at) {
            // One that can't be counted is noticed when it is carried.
            let entries = drain.spool().counts().await.map_or(1, |counts| counts.entries);
            if entries == 0 && !drain.is_waiting() {
                self.adopted.swap_remove(at);
            } else {
                at += 1;
            }
        }
        self.show_adopted();
    }

    /// After the last push: what the queue takes at once is carried, and what is left is logged.
    async fn finish(mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + EMPTY_WITHIN;
        let left = loop {
            // If the spool can't be read, the lanes tell what is in it.
            let left = self.receiver_spool.counts().await.unwrap_or_default();
            let works = self.near && self.broken.is_none() && !self.receiver_spool.breaker.is_open();
            if left.entries == 0 || !works || Instant::now() > deadline {
                break left;
            }
            tokio::time::sleep(self.run_once().await?).await;
        };
        let entries = left.entries.max(self.receiver_spool.lanes.total());
        match entries + left.quarantined {
            0 => Ok(()),
            _ => {
                let folder = self.folders.directory().to_owned();
                Err(SpoolLeft { folder, entries, quarantined: left.quarantined }.into())
            }
        }
    }
}
