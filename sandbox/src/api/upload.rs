//! `POST /cgi-bin/media/upload?type=…`: a file in the form field `media` becomes temporary media with an id.
//!
//! The answer for a thumb has its id under `thumb_media_id`, as WeChat's sometimes has: a caller must look for both.

use std::convert::Infallible;

use axum::{
    body::{Bytes, to_bytes},
    extract::{ConnectInfo, Query, Request, State},
    http::{HeaderMap, Method, header},
    response::Response,
};
use futures::stream;
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{
    body,
    call::{self, Call},
    json_answer,
    refusal::Refusal,
};
use crate::{
    Endpoint, MediaKind, OpenId, Sandbox, What, clock,
    media::{self, Unfit},
    served::Served,
    server::Link,
};

/// The largest file, a film's, with room for the form around it.
const MAX_UPLOAD_BYTES: usize = 10 * 1024 * 1024 + 64 * 1024;
/// How many uploads may be in memory at once; more wait.
static ROOM: Semaphore = Semaphore::const_new(64);

#[derive(Deserialize)]
pub(super) struct UploadQuery {
    access_token: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(super) async fn upload(
    State(served): State<Served>,
    ConnectInfo(link): ConnectInfo<Link>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Response {
    // Nobody closes the semaphore, so there is always a permit in the end.
    let _room = ROOM.acquire().await;
    let (head, body) = request.into_parts();
    let file = match to_bytes(body, MAX_UPLOAD_BYTES).await {
        Ok(bytes) => file_of_form(&head.headers, bytes).await,
        Err(_) => Err(Refusal::new(45001)),
    };
    let sandbox = served.sandbox.clone();
    let UploadQuery { access_token: token, kind } = query;
    call::answer(&served, &link, Upload { sandbox, token, kind, method: head.method, file }).await
}

#[derive(Clone)]
struct Upload {
    sandbox: Sandbox,
    token: Option<String>,
    kind: Option<String>,
    method: Method,
    file: Result<Bytes, Refusal>,
}

impl Call for Upload {
    fn endpoint(&self) -> Endpoint {
        Endpoint::Upload
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn subject(&self) -> (String, OpenId) {
        (body::account_of(&self.sandbox, self.token.as_deref()), OpenId::from(""))
    }

    fn judge(&self) -> Result<Response, Refusal> {
        body::post_only(&self.method)?;
        let account = body::authorised(&self.sandbox, self.token.as_deref())?;
        call::spend(account, self.endpoint(), &self.sandbox)?;
        let kind = match self.kind.as_deref() {
            Some("image") => MediaKind::Image,
            Some("voice") => MediaKind::Voice,
            Some("video") => MediaKind::Video,
            Some("thumb") => MediaKind::Thumb,
            _ => return Err(Refusal::new(40004)),
        };
        let file = self.file.as_ref().map_err(Refusal::clone)?;
        media::examine(kind, file, self.sandbox.config().max_image_bytes)
            .map_err(|unfit| Refusal::new(code_of(unfit, kind)))?;
        let id = format!("sandbox-{}-{}", kind.as_str(), Alphanumeric.sample_string(&mut rand::rng(), 40));
        self.sandbox.keep_media(account, &id, kind, file.clone(), false);
        let what = What::Uploaded { media_id: id.clone(), kind: kind.as_str(), bytes: file.len() };
        self.sandbox.note(&account.settings.name, &OpenId::from(""), what);
        let key = if kind == MediaKind::Thumb { "thumb_media_id" } else { "media_id" };
        Ok(json_answer(&json!({ "type": kind.as_str(), key: id, "created_at": clock::unix_secs() })))
    }
}

fn code_of(unfit: Unfit, kind: MediaKind) -> i64 {
    match (unfit, kind) {
        (Unfit::Empty, _) => 44001,
        (Unfit::Type, _) => 40005,
        (Unfit::TooLong, _) => 45007,
        (Unfit::Size, MediaKind::Image) => 40009,
        (Unfit::Size, MediaKind::Voice) => 40010,
        (Unfit::Size, MediaKind::Video) => 40011,
        (Unfit::Size, MediaKind::Thumb) => 40012,
        (Unfit::Size, MediaKind::News) => 40006,
    }
}

/// The field `media` of the form. Without a file name it is no file to WeChat.
async fn file_of_form(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    let no_file = |_| Refusal::new(41005);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(no_file)?;
    let mut form = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    while let Some(field) = form.next_field().await.map_err(no_file)? {
        if field.name() == Some("media") && field.file_name().is_some_and(|name| !name.is_empty()) {
            return field.bytes().await.map_err(no_file);
        }
    }
    Err(Refusal::new(41005))
}
