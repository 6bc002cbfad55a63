//! Makes the running parts out of the configuration.

mod call_backs;
mod listener;
mod page;
mod queue;
mod receiver;
mod routes;
mod wechat;
mod worker;

use crate::cli::Cli;
use crate::config::{Config, ConfigSource, Role};
use crate::report::Failure;

pub use call_backs::{call_back_listener, call_backs};
pub use listener::{ANSWERS, OPERATORS, PAGE, PUSHES, listen};
pub use queue::{own_queue, redis_queue, shared_queue, sqlite, watch};
pub use receiver::{claimed_spool, folders, receiver, wants_spool};
pub use routes::{databases, look_up};
pub use wechat::{client, sandbox, wechat_http};
pub use worker::worker;

/// Reads the configuration for a role, with all its errors at once.
///
/// # Errors
/// When there are any.
pub fn config(cli: &Cli, role: Role) -> Result<Config, Failure> {
    let source = ConfigSource::read(cli.global.config.as_deref(), role, cli.command.overrides())?;
    Ok(Config::load(&source, role)?)
}
