//! The control API: through it a person, the chat page or a script plays the user, and reads what happened.
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /sandbox/accounts` | accounts (without secrets) with their menus, sample users, examples, what is known, the newest `seq` |
//! | `GET /sandbox/transcript?after=SEQ&limit=N` | the entries after `SEQ` (default 0), at most `N` (default 1,000) |
//! | `GET /sandbox/events?after=SEQ` | the same without end, as server-sent events; `Last-Event-ID` wins over `after` |
//! | `POST /sandbox/say` `{"account"?, "user", "text"}` | pushes a text; 202 `{"msg_id"}` |
//! | `POST /sandbox/push` `{"account"?, "user", "kind", …}` | pushes any kind, see [`PushKind`](crate::PushKind); 202 |
//! | `POST /sandbox/upload?account=…&kind=image` | the body is a user's file (`image`, `voice`, `video`): `{"media_id", "pic_url"}` for a push |
//! | `POST /sandbox/replay` `{"account"?, "msg_id"}` | makes a push once more with the same body; 202 |
//! | `GET /sandbox/message/{account}/{msg_id}` | one message: its push and tries, and the stages, exchanges and calls, see below |
//! | `GET /sandbox/state?user=…&account=…` | how a conversation stands: right, messages open and dead, tokens, faults, clock, pauses, `mark_fail` |
//! | `POST /sandbox/worker` `{"do": "kill"}` | the worker dies in the middle of its work, and another starts; only in `huixin dev` |
//! | `GET /sandbox/report` | how far the clock is ahead; per account: calls, media, IP list; the faults that stand |
//! | `GET /sandbox/right?user=…&account=…` | what the user's last trigger allows: `{"by", "sent", "of", …}` or null |
//!
//! A message has `stages` (`pushed`, `stored`; where `accounts` says `"inside": true` also `taken`, `handling`, `handled`,
//! `recorded`, `sent`, `ended`), `exchanges` (what its worker asked a service) and `calls` (of WeChat's API). The newest 2,000
//! messages are remembered, with 16 KiB of each text. In the transcript `for` of a `sent` or `replied` entry is the push that it
//! answers, if that is known.
//!
//! And what a test can change (`account` goes with each request that is about one account):
//!
//! | request | what it does |
//! | --- | --- |
//! | `POST /sandbox/faults` `{"on", "fault", …}` | orders trouble, see below; `{"id", "seed"?}` |
//! | `DELETE /sandbox/faults`, `DELETE /sandbox/faults/{id}` | forgets all orders, or one; `lost_ack` and `hang_up` are the ids of those for pushes |
//! | `POST /sandbox/clock` `{"seconds"}` | moves the clock on; `{"ahead_s"}` |
//! | `POST /sandbox/tokens` `{"do"}` | turns the access tokens, see below |
//! | `POST /sandbox/limits` `{"on", "per_minute"?, "per_day"?}` | limits a call from now on: 45011, 45009 |
//! | `POST /sandbox/windows` `{"after", "sends", "seconds"}` | the window after a `message`, `click`, `scan`, `follow` |
//! | `POST /sandbox/rules` `{"may_send"?, …}` | what the account may, and how it is treated, see below |
//! | `POST /sandbox/ip_list` `{"addresses"}` | who may fetch tokens (40164 for others); null: everyone |
//! | `POST /sandbox/ip_list` `{"allow"}` | puts one address on the list |
//! | `POST /sandbox/kf_accounts` `{"kf_account"}` | a name that messages may be sent in; others get 61452 |
//! | `POST /sandbox/media` `{"media_id", "kind", "base64"?}` | plants permanent media, also `news` |
//! | `GET /sandbox/media/{account}/{id}` | the file |
//! | `DELETE /sandbox/media/{account}` | all temporary media expires; `{"forgotten"}` |
//! | `DELETE /sandbox/media/{account}/{id}` | one is forgotten, a permanent one too |
//!
//! The clock is that of windows, tokens, media, typing and limits. Tokens `expire` (42001) or are revoked (`revoke`, 40001),
//! or another system fetches one: `plain`, `stable`, `forced`; then `{"access_token"}` is the answer.
//!
//! A fault is `on` a call (`send`, `typing`, `upload`, `media_get`, `stable_token`, `token`), on `tokens` or on `all`, of one
//! `account` or of all, of one `user` or of all, and one of `code` (with `code`), `delay` (`ms`), `hang`, `cut`, `cut_after_accept`, `status` (`status`),
//! `html`; see [`Fault`](crate::Fault). Which calls meet it is one of `"times": N` (the next N), `"every": K` (each K-th, until
//! the order is deleted) and `"share": 0.2` (a share, with a `seed`; without one a seed is chosen and shown). `{"on": "push",
//! "fault": "lost_ack", "times": N}` loses the acks of pushes. With `"fault": "hang_up"` WeChat closes the connection in the
//! next N tries, `"at": "before"` the response (`"ms"` after the request, 0 if left out), `"within"` or `"after"` it.
//!
//! The rules of an account, as in [`AccountRules`](crate::AccountRules): `{"may_send": false}` for one without the
//! customer-service right, `{"menu_ids": false}` for one that gets taps without their id, `{"extra_try": 0.5}` for a fourth
//! try now and then, `{"mark_fail": {"alarm_at"?, "stop_at"?, "within_s"?, "stop_for_s"?}}`, `false` or `true`.
//!
//! What is in a push's response is read as WeChat reads it. The transcript has `replied` for what was shown of it, and the
//! try's `tried` says `acked`, `passive_reply` or, with the reason, `bad_reply`. `alarmed`, `stopped` and `withheld` are
//! MarkFail's.
//!
//! `account` may be left out when there is one account, or for the first; in orders of faults that means all. Answers
//! without content are 204. Errors are `{"error": "…"}`: 400 for what can't be understood, 404 for what isn't there, 415 for
//! another content type than JSON, 429 when too many pushes are in progress, too many faults ordered or a limit is reached.
//!
//! **Other web pages must not drive it.** A POST needs `application/json`, which a page of another site can't send without
//! asking first, and nobody here answers that question; an upload is a file, and is refused by its `Origin`. A name that an attacker points at this machine (DNS rebinding) is
//! refused by its `Host`: only IP addresses, `localhost` and the configured names pass. Tokens were rejected: this is a toy
//! on the developer's own machine, and a page that asks for a token before it shows anything is a bad first minute.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::{Value, json};

use crate::served::Served;

mod events;
mod faults;
mod knobs;
mod media;
mod message;
mod report;
mod say;
mod state;
mod strict;
mod upload;

pub(crate) use media::media_path;
use strict::Strict;

/// The routes under `/sandbox`.
pub(crate) fn routes() -> Router<Served> {
    Router::new()
        .route("/accounts", get(report::accounts))
        .route("/transcript", get(events::transcript))
        .route("/events", get(events::events))
        .route("/say", post(say::say))
        .route("/push", post(say::push))
        .route("/message/{account}/{msg_id}", get(message::message))
        .route("/replay", post(message::replay))
        .route("/upload", post(upload::upload).layer(DefaultBodyLimit::disable()))
        .route("/state", get(state::state))
        .route("/worker", post(state::worker))
        .route("/report", get(report::report))
        .route("/right", get(report::right))
        .route("/faults", post(faults::order).delete(faults::clear))
        .route("/faults/{id}", delete(faults::cancel))
        .route("/clock", post(knobs::clock))
        .route("/tokens", post(knobs::tokens))
        .route("/limits", post(knobs::limits))
        .route("/windows", post(knobs::windows))
        .route("/rules", post(knobs::rules))
        .route("/ip_list", post(knobs::ip_list))
        .route("/kf_accounts", post(knobs::kf_accounts))
        .route("/media", post(media::plant))
        .route("/media/{account}", delete(media::expire))
        .route("/media/{account}/{id}", get(media::file).delete(media::forget))
}

/// What a handler answers: 204, unless it says otherwise.
type Handled<T = StatusCode> = Result<T, Refusal>;
/// The JSON of an answer.
type JsonBody = Json<Value>;

/// A refusal, as the caller sees it.
pub(crate) struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn refuse(status: StatusCode, error: impl Into<String>) -> Refusal {
    Refusal(status, error.into())
}

/// The name of the account that a request names, or of the first when it names none.
fn account_of<'a>(served: &'a Served, name: Option<&str>) -> Handled<&'a str> {
    let mut accounts = served.sandbox.accounts().iter().map(|account| account.settings.name.as_str());
    let found = accounts.find(|account| name.is_none_or(|name| name == *account));
    found.ok_or_else(|| refuse(StatusCode::NOT_FOUND, "the sandbox has no such account"))
}

/// Refuses requests that come by a foreign name or from another site's page.
pub(crate) async fn only_from_here(
    State(served): State<Served>,
    request: Request,
    next: Next,
) -> Handled<Response> {
    let host = header_text(request.headers(), header::HOST);
    let names = &served.sandbox.config().hosts;
    if host.is_some_and(|host| !is_ours(host, names)) {
        let error = "this host name is not the sandbox's: use an IP address or localhost";
        return Err(refuse(StatusCode::FORBIDDEN, error));
    }
    let origin = header_text(request.headers(), header::ORIGIN);
    let foreign =
        origin.is_some_and(|origin| origin.split_once("://").map(|(_, authority)| authority) != host);
    if foreign {
        return Err(refuse(StatusCode::FORBIDDEN, "requests from other sites are refused"));
    }
    Ok(next.run(request).await)
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
