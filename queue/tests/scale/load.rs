//! Many messages in and out of a queue, hundreds of calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use huixin_queue::testing::Settling as _;
use huixin_queue::testing::conformance::message;
use huixin_queue::{Accepted, Class, Lease, Leased, NewMessage, Queue, QueueError, TakeRequest, WorkerId};

use super::meter::Meter;

/// A text in its XML, with the header of the receiver.
pub(crate) const PAYLOAD_BYTES: usize = 450;
/// Calls under way at once.
const IN_FLIGHT: usize = 512;
/// Messages of one take: what a worker with many free permits asks for.
const TAKE_MAX: usize = 32; // `TAKE_MAX` in worker/src/dispatcher.rs
/// Messages taken before they are completed, so that both can be measured apart.
const HELD_MAX: usize = 1_024;
/// How often each cost is measured.
const SAMPLES: usize = 3;

/// A queue under load.
pub(crate) struct Load {
    pub(crate) queue: Arc<dyn Queue>,
    worker: WorkerId,
    call: AtomicU64,
    payload: bytes::Bytes,
}

/// What a message costs, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) accept: f64,
    pub(crate) take: f64,
    pub(crate) complete: f64,
}

impl Load {
    pub(crate) fn on(queue: Arc<dyn Queue>) -> Self {
        let payload = vec![b'x'; PAYLOAD_BYTES].into();
        Self { queue, worker: WorkerId::new("scale"), call: AtomicU64::new(0), payload }
    }

    /// Uses everything once, so that scripts are loaded and connections made.
    pub(crate) async fn warm_up(&self, meter: &mut Meter) {
        self.accept("warm", "warm", 10, 10).await;
        self.settle_all("warm", 10, meter, async |queue, lease| queue.complete(lease).await).await;
    }

    /// Stores so many messages of a class in so many lanes, one lane after the other. Ids and lanes are as long as those of
    /// the receiver; `series` keeps them apart from others.
    pub(crate) async fn accept(&self, class: &str, series: &str, messages: usize, lanes: usize) {
        let class = Class::new(class).expect("it fits");
        let accepts = futures::stream::iter(0..messages).map(|n| {
            let (lane, id) =
                (format!("main/o{series:_>7}{:020}", n % lanes), format!("m{series:_>7}{n:015}"));
            let new =
                NewMessage { class: class.clone(), payload: self.payload.clone(), ..message(&lane, &id) };
            self.queue.accept(new)
        });
        let each = async |outcome: Result<Accepted, QueueError>| {
            assert_eq!(outcome.expect("the queue accepts"), Accepted::New);
        };
        accepts.buffer_unordered(IN_FLIGHT).for_each(each).await;
    }

    /// The middle of some samples: a single one takes half a second, and a machine with other guests has such moments.
    pub(crate) async fn samples(
        &self,
        classes: &[&str],
        when: &str,
        messages: usize,
        meter: &mut Meter,
    ) -> Spent {
        let mut samples = Vec::with_capacity(SAMPLES);
        for n in 0..SAMPLES {
            samples.push(self.sample(classes, &format!("{when}{n}"), messages, meter).await);
        }
        let middle = |of: fn(&Spent) -> f64| {
            let mut each: Vec<f64> = samples.iter().map(of).collect();
            each.sort_by(f64::total_cmp);
            each[SAMPLES / 2]
        };
        let spent = Spent {
            accept: middle(|s| s.accept),
            take: middle(|s| s.take),
            complete: middle(|s| s.complete),
        };
        println!(
            "  {when}: accept {:.1}, take {:.1}, complete {:.1}",
            spent.accept, spent.take, spent.complete
        );
        spent
    }

    /// Accepts, takes and completes so many messages of the last of these classes, while it asks for all. Gives what each
    /// step cost.
    async fn sample(&self, classes: &[&str], when: &str, messages: usize, meter: &mut Meter) -> Spent {
        let class = classes.last().expect("there is one to sample");
        let start = meter.now_us().await;
        self.accept(class, when, messages, messages / 5).await;
        let accept = meter.now_us().await - start;
        let (mut take, mut complete, mut done) = (0.0, 0.0, 0);
        while done < messages {
            let mut held = Vec::new();
            while held.len() < HELD_MAX.min(messages / 5).min(messages - done) {
                let max = TAKE_MAX.min(messages - done - held.len());
                // The time last: asking for the commands takes Redis longer than many a take.
                let commands = meter.commands().await;
                let start = meter.now_us().await;
                let some = self.take(classes, max).await;
                take += meter.now_us().await - start;
                meter.has_taken(commands).await;
                assert!(!some.is_empty(), "there is enough to take");
                held.extend(some);
            }
            let start = meter.now_us().await;
            self.settle(&held, async |queue, lease| queue.complete(lease).await).await;
            complete += meter.now_us().await - start;
            done += held.len();
        }
        let each = |spent: f64| spent / messages as f64;
        let spent = Spent { accept: each(accept), take: each(take), complete: each(complete) };
        println!(
            "    {when:<7} accept {:5.1}, take {:5.1}, complete {:5.1}",
            spent.accept, spent.take, spent.complete
        );
        spent
    }

    /// Takes so many messages of a class, as soon as they can be taken, and settles each.
    pub(crate) async fn settle_all(
        &self,
        class: &str,
        messages: usize,
        meter: &mut Meter,
        settle: impl AsyncFn(&dyn Queue, &Lease) -> Result<(), QueueError>,
    ) {
        let (mut done, mut patience) = (0, 200);
        while done < messages {
            let commands = meter.commands().await;
            let held = self.take(&[class], TAKE_MAX.min(messages - done)).await;
            meter.has_taken(commands).await;
            if held.is_empty() {
                patience -= 1;
                assert!(patience > 0, "{done} of {messages} came");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            self.settle(&held, &settle).await;
            done += held.len();
        }
    }

    async fn take(&self, classes: &[&str], max: usize) -> Vec<Leased> {
        let request = TakeRequest {
            max,
            classes: classes.iter().map(|class| Class::new(*class).expect("it fits")).collect(),
            worker: self.worker.clone(),
            call: self.call.fetch_add(1, Ordering::Relaxed) + 1,
            lease_for: Duration::from_secs(3600),
            suspect: true,
        };
        self.queue.take(&request).await.expect("the queue gives").messages
    }

    async fn settle(
        &self,
        held: &[Leased],
        settle: impl AsyncFn(&dyn Queue, &Lease) -> Result<(), QueueError>,
    ) {
        let settles = futures::stream::iter(held).map(|leased| settle(&*self.queue, &leased.lease));
        settles.buffer_unordered(IN_FLIGHT).for_each(async |outcome| outcome.expect("it is held")).await;
    }
}
