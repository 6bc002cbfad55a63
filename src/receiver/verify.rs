//! `GET /wechat/{account}`: WeChat checks that the URL is ours, and people look what is there.
//!
//! On saving the URL in its console WeChat asks with a signature and an `echostr`, and wants exactly that text back. A
//! browser asks with nothing, and gets a page that says what this address is for.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use huixin_wechat::PushQuery;

use super::push::{WRONG_SIGNATURE, WRONG_SIGNATURE_REMEDY};
use super::{Door, page};

pub(super) async fn verify(
    State(receiver): State<Arc<Door>>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(known) = receiver.accounts.get(&account) else { return StatusCode::NOT_FOUND.into_response() };
    let query = query.unwrap_or_default();
    if query.is_empty() && wants_a_page(&headers) {
        let kind = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, page::POLICY)];
        return (kind, page::html(prefers_chinese(&headers))).into_response();
    }
    let echo = match PushQuery::parse(&query) {
        Ok(query) if query.is_signed_with(&known.keys.tokens()) => query.echostr,
        Ok(_) => {
            receiver.refusals.note(&account, WRONG_SIGNATURE, WRONG_SIGNATURE_REMEDY);
            None
        }
        Err(error) => {
            tracing::debug!(account, %error, "a GET that is no check of WeChat's");
            None
        }
    };
    match echo {
        Some(echo) => {
            tracing::info!(account, "WeChat has checked the URL");
            ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], echo)
                .into_response()
        }
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn prefers_chinese(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|languages| languages.starts_with("zh"))
}
