//! Media over HTTP: planting, looking, forgetting.

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{Handled, JsonBody, Refusal, Strict, account_of, refuse};
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

pub(super) async fn plant(State(served): State<Served>, Strict(plant): Strict<Plant>) -> Handled {
    let account = account_of(&served, plant.account.as_deref())?;
    let bytes = STANDARD.decode(&plant.base64);
    let bytes = bytes.map_err(|_| refuse(StatusCode::BAD_REQUEST, "`base64` is not base64"))?;
    served.sandbox.plant_media(account, &plant.media_id, plant.kind, bytes);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn file(
    State(served): State<Served>,
    Path((account, id)): Path<(String, String)>,
) -> Handled<impl IntoResponse> {
    let now = served.sandbox.now();
    let media =
        served.sandbox.account(&account).and_then(|account| account.media.lock().get(&id, now).cloned());
    let media = media.filter(|media| !media.bytes.is_empty()).ok_or_else(no_such_file)?;
    Ok(([(header::CONTENT_TYPE, media.content_type)], media.bytes))
}

pub(super) async fn expire(State(served): State<Served>, Path(account): Path<String>) -> Handled<JsonBody> {
    let account = account_of(&served, Some(&account))?;
    Ok(Json(json!({ "forgotten": served.sandbox.expire_media(account) })))
}

pub(super) async fn forget(
    State(served): State<Served>,
    Path((account, id)): Path<(String, String)>,
) -> Handled {
    let forgotten = served.sandbox.forget_media(&account, &id);
    if forgotten { Ok(StatusCode::NO_CONTENT) } else { Err(no_such_file()) }
}

fn no_such_file() -> Refusal {
    refuse(StatusCode::NOT_FOUND, "there is no such file")
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
