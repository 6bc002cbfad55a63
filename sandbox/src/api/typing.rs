//! `POST /cgi-bin/message/custom/typing`: the indicator that the account is writing. It goes off by itself after 15 s and
//! with the next message.

use axum::{
    body::Bytes,
    extract::{Query, State},
    http::Method,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{body, message, ok, refusal::Refusal, send::Authority};
use crate::{Sandbox, What, server::Served};

pub(super) async fn typing(
    State(served): State<Served>,
    Query(authority): Query<Authority>,
    method: Method,
    bytes: Bytes,
) -> Response {
    match judge(&served.sandbox, authority.access_token.as_deref(), &method, &bytes) {
        Ok(()) => ok(),
        Err(refusal) => refusal.into_response(),
    }
}

fn judge(sandbox: &Sandbox, token: Option<&str>, method: &Method, bytes: &[u8]) -> Result<(), Refusal> {
    body::post_only(method)?;
    let account = body::authorised(sandbox, token)?;
    let request = body::object(bytes)?;
    let user = message::addressee(&request)?;
    let on = match request.get("command").and_then(Value::as_str) {
        Some("Typing") => true,
        Some("CancelTyping") => false,
        _ => return Err(Refusal::new(45072)),
    };
    if on {
        account.users().type_on(user.as_str())?;
    } else {
        account.users().type_off(user.as_str())?;
    }
    sandbox.note(&account.settings.name, &user, What::Typing { on });
    Ok(())
}
