//! `sandbox`: the pretend WeChat by itself, and what it does for tests: `sandbox play`, `sandbox flood`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use url::Url;

use super::flags::OutputFlag;
use crate::config::web_url;

/// The most pushes a second of a flood.
const MOST_PER_SECOND: u32 = 20_000;
/// The longest flood.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Flags of `sandbox`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxFlags {
    /// What to do instead of serving the page.
    #[command(subcommand)]
    pub command: Option<SandboxCommand>,
    /// The address of the chat page and of the pretend API
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8088")]
    pub listen: SocketAddr,
    /// The receiver; pushes go to its /wechat/{account name}
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = web_url)]
    pub receiver: Url,
}

/// What the pretend WeChat does for tests.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Play scenarios: users who do something, trouble, and what must come of it
    #[command(after_help = PLAY_EXAMPLES)]
    Play(PlayFlags),
    /// Load a receiver with signed pushes, and show how long its acks take
    #[command(after_help = FLOOD_EXAMPLES)]
    Flood(FloodFlags),
}

/// Flags of `sandbox play`.
#[derive(Args, Debug)]
pub struct PlayFlags {
    /// The scenarios; each begins with an empty queue, unless there is a receiver already
    #[arg(required = true, value_name = "FILE")]
    pub scenarios: Vec<PathBuf>,
    /// A receiver that runs already [default: everything that `huixin dev` starts, in this process]
    #[arg(long, value_name = "URL", value_parser = web_url)]
    pub receiver: Option<Url>,
    /// Where the workers of that receiver reach the pretend API
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8088", requires = "receiver")]
    pub listen: SocketAddr,
    /// The output.
    #[command(flatten)]
    pub output: OutputFlag,
}

/// Flags of `sandbox flood`.
#[derive(Args, Debug)]
pub struct FloodFlags {
    /// The receiver; pushes go to its /wechat/{account name}
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = web_url)]
    pub receiver: Url,
    /// The account whose pushes they are [default: the first]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// How many pushes a second, at most 20000/s
    #[arg(long, value_name = "N/s", default_value = "100/s", value_parser = per_second)]
    pub rate: u32,
    /// For how long, at most 10m
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = lasts)]
    pub lasts: Duration,
    /// From how many users
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub users: u32,
    /// Over how many connections at most
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: u32,
    /// What each push says
    #[arg(long, value_name = "TEXT", default_value = "flood", allow_hyphen_values = true)]
    pub text: String,
    /// Also load a receiver that isn't on this machine or in a private network
    #[arg(long)]
    pub anywhere: bool,
    /// The output.
    #[command(flatten)]
    pub output: OutputFlag,
}

fn per_second(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate = number.parse::<u32>().ok().filter(|rate| (1..=MOST_PER_SECOND).contains(rate));
    rate.ok_or_else(|| format!("write a whole number from 1/s to {MOST_PER_SECOND}/s"))
}

fn lasts(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok();
    let time = time.filter(|time| (Duration::from_millis(100)..=LONGEST).contains(time));
    time.ok_or_else(|| "write a time from 100ms to 10m, like 30s".to_owned())
}

pub(super) const SANDBOX_EXAMPLES: &str = "\
Examples:
  huixin sandbox                          pushes to a receiver on port 8080 of this machine
  huixin sandbox --config huixin.toml --receiver http://receiver:8080 --listen 0.0.0.0:8088
  huixin sandbox play --config huixin.toml scenario.toml
  huixin sandbox flood --rate 500/s --for 30s

Workers send to it when the account has api_base = \"http://127.0.0.1:8088\".
docs/sandbox.md describes what it does and how programs drive it.";

pub(super) const PLAY_EXAMPLES: &str = "\
Examples:
  huixin sandbox play --config huixin.toml scenario.toml
  huixin sandbox play --json tests/*.toml
  huixin sandbox play --receiver http://127.0.0.1:8080 scenario.toml

Exit codes: 0 all came as expected, 1 something didn't, 2 a scenario can't be read, 64 wrong configuration.
Errors alone are logged; HUIXIN_LOG=info shows more. docs/sandbox.md says what is in a scenario.";

pub(super) const FLOOD_EXAMPLES: &str = "\
Examples:
  huixin sandbox flood --rate 500/s --for 30s
  huixin sandbox flood --receiver http://10.0.0.5:8080 --account main --rate 2000/s --connections 256 --json

Each push counts from the time when it is due, whether a connection is free or not. What is acked is then handled like any
other message: use a queue for it that holds nothing else.
Exit codes: 0 something was acked, 1 nothing was.";
