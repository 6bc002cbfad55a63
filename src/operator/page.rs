//! The requests that are there for the operations page. What commands ask too is in [`super::routes`](mod@super::routes).

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{Accounts, ConfiguredView};
use super::causes::{CausesQuery, DeathCauses};
use super::change::{self, AdminCaller};
use super::charts::ChartsView;
use super::context::OperatorContext;
use super::matching::{LetterAction, MatchingDone, MatchingLetters, act};
use super::processes::Processes;
use super::refusal::{BodyOf, JsonResult, PathOf, QueryOf, RequestRefusal};
use super::request::{Pausable, class_of, id_of};
use super::view::LetterView;
use crate::report::Failure;

type ContextOf = State<Arc<OperatorContext>>;

/// What a user wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct LetterText {
    /// The push as it came, at most 64 KiB; what isn't UTF-8 is replaced.
    body: String,
}

pub(super) fn page_routes() -> OpenApiRouter<Arc<OperatorContext>> {
    OpenApiRouter::new()
        .routes(routes!(processes))
        .routes(routes!(charts))
        .routes(routes!(accounts))
        .routes(routes!(config))
        .routes(routes!(causes))
        .routes(routes!(retry_matching))
        .routes(routes!(drop_matching))
        .routes(routes!(text))
}

/// The processes that use the queue, and what they do now
#[utoipa::path(get, path = "/v1/processes", responses((status = OK, body = Processes), RequestRefusal))]
async fn processes(State(context): ContextOf) -> JsonResult<Arc<Processes>> {
    Ok(Json(context.processes().await.map_err(Failure::from)?))
}

/// The last hour of all processes, in steps of half a minute
#[utoipa::path(get, path = "/v1/charts", responses((status = OK, body = ChartsView), RequestRefusal))]
async fn charts(State(context): ContextOf) -> JsonResult<Arc<ChartsView>> {
    Ok(Json(context.charts().await.map_err(Failure::from)?))
}

/// The accounts: what waits for them, and what stops them
#[utoipa::path(get, path = "/v1/accounts", responses((status = OK, body = Accounts), RequestRefusal))]
async fn accounts(State(context): ContextOf) -> JsonResult<Accounts> {
    Ok(Json(context.accounts().await.map_err(Failure::from)?))
}

/// The configuration of this process, without its secrets
#[utoipa::path(get, path = "/v1/config", responses((status = OK, body = ConfiguredView), RequestRefusal))]
async fn config(State(context): ContextOf) -> Json<ConfiguredView> {
    Json(context.configured.clone())
}

/// What messages died of, the most frequent cause first
#[utoipa::path(get, path = "/v1/dead/causes", params(CausesQuery),
    responses((status = OK, body = DeathCauses), RequestRefusal))]
async fn causes(
    State(context): ContextOf,
    QueryOf(CausesQuery { account }): QueryOf<CausesQuery>,
) -> JsonResult<DeathCauses> {
    account.as_deref().map(class_of).transpose()?;
    Ok(Json(context.causes(account.as_deref()).await.map_err(Failure::from)?))
}

/// Puts dead letters that match back at the end of their users' lanes: a slice of them, again and again until `next` is null
#[utoipa::path(post, path = "/v1/dead/retry-matching", request_body = MatchingLetters,
    responses((status = OK, body = MatchingDone), RequestRefusal))]
async fn retry_matching(
    State(context): ContextOf,
    Extension(caller): Extension<AdminCaller>,
    BodyOf(asked): BodyOf<MatchingLetters>,
) -> JsonResult<MatchingDone> {
    Ok(Json(act(&*context.queue, &caller, LetterAction::Retry, asked).await?))
}

/// Removes dead letters that match for good: a slice of them, again and again until `next` is null
#[utoipa::path(post, path = "/v1/dead/drop-matching", request_body = MatchingLetters,
    responses((status = OK, body = MatchingDone), RequestRefusal))]
async fn drop_matching(
    State(context): ContextOf,
    Extension(caller): Extension<AdminCaller>,
    BodyOf(asked): BodyOf<MatchingLetters>,
) -> JsonResult<MatchingDone> {
    Ok(Json(act(&*context.queue, &caller, LetterAction::Drop, asked).await?))
}

/// What the user of a dead letter wrote; null if there is none with this id. `/v1/changes` says who has asked
#[utoipa::path(get, path = "/v1/dead/{id}/text",
    params(("id" = String, Path, description = "The message's id", pattern = "^[!-~]{1,128}$")),
    responses((status = OK, body = Option<LetterText>), RequestRefusal))]
async fn text(
    State(context): ContextOf,
    Extension(caller): Extension<AdminCaller>,
    PathOf(id): PathOf<String>,
) -> JsonResult<Option<LetterText>> {
    let letter = context.queue.dead_letter(&id_of(id)?).await.map_err(Failure::from)?;
    let Some(letter) = letter.as_ref().map(LetterView::of) else { return Ok(Json(None)) };
    let user = Some(letter.user).filter(|user| !user.is_empty());
    let whose = Pausable { account: Some(letter.account), user };
    change::note_read(&*context.queue, &caller, &whose).await;
    Ok(Json(letter.body.map(|body| LetterText { body })))
}
