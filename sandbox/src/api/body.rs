//! What every JSON call has in common: a POST, a token, and a body that WeChat's gateway accepts.

use axum::http::Method;
use serde_json::{Map, Value};

use super::refusal::ApiRefusal;
use crate::{Sandbox, account::AccountState, tokens::TokenState};

/// The account that a request's access token belongs to.
pub(super) fn authorised<'a>(
    sandbox: &'a Sandbox,
    token: Option<&str>,
) -> Result<&'a AccountState, ApiRefusal> {
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| ApiRefusal::new(41001))?;
    let (now, mut expired) = (sandbox.now(), false);
    for account in sandbox.accounts() {
        match account.tokens().state(token, now) {
            TokenState::Valid => return Ok(account),
            TokenState::Expired => expired = true,
            TokenState::Unknown => {}
        }
    }
    Err(ApiRefusal::new(if expired { 42001 } else { 40001 }))
}

/// The name of the account that a request's token belongs to or belonged to; empty when there is none.
pub(super) fn account_of(sandbox: &Sandbox, token: Option<&str>) -> String {
    let (token, now) = (token.unwrap_or_default(), sandbox.now());
    let known = |account: &&AccountState| account.tokens().state(token, now) != TokenState::Unknown;
    let account = sandbox.accounts().iter().find(known);
    account.map_or(String::new(), |account| account.settings.name.clone())
}

/// Only POST will do.
pub(super) fn post_only(method: &Method) -> Result<(), ApiRefusal> {
    if method == Method::POST { Ok(()) } else { Err(ApiRefusal::new(43002)) }
}

/// The body as a JSON object in raw UTF-8.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, ApiRefusal> {
    if body.is_empty() {
        return Err(ApiRefusal::new(44002));
    }
    if has_unicode_escape(body) {
        return Err(ApiRefusal::new(40033));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(ApiRefusal::new(47001)),
    }
}

/// Whether there is a `\uXXXX`. A backslash that is itself escaped begins none.
fn has_unicode_escape(body: &[u8]) -> bool {
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' && bytes.next() == Some(&b'u') {
            return true;
        }
    }
    false
}
