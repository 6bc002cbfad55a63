//! The smallest complete worker of one's own: a handler that takes longer than WeChat waits.
//!
//! It needs nothing else to run: the queue is a file in a temporary folder, and WeChat is the sandbox, in this process.
//! A real deployment differs in two places. The message is put into the queue by `huixin receiver`, which WeChat
//! pushes it to and which acks it within milliseconds; here [`put`] does that. And the client's `api_base` is WeChat's
//! own, `https://api.weixin.qq.com`. The worker itself stays as it is.
//!
//! ```text
//! cargo run -p huixin-worker --example slow_answer
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use async_trait::async_trait;
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::{Class, Clock, Lane, MessageId, NewMessage, Queue};
use huixin_sandbox::{Push, RunningSandbox, SandboxAccount, SandboxConfig};
use huixin_wechat::{Client, ClientConfig, Message, Secret, http_client};
use huixin_worker::{Context, Handler, Outcome, Payload, Rights, Route, Worker, WorkerSettings};
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "main";
const USER: &str = "oHuixinXiaoming0000000000001";
/// WeChat waits for five.
const WORK: Duration = Duration::from_secs(6);

struct SlowLookup;

#[async_trait]
impl Handler for SlowLookup {
    async fn handle(&self, message: &Message, _: &Context) -> Outcome {
        tokio::time::sleep(WORK).await;
        let code = message.content().unwrap_or_default();
        Outcome::text(format!("{code} is ready"))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("queue.db");
    let queue: Arc<dyn Queue> =
        Arc::new(SqliteQueue::open(&file, Duration::from_secs(6 * 3600), Clock::Store)?);
    let wechat = RunningSandbox::start(SandboxConfig::default()).await?;

    let known = SandboxAccount::named(ACCOUNT);
    let client = Client::new(ClientConfig {
        app_id: known.app_id,
        app_secret: Secret::from(known.app_secret),
        api_base: wechat.base_url.clone(),
        timeout: ClientConfig::DEFAULT_TIMEOUT,
        http: http_client()?,
    });
    let worker = Worker::new(queue.clone(), WorkerSettings::default())
        .account(ACCOUNT, client)
        .route(Route::new("lookup", SlowLookup).failure_reply("please try again later"));
    let stop = CancellationToken::new();
    let working = tokio::spawn(worker.run(stop.clone().cancelled_owned()));

    let began = Instant::now();
    put(&*queue, &wechat, "18-546").await?;
    println!("accepted after {:.3} s", began.elapsed().as_secs_f64());

    let patience = Duration::from_secs(60);
    let answers = wechat.sandbox.transcript().wait_for_sends(USER, 1, patience).await?;
    let answer = answers[0].what.text().context("the answer is a text")?;
    println!("answered after {:.3} s: {answer}", began.elapsed().as_secs_f64());

    stop.cancel();
    working.await??;
    println!("stopped, {} messages left in the queue", queue.counts().await?.open_total());
    Ok(())
}

/// What `huixin receiver` does with a push, without the signature.
async fn put(queue: &dyn Queue, wechat: &RunningSandbox, text: &str) -> anyhow::Result<()> {
    let push = Push::text(ACCOUNT, USER, text);
    // The user has written: WeChat now takes answers for them. It has nowhere to push to, which is right here.
    wechat.sandbox.push_once(&push).await;

    let body = push.body("gh_sandbox_main");
    let message = Message::parse(body.as_bytes())?;
    let trigger = message.trigger();
    let new = NewMessage {
        id: MessageId::new(message.dedup_key(ACCOUNT, body.as_bytes()).opaque_id())?,
        lane: Lane::new(format!("{ACCOUNT}/{USER}"))?,
        class: Class::new(ACCOUNT)?,
        payload: Payload { account: ACCOUNT.to_owned(), trigger, body: body.into() }.encode(),
        arrived_us: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?,
        not_after: None,
        held: Rights::default().effect(trigger, message.created_at, SystemTime::now()),
        late: false,
        dead_reason: None,
    };
    queue.accept(new).await?;
    Ok(())
}
