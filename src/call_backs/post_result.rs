//! What a service hears: the status, and for the author of the service what is wrong and what to do.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use huixin_worker::call_back::CALL_BACK_PATH;
use serde_json::json;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(super) enum PostResult {
    /// The queue has it.
    Taken,
    /// No path of ours.
    NoPath,
    /// Not a token that was made with a secret of ours.
    NoToken,
    /// Not a POST.
    Method,
    /// The body did not come in time.
    Slow,
    /// The message has its answer.
    Already,
    /// The message has ended, or goes on without.
    TooLate,
    /// What is too large.
    TooLarge(String),
    /// The content type, which isn't read.
    ContentType(String),
    /// What is wrong with the answer.
    Wrong(String),
    /// Too many answers at once.
    Busy,
    /// The queue can't be reached.
    #[strum(serialize = "unavailable")]
    Away,
}

impl PostResult {
    /// As metrics name it.
    pub(super) fn name(&self) -> &'static str {
        self.into()
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Taken => StatusCode::OK,
            Self::NoPath | Self::NoToken => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Already => StatusCode::CONFLICT,
            Self::TooLate => StatusCode::GONE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy | Self::Away => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What is wrong; empty if nothing is.
    pub(super) fn error(&self) -> String {
        match self {
            Self::Taken => String::new(),
            Self::NoPath => "there is nothing at this path".to_owned(),
            Self::NoToken => "this installation did not issue this address".to_owned(),
            Self::Method => "an answer must be sent by POST".to_owned(),
            Self::Slow => "the answer was not complete in time".to_owned(),
            Self::Already => "the message already has an answer".to_owned(),
            Self::TooLate => "the message has ended and takes no more answers".to_owned(),
            Self::ContentType(kind) => format!("an answer can't be of type `{kind}`"),
            Self::TooLarge(what) | Self::Wrong(what) => what.clone(),
            Self::Busy => "too many answers arrive at once".to_owned(),
            Self::Away => "the queue can't be reached".to_owned(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Taken => String::new(),
            Self::NoPath => {
                format!("post to the `callback_url` as it is: its path ends with /{CALL_BACK_PATH}TOKEN")
            }
            Self::NoToken => {
                "post to the whole `callback_url` of the request; a change of the account's app secret makes it \
                    invalid, and then the service is asked again"
                    .to_owned()
            }
            Self::Method => "post it to this address, as application/json or text/plain".to_owned(),
            Self::Slow => "send it in one go, within 10 seconds".to_owned(),
            Self::Already => {
                "nothing to do: the first answer counts, even if you never saw the response to it"
                    .to_owned()
            }
            Self::TooLate => {
                "nothing to do; if this happens often, give the route a longer `answer_within`"
                    .to_owned()
            }
            Self::TooLarge(_) => "give media by `url` instead of `base64`, and make `memory` shorter".to_owned(),
            Self::ContentType(_) => "send application/json for replies, text/plain for a text".to_owned(),
            Self::Wrong(_) => "correct the answer and post it again".to_owned(),
            Self::Busy | Self::Away => "post it again after the time in Retry-After".to_owned(),
        }
    }

    /// When to post again, in seconds.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy => Some(1),
            Self::Away => Some(5),
            _ => None,
        }
    }
}

impl IntoResponse for PostResult {
    fn into_response(self) -> Response {
        if self == Self::Taken {
            return Json(json!({"status": "taken"})).into_response();
        }
        let body = Json(json!({"error": self.error(), "hint": self.hint()}));
        let mut response = (self.status(), body).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self == Self::Method {
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        }
        response
    }
}
