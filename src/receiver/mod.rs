//! The receiver: what WeChat talks to.
//!
//! It checks a push, stores it, and answers an empty string, or keeps the push open for the answer if its account wants that
//! ([`Answers`]). The order is the promise: a push is never acknowledged before
//! its message is durable, in the queue or, while that is out of reach, in a spool on local disk, which a drainer drains
//! into the queue when it is back. If nothing can be written within the budgets, 503, so that WeChat tries again. It makes
//! no outbound call except to its queue, runs no business logic, and keeps nothing in memory: it may be killed at any
//! moment, and there may be any number of them.

mod answers;
mod arrivals;
mod breaker;
mod claimed_spool;
mod drain;
mod drainer;
mod intake;
mod lanes;
mod metrics;
mod open_push;
mod origin;
mod outage;
mod outcome;
mod overload;
mod page;
mod push;
mod push_span;
mod receiver_spool;
mod refusals;
mod routes;
mod understand;
mod verify;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use huixin_queue::{BEAT_EVERY, Class, Queue};
use huixin_wechat::PushKeys;
use huixin_worker::Rights;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::config::MaxSkew;

pub use answers::{Answers, PushAnswers};
pub use claimed_spool::{ClaimedSpool, SpoolLeft};
pub use drain::{DrainError, drain_all};
use drainer::Drainer;
use intake::{Arriving, Intake, Stored};
use metrics::PushCounts;
pub use metrics::{ACK_BUCKETS, describe};
use open_push::{OpenPushes, PushLimits};
pub use origin::Origins;
use outage::PushOutage;
use outcome::PushOutcome;
use push_span::PushSpan;
pub use receiver_spool::{SpoolHealth, SpoolReport};
use refusals::Refusals;
pub use refusals::remedy;
use routes::ReceiverRoutes;

/// What a receiver needs to know.
pub struct Receiver {
    /// Where messages go.
    pub queue: Arc<dyn Queue>,
    /// Where they go while the queue is out of reach; none: nowhere, and pushes are answered 503.
    pub claimed_spool: Option<ClaimedSpool>,
    /// The accounts by their names in the path.
    pub accounts: HashMap<String, ReceiverAccount>,
    /// What each kind of action lets an account send.
    pub rights: Rights,
    /// The largest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// How long the queue may take before the message goes to the spool, or the answer is 503.
    pub ack_budget: Duration,
    /// How far a push's timestamp may be off this machine's clock.
    pub max_skew: MaxSkew,
    /// Which clients may push.
    pub origins: Origins,
}

/// An account as the receiver knows it.
pub struct ReceiverAccount {
    /// What its pushes are checked with.
    pub keys: PushKeys,
    /// The queue's class for its messages.
    pub class: Class,
    /// How its answers get to its users.
    pub answers: Answers,
    counts: PushCounts,
}

impl ReceiverAccount {
    /// An account that has had no push yet.
    #[must_use]
    pub fn new(keys: PushKeys, class: Class, answers: Answers) -> Self {
        Self { keys, class, answers, counts: PushCounts::default() }
    }
}

/// Serves pushes on `listener` until `shutdown` is done; requests under way are finished, and the spool is drained as far as
/// the queue takes it at once.
///
/// # Errors
/// [`SpoolLeft`] when it stopped and the spool is not empty; another when the listener or the spool fails for good.
pub async fn run(
    listener: TcpListener,
    receiver: Receiver,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (responder, shared) = (receiver.queue.clone(), receiver.queue.clone());
    let open_pushes = OpenPushes::new(responder, shared, PushLimits::default());
    run_with(listener, receiver, open_pushes, shutdown).await
}

