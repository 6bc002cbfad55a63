//! The JSON API of the admin listener: the paths below `/v1/`, each with its description.
//!
//! The OpenAPI file is made from the handlers and the types of their answers, so neither can have what the other hasn't.
//! `docs/openapi.json` is the same text for readers, held by a test. Rejected: writing the file by hand, which would be as long, and
//! would need tests for each field that it names.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::context::OperatorContext;
use super::openapi::Api;
use super::owner::{FILE, file_name};
use super::page::page_routes;
use super::refusal::{BodyOf, JsonResult, PathOf, QueryOf, RequestRefusal};
use super::request::{BodyQuery, LetterIds, Nothing, PauseRequest, id_of};
use super::{
    AdminCaller, Changes, CompactionView, ForgottenOfUser, KeptOfUser, LaneView, LetterQuery, LetterView,
    LettersView, OperatorClient, Pausable, QueueStatus, TraceQuery, TraceView, UserName, Violations, login,
};
use crate::report::Failure;

/// The routes, behind the token where one is asked for.
pub fn routes(context: Arc<OperatorContext>) -> Router {
    let (guarded, _) = documented().split_for_parts();
    let guarded = guarded
        .route_layer(middleware::from_fn_with_state(context.clone(), only_of_this_queue))
        .route_layer(middleware::from_fn_with_state(context.clone(), guard));
    let (open, _) = login::routes().split_for_parts();
    guarded.merge(open).with_state(context)
}

/// Lets those in who may ask this, and notes who they are. Who changes something sees it at once.
pub async fn guard(
    State(context): State<Arc<OperatorContext>>,
    mut request: Request,
    next: Next,
) -> Result<Response, RequestRefusal> {
    let caller = context.access.check(&request)?;
    request.extensions_mut().insert(caller);
    let changes = !request.method().is_safe();
    let response = next.run(request).await;
    if changes {
        context.has_changed().await;
    }
    Ok(response)
}

/// The OpenAPI file.
pub fn openapi_file() -> &'static str {
    static FILE: LazyLock<String> = LazyLock::new(|| {
        let mut text = documented()
            .merge(login::routes())
            .into_openapi()
            .to_pretty_json()
            .expect("it has only names and texts");
        text.push('\n');
        text
    });
    &FILE
}

fn documented() -> OpenApiRouter<Arc<OperatorContext>> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(status))
        .routes(routes!(letters))
        .routes(routes!(letter))
        .routes(routes!(retry))
        .routes(routes!(drop_letters))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(lane))
        .routes(routes!(trace))
        .routes(routes!(audit))
        .routes(routes!(user))
        .routes(routes!(forget))
        .routes(routes!(compact))
        .routes(routes!(changes))
        .routes(routes!(openapi))
        .merge(page_routes())
}

/// Refuses a request for the queue of another process: the process that started first has the port.
async fn only_of_this_queue(
    State(context): State<Arc<OperatorContext>>,
    request: Request,
    next: Next,
) -> Response {
    let queue = &context.queue;
    let asked = request.headers().get(FILE).map(|file| String::from_utf8_lossy(file.as_bytes()).into_owned());
    let ours = queue.place().strip_prefix("sqlite:").map(|path| file_name(std::path::Path::new(path)));
    match asked {
        Some(asked) if ours.as_deref() != Some(asked.as_str()) => {
            let problem =
                format!("this process has the queue `{}`, not the one you asked for", queue.place());
            let hint = "find the address of the right one in its log, at `health and metrics are served`, and give it \
                with --admin-listen";
            RequestRefusal::new(StatusCode::MISDIRECTED_REQUEST, problem, hint).into_response()
        }
        _ => next.run(request).await,
    }
}

/// The queue, for the caller of this request.
impl FromRequestParts<Arc<OperatorContext>> for OperatorClient {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Arc<OperatorContext>,
    ) -> Result<Self, Infallible> {
        let caller = parts.extensions.get().cloned().unwrap_or(AdminCaller::Peer(None));
        Ok(Self::Direct(context.queue.clone(), caller))
    }
}

fn answer<T>(result: Result<T, Failure>) -> JsonResult<T> {
    Ok(Json(result?))
}

/// How many messages are in which state
#[utoipa::path(get, path = "/v1/status", responses((status = OK, body = QueueStatus), RequestRefusal))]
async fn status(State(context): State<Arc<OperatorContext>>) -> JsonResult<QueueStatus> {
    answer(context.status().await.map_err(Failure::from))
}

/// A page of the dead letters that are asked for, the youngest first
#[utoipa::path(get, path = "/v1/dead", params(LetterQuery), responses((status = OK, body = LettersView), RequestRefusal))]
async fn letters(operator: OperatorClient, QueryOf(asked): QueryOf<LetterQuery>) -> JsonResult<LettersView> {
    answer(operator.letters(&asked).await)
}

