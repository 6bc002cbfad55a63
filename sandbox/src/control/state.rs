//! How a conversation stands, in one answer; and the worker's end, in the middle of its work.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::json;

use super::{Handled, JsonBody, Strict, account_of, faults, refuse, report::UserQuery};
use crate::{UserCounts, clock, served::Served};

#[derive(Deserialize)]
pub(super) struct TurnWorker {
    r#do: WorkerTurn,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WorkerTurn {
    Kill,
}

pub(super) async fn state(State(served): State<Served>, Query(whose): Query<UserQuery>) -> Handled<JsonBody> {
    let (sandbox, name) = (&served.sandbox, account_of(&served, whose.account.as_deref())?);
    let (counts, pauses) = match sandbox.backstage() {
        Some(backstage) => (backstage.counts(name, &whose.user).await, backstage.pauses().await),
        None => (None, Vec::new()),
    };
    let count = |of: fn(UserCounts) -> usize| counts.map(of);
    let (right, now) = (sandbox.right(name, &whose.user), sandbox.now());
    let account = sandbox
        .account(name)
        .ok_or_else(|| refuse(StatusCode::NOT_FOUND, "the sandbox has no such account"))?;
    let tokens = account.tokens.lock().lasts(now).map(|left| left.as_secs_f64());
    let issued = account.calls.lock().issued;
    let may_send = account.rules.lock().may_send;
    let (unanswered, stopped) = account.unanswered.lock().state(now);
    Ok(Json(json!({
        "right": right,
        "may_send": may_send,
        "open": count(|all| all.open),
        "held": count(|all| all.held),
        "dead": count(|all| all.dead),
        "tokens": { "issued": issued, "expires_in_s": tokens },
        "faults": faults::standing(sandbox.faults()),
        "clock_ahead_s": sandbox.clock_ahead().as_secs_f64(),
        "pauses": pauses,
        "mark_fail": { "unanswered": unanswered, "stopped_until_ms": stopped.map(clock::unix_ms_in) },
    })))
}

pub(super) async fn worker(State(served): State<Served>, Strict(turn): Strict<TurnWorker>) -> Handled {
    let hidden = || {
        refuse(
            StatusCode::NOT_FOUND,
            "the worker runs elsewhere: only `huixin dev` has it beside the sandbox",
        )
    };
    let backstage = served.sandbox.backstage().ok_or_else(hidden)?;
    match turn.r#do {
        WorkerTurn::Kill => backstage.kill_worker(),
    }
    Ok(StatusCode::NO_CONTENT)
}
