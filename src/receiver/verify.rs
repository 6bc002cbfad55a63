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

use super::push::unusable;
use super::{ReceiverState, page, refusals};
use crate::serve;

pub(super) async fn verify(
    State(receiver): State<Arc<ReceiverState>>,
    Path(mut account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    account.make_ascii_lowercase();
    let Some(known) = receiver.accounts.get(&account) else {
        receiver.unknown();
        return StatusCode::NOT_FOUND.into_response();
    };
    let query = query.unwrap_or_default();
    if query.is_empty() && wants_a_page(&headers) {
        let kind = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, page::POLICY)];
        return (kind, page::html(prefers_chinese(&headers))).into_response();
    }
    let echo = match PushQuery::parse(&query) {
        Ok(query) if query.is_signed_with(&known.keys.tokens()) => query.echostr.ok_or(&refusals::NO_ECHO),
        Ok(_) => Err(&refusals::SIGNATURE),
        Err(error) => Err(unusable(&error)),
    };
    match echo {
        Ok(echo) => {
            tracing::info!(account, "WeChat has checked the URL");
            ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], echo)
                .into_response()
        }
        Err(reason) => {
            receiver.refusals.note(&account, reason, "");
            StatusCode::FORBIDDEN.into_response()
        }
    }
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    serve::header(headers, ACCEPT).is_some_and(|accept| accept.contains("text/html"))
}

fn prefers_chinese(headers: &HeaderMap) -> bool {
    serve::header(headers, ACCEPT_LANGUAGE).is_some_and(|languages| languages.starts_with("zh"))
}
