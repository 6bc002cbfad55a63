//! Pushes over kept connections: as fast as they are answered, or at a steady rate whatever the answers do.
//!
//! At a rate, the time of an answer counts from the moment when the push was due: one that waited for a connection because
//! the answers before were late is as late as it looks to WeChat.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::http::Reader;
use crate::pushes::Request;

/// Longer than WeChat would wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How pushes are made.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// To whom.
    pub to: SocketAddr,
    /// On so many connections.
    pub connections: usize,
    /// From so many threads.
    pub threads: usize,
    /// So many a second; none: the next one when the last is answered.
    pub per_second: Option<f64>,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// How many answers had each status; 0: there was none.
    pub statuses: BTreeMap<u16, usize>,
    /// From the first push to the last answer.
    pub seconds: f64,
    /// Answers a second.
    pub per_second: f64,
    /// How long the answers took, in microseconds: those in the middle, of the slowest hundredth, of the slowest.
    pub p50_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// None took longer.
    pub max_us: u64,
}

/// A push that is due: the request, and since when.
type Due = (Request, Option<Instant>);
/// The status of an answer, and how long it took.
type Answer = (u16, Duration);

/// Makes all these pushes, and waits for their answers.
///
/// # Errors
/// When no connection can be made, or a thread can't be started.
pub fn push(requests: Vec<Request>, manner: Manner) -> anyhow::Result<Outcome> {
    let count = requests.len();
    let mut parts: Vec<Vec<Request>> = (0..manner.threads).map(|_| Vec::new()).collect();
    for (n, request) in requests.into_iter().enumerate() {
        parts[n % manner.threads].push(request);
    }
    let began = Instant::now();
    let threads: Vec<_> =
        parts.into_iter().map(|part| std::thread::spawn(move || part_of(part, manner, began))).collect();
    let mut answers = Vec::with_capacity(count);
    for thread in threads {
        answers.extend(thread.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))??);
    }
    Ok(Outcome::of(&answers, began.elapsed()))
}

fn part_of(requests: Vec<Request>, manner: Manner, began: Instant) -> anyhow::Result<Vec<Answer>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let connections = manner.connections / manner.threads;
    let (give, due) = mpsc::unbounded_channel();
    match manner.per_second {
        // Moved, so that the channel ends with the last of them.
        None => requests.into_iter().try_for_each(move |request| give.send((request, None)))?,
        Some(rate) => {
            let apart = Duration::from_secs_f64(manner.threads as f64 / rate);
            // A thread of its own, since a runtime's timer is no finer than a millisecond.
            std::thread::spawn(move || give_in_time(requests, began, apart, &give));
        }
    }
    let due = Arc::new(tokio::sync::Mutex::new(due));
    let (answered, answers) = channel();
    runtime.block_on(async {
        let mut lines = tokio::task::JoinSet::new();
        for _ in 0..connections.max(1) {
            let (due, answered) = (due.clone(), answered.clone());
            lines.spawn(async move { line(manner.to, due, answered).await });
        }
        drop(answered);
        while let Some(line) = lines.join_next().await {
            line??;
        }
        anyhow::Ok(())
    })?;
    Ok(Receiver::into_iter(answers).collect())
}

/// Gives each request when it is due, until nobody takes them any more.
fn give_in_time(requests: Vec<Request>, began: Instant, apart: Duration, give: &mpsc::UnboundedSender<Due>) {
    for (request, n) in requests.into_iter().zip(0_u32..) {
        let at = began + apart * n;
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if give.send((request, Some(at))).is_err() {
            return;
        }
    }
}

/// One connection, which is made anew when it has broken.
async fn line(
    to: SocketAddr,
    due: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Due>>>,
    answered: std::sync::mpsc::Sender<Answer>,
) -> anyhow::Result<()> {
    let mut stream = None;
    let mut reader = Reader::default();
    loop {
        let next = due.lock().await.recv().await;
        let Some((mut request, since)) = next else { return Ok(()) };
        let since = since.unwrap_or_else(Instant::now);
        let connected = match stream.take() {
            Some(stream) => stream,
            None => connect(to).await?,
        };
        let once = tokio::time::timeout(PATIENCE, exchange(connected, &mut reader, request.stamped())).await;
        let status = match once {
            Ok(Ok((status, kept))) => {
                stream = Some(kept);
                status
            }
            _ => 0,
        };
        answered.send((status, since.elapsed()))?;
    }
}

async fn connect(to: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(to).await.with_context(|| format!("nobody listens at {to}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn exchange(
    mut stream: TcpStream,
    reader: &mut Reader,
    bytes: &[u8],
) -> std::io::Result<(u16, TcpStream)> {
    stream.write_all(bytes).await?;
    let parts = reader.next(&mut stream).await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = reader.first_line(&parts).split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.unwrap_or(0), stream))
}

impl Outcome {
    fn of(answers: &[Answer], took: Duration) -> Self {
        let mut outcome = Self { seconds: took.as_secs_f64(), ..Self::default() };
        outcome.per_second = answers.len() as f64 / outcome.seconds;
        for (status, _) in answers {
            *outcome.statuses.entry(*status).or_default() += 1;
        }
        let mut times: Vec<u64> =
            answers.iter().map(|(_, time)| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).collect();
        [outcome.p50_us, outcome.p99_us, outcome.max_us] = quantiles(&mut times);
        outcome
    }

    /// How many were answered 200.
    pub fn accepted(&self) -> usize {
        self.statuses.get(&200).copied().unwrap_or(0)
    }
}

/// The middle, the last of 99 in 100, and the largest; zeros of nothing.
pub(crate) fn quantiles(values: &mut [u64]) -> [u64; 3] {
    values.sort_unstable();
    [50, 99, 100].map(|percent| {
        let rank = (values.len() * percent).div_ceil(100);
        values.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    })
}
