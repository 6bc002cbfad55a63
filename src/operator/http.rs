//! The same questions over the admin listener of the process that owns the queue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use huixin_queue::{MessageId, Queue, QueueError};
use huixin_wechat::{Secret, http_client};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::request::{LetterIds, PauseRequest};
use super::{
    LaneView, LetterQuery, LetterView, LettersView, OperatorClient, Pausable, QueueStatus, TraceQuery,
    TraceView, Violations,
};
use crate::config::Config;
use crate::report::Failure;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Which queue is asked for.
const FILE: &str = "huixin-queue-file";

/// The paths below `/v1/` of the admin listener. The listener that serves them asks for the token first.
///
/// | request | answer |
/// | --- | --- |
/// | `GET /v1/status` | [`QueueStatus`] |
/// | `GET /v1/dead?account=main&user=o…&reason=45015&after=…&limit=100` | [`LettersView`]; each part may be left out |
/// | `GET /v1/dead/{id}` | [`LetterView`] or null |
/// | `POST /v1/dead/retry`, `POST /v1/dead/drop` with `{"ids": ["m…"]}` | how many of them there were |
/// | `POST /v1/pause` with `{"what": {"account", "user"}, "reason"}` | null; without a user the account, without both everything |
/// | `POST /v1/resume` with `{"account", "user"}` | true, or false if it was not paused |
/// | `GET /v1/lane?account=main&user=o…` | [`LaneView`] or null |
/// | `GET /v1/trace?account=main&user=o…&since_ms=…&until_ms=…&end=dead&code=45015&id=…&limit=100` | [`TraceView`]; each part may be left out |
/// | `GET /v1/audit` | [`Violations`] |
pub fn routes(queue: Arc<dyn Queue>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/dead", get(letters))
        .route("/v1/dead/{id}", get(letter))
        .route("/v1/dead/retry", post(revive))
        .route("/v1/dead/drop", post(drop_letters))
        .route("/v1/pause", post(pause))
        .route("/v1/resume", post(resume))
        .route("/v1/lane", get(lane))
        .route("/v1/trace", get(trace))
        .route("/v1/audit", get(audit))
        .layer(axum::middleware::from_fn_with_state(queue.clone(), only_of_this_queue))
        .with_state(Arc::new(OperatorClient::Direct(queue)))
}

/// Refuses a request for the queue of another process: the process that started first has the port.
async fn only_of_this_queue(
    State(queue): State<Arc<dyn Queue>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    let asked = request.headers().get(FILE).map(|file| String::from_utf8_lossy(file.as_bytes()).into_owned());
    let ours = queue.place().strip_prefix("sqlite:").map(|path| file_name(std::path::Path::new(path)));
    match asked {
        Some(asked) if ours.as_deref() != Some(asked.as_str()) => {
            let problem =
                format!("this process has the queue `{}`, not the one you asked for", queue.place());
            axum::response::IntoResponse::into_response((StatusCode::MISDIRECTED_REQUEST, problem))
        }
        _ => next.run(request).await,
    }
}

/// A file's whole path as a header can hold it.
fn file_name(path: &std::path::Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    url::form_urlencoded::byte_serialize(whole.as_os_str().as_encoded_bytes()).collect()
}

type JsonResult<T> = Result<Json<T>, (StatusCode, String)>;
type Params = Query<HashMap<String, String>>;

async fn status(State(operator): State<Arc<OperatorClient>>) -> JsonResult<QueueStatus> {
    answer(operator.status().await)
}

async fn letters(
    State(operator): State<Arc<OperatorClient>>,
    Query(asked): Query<LetterQuery>,
) -> JsonResult<LettersView> {
    answer(operator.letters(&asked).await)
}

async fn letter(
    State(operator): State<Arc<OperatorClient>>,
    Path(id): Path<String>,
) -> JsonResult<Option<LetterView>> {
    let id = MessageId::new(id).map_err(|error| refused(&error.into()))?;
    answer(operator.letter(&id).await)
}

