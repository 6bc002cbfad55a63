//! `POST /cgi-bin/message/custom/send`: a message to a user, which becomes a line of the transcript.

use axum::{
    body::Bytes,
    extract::{ConnectInfo, Query, State},
    http::Method,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;

use super::{body, message, ok, refusal::Refusal, trouble};
use crate::{
    OpenId, Sandbox, What,
    server::{CutSwitch, Served},
};

/// The query of the calls that need a token.
#[derive(Deserialize)]
pub(super) struct Authority {
    pub(super) access_token: Option<String>,
}

pub(super) async fn send(
    State(served): State<Served>,
    ConnectInfo(cut): ConnectInfo<CutSwitch>,
    Query(authority): Query<Authority>,
    method: Method,
    bytes: Bytes,
) -> Response {
    let call = Call { sandbox: served.sandbox.clone(), token: authority.access_token, method, bytes };
    let fault = served.sandbox.faults().take_send();
    if let Some(fault) = &fault {
        let (account, user, _) = call.subject();
        served.sandbox.note(&account, &user, What::Faulted { on: "send", fault: format!("{fault:?}") });
    }
    let handled = call.clone();
    let handle = async move { handled.judge().map_or_else(|refusal| handled.refuse(refusal), |()| ok()) };
    trouble::meet(fault, &served.stopping, &cut, handle, |refusal| call.refuse(refusal)).await
}

#[derive(Clone)]
struct Call {
    sandbox: Sandbox,
    token: Option<String>,
    method: Method,
    bytes: Bytes,
}

impl Call {
    /// All checks; when they pass, the message is in the transcript.
    fn judge(&self) -> Result<(), Refusal> {
        body::post_only(&self.method)?;
        let account = body::authorised(&self.sandbox, self.token.as_deref())?;
        let message = body::object(&self.bytes)?;
        let checked = message::check(&message)?;
        let was_typing = account.users().send(checked.user.as_str())?;
        let name = &account.settings.name;
        if was_typing {
            self.sandbox.note(name, &checked.user, What::Typing { on: false });
        }
        let sent = What::Sent { message: Value::Object(message), text: checked.text };
        self.sandbox.note(name, &checked.user, sent);
        Ok(())
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        let (account, user, message) = self.subject();
        let what = What::Refused { code: refusal.code, reason: refusal.message.clone(), message };
        self.sandbox.note(&account, &user, what);
        refusal.into_response()
    }

    /// The account, user and message, as far as they can be read, for the lines that say that something went wrong.
    fn subject(&self) -> (String, OpenId, Value) {
        let account = body::authorised(&self.sandbox, self.token.as_deref());
        let account = account.map_or(String::new(), |known| known.settings.name.clone());
        let message: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let user = OpenId::from(message.get("touser").and_then(Value::as_str).unwrap_or_default());
        (account, user, message)
    }
}
