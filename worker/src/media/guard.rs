//! Keeps fetches out of the networks that only this machine can reach: its own services, its neighbours', and the
//! addresses at which a cloud hands out credentials.
//!
//! A name says nothing about where it leads, and may lead somewhere else a moment later (DNS rebinding). So names aren't
//! judged: the HTTP client looks names up through the guard, gets the addresses that are allowed and no others, and
//! connects to one of these. Nothing is looked up twice. Addresses written in a URL never come to a resolver, so each URL
//! is looked at as well, after the parser has made one spelling of `0x7f000001`, `2130706433` and `127.1`.
//!
//! Rejected: a list of forbidden names and ports (there is always another); checking the connection's peer afterwards
//! (the request has been made by then, and that may have been the harm).

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::special;

/// Where names are looked up.
#[async_trait]
pub trait NameLookUp: Send + Sync + 'static {
    /// The addresses of a host.
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the system does.
#[derive(Debug, Clone, Copy)]
pub struct SystemNames;

#[async_trait]
impl NameLookUp for SystemNames {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Decides which addresses may be connected to.
#[derive(Clone)]
pub(super) struct AddressGuard {
    names: Arc<dyn NameLookUp>,
    allow_private: Arc<[IpNet]>,
}

/// Why a fetch doesn't begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchRefusal {
    #[error("only http and https addresses are fetched")]
    Scheme,
    #[error("an address may not have a user name or password: leave them out")]
    Credentials,
    #[error("{}{address} is {what}; to allow it, add it to `allow_private` under [media]", led(.name))]
    Special {
        /// The name that leads there; `None` if the address was written out.
        name: Option<String>,
        address: IpAddr,
        what: &'static str,
    },
}

fn led(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!("{name} leads to a forbidden address: ")).unwrap_or_default()
}

impl AddressGuard {
    pub(super) fn new(names: Arc<dyn NameLookUp>, allow_private: &[IpNet]) -> Self {
        Self { names, allow_private: allow_private.into() }
    }

    /// Whether a URL may be asked for, as far as the URL tells.
    pub(super) fn admit(&self, url: &Url) -> Result<(), FetchRefusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchRefusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchRefusal::Credentials);
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.judge(None, address.into()),
            Some(Host::Ipv6(address)) => self.judge(None, address.into()),
            // Judged when it is looked up; http without a host is no URL.
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    /// The addresses of a host that may be connected to; refused if it has others only.
    pub(super) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, LookUpError> {
        let addresses = self.names.addresses(host).await.map_err(LookUpError::Failed)?;
        let judged: Vec<_> = addresses.iter().map(|address| self.judge(Some(host), *address)).collect();
        let allowed: Vec<IpAddr> =
            addresses.into_iter().zip(&judged).filter(|(_, judged)| judged.is_ok()).map(|(a, _)| a).collect();
        match judged.into_iter().find_map(Result::err) {
            Some(refusal) if allowed.is_empty() => Err(LookUpError::Refused(refusal)),
            _ if allowed.is_empty() => Err(LookUpError::Failed(io::Error::other("it has no address"))),
            _ => Ok(allowed),
        }
    }

    fn judge(&self, name: Option<&str>, address: IpAddr) -> Result<(), FetchRefusal> {
        let canonical = address.to_canonical();
        match special(address) {
            Some(what) if !self.allow_private.iter().any(|network| network.contains(&canonical)) => {
                Err(FetchRefusal::Special { name: name.map(str::to_owned), address, what })
            }
            _ => Ok(()),
        }
    }
}

/// Why a name has no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    #[error(transparent)]
    Refused(FetchRefusal),
    #[error("the name can't be looked up")]
    Failed(#[source] io::Error),
}

impl Resolve for AddressGuard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let allowed = guard.look_up(name.as_str()).await?;
            // The client puts the port of the URL in place of 0.
            let addresses: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

impl fmt::Debug for AddressGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressGuard").field("allow_private", &self.allow_private).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host with these addresses.
    struct Host(Vec<IpAddr>);

    #[async_trait]
    impl NameLookUp for Host {
        async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    fn guard(addresses: &[&str], allow: &[&str]) -> AddressGuard {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let allow: Vec<IpNet> = allow.iter().map(|network| network.parse().unwrap()).collect();
        AddressGuard::new(Arc::new(Host(addresses)), &allow)
    }

    #[test]
    fn a_url_is_admitted_by_its_scheme_its_credentials_and_the_address_in_it() {
        let guard = guard(&[], &["10.1.0.0/16", "fd00::/8"]);
        for (url, admitted) in [
            ("http://8.8.8.8/", true),
            ("https://example.com:6379/x", true),
            ("http://10.1.2.3/", true),
            ("http://[::ffff:10.1.2.3]/", true),
            ("http://[fd00::1]/", true),
            ("http://10.2.0.1/", false),
            ("http://127.1/", false),
            ("http://0x7f.0.0.1/", false),
            ("http://017700000001/", false),
            ("http://127.0.0.1./", false),
            ("http://１２７.０.０.１/", false),
            ("http://0/", false),
            ("ftp://example.com/", false),
            ("file:///etc/passwd", false),
            ("data:image/png;base64,AAAA", false),
            ("http://me@example.com/", false),
            ("http://:pw@example.com/", false),
        ] {
            assert_eq!(guard.admit(&Url::parse(url).unwrap()).is_ok(), admitted, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_gives_only_addresses_that_are_allowed() {
        let both = guard(&["10.0.0.1", "8.8.8.8", "::1"], &[]);
        assert_eq!(both.look_up("both.example").await.unwrap(), ["8.8.8.8".parse::<IpAddr>().unwrap()]);

        let inner = guard(&["10.0.0.1", "::1"], &[]).look_up("inner.example").await.unwrap_err();
        assert_eq!(
            inner.to_string(),
            "inner.example leads to a forbidden address: 10.0.0.1 is a private address; to allow it, add it to \
             `allow_private` under [media]"
        );
        assert_eq!(guard(&["10.0.0.1"], &["10.0.0.0/8"]).look_up("x").await.unwrap().len(), 1);
        assert!(matches!(guard(&[], &[]).look_up("x").await, Err(LookUpError::Failed(_))));
    }
}
