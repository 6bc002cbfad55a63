//! `[callback]`: where services give the answers that they have only later.
//!
//! One file serves every process of a machine, but only one of them can have the port: the second one waits for it (see
//! [`crate::call_backs`]), and `listen = false` is for processes that shouldn't have it at all.

use std::net::{Ipv4Addr, SocketAddr};

use huixin_worker::call_back::CallBacks;
use url::Url;

use super::node::{Node, Value};
use super::problem::Mistake;
use super::section::Section;
use super::value;

/// Settings of answers by call back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackConfig {
    /// Where they come in; none: not in this process.
    pub listen: Option<SocketAddr>,
    /// The address under which services reach that; none: services can't answer by call back.
    pub base_url: Option<Url>,
}

const BASE_EXAMPLE: &str = "https://bot.example.com";

impl CallbackConfig {
    /// Whether this process takes answers in.
    pub fn is_served(&self) -> bool {
        self.listen.is_some() && self.base_url.is_some()
    }
}

pub(super) fn read(mut section: Section<'_>) -> CallbackConfig {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 9700));
    CallbackConfig {
        listen: section.parsed_or("listen", Some(default), listen),
        base_url: section.parsed("base_url", base_url),
    }
}

/// An address, or `false`.
fn listen(node: &Node) -> Result<Option<SocketAddr>, Mistake> {
    match node.typed().value {
        Value::Boolean(false) => Ok(None),
        Value::Boolean(true) => {
            Err(Mistake::new("is true").hint("write an address, or leave the key out for 127.0.0.1:9700"))
        }
        _ => value::address(node).map(Some),
    }
}

fn base_url(node: &Node) -> Result<Url, Mistake> {
    let url = value::http_url(node, BASE_EXAMPLE)?;
    match CallBacks::new(&url, []) {
        Ok(_) => Ok(url),
        Err(error) => {
            Err(Mistake::new(format!("can't be used: {error}"))
                .hint(format!("write it like \"{BASE_EXAMPLE}\"")))
        }
    }
}
