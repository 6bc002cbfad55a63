//! What is known after a call to WeChat failed.
//!
//! Three situations lead to three different actions, so they are distinguished where the error is born: WeChat said no
//! (its code decides), the request certainly reached nobody (try again at will), or nobody knows (trying again may send
//! a message twice). Errors are `Clone`, because all callers that waited for one fetch of the token share its failure.

use std::sync::Arc;

use super::codes::{CodeClass, classify};
use super::outgoing::Unsendable;

/// Why a call failed. No variant, in `Display`, `Debug` or its sources, shows a token, a secret or a raw answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// WeChat answered, with an `errcode` other than 0.
    #[error("WeChat refused with {code}: {message}{}", beside(message, rid.as_deref()))]
    Refused {
        /// Its `errcode`; [`classify`] says what it means for the sender.
        code: i64,
        /// Its `errmsg`, at most 512 characters, for people: the wording is no interface.
        message: String,
        /// The id by which WeChat finds the call again, if `errmsg` has one.
        rid: Option<String>,
    },
    /// Certainly nothing reached WeChat: name, connection or TLS failed, or there was nothing to send.
    #[error("nothing was sent to WeChat")]
    NotSent(#[source] CallCause),
    /// The request left, and what became of it isn't known: timeout, cut connection, 5xx, an answer that can't be read.
    #[error("it is not known whether WeChat took the request")]
    Unsure(#[source] CallCause),
    /// There was no access token to send with, so nothing was sent. Holds what happened at the token endpoint.
    #[error("no access token")]
    Token(#[source] Box<ApiError>),
}

/// The `rid`, where the text was cut before it: without it nobody at WeChat can find the call.
fn beside(message: &str, rid: Option<&str>) -> String {
    rid.filter(|rid| !message.contains(rid)).map(|rid| format!(" … rid: {rid}")).unwrap_or_default()
}

impl ApiError {
    /// A 2xx that isn't an answer of WeChat's, and why.
    pub(super) fn unreadable(why: &'static str) -> ApiError {
        ApiError::Unsure(CallCause::Unreadable(why))
    }

    /// The `errcode`, also that of the token endpoint; None where WeChat gave none.
    pub fn code(&self) -> Option<i64> {
        match self {
            ApiError::Refused { code, .. } => Some(*code),
            ApiError::NotSent(_) | ApiError::Unsure(_) => None,
            ApiError::Token(inner) => inner.code(),
        }
    }

    /// What to do about it. From the token endpoint 40001 means a wrong secret, so it is a matter of configuration
    /// there and not of the token; and no message can have caused what it says.
    pub fn class(&self) -> CodeClass {
        match self {
            ApiError::Refused { code, .. } => classify(*code),
            ApiError::NotSent(CallCause::Unsendable(_)) => CodeClass::OurBug,
            ApiError::NotSent(_) | ApiError::Unsure(_) => CodeClass::Retry,
            ApiError::Token(inner) => match inner.class() {
                CodeClass::Token | CodeClass::Doubtful => CodeClass::Config,
                class => class,
            },
        }
    }
}

/// What went wrong below WeChat's own answers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallCause {
    /// The HTTP client's error, without the URL.
    #[error("{}", outline(.0))]
    Http(#[source] Arc<reqwest::Error>),
    /// An HTTP status, with no answer of WeChat's in the body.
    #[error("the answer was HTTP {0}")]
    Status(u16),
    /// A 2xx whose body isn't an answer of WeChat's. What is in it is not shown: a proxy's page may quote the URL.
    #[error("the answer could not be read: {0}")]
    Unreadable(&'static str),
    /// `api_base` can't be the start of a URL.
    #[error("the API's base address can't have paths")]
    Base,
    /// The message can't be sent as it is.
    #[error("{0}")]
    Unsendable(Unsendable),
}

impl CallCause {
    /// Keeps the HTTP client's error, after taking the URL off it.
    pub(super) fn http(error: reqwest::Error) -> CallCause {
        CallCause::Http(Arc::new(error.without_url()))
    }

    /// Whether time ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self, CallCause::Http(error) if error.is_timeout())
    }
}

/// The client's error in words that say more than its own "error sending request".
fn outline(error: &reqwest::Error) -> &'static str {
    match error {
        e if e.is_connect() && e.is_timeout() => "connecting took too long",
        e if e.is_connect() => "the connection could not be made",
        e if e.is_timeout() => "the answer took too long",
        e if e.is_builder() => "the request could not be built",
        e if e.is_body() || e.is_decode() => "the answer was cut off",
        _ => "the connection failed",
    }
}
