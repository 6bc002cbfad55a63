//! What a scenario is played on: everything that `huixin dev` starts, on free ports and with a queue of its own, so that each
//! scenario begins with nothing; or the pretend WeChat alone before a receiver that runs already.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use huixin_sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::cli::{Cli, PlayFlags};
use crate::commands::dev;
use crate::commands::roles::{add_receiver, add_worker};
use crate::commands::services::Services;
use crate::config::Role;
use crate::report::Failure;
use crate::wiring;

/// How long what still runs may take to end; then it is left, with a queue that nobody needs any more.
const END: Duration = Duration::from_secs(2);

/// A pretend WeChat, and what it talks to.
pub(super) struct PlayStage {
    pub(super) sandbox: Sandbox,
    stop: CancellationToken,
    services: JoinHandle<Result<(), Failure>>,
    /// Removed at the end.
    _folder: Option<tempfile::TempDir>,
}

impl PlayStage {
    pub(super) async fn start(cli: &Cli, flags: &PlayFlags) -> Result<Self, Failure> {
        match &flags.receiver {
            None => Self::with_everything(cli).await,
            Some(receiver) => Self::before(cli, receiver, flags.listen).await,
        }
    }

    /// Ends it. A service that ended by itself is a failure.
    pub(super) async fn end(self) -> Result<(), Failure> {
        self.stop.cancel();
        let ended = tokio::time::timeout(END, self.services).await;
        ended.map_or(Ok(()), |ended| ended.context("a service panicked; please report this")?)
    }

    async fn with_everything(cli: &Cli) -> Result<Self, Failure> {
        let mut config = wiring::config(cli, Role::Dev)?;
        let folder = tempfile::Builder::new().prefix("huixin-play-").tempdir();
        let folder = folder.context("cannot create a temporary folder")?;
        let queue = wiring::sqlite(&folder.path().join("huixin.db"), config.queue.dedup_window)?;
        let (api, pushes) = (free_port().await?, free_port().await?);
        let api_base: Url = format!("http://{}/", api.local_addr()?).parse()?;
        for account in config.accounts.values_mut() {
            account.api_base = api_base.clone();
        }
        let stop = CancellationToken::new();
        let mut services = Services::new(stop.clone());
        let receiver = add_receiver(&mut services, &config, queue.clone(), pushes, None)?;
        let sandbox = wiring::sandbox(&config, &receiver, &[])?;
        let served = sandbox.clone();
        services.back("sandbox", |stop| huixin_sandbox::run(api, served, stop.cancelled_owned()));
        dev::add_call_backs(&mut services, &mut config, queue.clone()).await?;
        let worker = dev::with_routes(&config, wiring::worker(&config, queue)?, &sandbox)?;
        add_worker(&mut services, worker);
        Ok(Self { sandbox, stop, services: tokio::spawn(services.run()), _folder: Some(folder) })
    }

    async fn before(cli: &Cli, receiver: &Url, listen: SocketAddr) -> Result<Self, Failure> {
        let config = wiring::config(cli, Role::Sandbox)?;
        let api = wiring::listen(wiring::PAGE, listen, false).await?;
        let sandbox = wiring::sandbox(&config, receiver, &[])?;
        let (served, stop) = (sandbox.clone(), CancellationToken::new());
        let mut services = Services::new(stop.clone());
        services.back("sandbox", |stop| huixin_sandbox::run(api, served, stop.cancelled_owned()));
        Ok(Self { sandbox, stop, services: tokio::spawn(services.run()), _folder: None })
    }
}

async fn free_port() -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    Ok(listener.context("no port of 127.0.0.1 is free")?)
}
