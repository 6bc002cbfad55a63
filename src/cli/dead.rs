//! `dead`: what is done with dead letters.

use clap::{Args, Subcommand};

use super::flags::PlaceFlags;
use super::operate::LookFlags;

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
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// How it is printed, and the queue.
    #[command(flatten)]
    pub look: LookFlags,
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
    /// How it is printed, and the queue.
    #[command(flatten)]
    pub look: LookFlags,
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
    /// Do it; without this the letters are only listed, and the exit code is 1
    #[arg(long)]
    pub yes: bool,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

pub(super) const DEAD_EXAMPLES: &str = "\
Examples:
  huixin dead list --reason 45015
  huixin dead show mIJR1lpMuzx8PpJEz8gyOCw
  huixin dead retry mIJR1lpMuzx8PpJEz8gyOCw --yes
  huixin dead drop --all --account main --reason \"can't be understood\"
Exit codes: 0 done, or nothing matches; 1 failed, or --yes is missing: nothing is changed.";