async fn revive(
    State(operator): State<Arc<OperatorClient>>,
    Json(ids): Json<LetterIds>,
) -> JsonResult<usize> {
    answer(operator.revive(&ids.read().map_err(|failure| refused(&failure))?).await)
}

async fn drop_letters(
    State(operator): State<Arc<OperatorClient>>,
    Json(ids): Json<LetterIds>,
) -> JsonResult<usize> {
    answer(operator.drop_letters(&ids.read().map_err(|failure| refused(&failure))?).await)
}

async fn pause(
    State(operator): State<Arc<OperatorClient>>,
    Json(order): Json<PauseRequest>,
) -> JsonResult<()> {
    answer(operator.pause(&order.what, &order.reason).await)
}

async fn resume(State(operator): State<Arc<OperatorClient>>, Json(what): Json<Pausable>) -> JsonResult<bool> {
    answer(operator.resume(&what).await)
}

async fn lane(
    State(operator): State<Arc<OperatorClient>>,
    Query(params): Params,
) -> JsonResult<Option<LaneView>> {
    match (params.get("account"), params.get("user")) {
        (Some(account), Some(user)) => answer(operator.lane(account, user).await),
        _ => Err((StatusCode::BAD_REQUEST, "account and user are needed".to_owned())),
    }
}

async fn trace(
    State(operator): State<Arc<OperatorClient>>,
    Query(asked): Query<TraceQuery>,
) -> JsonResult<TraceView> {
    answer(operator.trace(&asked).await)
}

async fn audit(State(operator): State<Arc<OperatorClient>>) -> JsonResult<Violations> {
    answer(operator.audit().await)
}

/// 503 for what the queue refuses or can't do now, 400 for a request that is wrong.
fn refused(failure: &Failure) -> (StatusCode, String) {
    let status = match failure.error.is::<QueueError>() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::BAD_REQUEST,
    };
    (status, failure.render())
}

fn answer<T>(result: Result<T, Failure>) -> JsonResult<T> {
    result.map(Json).map_err(|failure| refused(&failure))
}

/// The process that owns a queue in a file, asked over its admin listener.
pub struct Owner {
    client: reqwest::Client,
    base: Url,
    token: Option<Secret>,
    /// The queue that is asked for, see [`file_name`].
    file: String,
}

impl Owner {
    /// The owner of this file, at the configured admin address.
    pub(super) fn new(config: &Config, file: &std::path::Path) -> Result<Self, Failure> {
        let base =
            format!("http://{}/v1/", config.admin.listen).parse().context("admin.listen can't be asked")?;
        let client = http_client().context("the HTTP client can't be made")?;
        Ok(Self { client, base, token: config.admin.token.clone(), file: file_name(file) })
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Failure> {
        self.ask(self.client.get(self.url(path)?).query(query)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        // JSON: a page of another site can't send that without asking first.
        self.ask(self.client.post(self.url(path)?).json(body)).await
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        Ok(self.base.join(path).context("the path can't be asked for")?)
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Failure> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        let request = request.header(FILE, &self.file);
        let away = || format!("the queue's file is in use, and no owner answers at `{}`", self.base);
        let hint = "find the address in the owner's log, at `health and metrics are served`, and give it with \
            --admin-listen";
        let asked = request.timeout(TIMEOUT).send().await.map_err(reqwest::Error::without_url);
        let answer = asked.with_context(away).map_err(|error| Failure::from(error).with_hint(hint))?;
        let status = answer.status();
        if !status.is_success() {
            let text = answer.text().await.unwrap_or_default();
            return Err(Failure::failed(
                format!("the queue's owner answers {status}: {}", text.trim()),
                hint,
            ));
        }
        Ok(answer
            .json()
            .await
            .map_err(reqwest::Error::without_url)
            .context("the owner's answer can't be read")?)
    }
}
