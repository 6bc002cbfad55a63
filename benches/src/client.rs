//! Pushes over kept connections: as fast as they are answered, or at a steady rate whatever the answers do.
//!
//! At a rate, the time of an answer counts from the moment when the push was due: one that waited for a connection because
//! the answers before were late is as late as it looks to WeChat. One that got none until WeChat would have gone counts as not
//! answered, and if it still waits for a connection then, it is never sent. What waits is a number and a time: so the queue
//! is small, and no longer than what is due in that time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::http::Reader;
use crate::pushes::{Maker, Request, Series};

/// As long as WeChat waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

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
    /// How many answers had each status; 0: there was none in time.
    pub statuses: BTreeMap<u16, usize>,
    /// Of those without an answer: waited for a connection for so long that they were never sent.
    pub unsent: usize,
    /// From the first push to the last answer.
    pub seconds: f64,
    /// Answers a second.
    pub per_second: f64,
    /// How long the answers 200 took, in microseconds: those in the middle, of the slowest hundredth, of the slowest.
    pub p50_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// None took longer.
    pub max_us: u64,
    /// The numbers of the pushes that were answered 200.
    #[serde(skip)]
    pub acked: Vec<usize>,
}

/// A push that is due.
enum Due {
    /// As soon as there is a connection.
    Now(Request),
    /// Since then, the one of this number.
    Since(Instant, usize),
}

/// What came of one push.
struct Answer {
    number: usize,
    /// None: it was not sent.
    status: Option<u16>,
    took: Duration,
}

/// Makes `count` pushes of a series, and waits for their answers.
///
/// # Errors
/// When nobody listens, the AES key can't be read, or a thread can't be started.
pub fn push(series: Series, count: usize, manner: Manner) -> anyhow::Result<Outcome> {
    std::net::TcpStream::connect(manner.to).with_context(|| format!("nobody listens at {}", manner.to))?;
    let (first, maker) = (series.first, Arc::new(series.maker()?));
    let parts = (0..manner.threads).map(|thread| {
        let numbers = (first..first + count).skip(thread).step_by(manner.threads);
        // Without a rate they are made before the time counts. With one there may be too many for the memory.
        match manner.per_second {
            None => (numbers.clone().map(|number| maker.request(number)).collect(), numbers),
            Some(_) => (Vec::new(), numbers),
        }
    });
    let parts: Vec<_> = parts.collect();
    let began = Instant::now();
    let threads = parts.into_iter().map(|(made, numbers)| {
        let maker = maker.clone();
        std::thread::spawn(move || part_of(&maker, made, numbers, manner, began))
    });
    let threads: Vec<_> = threads.collect();
    let mut answers = Vec::with_capacity(count);
    for thread in threads {
        answers.extend(thread.join().map_err(|_| anyhow::anyhow!("a thread of the load panicked"))??);
    }
    Ok(Outcome::of(&answers, began.elapsed()))
}

fn part_of(
    maker: &Arc<Maker>,
    made: Vec<Request>,
    numbers: impl Iterator<Item = usize> + Send + 'static,
    manner: Manner,
    began: Instant,
) -> anyhow::Result<Vec<Answer>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (give, due) = mpsc::unbounded_channel();
    match manner.per_second {
        // Moved, so that the channel ends with the last of them.
        None => made.into_iter().try_for_each(move |request| give.send(Due::Now(request)))?,
        Some(rate) => {
            let apart = Duration::from_secs_f64(manner.threads as f64 / rate);
            // A thread of its own, since a runtime's timer is no finer than a millisecond.
            std::thread::spawn(move || give_in_time(numbers, began, apart, &give));
        }
    }
    let due = Arc::new(tokio::sync::Mutex::new(due));
    let (answered, answers) = channel();
    runtime.block_on(async {
        let mut lines = tokio::task::JoinSet::new();
        for _ in 0..(manner.connections / manner.threads).max(1) {
            lines.spawn(line(manner.to, maker.clone(), due.clone(), answered.clone()));
        }
        drop(answered);
        while let Some(line) = lines.join_next().await {
            line??;
        }
        anyhow::Ok(())
    })?;
    Ok(answers.into_iter().collect())
}

/// Gives each number when its push is due, until nobody takes them any more.
fn give_in_time(
    numbers: impl Iterator<Item = usize>,
    began: Instant,
    apart: Duration,
    give: &mpsc::UnboundedSender<Due>,
) {
    for (number, n) in numbers.zip(0_u32..) {
        let at = began + apart * n;
        let early = at.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            std::thread::sleep(early);
        }
        if give.send(Due::Since(at, number)).is_err() {
            return;
        }
    }
}

/// One connection, which is made anew when it has broken.
async fn line(
    to: SocketAddr,
    maker: Arc<Maker>,
    due: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Due>>>,
    answered: Sender<Answer>,
) -> anyhow::Result<()> {
    let mut stream = None;
    let mut reader = Reader::default();
    loop {
        let next = due.lock().await.recv().await;
        let (mut request, since) = match next {
            None => return Ok(()),
            Some(Due::Now(request)) => (request, Instant::now()),
            Some(Due::Since(since, number)) if since.elapsed() > PATIENCE => {
                answered.send(Answer { number, status: None, took: since.elapsed() })?;
                continue;
            }
            Some(Due::Since(since, number)) => (maker.request(number), since),
        };
        let exchanged = exchange(to, stream.take(), &mut reader, request.stamped());
        let once = tokio::time::timeout_at((since + PATIENCE).into(), exchanged).await;
        let took = since.elapsed();
        let status = match once {
            Ok(Ok((status, kept))) => {
                stream = Some(kept);
                // The timer may be late itself.
                if took <= PATIENCE { status } else { 0 }
            }
            _ => 0,
        };
        answered.send(Answer { number: request.number, status: Some(status), took })?;
    }
}

async fn exchange(
    to: SocketAddr,
    kept: Option<TcpStream>,
    reader: &mut Reader,
    bytes: &[u8],
) -> std::io::Result<(u16, TcpStream)> {
    let mut stream = match kept {
        Some(stream) => stream,
        None => TcpStream::connect(to).await?,
    };
    stream.set_nodelay(true)?;
    stream.write_all(bytes).await?;
    let parts = reader.next(&mut stream).await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = reader.first_line(&parts).split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.unwrap_or(0), stream))
}

impl Outcome {
    fn of(answers: &[Answer], took: Duration) -> Self {
        let mut outcome = Self { seconds: took.as_secs_f64(), ..Self::default() };
        outcome.per_second = answers.len() as f64 / outcome.seconds;
        let mut times_us = Vec::with_capacity(answers.len());
        for answer in answers {
            *outcome.statuses.entry(answer.status.unwrap_or(0)).or_default() += 1;
            outcome.unsent += usize::from(answer.status.is_none());
            if answer.status == Some(200) {
                times_us.push(u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX));
                outcome.acked.push(answer.number);
            }
        }
        [outcome.p50_us, outcome.p99_us, outcome.max_us] = quantiles(&mut times_us);
        outcome
    }

    /// How many were answered 200.
    pub fn accepted(&self) -> usize {
        self.acked.len()
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

/// A set of numbers as bits, the lowest first.
pub fn bits(numbers: impl Iterator<Item = usize>) -> Vec<u8> {
    let mut bits = Vec::new();
    for number in numbers {
        let (byte, bit) = (number / 8, number % 8);
        if bits.len() <= byte {
            bits.resize(byte + 1, 0_u8);
        }
        bits[byte] |= 1 << bit;
    }
    bits
}
