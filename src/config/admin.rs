//! `[admin]`: the listener for operators.

use std::net::{Ipv4Addr, SocketAddr};

use huixin_wechat::Secret;

use super::Role;
use super::section::Section;
use super::{secrets, value};

/// Settings of the admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What a caller must show. Without it only loopback sees more than the health checks.
    pub token: Option<Secret>,
}

pub(super) fn read(mut section: Section<'_>, role: Role) -> AdminConfig {
    // One port for each role, so that it is known beforehand which process has which.
    let port = if role == Role::Worker { 9601 } else { 9600 };
    AdminConfig {
        listen: section.parsed_or("listen", SocketAddr::from((Ipv4Addr::LOCALHOST, port)), value::address),
        token: secrets::read(&mut section, "token"),
    }
}
