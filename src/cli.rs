//! The command line: types and help, no behaviour.
//!
//! Flags stand above the environment, which stands above the file; the few that have a flag are those that people
//! change for one start.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::config::Overrides;

/// Who sends the text of `route test`, unless it is said.
const TEST_USER: &str = "oRouteTest00000000000000000";

/// A queue-backed processor for WeChat Official Account messages: ack fast, reply later.
#[derive(Debug, Parser)]
#[command(name = "huixin", version, propagate_version = true, after_help = ROOT_EXAMPLES)]
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
    /// The configuration file; `dev` and `sandbox` can do without [default: huixin.toml]
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
    #[command(after_help = DEV_EXAMPLES)]
    Dev(DevFlags),
    /// Start receiver and worker in one process
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunFlags),
    /// Start a receiver: it checks, stores and acks what WeChat pushes
    #[command(after_help = RECEIVER_EXAMPLES)]
    Receiver(ReceiverFlags),
    /// Start a worker: it runs handlers and sends their replies
    #[command(after_help = WORKER_EXAMPLES)]
    Worker(WorkerFlags),
    /// Start the pretend WeChat and its chat page alone
    #[command(after_help = SANDBOX_EXAMPLES)]
    Sandbox(SandboxFlags),
    /// Check the configuration and what it points to
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckFlags),
    /// Ask which route takes a message, and why those before it don't
    #[command(after_help = ROUTE_EXAMPLES)]
    Route(RouteFlags),
    /// Ask a running process whether it is well; exits with 0 or 1, as containers expect
    #[command(after_help = HEALTH_EXAMPLES)]
    Health(HealthFlags),
    /// Show how many messages are open, running, delayed, held, aside and dead
    #[command(after_help = STATUS_WORDS)]
    Status(LookFlags),
    /// Show, retry and drop dead letters
    #[command(after_help = DEAD_EXAMPLES)]
    Dead(DeadFlags),
    /// Show which messages of one user are not at their end yet, and what they wait for
    Lane(LaneFlags),
    /// Stop handling messages of an account, a user or everybody; pushes are still taken in
    #[command(after_help = PAUSE_EXAMPLES, override_usage = "huixin pause [OPTIONS] ACCOUNT [USER]\n       huixin pause [OPTIONS] --all")]
    Pause(PauseFlags),
    /// Go on with what is paused, named as it was for `pause`
    #[command(
        override_usage = "huixin resume [OPTIONS] ACCOUNT [USER]\n       huixin resume [OPTIONS] --all"
    )]
    Resume(ResumeFlags),
    /// Check that the queue is in order; changes nothing
    Audit(LookFlags),
    /// Show and drain what receivers have put on this machine's disk while Redis was away
    #[command(after_help = SPOOL_EXAMPLES)]
    Spool(SpoolFlags),
}

/// Flags of `dev`.
#[derive(Args, Debug)]
pub struct DevFlags {
    /// Where messages are kept between starts [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The address of the chat page
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8088")]
    pub listen: SocketAddr,
}

/// Flags of `run`.
#[derive(Args, Debug)]
pub struct RunFlags {
    /// The queue.
    #[command(flatten)]
    pub queue: QueueFlag,
    /// The listener for pushes.
    #[command(flatten)]
    pub listen: ListenFlag,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminFlag,
    /// The worker.
    #[command(flatten)]
    pub concurrency: ConcurrencyFlag,
}

/// Flags of `receiver`.
#[derive(Args, Debug)]
pub struct ReceiverFlags {
    /// The queue.
    #[command(flatten)]
    pub queue: QueueFlag,
    /// The listener for pushes.
    #[command(flatten)]
    pub listen: ListenFlag,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminFlag,
}

/// Flags of `worker`.
#[derive(Args, Debug)]
pub struct WorkerFlags {
    /// The queue.
    #[command(flatten)]
    pub queue: QueueFlag,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminFlag,
    /// The worker.
    #[command(flatten)]
    pub concurrency: ConcurrencyFlag,
}

