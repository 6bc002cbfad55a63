//! `huixin dev`: everything in one process against a pretend WeChat, for someone with five minutes.
//!
//! Nothing is configured and nothing is kept, unless a flag says so. The slow lookup is the example of the README: it
//! takes eight seconds, longer than WeChat waits, and the answer arrives all the same.

mod backstage;
mod lookup;
mod mortal;
mod unmatched;
mod witness;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use huixin_queue::Queue;
use huixin_sandbox::Sandbox;
use huixin_worker::call_back::CALL_BACK_PATH;
use huixin_worker::handlers::ReplyHandler;
use huixin_worker::{Condition, Route, Worker};
use regex::Regex;
use serde_json::json;
use tokio::sync::Notify;
use url::Url;

use self::backstage::DevBackstage;
use self::unmatched::Unmatched;
use self::witness::DevWitness;
use super::begin_role;
use super::roles::{add_admin, add_answers, add_receiver};
use super::services::Services;
use crate::admin::{self, Readiness};
use crate::call_backs::{CallBackListener, Port, TimeLimits};
use crate::cli::{Cli, DevFlags};
use crate::config::{Config, DEFAULT_FILE, Role};
use crate::report::Failure;
use crate::{shutdown, wiring};

pub(super) async fn dev(cli: &Cli, flags: &DevFlags) -> Result<(), Failure> {
    let (mut config, traces) = begin_role(cli, Role::Dev)?;
    let metrics = admin::record_metrics(Role::Dev)?;
    println!("{}", taken(&config));
    // Kept until the end: dropping it removes the folder.
    let (folder, _temporary) = data_folder(flags)?;
    let queue = wiring::sqlite(&folder.join("huixin.db"), config.queue.dedup_window)?;
    let page = wiring::listen(wiring::PAGE, flags.listen, true).await?;
    let page_url: Url = format!("http://{}/", reachable(page.local_addr()?)).parse()?;
    let pushes = wiring::listen(wiring::PUSHES, config.receiver.listen, true).await?;
    let operators = wiring::listen(wiring::OPERATORS, config.admin.listen, true).await?;
    for account in config.accounts.values_mut() {
        account.api_base = page_url.clone();
    }

    let mut services = Services::new(shutdown::on_signals());
    services.trace(traces);
    let receiver_url = add_receiver(&mut services, &config, queue.clone(), pushes, None)?;
    let sandbox = wiring::sandbox(&config, &receiver_url, &lookup::EXAMPLES)?;
    let shown = sandbox.clone();
    services.back("sandbox", |stop| huixin_sandbox::run(page, shown, stop.cancelled_owned()));
    let call_backs = add_call_backs(&mut services, &mut config, queue.clone()).await?;
    let mut readiness = Readiness::of(Role::Dev, queue.clone());
    let kills = Arc::<Notify>::default();
    sandbox.set_backstage(Arc::new(DevBackstage { queue: queue.clone(), kills: kills.clone() }));
    let of_worker = config.clone();
    let another = move || with_routes(&of_worker, wiring::worker(&of_worker, queue.clone())?, &sandbox);
    let worker = another()?;
    readiness.worker = Some(worker.health());
    services.front("worker", |stop| mortal::run(worker, another, kills, stop));
    let admin = add_admin(&mut services, &config, readiness, operators, metrics)?;

    let first = match config.routes.is_empty() {
        true => " and write ?18-546",
        false => " (the routes are those of your configuration)",
    };
    let kept = match flags.data {
        Some(_) => "are kept in",
        None => "are in a temporary folder, removed at the end (--data DIR keeps them):",
    };
    println!(
        "\n  Open {page_url}{first}{call_backs}\n  Messages {kept} {folder}\n  \
         Ask for them (status, dead list, lane …) with --queue-url sqlite:{folder}/huixin.db --admin-listen {admin}\n  \
         Stop with Ctrl-C\n",
        folder = folder.display()
    );
    services.run().await
}

/// Which configuration it is.
fn taken(config: &Config) -> String {
    match &config.file {
        Some(file) => format!("Configuration: {}", file.display()),
        None => {
            format!("Configuration: none, since there is no {DEFAULT_FILE} here; `huixin init` writes one")
        }
    }
}

/// Adds the listener for answers by call back, on a port that is free, and says where services reach it. The configuration's
/// public address is of no use: the listener there doesn't know this queue.
pub(super) async fn add_call_backs(
    services: &mut Services,
    config: &mut Config,
    queue: Arc<dyn Queue>,
) -> Result<String, Failure> {
    let Some(address) = config.callback.listen else {
        config.callback.base_url = None;
        return Ok(String::new());
    };
    let listener = wiring::listen(wiring::ANSWERS, address, true).await?;
    let base: Url = format!("http://{}/", reachable(listener.local_addr()?)).parse()?;
    config.callback.base_url = Some(base.clone());
    let answers = wiring::call_backs(config)?.map(|call_backs| {
        (Port::Ours(listener), CallBackListener { queue, call_backs, limits: TimeLimits::default() })
    });
    add_answers(services, answers);
    Ok(format!("\n  Services that answer 202 call back to {base}{CALL_BACK_PATH}…"))
}

fn data_folder(flags: &DevFlags) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    match &flags.data {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
            Ok((folder.clone(), None))
        }
        None => {
            let temporary = tempfile::Builder::new()
                .prefix("huixin-dev-")
                .tempdir()
                .context("cannot create a temporary folder")?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}

/// An address that a browser can open: one that means "all" is reached through loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    } else {
        address
    }
}

/// The configuration's routes, and one behind them for messages that none of them takes; without any, the routes of the first
/// minute.
pub(super) fn with_routes(config: &Config, worker: Worker, sandbox: &Sandbox) -> Result<Worker, Failure> {
    let worker = worker.witness(Arc::new(DevWitness(sandbox.clone())));
    if !config.routes.is_empty() {
        return Ok(worker.route(Route::new("unmatched", Unmatched(sandbox.clone()))));
    }
    tracing::info!("no route is configured, so the example answers: a slow look-up, a welcome, an echo");
    let code = Regex::new(lookup::PATTERN).context("the pattern of the example")?;
    let welcome =
        json!("欢迎关注！发送 ?18-546 查询工作台位。\nWelcome! Send ?18-546 to look a workstation up.");
    let echo = json!(
        "{% if content %}收到：{{ content }}{% else %}收到了您的消息（{{ type }}）。{% endif %}\n发送 ?18-546 试试慢查询。"
    );
    let menu = json!("发送 ?18-546 查询工作台位：查询要 8 秒，比微信等的时间长。");
    let on = |event: &str| Condition { event: Some(event.to_owned()), ..Condition::default() };
    let reply = |reply| ReplyHandler::new(&reply).context("a reply of the example");
    Ok(worker
        .route(
            Route::new("lookup", lookup::SlowLookup::default())
                .when_text(code)
                .failure_reply("查询失败，请稍后再试"),
        )
        .route(Route::new("welcome", reply(welcome)?).when(on("subscribe")))
        .route(Route::new("menu", reply(menu)?).when(on("CLICK")))
        .route(Route::new("echo", reply(echo)?)))
}
