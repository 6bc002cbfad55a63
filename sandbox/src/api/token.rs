//! The two token endpoints. They differ in how they are asked and in what a repeated call gives; see
//! [`Tokens`](crate::tokens::Tokens) for the latter.

use axum::{body::Bytes, extract::Query, http::Method, response::Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    body,
    call::{ApiCall, Caller},
    json_answer,
};
use crate::{Endpoint, OpenId, Sandbox, What, account::AccountState};

#[derive(Clone, Deserialize)]
pub(super) struct Credentials {
    grant_type: Option<String>,
    appid: Option<String>,
    secret: Option<String>,
}

/// `GET /cgi-bin/token?grant_type=client_credential&appid=…&secret=…`
pub(super) async fn plain(caller: Caller, Query(credentials): Query<Credentials>) -> Response {
    caller.answer(Endpoint::Token, TokenCall { credentials: Ok(credentials), force: false }).await
}

/// `POST /cgi-bin/stable_token` with a JSON body
pub(super) async fn stable(caller: Caller, method: Method, bytes: Bytes) -> Response {
    let request = if method == Method::POST { body::object(&bytes) } else { Err(43002) };
    let force =
        request.as_ref().is_ok_and(|request| request.get("force_refresh") == Some(&Value::Bool(true)));
    let credentials = request.map(|request| Credentials::of(&request));
    caller.answer(Endpoint::StableToken, TokenCall { credentials, force }).await
}

#[derive(Clone)]
struct TokenCall {
    /// What it says, if it can be read.
    credentials: Result<Credentials, i64>,
    force: bool,
}

impl ApiCall for TokenCall {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        let id = self.credentials.as_ref().ok().and_then(|credentials| credentials.appid.as_deref());
        let account = id.and_then(|id| by_app_id(sandbox, id));
        (account.map_or(String::new(), |account| account.settings.name.clone()), OpenId::from(""))
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        let account = self.credentials.clone()?.check(caller)?;
        caller.spend(account, endpoint)?;
        let now = caller.sandbox().now();
        let (token, left) = match endpoint {
            Endpoint::Token => account.tokens.lock().plain(now),
            _ => account.tokens.lock().stable(self.force, now),
        };
        let mut calls = account.calls.lock();
        calls.forced += u64::from(self.force);
        calls.issued += 1;
        Ok(json_answer(&json!({ "access_token": token, "expires_in": left })))
    }

    fn refused(&self, _: &'static str, _: i64, _: String, _: Option<String>) -> Option<What> {
        None
    }
}

impl Credentials {
    fn of(request: &Map<String, Value>) -> Credentials {
        let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
        Credentials { grant_type: text("grant_type"), appid: text("appid"), secret: text("secret") }
    }

    fn check(self, caller: &Caller) -> Result<&AccountState, i64> {
        if self.grant_type.as_deref() != Some("client_credential") {
            return Err(40002);
        }
        owner(caller, self.appid.as_deref(), self.secret.as_deref())
    }
}

/// The account that has this AppID and this AppSecret, if the caller's address may ask for it.
pub(super) fn owner<'a>(
    caller: &'a Caller,
    app_id: Option<&str>,
    secret: Option<&str>,
) -> Result<&'a AccountState, i64> {
    let app_id = app_id.filter(|id| !id.is_empty()).ok_or(41002)?;
    let secret = secret.filter(|text| !text.is_empty()).ok_or(41004)?;
    let account = by_app_id(caller.sandbox(), app_id).ok_or(40013)?;
    if account.settings.app_secret != secret {
        return Err(40125);
    }
    if account.ip_list.lock().admits(caller.link.peer.ip()) { Ok(account) } else { Err(40164) }
}

pub(super) fn by_app_id<'a>(sandbox: &'a Sandbox, appid: &str) -> Option<&'a AccountState> {
    sandbox.accounts().iter().find(|account| account.settings.app_id == appid)
}
