//! JSON that came as `application/json`, with our form of error when it didn't or can't be understood.

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
};
use serde::de::DeserializeOwned;

use super::{Refusal, refuse};

/// A request's body. See the module's documentation.
pub(super) struct Strict<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Strict<T>, Refusal> {
        let Json(value) = Json::from_request(request, state).await.map_err(|rejection: JsonRejection| {
            let status = match rejection.status() {
                StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                status => status,
            };
            refuse(status, rejection.body_text())
        })?;
        Ok(Strict(value))
    }
}
