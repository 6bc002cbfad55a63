//! WeChat's API, as far as a sender of customer-service messages needs it.
//!
//! Answers are HTTP 200 with an `errcode`, whatever happened, as WeChat's are; a path that doesn't exist is error 40066 and
//! a wrong method 43002. Requests are judged in one order everywhere: the token, the body, its fields, the user, the window.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};

use crate::server::Served;

mod body;
mod message;
mod refusal;
mod send;
mod token;
mod trouble;
mod typing;

/// The routes under `/cgi-bin`.
pub(crate) fn routes() -> Router<Served> {
    Router::new()
        .route("/token", any(token::plain))
        .route("/stable_token", any(token::stable))
        .route("/message/custom/send", any(send::send))
        .route("/message/custom/typing", any(typing::typing))
        .fallback(async || refusal::Refusal::new(40066))
}

fn ok() -> Response {
    json_answer(&json!({ "errcode": 0, "errmsg": "ok" }))
}

fn json_answer(value: &Value) -> Response {
    Json(value).into_response()
}
