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
        .route(Endpoint::Token.path(), any(token::plain))
        .route(Endpoint::StableToken.path(), any(token::stable))
        .route(Endpoint::Send.path(), any(send::send))
        .route(Endpoint::Typing.path(), any(typing::typing))
        .route(Endpoint::Upload.path(), any(upload::upload).layer(DefaultBodyLimit::disable()))
        .route(Endpoint::MediaGet.path(), any(download::get))
        .route(Endpoint::CallbackIp.path(), any(addresses::callback_ip))
        .route(Endpoint::ApiDomainIp.path(), any(addresses::api_domain_ip))
        .route(Endpoint::MenuCreate.path(), any(menu::create))
        .route(Endpoint::MenuGet.path(), any(menu::get))
        .route(Endpoint::MenuDelete.path(), any(menu::delete))
        .route(Endpoint::SelfMenu.path(), any(menu::current))
        .route(Endpoint::QuotaGet.path(), any(quota::get))
        .route(Endpoint::ClearQuota.path(), any(quota::clear))
        .route("/clear_quota/v2", any(quota::clear_by_secret))
        .fallback(async |ConnectInfo(link): ConnectInfo<ClientLink>| ApiRefusal::to(link.peer.ip(), 40066))
}

fn ok() -> Response {
    json_answer(&json!({ "errcode": 0, "errmsg": "ok" }))
}

fn json_answer(value: &Value) -> Response {
    Json(value).into_response()
}
