//! The subcommands: each builds its parts from the configuration, runs them, and says how it ended.

mod check;
mod dead;
mod dev;
mod forget;
mod handler;
mod health;
mod init;
mod operate;
mod roles;
mod route;
mod sandbox;
mod services;
mod shell;
mod spool;
mod trace;

use crate::cli::{Cli, Command};
use crate::config::{Config, Role};
use crate::report::Failure;
use crate::traces::Traces;
use crate::{logging, open_files, wiring};

/// Runs the command to its end.
///
/// # Errors
/// With what a person should read, and the exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        if !matches!(
            cli.command,
            Command::Dev(_) | Command::Run(_) | Command::Receiver(_) | Command::Worker(_)
        ) {
            begin(&cli, None);
        }
        match &cli.command {
            Command::Dev(flags) => dev::dev(&cli, flags).await,
            Command::Init(flags) => init::init(&cli, flags),
            Command::Run(_) => roles::start(&cli, Role::Run).await,
            Command::Receiver(_) => roles::start(&cli, Role::Receiver).await,
            Command::Worker(_) => roles::start(&cli, Role::Worker).await,
            Command::Sandbox(flags) => sandbox::sandbox(&cli, flags).await,
            Command::Check(flags) => check::check(&cli, flags).await,
            Command::Route(command) => route::route(&cli, command),
            Command::Handler(command) => handler::handler(command).await,
            Command::Health(flags) => health::health(flags).await,
            Command::Status(flags) => operate::status(&cli, &flags.output).await,
            Command::Dead(command) => dead::dead(&cli, command).await,
            Command::Trace(flags) => trace::trace(&cli, flags).await,
            Command::Lane(flags) => operate::lane(&cli, flags).await,
            Command::Spool(command) => spool::spool(&cli, command).await,
            Command::Completions(flags) => shell::completions(flags),
            Command::Man(flags) => shell::man(flags),
            Command::Pause(flags) => operate::pause(&cli, flags).await,
            Command::Resume(flags) => operate::resume(&cli, flags).await,
            Command::Forget(flags) => forget::forget(&cli, flags).await,
            Command::Audit(flags) => operate::audit(&cli, &flags.output).await,
        }
    })
}

/// Begins a role whose messages may be traced, with its configuration. Its log begins only then: what collects spans for traces
/// is installed with it, and not at all without traces, so that they cost nothing.
fn begin_role(cli: &Cli, role: Role) -> Result<(Config, Option<Traces>), Failure> {
    let config = wiring::config(cli, role)?;
    let traces = Traces::start(&config.traces, role)?;
    begin(cli, traces.as_ref());
    if let Some(collector) = &config.traces.endpoint {
        tracing::info!(?collector, sample = config.traces.sample, "messages are traced");
    }
    Ok((config, traces))
}

/// What every process does first.
fn begin(cli: &Cli, traces: Option<&Traces>) {
    // What it says of itself would stand among the steps and figures.
    let is_test = matches!(&cli.command, Command::Sandbox(flags) if flags.command.is_some());
    logging::start(cli.global.log_format, if is_test { "error" } else { "info" }, traces);
    logging::shorten_panics();
    open_files::raise();
}
