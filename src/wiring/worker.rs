//! The worker with its accounts and routes.

use std::sync::Arc;

use huixin_queue::Queue;
use huixin_worker::media::MediaSettings;
use huixin_worker::{Account, AnswerBy, Worker, WorkerSettings};

use super::call_backs::call_backs;
use super::routes;
use super::wechat::{client, wechat_http};
use crate::config::{Config, MediaConfig};
use crate::report::Failure;

/// The worker, with its routes.
///
/// # Errors
/// When a handler can't be made.
pub fn worker(config: &Config, queue: Arc<dyn Queue>) -> Result<Worker, Failure> {
    let settings = WorkerSettings {
        concurrency: config.worker.concurrency,
        lease: config.worker.lease,
        grace: config.worker.grace,
        rights: config.delivery.rights.clone(),
        media: media(&config.media),
        ..WorkerSettings::default()
    };
    let wechat = wechat_http(config)?;
    let mut worker = Worker::new(queue, settings);
    for (name, account) in &config.accounts {
        let served = match client(config, name, &wechat) {
            None => Account::push().fetch_word(&account.answers.fetch_words[0]),
            Some(client) if account.answer_by == AnswerBy::Either => Account::either(client),
            Some(client) => Account::new(client),
        };
        let served = served.push_wait(account.answers.push_wait);
        let served = account.send_rate.into_iter().fold(served, Account::send_rate);
        worker = worker.account(name, served);
    }
    for route in routes::all(config)? {
        worker = worker.route(route);
    }
    if let Some(call_backs) = call_backs(config)? {
        worker = worker.call_backs(call_backs);
    }
    let accounts: Vec<_> = config.accounts.keys().map(String::as_str).collect();
    let routes: Vec<_> = config.routes.iter().map(|route| route.name.as_str()).collect();
    let routes = (!routes.is_empty()).then(|| routes.join(", "));
    tracing::info!(accounts = accounts.join(", "), routes, "the worker serves accounts");
    for doubt in &config.doubts {
        tracing::warn!(hint = doubt.hint.as_deref().unwrap_or_default(), "{doubt}");
    }
    Ok(worker)
}

fn media(config: &MediaConfig) -> MediaSettings {
    let MediaConfig { folder, allow_private, timeout, at_once, proxy } = config.clone();
    let proxy = proxy.map(|proxy| proxy.0);
    MediaSettings { folder, allow_private, timeout, at_once, proxy, ..MediaSettings::default() }
}
