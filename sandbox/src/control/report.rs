//! How things stand: what a test asserts at its end, and a person looks at who wonders.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{account_of, faults, no_such_account};
use crate::served::Served;

#[derive(Deserialize)]
pub(super) struct UserQuery {
    account: Option<String>,
    user: String,
}

pub(super) async fn report(State(served): State<Served>) -> Json<Value> {
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
    let accounts: Vec<Value> = accounts.collect();
    let active: Vec<Value> = sandbox.faults().active().iter().map(faults::shown).collect();
    Json(json!({
        "clock_ahead_s": sandbox.clock_ahead().as_secs_f64(),
        "accounts": accounts,
        "faults": active,
        "newest": sandbox.transcript().newest(),
    }))
}

pub(super) async fn right(State(served): State<Served>, Query(whose): Query<UserQuery>) -> Response {
    match account_of(&served, whose.account.as_deref()) {
        Some(account) => {
            let right = served.sandbox.right(&account.settings.name, &whose.user);
            Json(right).into_response()
        }
        None => no_such_account(),
    }
}
