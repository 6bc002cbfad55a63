//! The requests that are there for the operations page. What commands ask too is in [`super::routes`].

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{Accounts, ConfiguredView};
use super::charts::ChartsView;
use super::context::OperatorContext;
use super::processes::Processes;
use super::refusal::RequestRefusal;
use crate::report::Failure;

type ContextOf = State<Arc<OperatorContext>>;
type Answer<T> = Result<Json<T>, RequestRefusal>;

pub(super) fn page_routes() -> OpenApiRouter<Arc<OperatorContext>> {
    OpenApiRouter::new()
        .routes(routes!(processes))
        .routes(routes!(charts))
        .routes(routes!(accounts))
        .routes(routes!(config))
}

/// The processes that use the queue, and what they do now
#[utoipa::path(get, path = "/v1/processes", responses((status = OK, body = Processes), RequestRefusal))]
async fn processes(State(context): ContextOf) -> Answer<Arc<Processes>> {
    Ok(Json(context.processes().await.map_err(Failure::from)?))
}

/// The last hour of all processes, in steps of half a minute
#[utoipa::path(get, path = "/v1/charts", responses((status = OK, body = ChartsView), RequestRefusal))]
async fn charts(State(context): ContextOf) -> Answer<Arc<ChartsView>> {
    Ok(Json(context.charts().await.map_err(Failure::from)?))
}

/// The accounts: what waits for them, and what stops them
#[utoipa::path(get, path = "/v1/accounts", responses((status = OK, body = Accounts), RequestRefusal))]
async fn accounts(State(context): ContextOf) -> Answer<Accounts> {
    Ok(Json(context.accounts().await.map_err(Failure::from)?))
}

/// The configuration of this process, without its secrets
#[utoipa::path(get, path = "/v1/config", responses((status = OK, body = ConfiguredView), RequestRefusal))]
async fn config(State(context): ContextOf) -> Json<ConfiguredView> {
    Json(context.configured.clone())
}