async fn run_with(
    listener: TcpListener,
    mut receiver: Receiver,
    open_pushes: OpenPushes,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let claimed_spool = receiver.claimed_spool.take();
    let receiver_spool = claimed_spool.as_ref().map(|claimed_spool| claimed_spool.receiver_spool.clone());
    let intake = Intake::new(receiver.queue.clone(), receiver.ack_budget, receiver_spool);
    let (queue, budget) = (receiver.queue.clone(), receiver.ack_budget);
    let (outage, refusals) = (PushOutage::default(), Refusals::default());
    metrics::prepare(&receiver.accounts, claimed_spool.is_some(), &refusals::labels());
    let acks = metrics::acks();
    let state = Arc::new(ReceiverState { receiver, intake, open_pushes, outage, refusals, acks });
    let _beating = AbortOnDropHandle::new(tokio::spawn(beat(queue.clone())));
    let serve = serve(listener, state, shutdown);
    let Some(claimed_spool) = claimed_spool else { return Ok(serve.await?) };
    // Blocks the lanes of what is spooled, before the first push is served.
    let drainer = Drainer::of(claimed_spool, queue, budget).await?;
    // Stopped when the last push is answered.
    let served = CancellationToken::new();
    let carried = tokio::spawn(drainer.run(served.clone()));
    let carried = AbortOnDropHandle::new(carried);
    tokio::pin!(serve, carried);
    let served_first = tokio::select! {
        result = &mut serve => result,
        // Before the stop it ends only with an error.
        result = &mut carried => return result?,
    };
    served.cancel();
    let carried = carried.await?;
    served_first?;
    carried
}

/// Serves pushes until the stop, and ends those that are kept open with it.
async fn serve(
    listener: TcpListener,
    state: Arc<ReceiverState>,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let _listening = state.open_pushes.listen();
    let sums = state.clone();
    let _keeping =
        AbortOnDropHandle::new(tokio::spawn(async move { sums.refusals.keep_sums(&*sums.queue).await }));
    let stop = state.open_pushes.stop();
    let shutdown = async {
        shutdown.await;
        stop.cancel();
    };
    let served = crate::serve::until(listener, ReceiverRoutes::of(state.clone()), shutdown).await;
    state.open_pushes.finish().await;
    state.refusals.store_sums(&*state.queue).await;
    served
}

/// Tells the queue that it serves while no worker may be there to do so: see the queue's essay on lost leases.
async fn beat(queue: Arc<dyn Queue>) {
    let mut ticks = tokio::time::interval(BEAT_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Callers that need an answer report what is wrong.
        let _ = tokio::time::timeout(BEAT_EVERY, queue.beat()).await;
    }
}

/// A running receiver.
struct ReceiverState {
    receiver: Receiver,
    intake: Intake,
    open_pushes: OpenPushes,
    outage: PushOutage,
    refusals: Refusals,
    /// How long pushes take.
    acks: ::metrics::Histogram,
}

impl ReceiverState {
    /// Stores a push. Says what became of it (`understood`, if it is new and stored), and whether workers find it now.
    async fn store(&self, name: &str, push: Arriving, understood: PushOutcome) -> (PushOutcome, bool) {
        let span = PushSpan::new(name, push.id.clone());
        let stored = self.intake.store(push).await;
        if stored.is_ok() {
            self.outage.stored();
        }
        let is_in_queue = matches!(stored, Ok(Stored::Queued | Stored::Known));
        let outcome = match (stored, understood) {
            (Ok(_), PushOutcome::Platform) => PushOutcome::Platform,
            (Ok(Stored::Queued), understood) => understood,
            (Ok(Stored::Known | Stored::KnownInSpool), _) => PushOutcome::Duplicate,
            (Ok(Stored::Counted), _) => PushOutcome::Unreadable,
            (Ok(Stored::Spooled), _) => PushOutcome::Spooled,
            (Err(reason), _) => {
                self.outage.refused(name, &reason);
                PushOutcome::Unavailable
            }
        };
        span.end(outcome);
        (outcome, is_in_queue)
    }
}

impl std::ops::Deref for ReceiverState {
    type Target = Receiver;

    fn deref(&self) -> &Receiver {
        &self.receiver
    }
}

impl Receiver {
    /// What to do about a path that isn't ours. Without the path, which anybody may choose.
    fn paths(&self) -> String {
        let names: Vec<_> = self.accounts.keys().map(String::as_str).collect();
        format!("the URL must end in /wechat/ and one of: {}", names.join(", "))
    }
}
