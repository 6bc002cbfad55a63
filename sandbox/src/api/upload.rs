//! `POST /cgi-bin/media/upload?type=…`: a file in the form field `media` becomes temporary media with an id.
//!
//! The answer for a thumb has its id under `thumb_media_id`, as WeChat's sometimes has: a caller must look for both.

use std::convert::Infallible;

use axum::{
    body::{Bytes, to_bytes},
    extract::{Query, Request},
    http::{HeaderMap, Method, header},
    response::Response,
};
use futures::stream;
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{
    body::Bearer,
    call::{ApiCall, Caller},
    json_answer,
};
use crate::{Endpoint, MediaKind, OpenId, Sandbox, What, clock, media};

/// The largest file, a film's, with room for the form around it.
const MAX_UPLOAD_BYTES: usize = 10 * 1024 * 1024 + 64 * 1024;
/// How many uploads may be in memory at once; more wait.
static ROOM: Semaphore = Semaphore::const_new(64);

#[derive(Deserialize)]
pub(super) struct UploadQuery {
    r#type: Option<String>,
}

pub(super) async fn upload(
    caller: Caller,
    bearer: Bearer,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Response {
    // Nobody closes the semaphore, so there is always a permit in the end.
    let _room = ROOM.acquire().await;
    let (head, body) = request.into_parts();
    let file = match to_bytes(body, MAX_UPLOAD_BYTES).await {
        Ok(bytes) => file_of_form(&head.headers, bytes).await.ok_or(41005),
        Err(_) => Err(45001),
    };
    caller.answer(Endpoint::Upload, Upload { bearer, kind: query.r#type, file }).await
}

#[derive(Clone)]
struct Upload {
    bearer: Bearer,
    kind: Option<String>,
    file: Result<Bytes, i64>,
}

impl ApiCall for Upload {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        (self.bearer.account_of(sandbox), OpenId::from(""))
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        let account = self.bearer.admit(caller, &Method::POST, endpoint)?;
        let sandbox = caller.sandbox();
        let kind = match self.kind.as_deref() {
            Some("image") => MediaKind::Image,
            Some("voice") => MediaKind::Voice,
            Some("video") => MediaKind::Video,
            Some("thumb") => MediaKind::Thumb,
            _ => return Err(40004),
        };
        let file = self.file.clone()?;
        media::examine(kind, &file, sandbox.config().max_image_bytes)?;
        let id = format!("sandbox-{}-{}", kind.as_str(), Alphanumeric.sample_string(&mut rand::rng(), 40));
        let what = What::Uploaded { media_id: id.clone(), kind: kind.as_str(), bytes: file.len() };
        sandbox.keep_media(account, &id, kind, file, false);
        sandbox.note(&account.settings.name, &OpenId::from(""), what);
        let key = if kind == MediaKind::Thumb { "thumb_media_id" } else { "media_id" };
        Ok(json_answer(&json!({ "type": kind.as_str(), key: id, "created_at": clock::unix_secs() })))
    }
}

/// The field `media` of the form. Without a file name it is no file to WeChat.
async fn file_of_form(headers: &HeaderMap, body: Bytes) -> Option<Bytes> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).ok()?;
    let mut form = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    while let Some(field) = form.next_field().await.ok()? {
        if field.name() == Some("media") && field.file_name().is_some_and(|name| !name.is_empty()) {
            return field.bytes().await.ok();
        }
    }
    None
}
