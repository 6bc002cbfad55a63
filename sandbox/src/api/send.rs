//! `POST /cgi-bin/message/custom/send`: a message to a user, which becomes a line of the transcript.

use axum::{
    body::Bytes,
    extract::{ConnectInfo, Query, State},
    http::Method,
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    body,
    call::{self, Call},
    message, ok,
    refusal::Refusal,
};
use crate::{
    Endpoint, MediaKind, OpenId, Sandbox, What, account::AccountState, served::Served, server::Link,
};

/// The query of the calls that need a token.
#[derive(Deserialize)]
pub(super) struct Authority {
    pub(super) access_token: Option<String>,
}

pub(super) async fn send(
    State(served): State<Served>,
    ConnectInfo(link): ConnectInfo<Link>,
    Query(authority): Query<Authority>,
    method: Method,
    bytes: Bytes,
) -> Response {
    let sandbox = served.sandbox.clone();
    let attempt = sandbox.attempts().begin(&bytes);
    call::answer(&served, &link, Send { sandbox, token: authority.access_token, method, bytes, attempt })
        .await
}

#[derive(Clone)]
struct Send {
    sandbox: Sandbox,
    token: Option<String>,
    method: Method,
    bytes: Bytes,
    attempt: u32,
}

impl Send {
    fn message(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

impl Call for Send {
    fn endpoint(&self) -> Endpoint {
        Endpoint::Send
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn subject(&self) -> (String, OpenId) {
        let account = body::account_of(&self.sandbox, self.token.as_deref());
        let message = self.message();
        (account, OpenId::from(message.get("touser").and_then(Value::as_str).unwrap_or_default()))
    }

    fn judge(&self) -> Result<Response, Refusal> {
        body::post_only(&self.method)?;
        let account = body::authorised(&self.sandbox, self.token.as_deref())?;
        call::spend(account, self.endpoint(), &self.sandbox)?;
        let message = body::object(&self.bytes)?;
        let checked = message::check(&message)?;
        if checked.agent.as_ref().is_some_and(|agent| !account.agents().contains(agent)) {
            return Err(Refusal::new(61452));
        }
        if self.sandbox.config().enforce_media {
            for (id, wanted) in &checked.media {
                has_media(account, &self.sandbox, id, *wanted)?;
            }
        }
        let counted = account.users().send(checked.user.as_str(), self.sandbox.now())?;
        let name = &account.settings.name;
        if counted.was_typing {
            self.sandbox.note(name, &checked.user, What::Typing { on: false });
        }
        let sent = What::Sent {
            kind: checked.kind,
            text: checked.text,
            nth: counted.nth,
            attempt: self.attempt,
            message: Value::Object(message),
        };
        self.sandbox.note(name, &checked.user, sent);
        Ok(ok())
    }

    fn answered(&self) {
        self.sandbox.attempts().settle(&self.bytes);
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn refused(&self, refusal: &Refusal) -> Option<What> {
        let (code, reason) = (refusal.code, refusal.message.clone());
        Some(What::Refused { code, reason, attempt: self.attempt, message: self.message() })
    }
}

/// The account has this medium, and it is of the wanted kind. Where a small picture is wanted, any picture will do.
fn has_media(account: &AccountState, sandbox: &Sandbox, id: &str, wanted: MediaKind) -> Result<(), Refusal> {
    let kind = account.media().get(id, sandbox.now()).map(|media| media.kind);
    let kind = kind.ok_or_else(|| Refusal::new(40007))?;
    let fits = kind == wanted || (wanted == MediaKind::Thumb && kind == MediaKind::Image);
    if fits { Ok(()) } else { Err(Refusal::new(40121)) }
}
