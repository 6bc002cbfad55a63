//! The control API: by it a person, the chat page or a script plays the user, and reads what happened.
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /sandbox/accounts` | accounts (without secrets), sample users, menu, example texts, the newest `seq` |
//! | `GET /sandbox/transcript?after=SEQ&limit=N` | the entries after `SEQ` (default 0), at most `N` (default 1,000) |
//! | `GET /sandbox/events?after=SEQ` | the same without end, as server-sent events; `Last-Event-ID` wins over `after` |
//! | `POST /sandbox/say` `{"account"?, "user", "text"}` | pushes a text; 202 `{"msg_id"}` |
//! | `POST /sandbox/push` `{"account"?, "user", "kind", …}` | pushes any kind, see [`PushKind`](crate::PushKind); 202 |
//!
//! `account` may be left out when there is one account, or for the first. Errors are `{"error": "…"}`: 400 for what can't be
//! understood, 404 for an unknown account, 415 for another content type than JSON, 429 when too many pushes are under way.
//!
//! **Other web pages must not drive it.** A POST needs `application/json`, which a page of another site can't send without
//! asking first, and nobody here answers that question. A name that an attacker points at this machine (DNS rebinding) is
//! refused by its `Host`: only IP addresses, `localhost` and the configured names pass. Tokens were rejected: this is a toy
//! on the developer's own machine, and a page that asks for a token before it shows anything is a bad first minute.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use crate::server::Served;

mod accounts;
mod events;
mod say;

/// The routes under `/sandbox`.
pub(crate) fn routes() -> Router<Served> {
    Router::new()
        .route("/accounts", get(accounts::accounts))
        .route("/transcript", get(events::transcript))
        .route("/events", get(events::events))
        .route("/say", post(say::say))
        .route("/push", post(say::push))
}

/// Refuses requests that come by a foreign name or from another site's page.
pub(crate) async fn only_from_here(State(served): State<Served>, request: Request, next: Next) -> Response {
    let host = header_text(request.headers(), header::HOST);
    let names = &served.sandbox.config().hosts;
    if host.is_some_and(|host| !is_ours(host, names)) {
        return refuse(
            StatusCode::FORBIDDEN,
            "this host name is not the sandbox's: use an IP address or localhost",
        );
    }
    let origin = header_text(request.headers(), header::ORIGIN);
    let foreign =
        origin.is_some_and(|origin| origin.split_once("://").map(|(_, authority)| authority) != host);
    if foreign {
        return refuse(StatusCode::FORBIDDEN, "requests from other sites are refused");
    }
    next.run(request).await
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// A header as text; one that isn't text is treated as a foreign value, not as a missing one.
fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether a `Host` value, with or without a port, names this machine or one of the configured names.
fn is_ours(host: &str, names: &[String]) -> bool {
    let Ok(uri) = format!("http://{host}/").parse::<Uri>() else { return false };
    let Some(name) = uri.host() else { return false };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn addresses_localhost_and_configured_names_are_ours_and_nothing_else_is() {
        let names = ["sandbox".to_owned()];
        for ours in ["127.0.0.1:8090", "127.0.0.1", "[::1]:8090", "localhost:8090", "LOCALHOST", "sandbox:80"]
        {
            assert!(is_ours(ours, &names), "{ours}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "a b",
            "x@127.0.0.1.evil",
        ] {
            assert!(!is_ours(foreign, &names), "{foreign}");
        }
    }
}
