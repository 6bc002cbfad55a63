//! `handler test`: a service on its own.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use url::Url;

use crate::config::web_url;

/// What can be done with a service.
#[derive(Debug, Subcommand)]
pub enum HandlerCommand {
    /// Send it each kind of message, exactly as a worker does, and judge its answers
    #[command(after_help = HANDLER_EXAMPLES)]
    Test(HandlerTestFlags),
}

/// Flags of `handler test`.
#[derive(Args, Debug)]
pub struct HandlerTestFlags {
    /// The URL of the service, as in `url` of a route
    #[arg(value_parser = web_url)]
    pub url: Url,
    /// The secret that signs the calls, as in `secret` of the route
    #[arg(long, value_name = "WHSEC", conflicts_with = "secret_file")]
    pub secret: Option<String>,
    /// A file that holds the secret
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
    /// What the text message says
    #[arg(long, value_name = "TEXT", default_value = "你好", allow_hyphen_values = true)]
    pub text: String,
}

pub(super) const HANDLER_EXAMPLES: &str = "\
Examples:
  huixin handler test http://127.0.0.1:9000/
  huixin handler test http://127.0.0.1:9000/lookup --text '?18-546' --timeout 30s
  huixin handler test https://bot.example.com/ask --secret-file webhook-secret
Pictures and other media that an answer names are not fetched. After a 202 the call back isn't waited for.
Exit codes: 0 every answer is good, 1 one isn't. docs/http-handler.md describes requests and answers.";
