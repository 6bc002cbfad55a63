//! Makes the running parts out of the configuration.

mod answers;
mod routes;

pub use routes::{databases, look_up};

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use huixin_queue::redis::{Inspector, RedisQueue, RedisSettings};
use huixin_queue::spool::{Folders, SpoolError, SpoolLimits};
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::{Class, Clock, Queue, QueueError};
use huixin_sandbox::{Account as SandboxAccount, Mode, Sandbox, SandboxConfig};
use huixin_wechat::{Client, ClientConfig, Keys, Secret, http_client, http_client_through};
use huixin_worker::media::MediaSettings;
use huixin_worker::{Account, Template, Worker, WorkerSettings};
use tokio::net::TcpListener;
use url::Url;

use crate::cli::{Cli, Command};
use crate::config::{Config, MediaConfig, QueueConfig, QueueUrl, Role, Source, SpoolConfig};
use crate::receiver::{Origins, Receiver, ReceiverAccount, Spooler};
use crate::report::Failure;
use crate::safety::{self, Watch};

pub use answers::{answers, call_backs};
pub use routes::conditions;

/// How many ports above a taken one are tried.
const PORTS_TRIED: u16 = 31;
/// How long a start waits for an answer of the queue before it goes on without.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads the configuration for a role, with all its errors at once.
///
/// # Errors
/// When there are any.
pub fn config(cli: &Cli, role: Role) -> Result<Config, Failure> {
    let source = Source::read(cli.global.config.as_deref(), role, cli.command.overrides())?;
    Ok(Config::load(&source, role, &check_template)?)
}

fn check_template(template: &str) -> Result<BTreeSet<String>, String> {
    Template::compile(template).map(|template| template.names()).map_err(|error| error.to_string())
}

/// Opens the queue of roles that share it with other processes.
///
/// # Errors
/// When the queue is a file, or a Redis that can't be used as it is. One that is only away is waited for later.
pub async fn shared_queue(config: &QueueConfig, role: &str) -> Result<Arc<dyn Queue>, Failure> {
    match &config.url {
        QueueUrl::Redis(url) => redis(config, url).await,
        QueueUrl::Sqlite(path) => Err(Failure::config(
            format!(
                "`huixin {role}` can't use the queue `sqlite:{}`: the file belongs to one process",
                path.display()
            ),
            "start receiver and worker in one process with `huixin run`, or give `queue.url` a redis:// URL",
        )),
    }
}

/// Opens the queue of a process that has receiver and worker.
///
/// # Errors
/// When it can't be used.
pub async fn own_queue(config: &QueueConfig) -> Result<Arc<dyn Queue>, Failure> {
    match &config.url {
        QueueUrl::Redis(url) => redis(config, url).await,
        QueueUrl::Sqlite(path) => Ok(sqlite(path, config.dedup_window)?),
    }
}

async fn redis(config: &QueueConfig, url: &Url) -> Result<Arc<dyn Queue>, Failure> {
    let (queue, inspector) = (redis_queue(config, url)?, Inspector::open(url.as_str())?);
    // The queue itself too: what is there may be of another version, or may be forbidden to this user.
    let probe = async { Ok::<_, QueueError>((inspector.inspect().await?, queue.ping().await)) };
    match tokio::time::timeout(PROBE_TIMEOUT, probe).await {
        Ok(Ok((findings, answer))) => {
            if let Some(refusal) = safety::refusal(&inspector, &findings, &config.accept_risk) {
                return Err(refusal);
            }
            match answer {
                Err(error) if !error.is_outage() => return Err(error.into()),
                Err(error) => tracing::warn!(%error, "starting without the queue, and waiting for it"),
                Ok(()) => {}
            }
        }
        Ok(Err(error)) if !error.is_outage() => return Err(error.into()),
        Ok(Err(error)) => tracing::warn!(%error, "starting without the queue, and waiting for it"),
        Err(_) => tracing::warn!(
            queue = queue.place(),
            "the queue does not answer: starting without it, and waiting for it"
        ),
    }
    Ok(Arc::new(queue))
}

