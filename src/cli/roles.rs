//! What starts: `dev`, `run`, `receiver`, `worker`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::flags::{AdminFlag, ConcurrencyFlag, PlaceFlags, QueueFlag};
use crate::config::Overrides;

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
    /// The receiver.
    #[command(flatten)]
    pub receiver: ReceiverFlags,
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
    /// The address that WeChat's pushes come to, in place of `receiver.listen` in the file
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// The listener for operators.
    #[command(flatten)]
    pub admin: AdminFlag,
}

impl ReceiverFlags {
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            queue_url: self.queue.queue_url.clone(),
            receiver_listen: self.listen,
            admin_listen: self.admin.admin_listen,
            worker_concurrency: None,
        }
    }
}

/// Flags of `worker`.
#[derive(Args, Debug)]
pub struct WorkerFlags {
    /// The queue, and the listener for operators.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// The worker.
    #[command(flatten)]
    pub concurrency: ConcurrencyFlag,
}

pub(super) const DEV_EXAMPLES: &str = "\
Examples:
  huixin dev                              nothing is kept
  huixin dev --data ./huixin-dev          messages are kept in this folder
  huixin dev --config huixin.toml         the routes of a configuration, without the real WeChat

Its other ports, by a variable or by the key in the file; where a port is taken, the next free one is used:
  HUIXIN_RECEIVER__LISTEN  receiver.listen  127.0.0.1:8080  pushes of the pretend WeChat
  HUIXIN_ADMIN__LISTEN     admin.listen     127.0.0.1:9600  health, metrics, and what operators ask
  HUIXIN_CALLBACK__LISTEN  callback.listen  127.0.0.1:9700  answers by call back";

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  huixin run                              with huixin.toml in this folder
  huixin run --listen 0.0.0.0:8080        reached from other machines
  HUIXIN_ACCOUNT__MAIN__APP_SECRET=… huixin run";

pub(super) const RECEIVER_EXAMPLES: &str = "\
Examples:
  huixin receiver --config huixin.toml
  huixin receiver --queue-url redis://10.0.0.5:6379/0 --listen 0.0.0.0:8080";

pub(super) const WORKER_EXAMPLES: &str = "\
Examples:
  huixin worker --config huixin.toml
  huixin worker --queue-url redis://10.0.0.5:6379/0 --concurrency 1000
  huixin worker --admin-listen 127.0.0.1:9602     a second one on this machine";
