//! What calls have in common: the method, an access token, and a body that WeChat's gateway accepts.

use axum::{
    extract::{FromRequestParts, Query, rejection::QueryRejection},
    http::{Method, request::Parts},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::call::Caller;
use crate::{Endpoint, OpenId, Sandbox, account::AccountState, served::Served, tokens::TokenState};

/// The method of a call that needs an access token, and the token that it came with.
#[derive(Clone)]
pub(super) struct Bearer {
    method: Method,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Authority {
    access_token: Option<String>,
}

impl FromRequestParts<Served> for Bearer {
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, served: &Served) -> Result<Bearer, QueryRejection> {
        let Query(authority) = Query::<Authority>::from_request_parts(parts, served).await?;
        Ok(Bearer { method: parts.method.clone(), token: authority.access_token })
    }
}

impl Bearer {
    /// The account that the token belongs to, when the method is right, the limit leaves a call, and it may make it.
    pub(super) fn admit<'a>(
        &self,
        caller: &'a Caller,
        method: &Method,
        endpoint: Endpoint,
    ) -> Result<&'a AccountState, i64> {
        if self.method != method {
            return Err(if method == Method::GET { 43001 } else { 43002 });
        }
        let account = self.authorised(caller.sandbox())?;
        caller.spend(account, endpoint)?;
        let needs_right = matches!(endpoint, Endpoint::Send | Endpoint::Typing);
        if needs_right && !account.rules.lock().may_send {
            return Err(48001);
        }
        Ok(account)
    }

    fn authorised<'a>(&self, sandbox: &'a Sandbox) -> Result<&'a AccountState, i64> {
        let token = self.token.as_deref().filter(|token| !token.is_empty()).ok_or(41001)?;
        let (now, mut expired) = (sandbox.now(), false);
        for account in sandbox.accounts() {
            match account.tokens.lock().state(token, now) {
                TokenState::Valid => return Ok(account),
                TokenState::Expired => expired = true,
                TokenState::Unknown => {}
            }
        }
        Err(if expired { 42001 } else { 40001 })
    }

    /// The name of the account that the token belongs to or belonged to; empty when there is none.
    pub(super) fn account_of(&self, sandbox: &Sandbox) -> String {
        let (token, now) = (self.token.as_deref().unwrap_or_default(), sandbox.now());
        let known = |account: &&AccountState| account.tokens.lock().state(token, now) != TokenState::Unknown;
        sandbox.accounts().iter().find(known).map_or(String::new(), |account| account.settings.name.clone())
    }
}

/// The `touser` of a body, as far as it can be read.
pub(super) fn user_of(body: &[u8]) -> OpenId {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    OpenId::from(body.get("touser").and_then(Value::as_str).unwrap_or_default())
}

/// The body as a JSON object in raw UTF-8.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, i64> {
    if body.is_empty() {
        return Err(44002);
    }
    if has_unicode_escape(body) {
        return Err(40033);
    }
    serde_json::from_slice(body).map_err(|_| 47001)
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
