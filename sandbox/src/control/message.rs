//! One message with all that is known of it, and the same push once more.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{Handled, Refusal, Strict, account_of, refuse};
use crate::served::Served;

#[derive(Deserialize)]
pub(super) struct Replay {
    account: Option<String>,
    msg_id: String,
}

pub(super) async fn message(
    State(served): State<Served>,
    Path((account, msg_id)): Path<(String, String)>,
) -> Handled<Response> {
    // Written while nobody changes it, which takes less time than a copy of it.
    let json = served.sandbox.read_story(&account, &msg_id, serde_json::to_vec).ok_or_else(unknown)?;
    // It is made of strings and finite numbers, so it always has a JSON form.
    let json = json.map_err(|error| refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

pub(super) async fn replay(
    State(served): State<Served>,
    Strict(replay): Strict<Replay>,
) -> Handled<impl IntoResponse> {
    let (sandbox, account) = (&served.sandbox, account_of(&served, replay.account.as_deref())?);
    let original = sandbox.read_story(account, &replay.msg_id, |story| story.original.clone());
    match sandbox.replay(original.ok_or_else(unknown)?) {
        true => Ok((StatusCode::ACCEPTED, Json(serde_json::json!({ "msg_id": replay.msg_id })))),
        false => Err(refuse(StatusCode::TOO_MANY_REQUESTS, "too many pushes are in progress")),
    }
}

fn unknown() -> Refusal {
    refuse(StatusCode::NOT_FOUND, "there is no such message, or it is too old")
}
