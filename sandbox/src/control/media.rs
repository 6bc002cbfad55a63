//! Media over HTTP: planting, looking, forgetting.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{Strict, account_of, no_such_account, refuse};
use crate::{MediaKind, served::Served};

#[derive(Deserialize)]
pub(super) struct Plant {
    account: Option<String>,
    media_id: String,
    kind: MediaKind,
    #[serde(default)]
    base64: String,
}

/// Where an account's medium can be had: a path, escaped.
pub(crate) fn media_path(account: &str, id: &str) -> String {
    let mut path = String::from("/sandbox/media");
    // A URL with a host takes segments, and the host is of no importance.
    if let Ok(mut url) = Url::parse("http://localhost/sandbox/media") {
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(account).push(id);
        }
        url.path().clone_into(&mut path);
    }
    path
}

pub(super) async fn plant(State(served): State<Served>, Strict(plant): Strict<Plant>) -> Response {
    let Some(account) = account_of(&served, plant.account.as_deref()) else { return no_such_account() };
    let account = &account.settings.name;
    match STANDARD.decode(&plant.base64) {
        Ok(bytes) => {
            served.sandbox.plant_media(account, &plant.media_id, plant.kind, bytes);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(_) => refuse(StatusCode::BAD_REQUEST, "`base64` is not base64"),
    }
}

pub(super) async fn file(
    State(served): State<Served>,
    Path((account, id)): Path<(String, String)>,
) -> Response {
    let now = served.sandbox.now();
    let media =
        served.sandbox.account(&account).and_then(|account| account.media.lock().get(&id, now).cloned());
    match media {
        Some(media) if !media.bytes.is_empty() => {
            ([(header::CONTENT_TYPE, media.content_type)], media.bytes).into_response()
        }
        _ => refuse(StatusCode::NOT_FOUND, "there is no such file"),
    }
}

pub(super) async fn expire(State(served): State<Served>, Path(account): Path<String>) -> Response {
    if served.sandbox.account(&account).is_none() {
        return no_such_account();
    }
    Json(json!({ "forgotten": served.sandbox.expire_media(&account) })).into_response()
}

pub(super) async fn forget(
    State(served): State<Served>,
    Path((account, id)): Path<(String, String)>,
) -> Response {
    if served.sandbox.forget_media(&account, &id) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refuse(StatusCode::NOT_FOUND, "there is no such file")
    }
}

#[cfg(test)]
mod tests {
    use super::media_path;

    #[test]
    fn a_path_is_escaped() {
        assert_eq!(media_path("main", "a-1"), "/sandbox/media/main/a-1");
        assert_eq!(media_path("main", "a/b ?"), "/sandbox/media/main/a%2Fb%20%3F");
    }
}
