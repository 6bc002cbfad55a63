//! The listener for operators: every role has one.
//!
//! `/healthz` says that the process lives, `/readyz` whether it can do its work and why not, `/metrics` what it has
//! done, and `/v1/` answers an operator's commands ([`crate::operator`]). On loopback everything is open, though not to web
//! pages; elsewhere the token is asked for, and without one only the two health checks are served, since the rest tells
//! about an account's business.

mod metrics;
mod ready;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use huixin_wechat::Secret;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

use crate::operator::{AdminCaller, RequestRefusal};
use crate::serve::Peer;

pub use metrics::{MetricsPage, record_metrics};
pub use ready::{Readiness, clocks_apart};

/// How often the samples of histograms are put into their buckets. Until then each takes memory, asked for or not.
const UPKEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// What the admin listener shows.
pub struct Admin {
    /// Where it listens: loopback or not decides what it serves.
    pub address: SocketAddr,
    /// What callers off loopback must show as `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// What callers show who may only read.
    pub read_token: Option<Secret>,
    /// Whether the process can work.
    pub readiness: Readiness,
    /// The metrics.
    pub metrics: MetricsPage,
}

/// Serves until `shutdown` is done.
///
/// # Errors
/// When the listener fails for good.
pub async fn run(
    listener: TcpListener,
    admin: Admin,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let metrics = admin.metrics.clone();
    let upkeep = async move {
        let mut ticks = tokio::time::interval(UPKEEP_EVERY);
        loop {
            ticks.tick().await;
            metrics.run_upkeep();
        }
    };
    tokio::select! {
        served = crate::serve::until(listener, routes(Arc::new(admin)), shutdown) => served,
        () = upkeep => Ok(()),
    }
}

fn routes(admin: Arc<Admin>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(page))
        .with_state(admin.clone())
        .merge(crate::operator::routes(admin.readiness.queue.clone()))
        .route_layer(middleware::from_fn_with_state(admin.clone(), guard));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(admin)
        .merge(guarded)
        .method_not_allowed_fallback(not_by_this_method)
        .fallback(async || nothing_here())
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    let report = admin.readiness.check().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn page(State(admin): State<Arc<Admin>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render()).into_response()
}

async fn guard(State(admin): State<Arc<Admin>>, mut request: Request, next: Next) -> Response {
    match caller(&admin, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Who asks, if they may.
fn caller(admin: &Admin, request: &Request) -> Result<AdminCaller, RequestRefusal> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let shown = header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let is_shown = |token: &Option<Secret>| {
        let both = token.as_ref().zip(shown);
        both.is_some_and(|(token, shown)| bool::from(token.expose().as_bytes().ct_eq(shown.as_bytes())))
    };
    let (may_change, may_read) = (is_shown(&admin.token), is_shown(&admin.read_token));
    let has_token = admin.token.is_some() || admin.read_token.is_some();
    // A web page could point a name of its own at this machine; it can't have the address as its name.
    let is_open =
        !has_token && admin.address.ip().is_loopback() && header(header::HOST).is_some_and(is_this_machine);
    let caller = match may_change {
        true => AdminCaller::Token,
        false => AdminCaller::Peer(request.extensions().get().map(|peer: &Peer| peer.address.ip())),
    };
    // Nor can a page send JSON to another site without asking that site first.
    let is_json = header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    match (may_change || is_open, may_read) {
        (false, false) if has_token => Err(unknown()),
        (false, false) => Err(nothing_here()),
        _ if request.method().is_safe() => Ok(caller),
        (false, true) => Err(only_reads()),
        (true, _) if is_json => Ok(caller),
        (true, _) => Err(no_json()),
    }
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

fn no_json() -> RequestRefusal {
    let hint = "send JSON, with the header `content-type: application/json`";
    RequestRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body isn't said to be JSON", hint)
}

/// For a path that isn't served, or not to this caller.
fn nothing_here() -> RequestRefusal {
    let hint = "`GET /v1/openapi.json` names what is served; without `admin.token` that is only on loopback, to callers that \
        name an address or `localhost`";
    RequestRefusal::new(StatusCode::NOT_FOUND, "nothing is served here", hint)
}

/// For a path that is served, and not by this method. The header `allow` names those it has.
async fn not_by_this_method() -> RequestRefusal {
    let hint = "the header `allow` names the methods of this path";
    RequestRefusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path has no such method", hint)
}

/// Whether a `Host` is an address or `localhost`, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
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
