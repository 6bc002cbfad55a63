//! Who may do what on the admin listener.
//!
//! With a token configured, it is asked for: as `Authorization: Bearer` by programs, or once by the page, which then has a session.
//! Without one everything is open on loopback, and beyond it nothing.
//!
//! **Pages of other sites.** A browser that reaches the listener also runs pages of others. On loopback such a page could point a name of
//! its own at this machine, so a caller must name an address or `localhost`. A page can't send JSON to another site without asking
//! first, and nothing here says yes; so a change must be JSON. Beside that, a browser says in `Origin` whose page asks: it must be the
//! `Host` itself. A session's cookie isn't sent from pages of other sites at all, and a change by cookie must have that header.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use huixin_wechat::Secret;
use subtle::ConstantTimeEq as _;

use super::change::AdminCaller;
use super::refusal::RequestRefusal;
use super::session::{SESSION_FOR, Sessions};
use crate::serve::{Peer, header as text_of};

/// What a listener asks for, and who has shown it.
#[derive(Debug)]
pub struct AdminAccess {
    address: SocketAddr,
    token: Option<Secret>,
    read_token: Option<Secret>,
    sessions: Sessions,
}

/// Why a login fails.
pub(super) enum LoginFailure {
    Wrong,
    /// This address has shown too many wrong tokens.
    TooMany,
}

impl AdminAccess {
    /// Of a listener at this address, with the token that allows everything, and the one that allows looking.
    pub fn new(address: SocketAddr, token: Option<Secret>, read_token: Option<Secret>) -> Self {
        Self { address, token, read_token, sessions: Sessions::default() }
    }

    /// Where the listener is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether anything but the health checks is there for this caller.
    pub(crate) fn is_served(&self, headers: &HeaderMap) -> bool {
        self.has_token() || self.is_open(headers)
    }

    /// Who asks; none if it isn't known, and a token is needed.
    pub(super) fn caller(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<AdminCaller> {
        if self.is_open(headers) {
            return Some(AdminCaller::Peer(peer));
        }
        let shown = text_of(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let by_token =
            shown.and_then(|shown| self.of_token(shown)).map(|may_change| AdminCaller::Token { may_change });
        by_token.or_else(|| {
            let key = self.session_key(headers)?;
            let may_change = self.sessions.may_change(key, Instant::now())?;
            Some(AdminCaller::Session { may_change })
        })
    }

    /// Who asks, if they may ask this.
    pub(crate) fn check(&self, request: &Request) -> Result<AdminCaller, RequestRefusal> {
        let headers = request.headers();
        if !self.is_served(headers) {
            return Err(nothing_here());
        }
        let caller = self.caller(headers, peer(request)).ok_or_else(unknown)?;
        if !request.method().is_safe() {
            if !caller.may_change() {
                return Err(only_reads());
            }
            let origin_needed = matches!(caller, AdminCaller::Session { .. });
            let by_page = !matches!(caller, AdminCaller::Token { .. });
            if by_page && !is_same_origin(headers, origin_needed) {
                return Err(foreign());
            }
            if !text_of(headers, header::CONTENT_TYPE)
                .is_some_and(|kind| kind.starts_with("application/json"))
            {
                return Err(no_json());
            }
        }
        Ok(caller)
    }

    /// Begins a session for somebody who shows a token: what they may do, and the session's key.
    pub(super) fn log_in(&self, token: &str, peer: Option<IpAddr>) -> Result<(bool, String), LoginFailure> {
        let now = Instant::now();
        if !self.sessions.may_try(peer, now) {
            return Err(LoginFailure::TooMany);
        }
        let Some(may_change) = self.of_token(token) else {
            self.sessions.was_wrong(peer, now);
            return Err(LoginFailure::Wrong);
        };
        Ok((may_change, self.sessions.begin(may_change, now)))
    }

    /// Ends the caller's session, if there is one.
    pub(super) fn log_out(&self, headers: &HeaderMap) {
        if let Some(key) = self.session_key(headers) {
            self.sessions.end(key);
        }
    }

    /// The cookie of a session; without a key, the one that removes it.
    pub(super) fn cookie(&self, key: Option<&str>, by_https: bool) -> String {
        let (key, seconds) = key.map_or(("", 0), |key| (key, SESSION_FOR.as_secs()));
        let secure = if by_https { "; Secure" } else { "" };
        format!("{}={key}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", self.cookie_name())
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some() || self.read_token.is_some()
    }

    fn is_open(&self, headers: &HeaderMap) -> bool {
        let names_us = || text_of(headers, header::HOST).is_some_and(is_this_machine);
        !self.has_token() && self.address.ip().is_loopback() && names_us()
    }

    /// Whether this token allows changes; none if it allows nothing. It takes as long for any token of this length.
    fn of_token(&self, shown: &str) -> Option<bool> {
        let is_shown = |token: &Option<Secret>| {
            let token = token.as_ref();
            token.is_some_and(|token| bool::from(token.expose().as_bytes().ct_eq(shown.as_bytes())))
        };
        let (may_change, may_read) = (is_shown(&self.token), is_shown(&self.read_token));
        (may_change || may_read).then_some(may_change)
    }

    fn session_key<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| known.trim() == name).map(|(_, key)| key.trim())
    }

    /// With the port: a browser has one set of cookies for all ports of a machine.
    fn cookie_name(&self) -> String {
        format!("huixin_session_{}", self.address.port())
    }
}

/// The address a request comes from.
pub(super) fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get().map(|peer: &Peer| peer.address.ip())
}

/// Whether the page that asks, if one does, came from here.
pub(super) fn is_same_origin(headers: &HeaderMap, is_needed: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return !is_needed };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, from)| text_of(headers, header::HOST).is_some_and(|host| host == from))
}

fn unknown() -> RequestRefusal {
    let hint =
        "send `authorization: Bearer` and the value of `admin.token`, or of `admin.read_token` to read only";
    RequestRefusal::new(StatusCode::UNAUTHORIZED, "the token is missing or wrong", hint)
}

fn only_reads() -> RequestRefusal {
    let (error, hint) = ("this token may only read", "a change needs the value of `admin.token`");
    RequestRefusal::new(StatusCode::FORBIDDEN, error, hint)
}

pub(super) fn foreign() -> RequestRefusal {
    let hint = "open the page at the address of this listener; a proxy in between must pass `Host` on as the browser sent it, with \
        its port";
    RequestRefusal::new(StatusCode::FORBIDDEN, "this comes from a page of another site", hint)
}

fn no_json() -> RequestRefusal {
    let hint = "send JSON, with the header `content-type: application/json`";
    RequestRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body isn't said to be JSON", hint)
}

/// For a path that isn't served, or not to this caller.
pub(crate) fn nothing_here() -> RequestRefusal {
    let hint = "`GET /v1/openapi.json` names what is served; without `admin.token` that is only on loopback, to callers that \
        name an address or `localhost`";
    RequestRefusal::new(StatusCode::NOT_FOUND, "nothing is served here", hint)
}

/// Whether a `Host` is an address or `localhost`, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_an_address_and_localhost_are_this_machine() {
        for host in ["127.0.0.1:9600", "127.0.0.1", "[::1]:9600", "[::1]", "localhost:1", "LOCALHOST"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["evil.example:9600", "127.0.0.1.evil.example", "localhost.evil.example", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