/// Flags of `sandbox`.
#[derive(Args, Debug)]
pub struct SandboxFlags {
    /// The address of the chat page and of the pretend API
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8088")]
    pub listen: SocketAddr,
    /// The receiver; pushes go to its /wechat/{account name}
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub receiver: Url,
}

/// Flags of `check`.
#[derive(Args, Debug)]
pub struct CheckFlags {
    /// Print the effective values, secrets masked, and end
    #[arg(long)]
    pub print: bool,
    /// What `run` would be started with.
    #[command(flatten)]
    pub run: RunFlags,
}

/// Flags of `route`.
#[derive(Args, Debug)]
pub struct RouteFlags {
    /// What to ask.
    #[command(subcommand)]
    pub command: RouteCommand,
}

/// What can be asked of routes.
#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// Say which route takes a message, with its captures, and why those before it don't; calls nobody
    #[command(after_help = ROUTE_EXAMPLES)]
    Test(RouteTestFlags),
}

/// Flags of `route test`.
#[derive(Args, Debug)]
pub struct RouteTestFlags {
    /// The message.
    #[command(flatten)]
    pub message: TestMessage,
    /// The account that it comes to; needed if there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The OpenID of the text's sender
    #[arg(long, value_name = "OPENID", conflicts_with = "xml", default_value = TEST_USER)]
    pub user: String,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputFlag,
}

/// What `route test` is about.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct TestMessage {
    /// A text message with this content
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub text: Option<String>,
    /// What WeChat pushes, as XML or JSON, its encryption taken off; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub xml: Option<PathBuf>,
}

/// Flags of `health`.
#[derive(Args, Debug)]
pub struct HealthFlags {
    /// What to ask: /healthz for "alive", /readyz for "able to work"
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9600/healthz")]
    pub url: Url,
}

