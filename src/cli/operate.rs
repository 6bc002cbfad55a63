//! What a person does with a running queue: `status`, `audit`, `lane`, `pause`, `resume`.

use clap::{ArgGroup, Args};

use super::flags::{OutputFlag, PlaceFlags};

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

/// Flags of `lane`.
#[derive(Args, Debug)]
pub struct LaneFlags {
    /// The account's name in the configuration
    pub account: String,
    /// The user's OpenID
    pub user: String,
    /// How it is printed, and the queue.
    #[command(flatten)]
    pub look: LookFlags,
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
#[group(skip)]
#[command(group = ArgGroup::new("what").required(true).args(["account", "all"]))]
pub struct ScopeFlags {
    /// Every account of the queue, in place of one
    #[arg(long, conflicts_with_all = ["account", "user"])]
    pub all: bool,
    /// One account: its name in the configuration
    pub account: Option<String>,
    /// One user of this account: the OpenID
    pub user: Option<String>,
}

pub(super) const STATUS_WORDS: &str = "\
Messages that are
  open      accepted and not finished yet; the next three are among them
  running   with a worker
  delayed   waiting for their next attempt (one failed, or could not be made yet), or for an answer by call back
  held      answered, but WeChat doesn't allow the reply now: it waits until the user writes again
  dead      ended without an answer, kept with the reason until `huixin dead` retries or drops them";

pub(super) const PAUSE_EXAMPLES: &str = "\
Examples:
  huixin pause main --reason \"the backend moves\"     pushes are accepted, and wait
  huixin pause main oABC123                          one user of the account
  huixin pause --all
  huixin resume main";
