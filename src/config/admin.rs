//! `[admin]`: the listener for operators.

use std::net::{Ipv4Addr, SocketAddr};

use huixin_wechat::Secret;

use super::problem::Mistake;
use super::section::Section;
use super::{secrets, value};

/// Settings of the admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What a caller must show. Without it only loopback sees more than the health checks.
    pub token: Option<Secret>,
    /// What a caller shows who may read and change nothing.
    pub read_token: Option<Secret>,
}

pub(super) fn read(mut section: Section<'_>) -> AdminConfig {
    let listen = section.parsed_or("listen", SocketAddr::from((Ipv4Addr::LOCALHOST, 9600)), value::address);
    let token = secrets::read(&mut section, "token");
    let key = if section.has("read_token") { "read_token" } else { "read_token_file" };
    let origin = section.origin_of(key);
    let read_token = secrets::read(&mut section, "read_token");
    if token.is_some() && token == read_token {
        let mistake = Mistake::new("is the same as `token`");
        let hint = "give it a value of its own: it must not allow any change";
        section.mistake(key, origin.as_ref(), mistake.hint(hint));
    }
    AdminConfig { listen, token, read_token }
}
