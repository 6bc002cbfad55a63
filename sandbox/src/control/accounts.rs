//! `GET /sandbox/accounts`: what the page needs to know before anything has happened.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::served::Served;

pub(super) async fn accounts(State(served): State<Served>) -> Json<Value> {
    let sandbox = &served.sandbox;
    let config = sandbox.config();
    let accounts = sandbox.accounts().iter().map(|account| {
        let settings = &account.settings;
        json!({
            "name": settings.name,
            "app_id": settings.app_id,
            "original_id": settings.original_id,
            "push_url": account.push_url.lock().clone().map(String::from),
        })
    });
    let accounts: Vec<Value> = accounts.collect();
    Json(json!({
        "accounts": accounts,
        "users": config.users,
        "menu": config.menu,
        "examples": config.examples,
        "newest": sandbox.transcript().newest(),
    }))
}
