//! Playing the user: `say` for texts, `push` for everything.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Handled, JsonBody, Strict, account_of, refuse};
use crate::{OpenId, Push, PushKind, served::Served};

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

type Started = Handled<(StatusCode, JsonBody)>;

pub(super) async fn say(State(served): State<Served>, Strict(say): Strict<Say>) -> Started {
    start(&served, say.account.as_deref(), say.user, PushKind::Text { content: say.text, menu_id: None })
}

pub(super) async fn push(State(served): State<Served>, Strict(push): Strict<AnyPush>) -> Started {
    start(&served, push.account.as_deref(), push.user, push.kind)
}

fn start(served: &Served, account: Option<&str>, user: OpenId, kind: PushKind) -> Started {
    let account = account_of(served, account)?;
    if !user.is_well_formed() {
        return Err(refuse(StatusCode::BAD_REQUEST, "an OpenID has 1 to 128 letters, digits, - or _"));
    }
    let push = Push::new(account, user, kind);
    let msg_id = push.msg_id.clone();
    if !served.sandbox.push_in_background(push) {
        return Err(refuse(StatusCode::TOO_MANY_REQUESTS, "too many pushes are in progress"));
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "msg_id": msg_id }))))
}
