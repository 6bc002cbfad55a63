//! The two token endpoints. They differ in how they are asked and in what a repeated call gives; see
//! [`Tokens`](crate::tokens::Tokens) for the latter.

use std::net::IpAddr;

use axum::{
    body::Bytes,
    extract::{ConnectInfo, Query, State},
    http::Method,
    response::Response,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    body,
    call::{self, Call},
    json_answer,
    refusal::Refusal,
};
use crate::{Endpoint, OpenId, Sandbox, What, account::AccountState, served::Served, server::Link};

#[derive(Clone, Default, Deserialize)]
pub(super) struct Credentials {
    grant_type: Option<String>,
    appid: Option<String>,
    secret: Option<String>,
}

/// `GET /cgi-bin/token?grant_type=client_credential&appid=…&secret=…`
pub(super) async fn plain(
    State(served): State<Served>,
    ConnectInfo(link): ConnectInfo<Link>,
    Query(credentials): Query<Credentials>,
) -> Response {
    let (sandbox, peer) = (served.sandbox.clone(), link.peer.ip());
    call::answer(&served, &link, Plain { sandbox, credentials, peer }).await
}

/// `POST /cgi-bin/stable_token` with a JSON body
pub(super) async fn stable(
    State(served): State<Served>,
    ConnectInfo(link): ConnectInfo<Link>,
    method: Method,
    bytes: Bytes,
) -> Response {
    let (sandbox, peer) = (served.sandbox.clone(), link.peer.ip());
    let request = body::post_only(&method).and_then(|()| body::object(&bytes));
    call::answer(&served, &link, Stable { sandbox, request, peer }).await
}

#[derive(Clone)]
struct Plain {
    sandbox: Sandbox,
    credentials: Credentials,
    peer: IpAddr,
}

#[derive(Clone)]
struct Stable {
    sandbox: Sandbox,
    request: Result<Map<String, Value>, Refusal>,
    peer: IpAddr,
}

impl Call for Plain {
    fn endpoint(&self) -> Endpoint {
        Endpoint::Token
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn subject(&self) -> (String, OpenId) {
        self.credentials.subject(&self.sandbox)
    }

    fn judge(&self) -> Result<Response, Refusal> {
        let account = self.credentials.check(&self.sandbox, self.peer)?;
        call::spend(account, self.endpoint(), &self.sandbox)?;
        let issued = account.tokens().plain(self.sandbox.lifetimes(), self.sandbox.now());
        Ok(issue(account, issued))
    }

    fn refused(&self, _: &Refusal) -> Option<What> {
        None
    }
}

impl Call for Stable {
    fn endpoint(&self) -> Endpoint {
        Endpoint::StableToken
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn subject(&self) -> (String, OpenId) {
        let credentials = self.request.as_ref().map(Credentials::of).unwrap_or_default();
        credentials.subject(&self.sandbox)
    }

    fn judge(&self) -> Result<Response, Refusal> {
        let request = self.request.as_ref().map_err(Refusal::clone)?;
        let account = Credentials::of(request).check(&self.sandbox, self.peer)?;
        call::spend(account, self.endpoint(), &self.sandbox)?;
        let force = request.get("force_refresh").and_then(Value::as_bool).unwrap_or(false);
        if force {
            account.calls().forced += 1;
        }
        let issued = account.tokens().stable(self.sandbox.lifetimes(), force, self.sandbox.now());
        Ok(issue(account, issued))
    }

    fn refused(&self, _: &Refusal) -> Option<What> {
        None
    }
}

fn issue(account: &AccountState, (token, left): (String, u64)) -> Response {
    account.calls().issued += 1;
    json_answer(&json!({ "access_token": token, "expires_in": left }))
}

impl Credentials {
    fn of(request: &Map<String, Value>) -> Credentials {
        let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
        Credentials { grant_type: text("grant_type"), appid: text("appid"), secret: text("secret") }
    }

    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        let account = self.appid.as_deref().and_then(|id| by_app_id(sandbox, id));
        (account.map_or(String::new(), |account| account.settings.name.clone()), OpenId::from(""))
    }

    fn check<'a>(&self, sandbox: &'a Sandbox, peer: IpAddr) -> Result<&'a AccountState, Refusal> {
        if self.grant_type.as_deref() != Some("client_credential") {
            return Err(Refusal::new(40002));
        }
        let appid = self.appid.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| Refusal::new(41002))?;
        let secret =
            self.secret.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| Refusal::new(41004))?;
        let account = by_app_id(sandbox, appid).ok_or_else(|| Refusal::new(40013))?;
        if account.settings.app_secret != secret {
            return Err(Refusal::new(40125));
        }
        if account.ip_list().admits(peer) { Ok(account) } else { Err(Refusal::not_on_list(peer)) }
    }
}

fn by_app_id<'a>(sandbox: &'a Sandbox, appid: &str) -> Option<&'a AccountState> {
    sandbox.accounts().iter().find(|account| account.settings.app_id == appid)
}
