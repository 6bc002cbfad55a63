//! The listener for operators: every role has one.
//!
//! `/healthz` says that the process lives, `/readyz` whether it can do its work and why not, `/metrics` what it has
//! done, `/v1/` answers an operator's commands ([`crate::operator`]), and `/` is a page on that. On loopback everything is open,
//! though not to web pages of others; elsewhere the token is asked for, and without one only the two health checks are served,
//! since the rest tells about an account's business. The page's files tell nothing: they are there for a caller who can log in.

mod metrics;
mod presence;
mod ready;

use std::future::Future;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use huixin_pages::WebPage;
use tokio::net::TcpListener;

use crate::operator::{OperatorContext, RequestRefusal, guard, nothing_here};

pub use metrics::{MetricsPage, record_metrics};
pub use ready::{Readiness, clocks_apart};

/// How often the samples of histograms are put into their buckets. Until then each takes memory, asked for or not.
const UPKEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// What the admin listener shows.
pub struct Admin {
    /// What operators ask, and who may.
    pub operator: Arc<OperatorContext>,
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
    let admin = Arc::new(admin);
    let served = tokio::select! {
        served = crate::serve::until(listener, routes(admin.clone()), shutdown) => served,
        () = upkeep => Ok(()),
        () = presence::run(&admin) => Ok(()),
    };
    presence::end(&admin).await;
    served
}

fn routes(admin: Arc<Admin>) -> Router {
    let operator = admin.operator.clone();
    let metrics =
        get(page).with_state(admin.clone()).layer(middleware::from_fn_with_state(operator.clone(), guard));
    let files =
        WebPage::Operations.routes().route_layer(middleware::from_fn_with_state(operator.clone(), is_there));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(admin)
        .route("/metrics", metrics)
        .merge(files)
        .merge(crate::operator::routes(operator))
        .method_not_allowed_fallback(not_by_this_method)
        .fallback(async || nothing_here())
}

/// The page's files are for those who could log in.
async fn is_there(
    State(operator): State<Arc<OperatorContext>>,
    request: Request,
    next: Next,
) -> Result<Response, RequestRefusal> {
    match operator.access.is_served(request.headers()) {
        true => Ok(next.run(request).await),
        false => Err(nothing_here()),
    }
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    let report = admin.readiness.check().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn page(State(admin): State<Arc<Admin>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render()).into_response()
}

/// For a path that is served, and not by this method. The header `allow` names those it has.
async fn not_by_this_method() -> RequestRefusal {
    let hint = "the header `allow` names the methods of this path";
    RequestRefusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path has no such method", hint)
}
