//! A file of a user: it becomes temporary media of the account, as what users send does, and its push is made by `push`.
//!
//! What a file is, its first bytes say. WeChat's app makes pictures of users smaller by itself, so here they may be as large
//! as a film.

use std::time::Duration;

use axum::{
    Json,
    body::to_bytes,
    extract::{Query, Request, State},
    http::{StatusCode, header},
};
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Semaphore, time::timeout};

use super::{Handled, JsonBody, account_of, media_path, refuse};
use crate::{MediaKind, media, served::Served};

/// The largest file.
const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many files may be in memory at once; more wait.
static ROOM: Semaphore = Semaphore::const_new(8);

#[derive(Deserialize)]
pub(super) struct UploadedBy {
    account: Option<String>,
    kind: MediaKind,
}

pub(super) async fn upload(
    State(served): State<Served>,
    Query(by): Query<UploadedBy>,
    request: Request,
) -> Handled<JsonBody> {
    let (sandbox, name) = (&served.sandbox, account_of(&served, by.account.as_deref())?);
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1")
        .to_owned();
    // Nobody closes the semaphore, so there is always a permit in the end.
    let _room = ROOM.acquire().await;
    let too_large = |_| refuse(StatusCode::PAYLOAD_TOO_LARGE, "a file may have 10 MiB");
    let file = timeout(PATIENCE, to_bytes(request.into_body(), MAX_FILE_BYTES)).await;
    let too_slow = |_| refuse(StatusCode::REQUEST_TIMEOUT, "a file has to be there within 30 seconds");
    let file = file.map_err(too_slow)?.map_err(too_large)?;
    media::examine(by.kind, &file, MAX_FILE_BYTES)
        .map_err(|code| refuse(StatusCode::BAD_REQUEST, in_words(by.kind, code)))?;
    let id = format!("user-{}-{}", by.kind.as_str(), Alphanumeric.sample_string(&mut rand::rng(), 40));
    if let Some(account) = sandbox.account(name) {
        sandbox.keep_media(account, &id, by.kind, file, false);
    }
    let pic_url = format!("http://{host}{}", media_path(name, &id));
    Ok(Json(json!({ "media_id": id, "pic_url": pic_url })))
}

fn in_words(kind: MediaKind, code: i64) -> &'static str {
    match (code, kind) {
        (44001, _) => "the file is empty",
        (45007, _) => "a recording may last 60 seconds",
        (40005, MediaKind::Image) => "a picture is a PNG, a JPEG or a GIF",
        (40005, MediaKind::Voice) => "a recording is an AMR or an MP3",
        (40005, MediaKind::Video) => "a film is an MP4",
        (40005, MediaKind::Thumb | MediaKind::News) => "users send pictures, recordings and films",
        _ => "the file is too large: a recording may have 2 MiB, others 10 MiB",
    }
}
