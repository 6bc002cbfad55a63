//! Playing the user: `say` for texts, `push` for everything.

use axum::{
    Json,
    extract::{FromRequest, Request, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::refuse;
use crate::{OpenId, Push, PushKind, server::Served};

#[derive(Deserialize)]
pub(super) struct Say {
    account: Option<String>,
    user: OpenId,
    text: String,
}

#[derive(Deserialize)]
pub(super) struct AnyPush {
    account: Option<String>,
    user: OpenId,
    #[serde(flatten)]
    kind: PushKind,
}

pub(super) async fn say(State(served): State<Served>, Strict(say): Strict<Say>) -> Response {
    start(&served, say.account, say.user, PushKind::Text { content: say.text, menu_id: None })
}

pub(super) async fn push(State(served): State<Served>, Strict(push): Strict<AnyPush>) -> Response {
    start(&served, push.account, push.user, push.kind)
}

fn start(served: &Served, account: Option<String>, user: OpenId, kind: PushKind) -> Response {
    let sandbox = &served.sandbox;
    let first = sandbox.accounts().first().map(|account| account.settings.name.clone());
    let Some(account) = account.or(first).filter(|name| sandbox.account(name).is_some()) else {
        return refuse(StatusCode::NOT_FOUND, "the sandbox has no such account");
    };
    if !user.is_well_formed() {
        return refuse(StatusCode::BAD_REQUEST, "an OpenID has 1 to 128 letters, digits, - or _");
    }
    let push = Push::new(account, user, kind);
    let msg_id = push.msg_id.clone();
    if sandbox.push_in_background(push) {
        (StatusCode::ACCEPTED, Json(json!({ "msg_id": msg_id }))).into_response()
    } else {
        refuse(StatusCode::TOO_MANY_REQUESTS, "too many pushes are under way")
    }
}

/// JSON that came as `application/json`, with our form of error when it didn't or can't be understood.
pub(super) struct Strict<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Strict<T>, Response> {
        let Json(value) = Json::from_request(request, state).await.map_err(|rejection: JsonRejection| {
            let status = match rejection.status() {
                StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                status => status,
            };
            refuse(status, &rejection.body_text())
        })?;
        Ok(Strict(value))
    }
}
