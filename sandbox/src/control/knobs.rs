//! What a test turns on an account, over HTTP: the calls of [`Sandbox`](crate::Sandbox) by the same names.

use std::{net::IpAddr, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Strict, account_of, no_such_account, refuse};
use crate::{Elsewhere, Endpoint, Limit, Opener, Window, served::Served};

#[derive(Deserialize)]
pub(super) struct MoveClock {
    seconds: f64,
}

#[derive(Deserialize)]
pub(super) struct TurnTokens {
    account: Option<String>,
    r#do: TokenTurn,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenTurn {
    Expire,
    Revoke,
    Plain,
    Stable,
    Forced,
}

#[derive(Deserialize)]
pub(super) struct SetLimit {
    account: Option<String>,
    on: Endpoint,
    per_minute: Option<u32>,
    per_day: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct SetWindow {
    account: Option<String>,
    after: Opener,
    sends: u32,
    seconds: f64,
}

#[derive(Deserialize)]
pub(super) struct SetIpList {
    account: Option<String>,
    addresses: Option<Vec<IpAddr>>,
    allow: Option<IpAddr>,
}

#[derive(Deserialize)]
pub(super) struct AddKfAccount {
    account: Option<String>,
    kf_account: String,
}

pub(super) async fn clock(State(served): State<Served>, Strict(by): Strict<MoveClock>) -> Response {
    let Ok(by) = Duration::try_from_secs_f64(by.seconds) else { return not_a_time() };
    served.sandbox.move_clock(by);
    Json(json!({ "ahead_s": served.sandbox.clock_ahead().as_secs_f64() })).into_response()
}

pub(super) async fn tokens(State(served): State<Served>, Strict(turn): Strict<TurnTokens>) -> Response {
    with_account(&served, turn.account.as_deref(), |name| {
        let how = match turn.r#do {
            TokenTurn::Expire => {
                served.sandbox.expire_token(name);
                return done();
            }
            TokenTurn::Revoke => {
                served.sandbox.revoke_token(name);
                return done();
            }
            TokenTurn::Plain => Elsewhere::Plain,
            TokenTurn::Stable => Elsewhere::Stable,
            TokenTurn::Forced => Elsewhere::Forced,
        };
        match served.sandbox.fetch_token_elsewhere(name, how) {
            Some(token) => Json(json!({ "access_token": token })).into_response(),
            None => refuse(StatusCode::TOO_MANY_REQUESTS, "the account's limit of token calls is reached"),
        }
    })
}

pub(super) async fn limits(State(served): State<Served>, Strict(set): Strict<SetLimit>) -> Response {
    with_account(&served, set.account.as_deref(), |name| {
        let limit = Limit { per_minute: set.per_minute, per_day: set.per_day };
        served.sandbox.set_limit(name, set.on, limit);
        done()
    })
}

pub(super) async fn windows(State(served): State<Served>, Strict(set): Strict<SetWindow>) -> Response {
    with_account(&served, set.account.as_deref(), |name| {
        let Ok(lasts) = Duration::try_from_secs_f64(set.seconds) else { return not_a_time() };
        served.sandbox.set_window(name, set.after, Window { sends: set.sends, lasts });
        done()
    })
}

pub(super) async fn ip_list(State(served): State<Served>, Strict(set): Strict<SetIpList>) -> Response {
    with_account(&served, set.account.as_deref(), |name| {
        match set.allow {
            Some(address) => served.sandbox.allow_ip(name, address),
            None => served.sandbox.set_ip_list(name, set.addresses),
        }
        done()
    })
}

pub(super) async fn kf_accounts(State(served): State<Served>, Strict(add): Strict<AddKfAccount>) -> Response {
    with_account(&served, add.account.as_deref(), |name| {
        served.sandbox.add_kf_account(name, &add.kf_account);
        done()
    })
}

fn with_account(served: &Served, name: Option<&str>, act: impl FnOnce(&str) -> Response) -> Response {
    match account_of(served, name) {
        Some(account) => act(&account.settings.name),
        None => no_such_account(),
    }
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn not_a_time() -> Response {
    refuse(StatusCode::BAD_REQUEST, "`seconds` is a number from 0 on")
}
