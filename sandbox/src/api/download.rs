//! `GET /cgi-bin/media/get?media_id=…`: the file itself, or for a film the address where it can be had.

use axum::{
    extract::Query,
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    body::Bearer,
    call::{ApiCall, Caller},
    json_answer,
};
use crate::{Endpoint, MediaKind, OpenId, Sandbox, What, control};

#[derive(Clone, Deserialize)]
pub(super) struct Wanted {
    media_id: Option<String>,
}

pub(super) async fn get(
    caller: Caller,
    bearer: Bearer,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    caller.answer(Endpoint::MediaGet, Download { bearer, wanted, host: host.to_owned() }).await
}

#[derive(Clone)]
struct Download {
    bearer: Bearer,
    wanted: Wanted,
    host: String,
}

impl ApiCall for Download {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        (self.bearer.account_of(sandbox), OpenId::from(""))
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        let account = self.bearer.admit(caller, &Method::GET, endpoint)?;
        let sandbox = caller.sandbox();
        let id = self.wanted.media_id.as_deref().filter(|id| !id.is_empty()).ok_or(41006)?;
        let media = account.media.lock().get(id, sandbox.now()).cloned().ok_or(40007)?;
        let name = &account.settings.name;
        sandbox.note(name, &OpenId::from(""), What::Fetched { media_id: id.to_owned() });
        if media.kind == MediaKind::Video {
            let path = control::media_path(name, id);
            return Ok(json_answer(&json!({ "video_url": format!("http://{}{path}", self.host) })));
        }
        // The id is no good as a file name: the test that planted it may have put anything in it.
        let headers = [
            (header::CONTENT_TYPE, media.content_type),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"media\""),
        ];
        Ok((headers, media.bytes).into_response())
    }
}