/// One dead letter; null if there is none with this id
#[utoipa::path(get, path = "/v1/dead/{id}",
    params(("id" = String, Path, description = "The message's id", pattern = "^[!-~]{1,128}$"), BodyQuery),
    responses((status = OK, body = Option<LetterView>), RequestRefusal))]
async fn letter(
    operator: OperatorClient,
    PathOf(id): PathOf<String>,
    QueryOf(BodyQuery { bodies }): QueryOf<BodyQuery>,
) -> JsonResult<Option<LetterView>> {
    let letter = operator.letter(&id_of(id)?).await?;
    Ok(Json(if bodies { letter } else { letter.map(LetterView::without_body) }))
}

/// Puts dead letters back at the end of their users' lanes; gives how many of them there were
#[utoipa::path(post, path = "/v1/dead/retry", request_body = LetterIds,
    responses((status = OK, body = usize, content_type = "application/json"), RequestRefusal))]
async fn retry(operator: OperatorClient, BodyOf(ids): BodyOf<LetterIds>) -> JsonResult<usize> {
    answer(operator.revive(&ids.read()?).await)
}

/// Removes dead letters for good; gives how many of them there were
#[utoipa::path(post, path = "/v1/dead/drop", request_body = LetterIds,
    responses((status = OK, body = usize, content_type = "application/json"), RequestRefusal))]
async fn drop_letters(operator: OperatorClient, BodyOf(ids): BodyOf<LetterIds>) -> JsonResult<usize> {
    answer(operator.drop_letters(&ids.read()?).await)
}

/// Stops handling messages of a user, an account or everybody; running ones may end
#[utoipa::path(post, path = "/v1/pause", request_body = PauseRequest, responses((status = OK, body = (), content_type = "application/json"), RequestRefusal))]
async fn pause(operator: OperatorClient, BodyOf(order): BodyOf<PauseRequest>) -> JsonResult<()> {
    let (what, reason) = order.read()?;
    answer(operator.pause(&what, &reason).await)
}

/// Ends a pause; gives false if there was none
#[utoipa::path(post, path = "/v1/resume", request_body = Pausable, responses((status = OK, body = bool, content_type = "application/json"), RequestRefusal))]
async fn resume(operator: OperatorClient, BodyOf(what): BodyOf<Pausable>) -> JsonResult<bool> {
    answer(operator.resume(&what).await)
}

/// One user's messages that aren't at their end; null if there are none
#[utoipa::path(get, path = "/v1/lane", params(UserName), responses((status = OK, body = Option<LaneView>), RequestRefusal))]
async fn lane(operator: OperatorClient, QueryOf(asked): QueryOf<UserName>) -> JsonResult<Option<LaneView>> {
    answer(operator.lane(&asked.account, &asked.user).await)
}

/// What became of messages
#[utoipa::path(get, path = "/v1/trace", params(TraceQuery), responses((status = OK, body = TraceView), RequestRefusal))]
async fn trace(operator: OperatorClient, QueryOf(asked): QueryOf<TraceQuery>) -> JsonResult<TraceView> {
    answer(operator.trace(&asked).await)
}

/// Checks the queue for damage; changes nothing
#[utoipa::path(get, path = "/v1/audit", responses((status = OK, body = Violations), RequestRefusal))]
async fn audit(operator: OperatorClient) -> JsonResult<Violations> {
    answer(operator.audit().await)
}

/// What is kept of a user, besides what routes remember
#[utoipa::path(get, path = "/v1/user", params(UserName), responses((status = OK, body = KeptOfUser), RequestRefusal))]
async fn user(operator: OperatorClient, QueryOf(name): QueryOf<UserName>) -> JsonResult<KeptOfUser> {
    answer(operator.kept(&name).await)
}

/// Removes all that is kept of a user; messages that wait or are running end without an answer
#[utoipa::path(post, path = "/v1/forget", request_body = UserName,
    responses((status = OK, body = ForgottenOfUser), RequestRefusal))]
async fn forget(operator: OperatorClient, BodyOf(name): BodyOf<UserName>) -> JsonResult<ForgottenOfUser> {
    answer(operator.forget(&name).await)
}

/// Writes the store anew, so that its disk doesn't hold what was removed: a file at once, while everything else waits
#[utoipa::path(post, path = "/v1/compact", request_body = Nothing,
    responses((status = OK, body = CompactionView), RequestRefusal))]
async fn compact(
    operator: OperatorClient,
    BodyOf(Nothing {}): BodyOf<Nothing>,
) -> JsonResult<CompactionView> {
    answer(operator.compact().await)
}

/// Who has changed what, the youngest change first
#[utoipa::path(get, path = "/v1/changes", responses((status = OK, body = Changes), RequestRefusal))]
async fn changes(operator: OperatorClient) -> JsonResult<Changes> {
    answer(operator.changes().await)
}

/// This description
#[utoipa::path(get, path = "/v1/openapi.json", responses((status = OK, body = Object), RequestRefusal))]
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi_file())
}
