//! `sandbox`: the pretend WeChat by itself, and what it does for tests.

mod flood;
mod play;

use super::services::Services;
use crate::cli::{Cli, SandboxCommand, SandboxFlags};
use crate::config::Role;
use crate::report::Failure;
use crate::{shutdown, wiring};

pub(super) async fn sandbox(cli: &Cli, flags: &SandboxFlags) -> Result<(), Failure> {
    match &flags.command {
        None => serve(cli, flags).await,
        Some(SandboxCommand::Play(flags)) => play::play(cli, flags).await,
        Some(SandboxCommand::Flood(flags)) => flood::flood(cli, flags).await,
    }
}

async fn serve(cli: &Cli, flags: &SandboxFlags) -> Result<(), Failure> {
    let config = wiring::config(cli, Role::Sandbox)?;
    let listener = wiring::listen(wiring::PAGE, flags.listen, false).await?;
    let page = listener.local_addr()?;
    let mut services = Services::new(shutdown::on_signals());
    let sandbox = wiring::sandbox(&config, &flags.receiver, &[])?;
    services.back("sandbox", |stop| huixin_sandbox::run(listener, sandbox, stop.cancelled_owned()));
    tracing::info!(url = %format_args!("http://{page}/"), receiver = %flags.receiver, "the chat page is served");
    services.run().await
}
