//! How things stand: for a test to assert at its end, and for people who wonder.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Handled, JsonBody, account_of, faults};
use crate::{RightState, served::Served};

#[derive(Deserialize)]
pub(super) struct UserQuery {
    pub(super) account: Option<String>,
    pub(super) user: String,
}

pub(super) async fn report(State(served): State<Served>) -> JsonBody {
    let sandbox = &served.sandbox;
    let accounts = sandbox.accounts().iter().map(|account| {
        json!({
            "name": account.settings.name,
            "calls": *account.calls.lock(),
            "media": account.media.lock().kept(),
            "ip_list": account.ip_list.lock().addresses(),
            "kf_accounts": *account.agents.lock(),
        })
    });
    Json(json!({
        "clock_ahead_s": sandbox.clock_ahead().as_secs_f64(),
        "accounts": accounts.collect::<Vec<Value>>(),
        "faults": faults::standing(sandbox.faults()),
        "newest": sandbox.transcript().newest(),
    }))
}

pub(super) async fn right(
    State(served): State<Served>,
    Query(whose): Query<UserQuery>,
) -> Handled<Json<Option<RightState>>> {
    let account = account_of(&served, whose.account.as_deref())?;
    Ok(Json(served.sandbox.right(account, &whose.user)))
}

/// What the page needs to know before anything has happened.
pub(super) async fn accounts(State(served): State<Served>) -> JsonBody {
    let sandbox = &served.sandbox;
    let config = sandbox.config();
    let accounts = sandbox.accounts().iter().map(|account| {
        let settings = &account.settings;
        json!({
            "name": settings.name,
            "app_id": settings.app_id,
            "original_id": settings.original_id,
            "push_url": account.push_url.lock().clone().map(String::from),
            "mode": settings.mode,
            "answer_by": settings.answer_by,
            "may_send": account.rules.lock().may_send,
            "menu": account.menu.lock().get(),
        })
    });
    Json(json!({
        "accounts": accounts.collect::<Vec<Value>>(),
        "users": config.users,
        "examples": config.examples,
        "inside": sandbox.backstage().is_some(),
        "may_kill_worker": sandbox.backstage().is_some(),
        "newest": sandbox.transcript().newest(),
    }))
}
