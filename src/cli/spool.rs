//! `spool`: what lies on this machine's disk.

use clap::Subcommand;

use super::flags::{OutputFlag, QueueFlag};

/// What can be done with spools.
#[derive(Debug, Subcommand)]
pub enum SpoolCommand {
    /// Show each folder: entries, bytes, the oldest, what is quarantined, and who has it open
    Status(OutputFlag),
    /// Drain the folders that no receiver has open into the queue
    Drain(QueueFlag),
}

pub(super) const SPOOL_EXAMPLES: &str = "\
Examples:
  huixin spool status                     also while receivers run
  huixin spool drain                      when the receivers of this machine are gone for good";
