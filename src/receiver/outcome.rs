//! What became of a push, and how it is answered unless its response says something else.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub(super) enum PushOutcome {
    Accepted,
    Duplicate,
    /// It is in the spool.
    Spooled,
    /// From a third-party platform, which wants another word as the answer.
    Platform,
    /// It can't be understood, and lies among the dead letters.
    Unreadable,
    /// It fetches what waits for its user, and isn't stored.
    Fetch,
    /// 403.
    Forbidden,
    /// 404.
    UnknownAccount,
    /// 408: the body did not come in time.
    Slow,
    /// 413.
    TooLarge,
    /// 503.
    Unavailable,
}

impl PushOutcome {
    /// Whether WeChat may forget it.
    pub(super) fn is_acked(self) -> bool {
        self.status() == StatusCode::OK
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Accepted
            | Self::Duplicate
            | Self::Spooled
            | Self::Platform
            | Self::Unreadable
            | Self::Fetch => StatusCode::OK,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::UnknownAccount => StatusCode::NOT_FOUND,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for PushOutcome {
    fn into_response(self) -> Response {
        match self {
            // Third-party platforms want the word; everybody else wants nothing.
            Self::Platform => "success".into_response(),
            _ => self.status().into_response(),
        }
    }
}
