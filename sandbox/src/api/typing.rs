//! `POST /cgi-bin/message/custom/typing`: the indicator that the account is writing. It goes off by itself after 15 s and
//! with the next message.

use axum::{body::Bytes, http::Method, response::Response};
use serde_json::Value;

use super::{
    body::{self, Bearer},
    call::{ApiCall, Caller},
    message, ok,
};
use crate::{Endpoint, OpenId, Sandbox, What};

pub(super) async fn typing(caller: Caller, bearer: Bearer, bytes: Bytes) -> Response {
    caller.answer(Endpoint::Typing, Typing { bearer, bytes }).await
}

#[derive(Clone)]
struct Typing {
    bearer: Bearer,
    bytes: Bytes,
}

impl ApiCall for Typing {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        (self.bearer.account_of(sandbox), body::user_of(&self.bytes))
    }

    fn body(&self) -> &[u8] {
        &self.bytes
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        let account = self.bearer.admit(caller, &Method::POST, endpoint)?;
        let request = body::object(&self.bytes)?;
        let user = message::addressee(&request)?;
        let on = match request.get("command").and_then(Value::as_str) {
            Some("Typing") => true,
            Some("CancelTyping") => false,
            _ => return Err(45072),
        };
        if on {
            account.users.lock().type_on(user.as_str(), caller.sandbox().now())?;
        } else {
            account.users.lock().type_off(user.as_str())?;
        }
        caller.sandbox().note(&account.settings.name, &user, What::Typing { on });
        Ok(ok())
    }
}
