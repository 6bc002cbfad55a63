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
pub(super) struct Whose {
    account: Option<String>,
    user: String,
}

pub(super) async fn report(State(served): State<Served>) -> Json<Value> {
    let sandbox = &served.sandbox;
    let accounts = sandbox.accounts().iter().map(|account| {
        json!({
            "name": account.settings.name,
            "calls": *account.calls(),
            "media": account.media().kept(),
            "ip_list": account.ip_list().addresses(),
            "kf_accounts": *account.agents(),
        })
    });
    let accounts: Vec<Value> = accounts.collect();
    let standing: Vec<Value> = sandbox.faults().standing().iter().map(faults::shown).collect();
    Json(json!({
        "clock_ahead_s": sandbox.clock_ahead().as_secs_f64(),
        "accounts": accounts,
        "faults": standing,
        "newest": sandbox.transcript().newest(),
    }))
}

pub(super) async fn right(State(served): State<Served>, Query(whose): Query<Whose>) -> Response {
    match account_of(&served, whose.account.as_deref()) {
        Some(account) => {
            let right = served.sandbox.right(&account.settings.name, &whose.user);
            Json(right).into_response()
        }
        None => no_such_account(),
    }
}
