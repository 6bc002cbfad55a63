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

use super::{Handled, JsonBody, Strict, account_of, refuse};
use crate::{AccountRules, CallLimit, Elsewhere, Endpoint, MarkFail, Opener, SendWindow, served::Served};

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
pub(super) struct ChangeRules {
    account: Option<String>,
    may_send: Option<bool>,
    menu_ids: Option<bool>,
    extra_try: Option<f64>,
    mark_fail: Option<MarkFailChange>,
}

/// `false` switches it off, `true` puts the defaults back.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum MarkFailChange {
    On(bool),
    To(MarkFail),
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

pub(super) async fn clock(State(served): State<Served>, Strict(by): Strict<MoveClock>) -> Handled<JsonBody> {
    served.sandbox.move_clock(duration(by.seconds)?);
    Ok(Json(json!({ "ahead_s": served.sandbox.clock_ahead().as_secs_f64() })))
}

pub(super) async fn tokens(
    State(served): State<Served>,
    Strict(turn): Strict<TurnTokens>,
) -> Handled<Response> {
    let (sandbox, name) = (&served.sandbox, account_of(&served, turn.account.as_deref())?);
    let token = match turn.r#do {
        TokenTurn::Expire => {
            sandbox.expire_token(name);
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        TokenTurn::Revoke => {
            sandbox.revoke_token(name);
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        TokenTurn::Plain => sandbox.fetch_token_elsewhere(name, Elsewhere::Plain),
        TokenTurn::Stable => sandbox.fetch_token_elsewhere(name, Elsewhere::Stable),
        TokenTurn::Forced => sandbox.fetch_token_elsewhere(name, Elsewhere::Forced),
    };
    let over = || refuse(StatusCode::TOO_MANY_REQUESTS, "the account's limit of token calls is reached");
    Ok(Json(json!({ "access_token": token.ok_or_else(over)? })).into_response())
}

pub(super) async fn limits(State(served): State<Served>, Strict(set): Strict<SetLimit>) -> Handled {
    let name = account_of(&served, set.account.as_deref())?;
    let limit = CallLimit { per_minute: set.per_minute, per_day: set.per_day };
    served.sandbox.set_limit(name, set.on, limit);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn windows(State(served): State<Served>, Strict(set): Strict<SetWindow>) -> Handled {
    let name = account_of(&served, set.account.as_deref())?;
    let window = SendWindow { sends: set.sends, lasts: duration(set.seconds)? };
    served.sandbox.set_window(name, set.after, window);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn rules(State(served): State<Served>, Strict(change): Strict<ChangeRules>) -> Handled {
    let name = account_of(&served, change.account.as_deref())?;
    if change.extra_try.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(refuse(StatusCode::BAD_REQUEST, "`extra_try` is a share from 0 to 1"));
    }
    let rules = served.sandbox.rules(name).unwrap_or_default();
    let rules = AccountRules {
        may_send: change.may_send.unwrap_or(rules.may_send),
        menu_ids: change.menu_ids.unwrap_or(rules.menu_ids),
        extra_try: change.extra_try.unwrap_or(rules.extra_try),
        mark_fail: match change.mark_fail {
            None => rules.mark_fail,
            Some(MarkFailChange::On(on)) => on.then(MarkFail::default),
            Some(MarkFailChange::To(other)) => Some(other),
        },
    };
    served.sandbox.set_rules(name, rules);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn ip_list(State(served): State<Served>, Strict(set): Strict<SetIpList>) -> Handled {
    let name = account_of(&served, set.account.as_deref())?;
    match set.allow {
        Some(address) => served.sandbox.allow_ip(name, address),
        None => served.sandbox.set_ip_list(name, set.addresses),
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn kf_accounts(State(served): State<Served>, Strict(add): Strict<AddKfAccount>) -> Handled {
    served.sandbox.add_kf_account(account_of(&served, add.account.as_deref())?, &add.kf_account);
    Ok(StatusCode::NO_CONTENT)
}

fn duration(seconds: f64) -> Handled<Duration> {
    let duration = Duration::try_from_secs_f64(seconds);
    duration.map_err(|_| refuse(StatusCode::BAD_REQUEST, "`seconds` must be a number from 0 up"))
}
