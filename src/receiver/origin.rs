//! Where a push comes from: the address to compare with the allow list.
//!
//! Behind a proxy the connection is the proxy's, and `X-Forwarded-For` holds the client's address, together with whatever
//! the client itself wrote there. Each proxy appends the address it saw, so the list is read from its end, past the
//! addresses of trusted proxies; the first other one is the client. Without a trusted proxy the header isn't looked at.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::refusals::{self, Reason};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Which clients may push.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Networks that pushes may come from; empty: any.
    pub allow_from: Vec<IpNet>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Origins {
    /// Whether a push on this connection is allowed.
    ///
    /// # Errors
    /// Why it isn't.
    pub(super) fn judge(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<(), &'static Reason> {
        if self.allow_from.is_empty() {
            return Ok(());
        }
        let client = self.client(peer, headers).ok_or(&refusals::NO_ADDRESS)?;
        if has(&self.allow_from, client) { Ok(()) } else { Err(&refusals::ADDRESS) }
    }

    /// The client's address; none if a trusted proxy doesn't say.
    fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.ip().to_canonical();
        if !has(&self.trusted_proxies, peer) {
            return Some(peer);
        }
        // Several headers of the name are one list, in their order.
        let mut hops = Vec::new();
        for value in headers.get_all(FORWARDED_FOR) {
            hops.extend(value.to_str().ok()?.split(',').map(str::trim));
        }
        for hop in hops.into_iter().rev().filter(|hop| !hop.is_empty()) {
            let address = address_of(hop)?.to_canonical();
            if !has(&self.trusted_proxies, address) {
                return Some(address);
            }
        }
        None
    }
}

/// The address that a proxy wrote, some with a port, brackets or quotes.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches('"');
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(bare).or_else(|| hop.parse::<SocketAddr>().ok().map(|at| at.ip()))
}

fn has(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> Option<String> {
        let origins = Origins {
            allow_from: Vec::new(),
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()],
        };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        origins.client(peer, &headers).map(|address| address.to_string())
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
        let rows = [
            ("8.8.8.8", &[][..], Some("8.8.8.8")),
            ("8.8.8.8", &["1.1.1.1"], Some("8.8.8.8")),
            ("127.0.0.1", &["1.1.1.1"], Some("1.1.1.1")),
            ("::ffff:127.0.0.1", &["1.1.1.1"], Some("1.1.1.1")),
            ("127.0.0.1", &["9.9.9.9, 1.1.1.1"], Some("1.1.1.1")),
            ("127.0.0.1", &["9.9.9.9, 1.1.1.1, 10.1.2.3"], Some("1.1.1.1")),
            ("127.0.0.1", &["9.9.9.9", "1.1.1.1"], Some("1.1.1.1")),
            ("127.0.0.1", &[], None),
            ("127.0.0.1", &["10.1.2.3"], None),
            ("127.0.0.1", &["1.1.1.1, unknown"], None),
            ("10.0.0.1", &["2001:db8::1"], Some("2001:db8::1")),
            ("10.0.0.1", &["1.1.1.1:4711"], Some("1.1.1.1")),
            ("10.0.0.1", &["[2001:db8::1]:4711, 10.1.2.3:80"], Some("2001:db8::1")),
            ("10.0.0.1", &["[2001:db8::1]"], Some("2001:db8::1")),
            ("10.0.0.1", &["\"[2001:db8::1]:4711\", "], Some("2001:db8::1")),
            ("10.0.0.1", &["[::ffff:1.1.1.1]:4711"], Some("1.1.1.1")),
            ("10.0.0.1", &["1.1.1.1:http"], None),
        ];
        for (peer, forwarded, expected) in rows {
            assert_eq!(client(peer, forwarded).as_deref(), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn an_empty_allow_list_allows_all_and_another_only_its_own() {
        let peer = SocketAddr::from(([8, 8, 8, 8], 1));
        let allows = |origins: Origins| origins.judge(peer, &HeaderMap::new()).is_ok();
        assert!(allows(Origins::default()));
        let only =
            |network: &str| Origins { allow_from: vec![network.parse().unwrap()], ..Origins::default() };
        assert!(allows(only("8.8.0.0/16")));
        assert!(!allows(only("8.9.0.0/16")));
    }
}
