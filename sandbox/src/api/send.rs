//! `POST /cgi-bin/message/custom/send`: a message to a user, which becomes a line of the transcript.

use axum::{body::Bytes, http::Method, response::Response};
use serde_json::Value;

use super::{
    body::{self, Bearer},
    call::{ApiCall, Caller},
    message, ok,
};
use crate::{Endpoint, OpenId, Sandbox, What};

pub(super) async fn send(caller: Caller, bearer: Bearer, bytes: Bytes) -> Response {
    let attempt = caller.sandbox().attempts().begin(&bytes);
    caller.answer(Endpoint::Send, Send { bearer, bytes, attempt }).await
}

#[derive(Clone)]
struct Send {
    bearer: Bearer,
    bytes: Bytes,
    attempt: u32,
}

impl ApiCall for Send {
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId) {
        (self.bearer.account_of(sandbox), body::user_of(&self.bytes))
    }

    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64> {
        let account = self.bearer.admit(caller, &Method::POST, endpoint)?;
        let sandbox = caller.sandbox();
        let message = body::object(&self.bytes)?;
        let checked = message::check(&message)?;
        if checked.agent.as_ref().is_some_and(|agent| !account.agents.lock().contains(agent)) {
            return Err(61452);
        }
        if sandbox.config().enforce_media {
            for (id, wanted) in &checked.media {
                account.has_media(id, *wanted, sandbox.now())?;
            }
        }
        let counted = account.users.lock().send(checked.user.as_str(), sandbox.now())?;
        let name = &account.settings.name;
        if counted.was_typing {
            sandbox.note(name, &checked.user, What::Typing { on: false });
        }
        let sent = What::Sent {
            kind: checked.kind,
            text: checked.text,
            nth: counted.nth,
            attempt: self.attempt,
            message: Value::Object(message),
            answers: counted.answers,
        };
        sandbox.note(name, &checked.user, sent);
        Ok(ok())
    }

    fn answered(&self, sandbox: &Sandbox) {
        sandbox.attempts().settle(&self.bytes);
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn body(&self) -> &[u8] {
        &self.bytes
    }

    fn refused(&self, _: &'static str, code: i64, reason: String, answers: Option<String>) -> Option<What> {
        let message = serde_json::from_slice(&self.bytes).unwrap_or_default();
        Some(What::Refused { code, reason, attempt: self.attempt, message, answers })
    }
}