/// A queue on Redis, not connected yet and not looked at for risks.
///
/// # Errors
/// When the URL can't be read.
pub fn redis_queue(config: &QueueConfig, url: &Url) -> Result<RedisQueue, QueueError> {
    RedisQueue::open(&RedisSettings {
        url: url.to_string(),
        prefix: config.prefix.clone(),
        dedup_window: config.dedup_window,
        clock: Clock::Store,
    })
}

/// The watch on the queue's Redis; none if the queue is a file.
///
/// # Errors
/// When the URL can't be read.
pub fn watch(config: &QueueConfig) -> Result<Option<Watch>, QueueError> {
    match &config.url {
        QueueUrl::Redis(url) => {
            Ok(Some(Watch::new(Inspector::open(url.as_str())?, config.accept_risk.clone())))
        }
        QueueUrl::Sqlite(_) => Ok(None),
    }
}

/// Opens a queue in a file.
///
/// # Errors
/// When the file can't be used, or another process has it.
pub fn sqlite(path: &Path, dedup_window: Duration) -> Result<Arc<dyn Queue>, QueueError> {
    Ok(Arc::new(SqliteQueue::open(path, dedup_window, Clock::Store)?))
}

/// The receiver.
///
/// # Errors
/// When an account's name can't be a class of the queue.
pub fn receiver(
    config: &Config,
    queue: Arc<dyn Queue>,
    spooler: Option<Spooler>,
) -> Result<Receiver, Failure> {
    let mut accounts = HashMap::new();
    for (name, account) in &config.accounts {
        let known = ReceiverAccount {
            keys: Keys {
                tokens: [Some(&account.token), account.previous_token.as_ref()]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect(),
                aes_keys: [&account.aes_key, &account.previous_aes_key]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect(),
                app_id: account.app_id.clone(),
                accept_plain: account.accept_plain,
            },
            class: Class::new(name.as_str()).context("an account's name can't be used")?,
        };
        accounts.insert(name.clone(), known);
    }
    let max_body_bytes =
        usize::try_from(config.receiver.max_body.bytes()).context("receiver.max_body is too large")?;
    let crate::config::ReceiverConfig { ack_budget, max_skew, allow_from, trusted_proxies, .. } =
        config.receiver.clone();
    let origins = Origins { allow_from, trusted_proxies };
    Ok(Receiver { queue, spooler, accounts, max_body_bytes, ack_budget, max_skew, origins })
}

/// The receiver's spool: none if the queue is a file, which is never out of reach, or if none is wanted. It blocks, for as
/// long as it takes to open a few files.
///
/// # Errors
/// When there can't be one where the configuration wants it. If only the disk says no, the receiver does without: while
/// its Redis is well it must not stay away for that.
pub fn spooler(config: &Config) -> Result<Option<Spooler>, Failure> {
    let (QueueUrl::Redis(_), Some(spool)) = (&config.queue.url, &config.receiver.spool) else {
        return Ok(None);
    };
    match Spooler::open(folders(spool), spool.max_age) {
        Ok(spooler) => Ok(Some(spooler)),
        Err(error @ (SpoolError::Unavailable { .. } | SpoolError::Broken { .. })) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "the receiver starts without its spool");
            Ok(None)
        }
        Err(error) => {
            let hint = "mend `receiver.spool.dir`, or set `spool = false` under [receiver]: then pushes are refused while Redis is away";
            Err(Failure::from(error).with_hint(hint))
        }
    }
}

/// Whether the configuration wants a receiver to have a spool.
pub fn wants_spool(config: &Config) -> bool {
    matches!(config.queue.url, QueueUrl::Redis(_)) && config.receiver.spool.is_some()
}

