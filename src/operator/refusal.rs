//! Why a request of the JSON API isn't done, and how requests are read so that every error is JSON too.
//!
//! A program that asks for JSON should never have to read a sentence of the HTTP library. So what this library says of a body or
//! a query is taken into the same two fields that our own errors have.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use huixin_queue::QueueError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use crate::one_line::one_line;
use crate::report::Failure;

/// Why a request isn't done.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RequestRefusal {
    /// The status of the response.
    #[serde(skip)]
    #[schema(ignore)]
    pub status: StatusCode,
    /// What is wrong.
    pub error: String,
    /// What to do about it, if something is known.
    pub hint: Option<String>,
}

/// What can be refused, whatever is asked for.
const STATUSES: [(StatusCode, &str); 8] = [
    (StatusCode::BAD_REQUEST, "The request can't be understood, or asks for something that can't be."),
    (StatusCode::UNAUTHORIZED, "A token is needed, and this isn't it."),
    (StatusCode::FORBIDDEN, "The token may only read."),
    (StatusCode::NOT_FOUND, "No token is configured: beyond loopback nothing is served here."),
    (StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 2 MiB."),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "A change needs `content-type: application/json`."),
    (
        StatusCode::MISDIRECTED_REQUEST,
        "This process has another queue than the one that `huixin-queue-file` names.",
    ),
    (StatusCode::SERVICE_UNAVAILABLE, "The queue can't do it now."),
];

impl RequestRefusal {
    /// With a hint.
    pub fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: Some(hint.into()) }
    }

    fn read(status: StatusCode, error: &(dyn std::error::Error + 'static)) -> Self {
        // JSON that is well formed and isn't what was asked for is the caller's mistake like any other.
        let status =
            if status == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { status };
        Self::new(status, one_line(error), "`GET /v1/openapi.json` says what each request may have")
    }
}

/// 503 for what the queue refuses or can't do now, 400 for a request that is wrong.
impl From<Failure> for RequestRefusal {
    fn from(failure: Failure) -> Self {
        let status = match failure.error.downcast_ref::<QueueError>() {
            Some(QueueError::Invalid(_)) | None => StatusCode::BAD_REQUEST,
            Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, error: one_line(failure.error.as_ref()), hint: failure.hint }
    }
}

impl IntoResponse for RequestRefusal {
    fn into_response(self) -> Response {
        let is_unknown = self.status == StatusCode::UNAUTHORIZED;
        let asks = is_unknown.then_some([(header::WWW_AUTHENTICATE, "Bearer")]);
        (self.status, asks, Json(self)).into_response()
    }
}

impl IntoResponses for RequestRefusal {
    fn responses() -> std::collections::BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name("RequestRefusal"))).build();
        let response =
            |text| ResponseBuilder::new().description(text).content("application/json", content()).build();
        STATUSES.iter().map(|(status, text)| (status.as_str().to_owned(), response(*text).into())).collect()
    }
}

/// What a request is answered.
pub(super) type JsonResult<T> = Result<Json<T>, RequestRefusal>;

/// The query of a request.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(RequestRefusal))]
pub(super) struct QueryOf<T>(pub(super) T);

/// The body of a request: an object, as the file of the API says. serde alone would take a list of the values, too.
pub(super) struct BodyOf<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for BodyOf<T> {
    type Rejection = RequestRefusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, RequestRefusal> {
        let Json(object) = Json::<Map<String, Value>>::from_request(request, state).await?;
        let order = T::deserialize(Value::Object(object));
        order.map(Self).map_err(|error| RequestRefusal::read(StatusCode::BAD_REQUEST, &error))
    }
}

/// What stands in the path of a request.
#[derive(FromRequestParts)]
#[from_request(via(Path), rejection(RequestRefusal))]
pub(super) struct PathOf<T>(pub(super) T);

macro_rules! read_by {
    ($($rejection:ident)*) => {$(
        impl From<$rejection> for RequestRefusal {
            fn from(rejection: $rejection) -> Self {
                Self::read(rejection.status(), &rejection)
            }
        }
    )*};
}
read_by!(JsonRejection QueryRejection PathRejection);
