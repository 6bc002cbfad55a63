//! `forget`: the end of all that is kept of a user.

use clap::Args;

use super::flags::PlaceFlags;

/// Flags of `forget`.
#[derive(Args, Debug)]
pub struct ForgetFlags {
    /// The account's name in the configuration
    pub account: String,
    /// The user's OpenID
    pub user: String,
    /// Do it; without this it is only shown what is there, and the exit code is 1
    #[arg(long)]
    pub yes: bool,
    /// Write the store anew afterwards, so that its disk doesn't hold what was removed
    #[arg(long, requires = "yes")]
    pub compact: bool,
    /// The queue.
    #[command(flatten)]
    pub place: PlaceFlags,
}

pub(super) const FORGET_EXAMPLES: &str = "\
Examples:
  huixin forget main oABC123                       shows what is kept of this user
  huixin forget main oABC123 --yes --compact
It removes waiting, running, held and dead messages, the records of the journal, what routes remember, and what is spooled
on this machine: call it on each machine with a receiver. Messages that aren't at their end get no answer.";
