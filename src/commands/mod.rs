//! The subcommands: each builds its parts from the configuration, runs them, and says how it ended.

mod check;
mod dead;
mod dev;
mod handler;
mod health;
mod init;
mod operate;
mod roles;
mod route;
mod services;
mod shell;
mod spool;

use crate::cli::{Cli, Command};
use crate::report::Failure;

/// Runs the command to its end.
///
/// # Errors
/// With what a person should read, and the exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        match &cli.command {
            Command::Dev(flags) => dev::dev(&cli, flags).await,
            Command::Init(flags) => init::init(&cli, flags),
            Command::Run(_) => roles::run(&cli).await,
            Command::Receiver(_) => roles::receiver(&cli).await,
            Command::Worker(_) => roles::worker(&cli).await,
            Command::Sandbox(flags) => roles::sandbox(&cli, flags).await,
            Command::Check(flags) => check::check(&cli, flags).await,
            Command::Route(flags) => route::route(&cli, flags),
            Command::Handler(flags) => handler::handler(flags).await,
            Command::Health(flags) => health::health(flags).await,
            Command::Status(flags) => operate::status(&cli, &flags.output).await,
            Command::Dead(flags) => dead::dead(&cli, flags).await,
            Command::Lane(flags) => operate::lane(&cli, flags).await,
            Command::Spool(flags) => spool::spool(&cli, flags).await,
            Command::Completions(flags) => shell::completions(flags),
            Command::Man(flags) => shell::man(flags),
            Command::Pause(flags) => operate::pause(&cli, flags).await,
            Command::Resume(flags) => operate::resume(&cli, flags).await,
            Command::Audit(flags) => operate::audit(&cli, &flags.output).await,
        }
    })
}
