//! `run`, `receiver`, `worker`: the roles against a real configuration.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt as _;

use huixin_queue::{Class, Queue};
use huixin_worker::call_back::CALL_BACK_PATH;
use huixin_worker::{Worker, WorkerError, WorkerHealth};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::begin_role;
use super::services::Services;
use crate::admin::{self, Admin, MetricsPage, Readiness};
use crate::call_backs::{self, CallBackListener, Port};
use crate::cli::Cli;
use crate::config::{Config, Role};
use crate::low_priority::LowPriority;
use crate::operator::{AdminAccess, ConfiguredView, OperatorContext};
use crate::receiver::ClaimedSpool;
use crate::report::Failure;
use crate::safety::{QueueWatch, Upkeep, Watch};
use crate::{receiver, shutdown, wiring};

/// `run`, or one of its two halves.
pub(super) async fn start(cli: &Cli, role: Role) -> Result<(), Failure> {
    let (config, traces) = begin_role(cli, role)?;
    let metrics = admin::record_metrics(role)?;
    let queue = match role {
        Role::Run => wiring::own_queue(&config.queue).await?,
        _ => wiring::shared_queue(&config.queue, role.into()).await?,
    };
    let mut readiness = Readiness::of(role, queue.clone());
    let mut received = None;
    if role != Role::Worker {
        let pushes = wiring::listen(wiring::PUSHES, config.receiver.listen, false).await?;
        let claimed_spool = wiring::claimed_spool(&config)?;
        readiness.spool = claimed_spool.as_ref().map(ClaimedSpool::health);
        readiness.lacks_spool = claimed_spool.is_none() && wiring::wants_spool(&config);
        received = Some((pushes, claimed_spool));
    }
    // Before any message is taken: a process whose port another one has must not have begun to work.
    let operators = wiring::listen(wiring::OPERATORS, config.admin.listen, false).await?;
    let mut services = Services::new(shutdown::on_signals());
    services.trace(traces);
    // With the receiver in the same process, pushes go first.
    let low_priority = if role == Role::Run { Some(LowPriority::start()?) } else { None };
    if role != Role::Receiver {
        let mut worker = configured_worker(&config, queue.clone())?;
        if let Some(low_priority) = &low_priority {
            worker = worker.handle_on(low_priority.handle());
        }
        readiness.worker = Some(add_worker(&mut services, worker));
    }
    if role == Role::Worker {
        let concurrency = config.worker.concurrency;
        tracing::info!(queue = queue.place(), concurrency, "the worker takes messages");
    }
    add_answers(&mut services, wiring::call_back_listener(&config, queue.clone()).await?);
    if let Some((pushes, claimed_spool)) = received {
        add_receiver(&mut services, &config, queue, pushes, claimed_spool)?;
    }
    add_admin(&mut services, &config, readiness, operators, metrics)?;
    services.run().await
}

/// The worker of a configuration, which may have forgotten its routes.
fn configured_worker(config: &Config, queue: Arc<dyn Queue>) -> Result<Worker, Failure> {
    if config.routes.is_empty() {
        tracing::warn!(
            "no route is configured: every message ends without a reply until there is a `[[route]]`"
        );
    }
    wiring::worker(config, queue)
}

/// Adds the worker, and gives a way to ask about its health.
pub(super) fn add_worker(services: &mut Services, worker: Worker) -> WorkerHealth {
    let health = worker.health();
    services.front("worker", |stop: CancellationToken| async move {
        let stopped = worker.run(stop.cancelled_owned()).await?;
        tracing::info!(finished = stopped.finished, handed_back = stopped.released, "the worker has stopped");
        Ok::<_, WorkerError>(())
    });
    health
}

/// Adds the listener for answers by call back, if one is configured.
pub(super) fn add_answers(services: &mut Services, answers: Option<(Port, CallBackListener)>) {
    let Some((port, answers)) = answers else { return };
    if let Port::Ours(listener) = &port
        && let Ok(address) = listener.local_addr()
    {
        let base = answers.call_backs.base();
        tracing::info!(url = %format_args!("{base}{CALL_BACK_PATH}"), %address, "answers by call back are received");
    }
    services.front("listener for answers", |stop| call_backs::run(port, answers, stop.cancelled_owned()));
}

/// Adds the receiver, and says which URLs WeChat's console must be given.
pub(super) fn add_receiver(
    services: &mut Services,
    config: &Config,
    queue: Arc<dyn Queue>,
    listener: TcpListener,
    claimed_spool: Option<ClaimedSpool>,
) -> Result<Url, Failure> {
    let address = listener.local_addr()?;
    let base: Url = format!("http://{address}/").parse()?;
    for account in config.accounts.keys() {
        let url = format_args!("{base}wechat/{account}");
        tracing::info!(%url, account, queue = queue.place(), "pushes are received");
    }
    let receiver = wiring::receiver(config, queue, claimed_spool)?;
    services.front("receiver", |stop| receiver::run(listener, receiver, stop.cancelled_owned()));
    Ok(base)
}

/// Adds the admin listener, and says where it is.
pub(super) fn add_admin(
    services: &mut Services,
    config: &Config,
    mut readiness: Readiness,
    listener: TcpListener,
    metrics: MetricsPage,
) -> Result<SocketAddr, Failure> {
    // `dev` has a queue of its own, whatever is configured.
    let watch = if readiness.role == Role::Dev { None } else { wiring::watch(&config.queue)? };
    let accounts = config.accounts.keys().filter_map(|name| Class::new(name.as_str()).ok());
    let dead = config.queue.dead.clone();
    let look = QueueWatch::new(readiness.queue.clone(), readiness.spool.clone(), dead, accounts);
    let upkeep =
        Upkeep::new(readiness.queue.clone(), config.queue.dead.clone(), config.queue.journal.clone());
    readiness.warnings.extend(watch.as_ref().map(Watch::warnings));
    readiness.warnings.extend([look.warnings(), upkeep.warnings()]);
    let address = listener.local_addr()?;
    let access = AdminAccess::new(address, config.admin.token.clone(), config.admin.read_token.clone());
    let configured = ConfiguredView::of(config);
    let operator = Arc::new(OperatorContext::new(readiness.queue.clone(), access, configured));
    let admin = Admin { operator, readiness, metrics };
    tracing::info!(url = %format_args!("http://{address}/"), "health and metrics are served");
    services.back("admin listener", |stop| admin::run(listener, admin, stop.cancelled_owned()));
    if let Some(watch) = watch {
        services.back("watch of Redis", |stop| watch.run(stop).map(Ok::<_, Infallible>));
    }
    services.back("watch of the queue", |stop| look.run(stop).map(Ok::<_, Infallible>));
    services.back("upkeep of the queue", |stop| upkeep.run(stop).map(Ok::<_, Infallible>));
    Ok(address)
}