/// `--json`.
#[derive(Args, Debug)]
pub struct OutputFlag {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// Flags of `status` and `audit`.
#[derive(Args, Debug)]
pub struct LookFlags {
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputFlag,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

/// Where the queue is.
#[derive(Args, Debug)]
pub struct PlaceFlags {
    /// The queue.
    #[command(flatten)]
    pub queue: QueueFlag,
    /// The listener of the process that owns a queue in a file.
    #[command(flatten)]
    pub admin: AdminFlag,
}

impl PlaceFlags {
    fn overrides(&self) -> Overrides {
        Overrides {
            queue_url: self.queue.queue_url.clone(),
            admin_listen: self.admin.admin_listen,
            ..Overrides::default()
        }
    }
}

/// Flags of `lane`.
#[derive(Args, Debug)]
pub struct LaneFlags {
    /// The account's name in the configuration
    pub account: String,
    /// The user's OpenID
    pub user: String,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputFlag,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

/// Flags of `dead`.
#[derive(Args, Debug)]
pub struct DeadFlags {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DeadCommand,
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// List them, the youngest first
    List(ListFlags),
    /// Show one with its whole push
    Show(ShowFlags),
    /// Put one, or all that match, back at the end of their users' lanes
    Retry(ActFlags),
    /// Remove one, or all that match, for good
    Drop(ActFlags),
}

/// Flags of `dead list`.
#[derive(Args, Debug)]
pub struct ListFlags {
    /// Which.
    #[command(flatten)]
    pub filter: LetterFilter,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// How they are printed.
    #[command(flatten)]
    pub output: OutputFlag,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

/// Which dead letters.
#[derive(Args, Debug)]
pub struct LetterFilter {
    /// Only of this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Only of this user of the account
    #[arg(long, value_name = "OPENID", requires = "account")]
    pub user: Option<String>,
    /// Only those whose reason contains this
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Flags of `dead show`.
#[derive(Args, Debug)]
pub struct ShowFlags {
    /// The message's id
    pub id: String,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputFlag,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

/// Flags of `dead retry` and `dead drop`.
#[derive(Args, Debug)]
pub struct ActFlags {
    /// The message's id; without one, --all
    #[arg(required_unless_present = "all", conflicts_with_all = ["all", "account", "user", "reason"])]
    pub id: Option<String>,
    /// All that match --account, --user and --reason
    #[arg(long)]
    pub all: bool,
    /// Which.
    #[command(flatten)]
    pub filter: LetterFilter,
    /// Do it; without this it is only said what would be done
    #[arg(long)]
    pub yes: bool,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

/// Flags of `spool`.
#[derive(Args, Debug)]
pub struct SpoolFlags {
    /// What to do with it.
    #[command(subcommand)]
    pub command: SpoolCommand,
}

/// What can be done with spools.
#[derive(Debug, Subcommand)]
pub enum SpoolCommand {
    /// Show each folder: entries, bytes, the oldest, what is quarantined, and who has it open
    Status(OutputFlag),
    /// Drain the folders that no receiver has open into the queue
    Drain(DrainFlags),
}

/// Flags of `spool drain`.
#[derive(Args, Debug)]
pub struct DrainFlags {
    /// The queue.
    #[command(flatten)]
    pub queue: QueueFlag,
}

/// Flags of `pause`.
#[derive(Args, Debug)]
pub struct PauseFlags {
    /// What.
    #[command(flatten)]
    pub scope: ScopeFlags,
    /// Why, shown by `status`
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

/// Flags of `resume`.
#[derive(Args, Debug)]
pub struct ResumeFlags {
    /// What.
    #[command(flatten)]
    pub scope: ScopeFlags,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

/// What is paused or resumed.
#[derive(Args, Debug)]
pub struct ScopeFlags {
    /// Everything: every account of the queue, in place of one
    #[arg(long, required_unless_present = "account", conflicts_with_all = ["account", "user"])]
    pub all: bool,
    /// One account: its name in the configuration
    pub account: Option<String>,
    /// One user of this account: the OpenID
    pub user: Option<String>,
}

/// `--queue-url`.
#[derive(Args, Debug)]
pub struct QueueFlag {
    /// The queue, above `queue.url` of the file: redis://…, rediss://… or sqlite:PATH
    #[arg(long, value_name = "URL")]
    pub queue_url: Option<String>,
}

/// `--listen`.
#[derive(Args, Debug)]
pub struct ListenFlag {
    /// The address that WeChat's pushes come to, above `receiver.listen` of the file
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// `--admin-listen`.
#[derive(Args, Debug)]
pub struct AdminFlag {
    /// The address of health and metrics, above `admin.listen` of the file
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
}

/// `--concurrency`.
#[derive(Args, Debug)]
pub struct ConcurrencyFlag {
    /// How many messages are handled at once, above `worker.concurrency` of the file
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,
}

impl Command {
    /// What the flags put above environment and file.
    pub fn overrides(&self) -> Overrides {
        match self {
            Self::Run(flags) | Self::Check(CheckFlags { run: flags, .. }) => Overrides {
                queue_url: flags.queue.queue_url.clone(),
                receiver_listen: flags.listen.listen,
                admin_listen: flags.admin.admin_listen,
                worker_concurrency: flags.concurrency.concurrency,
            },
            Self::Receiver(flags) => Overrides {
                queue_url: flags.queue.queue_url.clone(),
                receiver_listen: flags.listen.listen,
                admin_listen: flags.admin.admin_listen,
                worker_concurrency: None,
            },
            Self::Worker(flags) => Overrides {
                queue_url: flags.queue.queue_url.clone(),
                receiver_listen: None,
                admin_listen: flags.admin.admin_listen,
                worker_concurrency: flags.concurrency.concurrency,
            },
            Self::Status(LookFlags { place, .. })
            | Self::Audit(LookFlags { place, .. })
            | Self::Lane(LaneFlags { place, .. })
            | Self::Pause(PauseFlags { place, .. })
            | Self::Resume(ResumeFlags { place, .. }) => place.overrides(),
            Self::Dead(DeadFlags { command }) => match command {
                DeadCommand::List(ListFlags { place, .. })
                | DeadCommand::Show(ShowFlags { place, .. })
                | DeadCommand::Retry(ActFlags { place, .. })
                | DeadCommand::Drop(ActFlags { place, .. }) => place.overrides(),
            },
            Self::Spool(SpoolFlags { command: SpoolCommand::Drain(DrainFlags { queue }) }) => {
                Overrides { queue_url: queue.queue_url.clone(), ..Overrides::default() }
            }
            Self::Dev(_) | Self::Sandbox(_) | Self::Route(_) | Self::Health(_) | Self::Spool(_) => {
                Overrides::default()
            }
        }
    }
}

const ROOT_EXAMPLES: &str = "\
Examples:
  huixin dev                              try it, with nothing else installed
  huixin check --config huixin.toml       see what is wrong before starting
  huixin run --config huixin.toml         receiver and worker in one process, queue in a file
  huixin worker --config huixin.toml      one of many workers, queue on Redis

A flag is stronger than the environment (HUIXIN_QUEUE__URL for `queue.url`), the environment than the file.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped with a spool that is not empty,
4 no route takes the message, 64 wrong configuration.";

const DEV_EXAMPLES: &str = "\
Examples:
  huixin dev                              nothing is kept
  huixin dev --data ./huixin-dev          messages are kept in this folder
  huixin dev --config huixin.toml         the routes of a configuration, without the real WeChat";

const RUN_EXAMPLES: &str = "\
Examples:
  huixin run                              by huixin.toml in this folder
  huixin run --listen 0.0.0.0:8080        reached from other machines
  HUIXIN_ACCOUNT__MAIN__APP_SECRET=… huixin run";

const RECEIVER_EXAMPLES: &str = "\
Examples:
  huixin receiver --config huixin.toml
  huixin receiver --queue-url redis://10.0.0.5:6379/0 --listen 0.0.0.0:8080";

const WORKER_EXAMPLES: &str = "\
Examples:
  huixin worker --config huixin.toml
  huixin worker --queue-url redis://10.0.0.5:6379/0 --concurrency 1000";

const SANDBOX_EXAMPLES: &str = "\
Examples:
  huixin sandbox                          pushes to a receiver on port 8080 of this machine
  huixin sandbox --config huixin.toml --receiver http://receiver:8080 --listen 0.0.0.0:8088

Workers send to it when the account has api_base = \"http://127.0.0.1:8088\".";

const CHECK_EXAMPLES: &str = "\
Examples:
  huixin check                            one line for each fact
  huixin check --print                    the effective values and where each came from";

const ROUTE_EXAMPLES: &str = "\
Examples:
  huixin route test --text '?18-546'                      a text to the only account
  huixin route test --xml push.xml --account main         whatever WeChat pushed
  huixin dead show ID --json | jq -r .body | huixin route test --xml -

Exit codes: 0 a route takes it, 4 none does, so that it ends without a reply. docs/routes.md has the JSON.";

const HEALTH_EXAMPLES: &str = "\
Examples:
  huixin health
  huixin health --url http://127.0.0.1:9600/readyz";

const SPOOL_EXAMPLES: &str = "\
Examples:
  huixin spool status                     beside running receivers too
  huixin spool drain                      when the receivers of this machine are gone for good";

const STATUS_WORDS: &str = "\
Messages that are
  open      taken in and not at their end yet; the next four are among them
  running   with a worker
  delayed   failed, and waiting for their next attempt; or for an answer by call back
  held      answered, and what WeChat doesn't let through now waits until the user writes again
  aside     as delayed, on a route with on_failure = \"skip_ahead\": the user's other messages go on
  dead      ended without their answer, kept with the reason until `huixin dead` retries or drops them";

const PAUSE_EXAMPLES: &str = "\
Examples:
  huixin pause main --reason \"the backend moves\"     messages are taken in, and wait
  huixin pause main oABC123                          one user of the account
  huixin pause --all
  huixin resume main";

const DEAD_EXAMPLES: &str = "\
Examples:
  huixin dead list --reason 45015
  huixin dead show mIJR1lpMuzx8PpJEz8gyOCw
  huixin dead retry mIJR1lpMuzx8PpJEz8gyOCw --yes
  huixin dead drop --all --account main --reason \"can't be understood\"";

#[cfg(test)]
mod tests;
