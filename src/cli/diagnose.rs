//! What is asked before a start and beside one: `check`, `route test`, `health`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use url::Url;

use super::flags::OutputFlag;
use super::roles::RunFlags;
use crate::config::web_url;

/// Who sends the text of `route test`, unless it is said.
const TEST_USER: &str = "oRouteTest00000000000000000";

/// Flags of `check`.
#[derive(Args, Debug)]
pub struct CheckFlags {
    /// Print the effective values, secrets masked, and exit
    #[arg(long)]
    pub print: bool,
    /// What `run` would be started with.
    #[command(flatten)]
    pub run: RunFlags,
}

/// What can be asked of routes.
#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// Say which route takes a message, with its captures, and why those before it don't; calls no service
    #[command(after_help = ROUTE_EXAMPLES)]
    Test(RouteTestFlags),
}

/// Flags of `route test`.
#[derive(Args, Debug)]
pub struct RouteTestFlags {
    /// The message.
    #[command(flatten)]
    pub message: TestMessage,
    /// The account that receives it; needed if there are several
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
    /// A file with a decrypted push of WeChat, XML or JSON; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub xml: Option<PathBuf>,
}

/// Flags of `health`.
#[derive(Args, Debug)]
pub struct HealthFlags {
    /// The URL to ask: /healthz for "alive", /readyz for "able to work"
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9600/healthz", value_parser = web_url)]
    pub url: Url,
}

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  huixin check                            one line for each fact
  huixin check --print                    the effective values and where each came from";

pub(super) const ROUTE_EXAMPLES: &str = "\
Examples:
  huixin route test --text '?18-546'                      a text to the only account
  huixin route test --xml push.xml --account main         whatever WeChat pushed
  huixin dead show ID --json | jq -r .body | huixin route test --xml -

Exit codes: 0 a route takes it, 4 none does: it ends without a reply. docs/routes.md has the JSON.";

pub(super) const HEALTH_EXAMPLES: &str = "\
Examples:
  huixin health                                      a receiver's or `run`'s
  huixin health --url http://127.0.0.1:9600/readyz
  huixin health --url http://127.0.0.1:9601/readyz   a worker's";
