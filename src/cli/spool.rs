//! `spool`: what lies on this machine's disk.

use clap::{Args, Subcommand};

use super::flags::{OutputFlag, QueueFlag};

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

pub(super) const SPOOL_EXAMPLES: &str = "\
Examples:
  huixin spool status                     beside running receivers too
  huixin spool drain                      when the receivers of this machine are gone for good";
