//! WeChat's API, as far as a sender of customer-service messages needs it, and what its programs ask besides: addresses, the
//! menu, quotas.
//!
//! Answers are HTTP 200 with an `errcode`, whatever happened, as WeChat's are; a path that doesn't exist is error 40066 and a
//! wrong method 43001 or 43002. Requests are judged in one order everywhere: the token, the limits, the body, its fields, the
//! media, the user, the window. Nothing here uses the types of the senders: only the request itself is judged.

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};

use crate::{Endpoint, served::Served, server::ClientLink};

mod addresses;
mod body;
mod call;
mod download;
mod menu;
mod message;
mod quota;
mod refusal;
mod send;
mod token;
mod trouble;
mod typing;
mod upload;

use refusal::ApiRefusal;

/// The routes under `/cgi-bin`.
pub(crate) fn routes() -> Router<Served> {
    Router::new()
        .route(at(Endpoint::Token), any(token::plain))
        .route(at(Endpoint::StableToken), any(token::stable))
        .route(at(Endpoint::Send), any(send::send))
        .route(at(Endpoint::Typing), any(typing::typing))
        .route(at(Endpoint::Upload), any(upload::upload).layer(DefaultBodyLimit::disable()))
        .route(at(Endpoint::MediaGet), any(download::get))
        .route(at(Endpoint::CallbackIp), any(addresses::callback_ip))
        .route(at(Endpoint::ApiDomainIp), any(addresses::api_domain_ip))
        .route(at(Endpoint::MenuCreate), any(menu::create))
        .route(at(Endpoint::MenuGet), any(menu::get))
        .route(at(Endpoint::MenuDelete), any(menu::delete))
        .route(at(Endpoint::SelfMenu), any(menu::current))
        .route(at(Endpoint::QuotaGet), any(quota::get))
        .route(at(Endpoint::ClearQuota), any(quota::clear))
        .route("/clear_quota/v2", any(quota::clear_by_secret))
        .fallback(async |ConnectInfo(link): ConnectInfo<ClientLink>| ApiRefusal::to(link.peer.ip(), 40066))
}

/// Its path below `/cgi-bin`.
fn at(endpoint: Endpoint) -> &'static str {
    endpoint.path().trim_start_matches("/cgi-bin")
}

fn ok() -> Response {
    json_answer(&json!({ "errcode": 0, "errmsg": "ok" }))
}

fn json_answer(value: &Value) -> Response {
    Json(value).into_response()
}
