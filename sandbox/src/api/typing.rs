//! `POST /cgi-bin/message/custom/typing`: the indicator that the account is writing. It goes off by itself after 15 s and
//! with the next message.

use axum::{
    body::Bytes,
    extract::{ConnectInfo, Query, State},
    http::Method,
    response::Response,
};
use serde_json::Value;

use super::{
    body,
    call::{self, Call},
    message, ok,
    refusal::Refusal,
    send::Authority,
};
use crate::{Endpoint, OpenId, Sandbox, What, served::Served, server::Link};

pub(super) async fn typing(
    State(served): State<Served>,
    ConnectInfo(link): ConnectInfo<Link>,
    Query(authority): Query<Authority>,
    method: Method,
    bytes: Bytes,
) -> Response {
    let sandbox = served.sandbox.clone();
    call::answer(&served, &link, Typing { sandbox, token: authority.access_token, method, bytes }).await
}

#[derive(Clone)]
struct Typing {
    sandbox: Sandbox,
    token: Option<String>,
    method: Method,
    bytes: Bytes,
}

impl Call for Typing {
    fn endpoint(&self) -> Endpoint {
        Endpoint::Typing
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn subject(&self) -> (String, OpenId) {
        let account = body::account_of(&self.sandbox, self.token.as_deref());
        let request: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        (account, OpenId::from(request.get("touser").and_then(Value::as_str).unwrap_or_default()))
    }

    fn judge(&self) -> Result<Response, Refusal> {
        body::post_only(&self.method)?;
        let account = body::authorised(&self.sandbox, self.token.as_deref())?;
        call::spend(account, self.endpoint(), &self.sandbox)?;
        let request = body::object(&self.bytes)?;
        let user = message::addressee(&request)?;
        let on = match request.get("command").and_then(Value::as_str) {
            Some("Typing") => true,
            Some("CancelTyping") => false,
            _ => return Err(Refusal::new(45072)),
        };
        if on {
            account.users().type_on(user.as_str(), self.sandbox.now())?;
        } else {
            account.users().type_off(user.as_str())?;
        }
        self.sandbox.note(&account.settings.name, &user, What::Typing { on });
        Ok(ok())
    }
}
