//! Flags that several commands have.

use std::net::SocketAddr;

use clap::Args;

use crate::config::Overrides;

/// `--json`.
#[derive(Args, Debug)]
pub struct OutputFlag {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
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
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            queue_url: self.queue.queue_url.clone(),
            admin_listen: self.admin.admin_listen,
            ..Overrides::default()
        }
    }
}

/// `--queue-url`.
#[derive(Args, Debug)]
pub struct QueueFlag {
    /// The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH
    #[arg(long, value_name = "URL")]
    pub queue_url: Option<String>,
}

/// `--admin-listen`.
#[derive(Args, Debug)]
pub struct AdminFlag {
    /// The address of health and metrics, in place of `admin.listen` in the file
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
}

/// `--concurrency`.
#[derive(Args, Debug)]
pub struct ConcurrencyFlag {
    /// How many messages are handled at once, in place of `worker.concurrency` in the file
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,
}
