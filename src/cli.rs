//! The command line: types and help, no behaviour.
//!
//! Flags stand above the environment, which stands above the file. Only keys that people change for one start have a
//! flag.

mod dead;
mod diagnose;
mod flags;
mod forget;
mod handler;
mod init;
mod operate;
mod roles;
mod sandbox;
mod shell;
mod spool;
mod trace;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Overrides;

pub use dead::{ActFlags, DeadCommand, LetterFilter, ListFlags, ShowFlags};
pub use diagnose::{CheckFlags, HealthFlags, RouteCommand, RouteTestFlags, TestMessage};
pub use flags::{AdminFlag, ConcurrencyFlag, OutputFlag, PlaceFlags, QueueFlag};
pub use forget::ForgetFlags;
pub use handler::{HandlerCommand, HandlerTestFlags};
pub use init::{HandlerKind, InitFlags, PushMode};
pub use operate::{LaneFlags, LookFlags, PauseFlags, ResumeFlags, ScopeFlags};
pub use roles::{DevFlags, ReceiverFlags, RunFlags, WorkerFlags};
pub use sandbox::{FloodFlags, PlayFlags, SandboxCommand, SandboxFlags};
pub use shell::{CompletionsFlags, ManFlags};
pub use spool::SpoolCommand;
pub(crate) use trace::BEIJING;
pub use trace::TraceFlags;

/// A queue-backed processor for WeChat Official Account messages: ack fast, reply later.
#[derive(Debug, Parser)]
#[command(name = "huixin", version = env!("VERSION_WITH_COMMIT"), propagate_version = true)]
#[command(after_help = ROOT_EXAMPLES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command knows.
    #[command(flatten)]
    pub global: GlobalFlags,
}

/// Flags of every command.
#[derive(Args, Debug)]
pub struct GlobalFlags {
    /// The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]
    #[arg(long, global = true, value_name = "PATH", env = "HUIXIN_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// How log lines are written: human or json
    #[arg(long, global = true, value_name = "FORMAT", env = "HUIXIN_LOG_FORMAT", hide_env_values = true)]
    #[arg(value_enum, default_value_t = LogFormat::Human, hide_possible_values = true)]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Human,
    /// For programs: one JSON object a line
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything against a pretend WeChat, with a chat page; needs no configuration
    #[command(after_help = roles::DEV_EXAMPLES)]
    Dev(DevFlags),
    /// Write a first configuration, from up to five questions or from flags
    #[command(after_help = init::INIT_EXAMPLES)]
    Init(InitFlags),
    /// Start receiver and worker in one process
    #[command(after_help = roles::RUN_EXAMPLES)]
    Run(RunFlags),
    /// Start a receiver: it checks, stores and acks what WeChat pushes
    #[command(after_help = roles::RECEIVER_EXAMPLES)]
    Receiver(ReceiverFlags),
    /// Start a worker: it runs handlers and sends their replies
    #[command(after_help = roles::WORKER_EXAMPLES)]
    Worker(WorkerFlags),
    /// Start the pretend WeChat and its chat page alone; play scenarios, or load a receiver
    #[command(after_help = sandbox::SANDBOX_EXAMPLES)]
    Sandbox(SandboxFlags),
    /// Check the configuration and what it points to
    #[command(after_help = diagnose::CHECK_EXAMPLES)]
    Check(CheckFlags),
    /// Ask which route takes a message, and why those before it don't
    #[command(subcommand, after_help = diagnose::ROUTE_EXAMPLES)]
    Route(RouteCommand),
    /// Try out the service of an `http` route, without WeChat and without a queue
    #[command(subcommand, after_help = handler::HANDLER_EXAMPLES)]
    Handler(HandlerCommand),
    /// Ask a running process whether it is healthy; exits with 0 or 1, as containers expect
    #[command(after_help = diagnose::HEALTH_EXAMPLES)]
    Health(HealthFlags),
    /// Show how many messages are open, running, delayed, held and dead
    #[command(after_help = operate::STATUS_WORDS)]
    Status(LookFlags),
    /// Show what became of messages
    #[command(after_help = trace::TRACE_EXAMPLES)]
    Trace(TraceFlags),
    /// Show, retry and drop dead letters
    #[command(subcommand, after_help = dead::DEAD_EXAMPLES)]
    Dead(DeadCommand),
    /// Show one user's unfinished messages, and what they wait for
    Lane(LaneFlags),
    /// Stop handling messages of an account, a user or everybody; pushes are still accepted
    #[command(after_help = operate::PAUSE_EXAMPLES, override_usage = "huixin pause [OPTIONS] ACCOUNT [USER]\n       huixin pause [OPTIONS] --all")]
    Pause(PauseFlags),
    /// Resume what is paused; name it as you did for `pause`
    #[command(
        override_usage = "huixin resume [OPTIONS] ACCOUNT [USER]\n       huixin resume [OPTIONS] --all"
    )]
    Resume(ResumeFlags),
    /// Remove all that is kept of a user
    #[command(after_help = forget::FORGET_EXAMPLES)]
    Forget(ForgetFlags),
    /// Check the queue for damage; changes nothing
    Audit(LookFlags),
    /// Show and drain what receivers wrote to this machine's disk while Redis was unavailable
    #[command(subcommand, after_help = spool::SPOOL_EXAMPLES)]
    Spool(SpoolCommand),
    /// Print a shell's completion script: bash, zsh, fish, elvish or powershell
    #[command(after_help = shell::COMPLETIONS_EXAMPLES)]
    Completions(CompletionsFlags),
    /// Write a manual page for each command into a folder, for packagers
    #[command(hide = true)]
    Man(ManFlags),
}

impl Command {
    /// What the flags put above environment and file.
    pub fn overrides(&self) -> Overrides {
        let and_worker =
            |others, flag: &ConcurrencyFlag| Overrides { worker_concurrency: flag.concurrency, ..others };
        match self {
            Self::Run(run) | Self::Check(CheckFlags { run, .. }) => {
                and_worker(run.receiver.overrides(), &run.concurrency)
            }
            Self::Receiver(flags) => flags.overrides(),
            Self::Worker(flags) => and_worker(flags.place.overrides(), &flags.concurrency),
            Self::Status(look)
            | Self::Audit(look)
            | Self::Lane(LaneFlags { look, .. })
            | Self::Trace(TraceFlags { look, .. })
            | Self::Dead(
                DeadCommand::List(ListFlags { look, .. }) | DeadCommand::Show(ShowFlags { look, .. }),
            ) => look.place.overrides(),
            Self::Pause(PauseFlags { place, .. })
            | Self::Resume(ResumeFlags { place, .. })
            | Self::Forget(ForgetFlags { place, .. })
            | Self::Dead(
                DeadCommand::Retry(ActFlags { place, .. }) | DeadCommand::Drop(ActFlags { place, .. }),
            ) => place.overrides(),
            Self::Spool(SpoolCommand::Drain(queue)) => {
                Overrides { queue_url: queue.queue_url.clone(), ..Overrides::default() }
            }
            _ => Overrides::default(),
        }
    }
}

const ROOT_EXAMPLES: &str = "\
Examples:
  huixin dev                              try it, with nothing else installed
  huixin init                             write a first huixin.toml
  huixin check --config huixin.toml       see what is wrong before starting
  huixin run --config huixin.toml         receiver and worker in one process, queue in a file
  huixin worker --config huixin.toml      one of many workers, queue on Redis

A flag overrides the environment (HUIXIN_QUEUE__URL for `queue.url`), and the environment the file.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped with a spool that is not empty,
4 no route takes the message, 64 wrong configuration.";

#[cfg(test)]
mod tests;
