//! WeChat's API, as far as a sender of customer-service messages needs it.
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

use crate::{served::Served, server::ClientLink};

mod body;
mod call;
mod download;
mod message;
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
        .route("/token", any(token::plain))
        .route("/stable_token", any(token::stable))
        .route("/message/custom/send", any(send::send))
        .route("/message/custom/typing", any(typing::typing))
        .route("/media/upload", any(upload::upload).layer(DefaultBodyLimit::disable()))
        .route("/media/get", any(download::get))
        .fallback(async |ConnectInfo(link): ConnectInfo<ClientLink>| ApiRefusal::to(link.peer.ip(), 40066))
}

fn ok() -> Response {
    json_answer(&json!({ "errcode": 0, "errmsg": "ok" }))
}

fn json_answer(value: &Value) -> Response {
    Json(value).into_response()
}
