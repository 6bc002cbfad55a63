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
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    let report = admin.readiness.check().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn page(State(admin): State<Arc<Admin>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render()).into_response()
}

async fn guard(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    match refusal(&admin, &request) {
        None => next.run(request).await,
        Some(refusal) => refusal,
    }
}

fn refusal(admin: &Admin, request: &Request) -> Option<Response> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let shown = header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let allowed = match (&admin.token, shown) {
        (Some(token), Some(shown)) => bool::from(token.expose().as_bytes().ct_eq(shown.as_bytes())),
        (Some(_), None) => false,
        // A web page could point a name of its own at this machine; it can't have the address as its name.
        (None, _) => admin.address.ip().is_loopback() && header(header::HOST).is_some_and(is_this_machine),
    };
    // Nor can it send JSON to another site without asking that site first.
    let is_json = header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    match allowed {
        true if request.method().is_safe() || is_json => None,
        true => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()),
        false if admin.token.is_none() => Some(StatusCode::NOT_FOUND.into_response()),
        false => Some((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()),
    }
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
