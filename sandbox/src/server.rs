//! The one listener: WeChat's API, the control API and the page.
//!
//! A fault may ask for a connection to be cut without an answer, which no HTTP framework offers. So each accepted
//! connection carries a switch: once it is thrown, every write fails, and the server closes the connection because it
//! can't write. A panic in the handler would have done the same, with noise in the log.

use std::{future::Future, io};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware,
    response::Redirect,
    routing::get,
};
use huixin_pages::WebPage;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Sandbox, api, control, served::Served};

mod cut;

pub(crate) use cut::{ClientLink, CutSwitch};

/// The longest request that is read, except uploads of media.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// Serves a sandbox until the shutdown resolves: then streams end, calls under way finish, and it returns.
///
/// # Errors
/// When the listener can't be used.
pub async fn run(
    listener: TcpListener,
    sandbox: Sandbox,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stopping = CancellationToken::new();
    let routes = routes(Served { sandbox, stopping: stopping.clone() });
    let service = routes.into_make_service_with_connect_info::<ClientLink>();
    axum::serve(cut::CuttableListener(listener), service)
        .with_graceful_shutdown(async move {
            shutdown.await;
            stopping.cancel();
        })
        .await
}

fn routes(served: Served) -> Router {
    let for_people = Router::new()
        .merge(WebPage::Sandbox.routes())
        .route("/sandbox", get(async || Redirect::temporary("/")))
        .route("/sandbox/", get(async || Redirect::temporary("/")))
        .nest("/sandbox", control::routes())
        .layer(middleware::from_fn_with_state(served.clone(), control::only_from_here));
    Router::new()
        .merge(for_people)
        .nest("/cgi-bin", api::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(async |mut response: axum::response::Response| {
            response
                .headers_mut()
                .insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            response
        }))
        .with_state(served)
}
