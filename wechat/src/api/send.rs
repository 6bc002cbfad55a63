//! Sending a customer-service message, and the sign that someone is typing.

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;

use super::Client;
use super::answer::ApiAnswer;
use super::error::{ApiError, CallCause};
use super::outgoing::{Outgoing, typing_json};

impl Client {
    /// Sends `message` to the user with the OpenID `to`, by `POST /cgi-bin/message/custom/send`.
    ///
    /// If WeChat refuses the access token (40001, 40014, 42001), the message is sent once more with a newer one. A second
    /// refusal goes to the caller.
    ///
    /// # Errors
    /// [`ApiError`]; after [`ApiError::Unsure`] the user may have the message.
    ///
    /// # Cancellation
    /// Dropping the future leaves the same uncertainty as `Unsure`.
    pub async fn send(&self, to: &str, message: &Outgoing) -> Result<(), ApiError> {
        let body = message.to_json(to).map_err(|error| ApiError::NotSent(CallCause::Unsendable(error)))?;
        self.call(&["cgi-bin", "message", "custom", "send"], body).await
    }

    /// Shows (`on`) or ends "is typing" to the user with the OpenID `to`, by `POST /cgi-bin/message/custom/typing`.
    ///
    /// WeChat shows it for 15 seconds, and only within 30 seconds of an exchange. It is an ornament: every error may be
    /// ignored.
    ///
    /// # Errors
    /// [`ApiError`]; 45080 and 45081 are common.
    pub async fn typing(&self, to: &str, on: bool) -> Result<(), ApiError> {
        self.call(&["cgi-bin", "message", "custom", "typing"], typing_json(to, on)).await
    }

    /// Posts JSON to an endpoint that answers nothing but an errcode.
    async fn call(&self, path: &[&str], body: String) -> Result<(), ApiError> {
        let (config, body) = (&self.inner.config, &Bytes::from(body));
        self.with_token(|token| async move {
            let mut url = config.url(path)?;
            url.query_pairs_mut().append_pair("access_token", token.expose());
            let request = config
                .http
                .post(url)
                .timeout(config.timeout)
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(body.clone());
            let answer =
                ApiAnswer::to(config, request, &[token.expose(), config.app_secret.expose()]).await?;
            // Silence isn't consent: an object without an errcode may come from anywhere.
            if answer.says_ok() { Ok(()) } else { Err(ApiError::unreadable("it has no errcode")) }
        })
        .await
    }
}