/// Where spools are.
pub fn folders(config: &SpoolConfig) -> Folders {
    let limits = SpoolLimits { max_bytes: config.max_size.bytes(), reserve_bytes: config.reserve.bytes() };
    Folders::new(&config.dir, limits, Clock::Store)
}

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
        let served = Account::new(client(config, name, &wechat));
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
    let accounts = accounts.join(", ");
    let routes: Vec<_> = config.routes.iter().map(|route| route.name.as_str()).collect();
    match routes.is_empty() {
        true => tracing::info!("the worker serves the accounts {accounts}"),
        false => {
            tracing::info!("the worker serves the accounts {accounts} by the routes {}", routes.join(", "))
        }
    }
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

/// The HTTP client for WeChat's API.
///
/// # Errors
/// When it can't be made.
pub fn wechat_http(config: &Config) -> Result<reqwest::Client, Failure> {
    let client = match &config.delivery.proxy {
        Some(proxy) => http_client_through(&proxy.0).map_err(reqwest::Error::without_url),
        None => http_client(),
    };
    Ok(client.context("the HTTP client for WeChat can't be made")?)
}

/// The API client of an account.
///
/// # Panics
/// When the configuration has no such account.
pub fn client(config: &Config, account: &str, http: &reqwest::Client) -> Client {
    let account = &config.accounts[account];
    let client = ClientConfig {
        app_id: account.app_id.clone(),
        // Every role that calls WeChat is refused without a secret when its configuration is read.
        app_secret: account.app_secret.clone().unwrap_or_else(|| Secret::from("")),
        api_base: account.api_base.clone(),
        timeout: ClientConfig::DEFAULT_TIMEOUT,
        http: http.clone(),
    };
    Client::with_fallbacks(client, account.api_fallback.clone())
}

/// The pretend WeChat with the configured accounts, pushing to a receiver at `receiver`.
///
/// # Errors
/// When the receiver's address can't be the start of a URL.
pub fn sandbox(config: &Config, receiver: &Url) -> Result<Sandbox, Failure> {
    let accounts = config.accounts.iter().map(|(name, account)| {
        Ok(SandboxAccount {
            app_id: account.app_id.clone(),
            app_secret: account
                .app_secret
                .as_ref()
                .map(|secret| secret.expose().to_owned())
                .unwrap_or_default(),
            token: account.token.expose().to_owned(),
            mode: if account.aes_key.is_some() { Mode::Safe } else { Mode::Plain },
            aes_key: account.aes_key.clone(),
            push_url: Some(
                receiver.join(&format!("wechat/{name}")).context("the receiver's address can't be used")?,
            ),
            ..SandboxAccount::named(name)
        })
    });
    let accounts = accounts.collect::<Result<Vec<_>, Failure>>()?;
    Ok(Sandbox::new(SandboxConfig { accounts, ..SandboxConfig::default() }))
}

/// Listens at `address`; if the port is taken and `may_move`, at the next free one of the 31 above it.
///
/// # Errors
/// When no port can be had.
pub async fn listen(what: &str, address: SocketAddr, may_move: bool) -> Result<TcpListener, Failure> {
    let last = if may_move && address.port() != 0 {
        address.port().saturating_add(PORTS_TRIED)
    } else {
        address.port()
    };
    let mut refused = None;
    for port in address.port()..=last {
        match TcpListener::bind(SocketAddr::new(address.ip(), port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => refused = Some(error),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let error = refused.map_or_else(|| anyhow::anyhow!("no port was tried"), anyhow::Error::from);
    Err(Failure::from(error.context(format!("cannot listen on `{address}` for {what}"))).with_hint(
        match &last {
            last if *last > address.port() => {
                format!("ports {} to {last} are taken: free one of them", address.port())
            }
            _ => "another process has the port, or this machine has no such address".to_owned(),
        },
    ))
}

/// Whether a flag named the admin listener's address, which then must be that one.
pub fn names_admin(command: &Command) -> bool {
    command.overrides().admin_listen.is_some()
}
