//! How a browser gets a session, and ends it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use huixin_wechat::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{LoginFailure, foreign, is_same_origin, nothing_here, peer};
use super::change::AdminCaller;
use super::context::OperatorContext;
use super::refusal::{BodyOf, RequestRefusal};
use super::request::Nothing;

/// What the caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct SessionView {
    /// Whether a token is asked for, and the caller has shown none.
    pub needs_login: bool,
    /// Whether everything can be asked for.
    pub may_read: bool,
    /// Whether something can be changed.
    pub may_change: bool,
    /// Whether the caller is known by a session's cookie, and so can log out.
    pub by_session: bool,
}

/// To log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    /// `admin.token`, or `admin.read_token` to read only.
    #[schema(value_type = String)]
    token: Secret,
}

/// The requests that need no token.
pub(super) fn routes() -> OpenApiRouter<Arc<OperatorContext>> {
    OpenApiRouter::new().routes(routes!(session)).routes(routes!(login)).routes(routes!(logout))
}

/// What the caller may do; asks for no token
#[utoipa::path(get, path = "/v1/session", security(()),
    responses((status = OK, body = SessionView), RequestRefusal))]
async fn session(
    State(context): State<Arc<OperatorContext>>,
    request: Request,
) -> Result<Json<SessionView>, RequestRefusal> {
    let access = &context.access;
    if !access.is_served(request.headers()) {
        return Err(nothing_here());
    }
    let caller = access.caller(request.headers(), peer(&request));
    Ok(Json(SessionView::of(caller.as_ref())))
}

/// Exchanges a token for the cookie of a session, which lasts twelve hours; without a token configured there is nothing to exchange
#[utoipa::path(post, path = "/v1/login", security(()), request_body = LoginRequest,
    responses((status = OK, body = SessionView), RequestRefusal,
        (status = 429, description = "Too many wrong tokens came from this address: wait a minute.", body = RequestRefusal)))]
async fn login(
    State(context): State<Arc<OperatorContext>>,
    request: Request,
) -> Result<Response, RequestRefusal> {
    let access = &context.access;
    check_page(&context, request.headers())?;
    let (peer, by_https) = (peer(&request), by_https(request.headers()));
    let BodyOf(LoginRequest { token }) = BodyOf::from_request(request, &()).await?;
    if !access.has_token() {
        return Ok(Json(SessionView::of(Some(&AdminCaller::Peer(peer)))).into_response());
    }
    let (may_change, key) = access.log_in(token.expose(), peer).map_err(|failure| match failure {
        LoginFailure::Wrong => {
            let hint = "the token is the value of `admin.token`, or of `admin.read_token` to read only";
            RequestRefusal::new(StatusCode::UNAUTHORIZED, "the token is wrong", hint)
        }
        LoginFailure::TooMany => {
            let error = "too many wrong tokens came from this address";
            RequestRefusal::new(StatusCode::TOO_MANY_REQUESTS, error, "wait a minute")
        }
    })?;
    tracing::info!(address = peer.map(tracing::field::display), may_change, "an operator has logged in");
    let cookie = access.cookie(Some(&key), by_https);
    let view = SessionView::of(Some(&AdminCaller::Session { may_change }));
    Ok(([(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

/// Ends the caller's session
#[utoipa::path(post, path = "/v1/logout", security(()), request_body = Nothing,
    responses((status = OK, body = SessionView), RequestRefusal))]
async fn logout(
    State(context): State<Arc<OperatorContext>>,
    request: Request,
) -> Result<Response, RequestRefusal> {
    let access = &context.access;
    check_page(&context, request.headers())?;
    let headers = request.headers().clone();
    let BodyOf(Nothing {}) = BodyOf::from_request(request, &()).await?;
    access.log_out(&headers);
    let view = SessionView::of((!access.has_token()).then_some(&AdminCaller::Peer(None)));
    let cookie = access.cookie(None, by_https(&headers));
    Ok(([(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

/// Refuses a page of another site.
fn check_page(context: &OperatorContext, headers: &HeaderMap) -> Result<(), RequestRefusal> {
    match context.access.is_served(headers) {
        true if is_same_origin(headers, false) => Ok(()),
        true => Err(foreign()),
        false => Err(nothing_here()),
    }
}

/// Whether the browser has asked a proxy by https.
fn by_https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

impl SessionView {
    /// Of a caller; none: nobody is known.
    fn of(caller: Option<&AdminCaller>) -> Self {
        Self {
            needs_login: caller.is_none(),
            may_read: caller.is_some(),
            may_change: caller.is_some_and(AdminCaller::may_change),
            by_session: matches!(caller, Some(AdminCaller::Session { .. })),
        }
    }
}
