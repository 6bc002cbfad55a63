//! How fast a worker drains a queue, beside how fast the same client can send at all.
//!
//! ```text
//! cargo bench -p huixin-worker --bench drain                # 50,000 messages, three rounds
//! cargo bench -p huixin-worker --bench drain -- 20000 5     # so many, so many rounds
//! ```
//!
//! A Redis of its own holds messages of users with five each. A handler answers at once, its replies are recorded, each is
//! sent over HTTP to a sink on loopback, and each message is completed. Before every round the client sends as many
//! messages of the same form alone, with the same number under way: the ratio of the two is what says something about the
//! worker, because all of it (load, sink, Redis) shares the machine. What else runs there tells the load average.
//!
//! Then messages come one at a time to the idle worker, and their waiting is printed, from acceptance to the handler's start.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use futures::{StreamExt as _, TryStreamExt as _};
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::RedisServer;
use huixin_queue::{Class, Clock, Lane, MessageId, NewMessage, Queue};
use huixin_wechat::{Client, ClientConfig, Message, Outgoing, Secret, Trigger, http_client};
use huixin_worker::{Context, Handler, Outcome, Payload, Rights, Route, Worker, WorkerSettings};
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "main";
const EACH: usize = 5;
const UNDER_WAY: usize = 256;
const PACED: usize = 5_000;
const PER_SECOND: u32 = 500;
const PATIENCE: Duration = Duration::from_secs(120);

/// Answers at once, and notes how long each message waited.
#[derive(Clone, Default)]
struct Echo(Arc<Mutex<Vec<Duration>>>);

#[async_trait]
impl Handler for Echo {
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        let waited = context.accepted_at.elapsed().unwrap_or_default();
        self.0.lock().expect("no holder panics").push(waited);
        Outcome::text(answer_to(message.content().unwrap_or_default()))
    }
}

/// A WeChat that takes everything.
#[derive(Default)]
struct Sink {
    taken: AtomicUsize,
    bytes: AtomicUsize,
}

fn main() -> anyhow::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (messages, rounds) = (numbers.next().unwrap_or(50_000), numbers.next().unwrap_or(3));
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(messages, rounds))
}

async fn run(messages: usize, rounds: usize) -> anyhow::Result<()> {
    let redis = RedisServer::start(&[]);
    let queue: Arc<dyn Queue> = Arc::new(RedisQueue::open(&RedisSettings {
        url: redis.url(),
        prefix: "huixin".to_owned(),
        dedup_window: Duration::from_secs(6 * 3600),
        clock: Clock::Store,
    })?);
    let (client, sink) = sink().await?;
    println!("{messages} messages, {UNDER_WAY} under way at most");
    for round in 1..=rounds {
        let alone = send_alone(&client, &sink, messages).await?;
        lay(&*queue, messages, round).await?;
        let before = scripts(redis.port())?;
        let drained = drain(&queue, &client, &sink, messages).await?;
        let after = scripts(redis.port())?;
        println!(
            "round {round}: sends alone {alone:.0}/s, drained {drained:.0}/s ({:.2} of it, {:.0} µs a message more); \
             {:.1} messages a call of a script, {:.1} µs of scripts a message; load {}",
            drained / alone,
            1e6 / drained - 1e6 / alone,
            ratio(messages, after.0 - before.0),
            ratio(after.1 - before.1, messages),
            load()
        );
    }
    waiting(&queue, &client, &sink).await
}

/// How many messages a second the client sends when it does nothing else.
async fn send_alone(client: &Client, sink: &Sink, messages: usize) -> anyhow::Result<f64> {
    client.token().await?;
    let before = sink.taken.load(Ordering::Relaxed);
    let began = Instant::now();
    // In tasks of their own, as a worker's are.
    let mut lines = tokio::task::JoinSet::new();
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..UNDER_WAY {
        let (client, next) = (client.clone(), next.clone());
        lines.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= messages {
                    return Ok(());
                }
                client.send(&user(n), &Outgoing::text(answer_to(&content(n)))).await?;
            }
        });
    }
    while let Some(line) = lines.join_next().await {
        line?.map_err(|error: huixin_wechat::ApiError| error)?;
    }
    let took = began.elapsed();
    ensure!(sink.taken.load(Ordering::Relaxed) - before == messages, "each was taken once");
    Ok(per_second(messages, took))
}

