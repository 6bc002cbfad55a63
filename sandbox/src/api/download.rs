//! `GET /cgi-bin/media/get?media_id=…`: the file itself, or for a film the address where it can be had.

use axum::{
    extract::{ConnectInfo, Query, State},
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    body,
    call::{self, ApiCall},
    json_answer,
    refusal::ApiRefusal,
};
use crate::{Endpoint, MediaKind, OpenId, Sandbox, What, control, served::Served, server::ClientLink};

#[derive(Deserialize)]
pub(super) struct Wanted {
    access_token: Option<String>,
    media_id: Option<String>,
}

pub(super) async fn get(
    State(served): State<Served>,
    ConnectInfo(link): ConnectInfo<ClientLink>,
    Query(wanted): Query<Wanted>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let sandbox = served.sandbox.clone();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let Wanted { access_token: token, media_id } = wanted;
    call::answer(&served, &link, Download { sandbox, token, media_id, method, host: host.to_owned() }).await
}

#[derive(Clone)]
struct Download {
    sandbox: Sandbox,
    token: Option<String>,
    media_id: Option<String>,
    method: Method,
    host: String,
}

impl ApiCall for Download {
    fn endpoint(&self) -> Endpoint {
        Endpoint::MediaGet
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn subject(&self) -> (String, OpenId) {
        (body::account_of(&self.sandbox, self.token.as_deref()), OpenId::from(""))
    }

    fn judge(&self) -> Result<Response, ApiRefusal> {
        if self.method != Method::GET {
            return Err(ApiRefusal::new(43001));
        }
        let account = body::authorised(&self.sandbox, self.token.as_deref())?;
        call::spend(account, self.endpoint(), &self.sandbox)?;
        let id =
            self.media_id.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| ApiRefusal::new(41006))?;
        let media = account.media().get(id, self.sandbox.now()).cloned();
        let media = media.ok_or_else(|| ApiRefusal::new(40007))?;
        let name = &account.settings.name;
        self.sandbox.note(name, &OpenId::from(""), What::Fetched { media_id: id.to_owned() });
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
