//! What there is to ask a receiver for.
//!
//! A push to a path as the console has it goes straight to its account: by a router it costs a tenth more. All else goes by
//! the router, pushes to the same path in other letters too.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use tower_service::Service as _;

use super::{ReceiverState, push, refusals, verify};
use crate::serve::{Peer, Routes};

/// A receiver's paths.
#[derive(Clone)]
pub(super) struct ReceiverRoutes {
    state: Arc<ReceiverState>,
    others: Router,
}

impl ReceiverRoutes {
    pub(super) fn of(state: Arc<ReceiverState>) -> Self {
        Self { others: routes(state.clone()), state }
    }
}

impl Routes for ReceiverRoutes {
    fn answer(&self, peer: &Peer, request: Request<Incoming>) -> BoxFuture<'static, Response> {
        if request.method() != Method::POST || account_in(request.uri().path()).is_none() {
            return self.others.answer(peer, request);
        }
        let (state, peer, (head, body)) = (self.state.clone(), peer.clone(), request.into_parts());
        Box::pin(async move {
            let name = account_in(head.uri.path()).unwrap_or_default();
            push::push_to(&state, name, &peer, &head, Body::new(body)).await
        })
    }
}

/// The account that a path names as it is, without anything to decode.
fn account_in(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/wechat/")?;
    (!name.is_empty() && !name.contains(['/', '%'])).then_some(name)
}

/// All there is to ask for. Another method on the same path is answered 405, another path 404, both without a body.
fn routes(state: Arc<ReceiverState>) -> Router {
    let other_method = state.clone();
    let known = Router::new()
        .route("/wechat/{account}", get(verify::verify).post(push::push))
        .method_not_allowed_fallback(move || {
            other_method.refusals.note("", &refusals::METHOD, "");
            std::future::ready(StatusCode::METHOD_NOT_ALLOWED)
        })
        .with_state(state.clone());
    known.clone().fallback(move |request| elsewhere(state.clone(), known.clone(), request))
}

/// A path that differs from ours only in capitals or slashes is ours; any other is unknown.
async fn elsewhere(state: Arc<ReceiverState>, mut known: Router, mut request: Request) -> Response {
    let Some(uri) = meant(request.uri()) else {
        state.refusals.note("", &refusals::PATH, &state.paths());
        return StatusCode::NOT_FOUND.into_response();
    };
    *request.uri_mut() = uri;
    known.call(request).await.into_response()
}

/// The URL that one with other capitals or slashes means.
fn meant(uri: &Uri) -> Option<Uri> {
    let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
    let (Some(first), Some(account), None) = (parts.next(), parts.next(), parts.next()) else { return None };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let plain = format!("/wechat/{account}{query}");
    first.eq_ignore_ascii_case("wechat").then(|| plain.parse().ok()).flatten()
}
