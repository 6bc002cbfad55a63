//! A worker of one's own: a queue, an account, and routes to handlers in Rust.

mod lookup;

use std::env;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use huixin_queue::Clock;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_wechat::{Client, ClientConfig, Secret, http_client};
use huixin_worker::handlers::ReplyHandler;
use huixin_worker::{Condition, Route, Worker, WorkerSettings};
use regex::Regex;
use serde_json::json;

use crate::lookup::Lookup;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::INFO).init();
    // All of Huixin's connections use this one provider of cryptography; it must be chosen first.
    rustls::crypto::ring::default_provider().install_default().ok().context("the first to choose one")?;

    // The receivers' queue, under the same prefix.
    let queue = RedisQueue::open(&RedisSettings {
        url: env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379/0".to_owned()),
        prefix: "huixin".to_owned(),
        dedup_window: Duration::from_secs(6 * 3600),
        clock: Clock::Store,
    })?;
    let account = Client::new(ClientConfig {
        app_id: env::var("APP_ID").context("APP_ID is the account's AppID")?,
        app_secret: Secret::from(env::var("APP_SECRET").context("APP_SECRET is the account's AppSecret")?),
        api_base: env::var("API_BASE").unwrap_or_else(|_| "https://api.weixin.qq.com".to_owned()).parse()?,
        timeout: ClientConfig::DEFAULT_TIMEOUT,
        http: http_client()?,
    });

    let welcome = Condition { event: Some("subscribe".to_owned()), ..Condition::default() };
    let worker = Worker::new(Arc::new(queue), WorkerSettings::default())
        // The name that receivers know the account by: the end of the URL that WeChat pushes to.
        .account("main", account)
        .route(
            Route::new("lookup", Lookup::default())
                .when_text(Regex::new(r"^\?(?<code>\d+-\d+)$")?)
                .attempts(5)
                .failure_reply("查询失败，请稍后再试"),
        )
        .route(
            Route::new("welcome", ReplyHandler::new(&json!("欢迎关注！发送 ?18-546 查询。"))?).when(welcome),
        );

    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    // Running handlers finish, or their messages go back to the queue for another worker.
    let stopped = worker.run(stop).await?;
    println!("{} messages were finished, {} handed back", stopped.finished, stopped.released);
    Ok(())
}
