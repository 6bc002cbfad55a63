//! The two token endpoints. They differ in how they are asked and in what a repeated call gives; see
//! [`Tokens`](crate::tokens::Tokens) for the latter.

use axum::{
    body::Bytes,
    extract::{ConnectInfo, Query, State},
    http::Method,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{body, json_answer, refusal::Refusal, trouble};
use crate::{
    OpenId, Sandbox, What,
    account::AccountState,
    server::{CutSwitch, Served},
};

#[derive(Deserialize)]
pub(super) struct Credentials {
    grant_type: Option<String>,
    appid: Option<String>,
    secret: Option<String>,
}

/// `GET /cgi-bin/token?grant_type=client_credential&appid=…&secret=…`
pub(super) async fn plain(
    State(served): State<Served>,
    ConnectInfo(cut): ConnectInfo<CutSwitch>,
    Query(credentials): Query<Credentials>,
) -> Response {
    let sandbox = served.sandbox.clone();
    answer(&served, &cut, move || {
        let account = credentials.check(&sandbox)?;
        Ok(account.tokens().plain(sandbox.lifetimes()))
    })
    .await
}

/// `POST /cgi-bin/stable_token` with a JSON body
pub(super) async fn stable(
    State(served): State<Served>,
    ConnectInfo(cut): ConnectInfo<CutSwitch>,
    method: Method,
    bytes: Bytes,
) -> Response {
    let sandbox = served.sandbox.clone();
    answer(&served, &cut, move || {
        body::post_only(&method)?;
        let request = body::object(&bytes)?;
        let account = Credentials::of(&request).check(&sandbox)?;
        let force = request.get("force_refresh").and_then(Value::as_bool).unwrap_or(false);
        Ok(account.tokens().stable(sandbox.lifetimes(), force))
    })
    .await
}

async fn answer(
    served: &Served,
    cut: &CutSwitch,
    issue: impl FnOnce() -> Result<(String, u64), Refusal> + Send + 'static,
) -> Response {
    let fault = served.sandbox.faults().take_token();
    if let Some(fault) = &fault {
        let what = What::Faulted { on: "token", fault: format!("{fault:?}") };
        served.sandbox.note("", &OpenId::from(""), what);
    }
    let handle = async move {
        match issue() {
            Ok((token, left)) => json_answer(&json!({ "access_token": token, "expires_in": left })),
            Err(refusal) => refusal.into_response(),
        }
    };
    trouble::meet(fault, &served.stopping, cut, handle, IntoResponse::into_response).await
}

impl Credentials {
    fn of(request: &Map<String, Value>) -> Credentials {
        let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
        Credentials { grant_type: text("grant_type"), appid: text("appid"), secret: text("secret") }
    }

    fn check<'a>(&self, sandbox: &'a Sandbox) -> Result<&'a AccountState, Refusal> {
        if self.grant_type.as_deref() != Some("client_credential") {
            return Err(Refusal::new(40002));
        }
        let appid = self.appid.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| Refusal::new(41002))?;
        let secret =
            self.secret.as_deref().filter(|text| !text.is_empty()).ok_or_else(|| Refusal::new(41004))?;
        let mut accounts = sandbox.accounts().iter();
        let account = accounts.find(|account| account.settings.app_id == appid);
        let account = account.ok_or_else(|| Refusal::new(40013))?;
        if account.settings.app_secret == secret { Ok(account) } else { Err(Refusal::new(40125)) }
    }
}