/// How many messages a second a worker handles to their end.
async fn drain(queue: &Arc<dyn Queue>, client: &Client, sink: &Sink, messages: usize) -> anyhow::Result<f64> {
    let before = sink.taken.load(Ordering::Relaxed);
    let (stop, began) = (CancellationToken::new(), Instant::now());
    let working = tokio::spawn(worker(queue, client, Echo::default()).run(stop.clone().cancelled_owned()));
    while queue.counts().await?.open_total() > 0 {
        ensure!(began.elapsed() < PATIENCE, "the queue is not drained in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let took = began.elapsed();
    stop.cancel();
    working.await??;
    ensure!(sink.taken.load(Ordering::Relaxed) - before == messages, "each was answered once");
    Ok(per_second(messages, took))
}

/// How long messages wait that come at a steady rate to a worker that has nothing else to do.
async fn waiting(queue: &Arc<dyn Queue>, client: &Client, sink: &Sink) -> anyhow::Result<()> {
    let before = sink.taken.load(Ordering::Relaxed);
    let (stop, echo, began) = (CancellationToken::new(), Echo::default(), Instant::now());
    let working = tokio::spawn(worker(queue, client, echo.clone()).run(stop.clone().cancelled_owned()));
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    for n in 0..PACED {
        ticks.tick().await;
        queue.accept(message(n, usize::MAX)?).await?;
    }
    while sink.taken.load(Ordering::Relaxed) - before < PACED {
        ensure!(began.elapsed() < PATIENCE, "they are not answered in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    working.await??;
    let mut waits = echo.0.lock().expect("no holder panics").clone();
    waits.sort();
    let share = |percent: usize| waits[(waits.len() * percent).div_ceil(100) - 1];
    println!(
        "at {PER_SECOND}/s from acceptance to the handler: p50 {:.2?}, p99 {:.2?}, at most {:.2?}; load {}",
        share(50),
        share(99),
        share(100),
        load()
    );
    Ok(())
}

fn worker(queue: &Arc<dyn Queue>, client: &Client, echo: Echo) -> Worker {
    let settings = WorkerSettings { concurrency: UNDER_WAY, ..WorkerSettings::default() };
    Worker::new(queue.clone(), settings).account(ACCOUNT, client.clone()).route(Route::new("echo", echo))
}

async fn sink() -> anyhow::Result<(Client, Arc<Sink>)> {
    let sink = Arc::new(Sink::default());
    let theirs = sink.clone();
    let take = async move |body: Bytes| {
        theirs.taken.fetch_add(1, Ordering::Relaxed);
        theirs.bytes.fetch_add(body.len(), Ordering::Relaxed);
        r#"{"errcode":0,"errmsg":"ok"}"#
    };
    let token = async || r#"{"access_token":"a-token-of-some-length-as-they-are","expires_in":7200}"#;
    let app = Router::new()
        .route("/cgi-bin/message/custom/send", post(take))
        .route("/cgi-bin/stable_token", post(token));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let client = Client::new(ClientConfig {
        app_id: "wx0000000000000001".to_owned(),
        app_secret: Secret::from("a secret"),
        api_base: format!("http://{}", listener.local_addr()?).parse()?,
        timeout: ClientConfig::DEFAULT_TIMEOUT,
        http: http_client()?,
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((client, sink))
}

async fn lay(queue: &dyn Queue, messages: usize, round: usize) -> anyhow::Result<()> {
    let laid = futures::stream::iter(0..messages);
    laid.map(async |n| anyhow::Ok(queue.accept(message(n, round)?).await.map(drop)?))
        .buffer_unordered(UNDER_WAY)
        .try_collect()
        .await
}

fn message(n: usize, round: usize) -> anyhow::Result<NewMessage> {
    let (user, now) = (user(n), SystemTime::now().duration_since(UNIX_EPOCH)?);
    let (created, content) = (now.as_secs(), content(n));
    let body = format!(
        "<xml><ToUserName><![CDATA[gh_0000000000001]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>\
         <CreateTime>{created}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{content}]]></Content>\
         <MsgId>{n}</MsgId></xml>"
    );
    Ok(NewMessage {
        id: MessageId::new(format!("{round}-{n}"))?,
        lane: Lane::new(format!("{ACCOUNT}/{user}"))?,
        class: Class::new(ACCOUNT)?,
        payload: Payload { account: ACCOUNT.to_owned(), trigger: Trigger::Message, body: body.into() }
            .encode(),
        arrived_us: u64::try_from(now.as_micros())?,
        not_after: None,
        held: Rights::default().effect(Trigger::Message, i64::try_from(created)?, SystemTime::now()),
        late: false,
        dead_reason: None,
    })
}

fn user(n: usize) -> String {
    format!("oHuixinDrain{:016}", n / EACH)
}

fn content(n: usize) -> String {
    format!("请查一下订单 {n:08} 到哪里了")
}

fn answer_to(content: &str) -> String {
    format!("您问的是“{content}”。包裹今天上午已经从上海发出，预计后天送到。")
}

/// How many scripts Redis has run, and for how many microseconds.
fn scripts(port: u16) -> anyhow::Result<(usize, usize)> {
    let mut redis = std::net::TcpStream::connect(("127.0.0.1", port))?;
    redis.write_all(b"INFO commandstats\r\nQUIT\r\n")?;
    let mut told = String::new();
    redis.read_to_string(&mut told)?;
    let scripts = told.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:")).unwrap_or_default();
    let number = |name: &str| {
        let value = scripts.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or("0").parse::<usize>()
    };
    Ok((number("calls")?, number("usec")?))
}

fn per_second(messages: usize, took: Duration) -> f64 {
    ratio(messages, 1) / took.as_secs_f64()
}

fn ratio(of: usize, to: usize) -> f64 {
    let number = |n: usize| u32::try_from(n).map_or(f64::INFINITY, f64::from);
    number(of) / number(to)
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
