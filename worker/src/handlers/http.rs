//! A service in any language: the message goes out as JSON, the answer comes back as a reply.
//!
//! The request and the answers are those of the manual (docs/http-handler.md). Every request carries
//! `webhook-id` and `Idempotency-Key`, both the message's id, the same on every attempt, because a service may be asked
//! twice. With a secret it is signed by the Standard Webhooks scheme, for which every language has a library.
//!
//! Redirects are not followed (the body could go anywhere), proxies from the environment are not used, and no error shows
//! a part of the URL that may be its owner's key.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use huixin_wechat::{Message, Secret};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::http_answer::{outcome_of, remark_on};
use super::transport::{HttpResponse, Transport};
use crate::handler::{Context, Handler, Outcome};

/// Asks a service over HTTP.
pub struct HttpHandler {
    signer: Option<Webhook>,
    transport: Transport,
}

/// What became of one request, for somebody who tries a service out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialResult {
    /// What a worker makes of the answer.
    pub outcome: Outcome,
    /// What a worker tolerates in the answer and its author should mend: the rest of a sentence.
    pub remark: Option<String>,
    /// Whether there was an answer at all.
    pub answered: bool,
}

/// A handler that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpHandlerError {
    /// The secret isn't one.
    #[error("the secret must be `whsec_` and then base64 of 24 to 64 bytes")]
    Secret,
}

impl HttpHandler {
    /// A handler that asks `url` and waits for the answer for `timeout`, minutes if need be. With a secret
    /// (`whsec_…`, base64) requests are signed. `client` must not follow redirects: see [`huixin_wechat::http_client`].
    ///
    /// # Errors
    /// When the secret can't be read.
    pub fn new(
        url: Url,
        timeout: Duration,
        secret: Option<&Secret>,
        client: reqwest::Client,
    ) -> Result<Self, HttpHandlerError> {
        let signer = match secret {
            Some(secret) => Some(Webhook::new(secret.expose()).map_err(|_| HttpHandlerError::Secret)?),
            None => None,
        };
        Ok(Self { signer, transport: Transport::new(url, client, timeout, ("the service", "url")) })
    }

    /// Asks as [`Handler::handle`] does, and tells more of the answer.
    pub async fn try_out(&self, message: &Message, context: &Context) -> TrialResult {
        match self.ask(message, context).await {
            Ok(answer) => TrialResult {
                remark: remark_on(&answer.headers, &answer.body),
                outcome: self.outcome(&answer),
                answered: true,
            },
            // An answer that is too long is final, and still an answer.
            Err(outcome) => {
                let answered = matches!(outcome, Outcome::Fail { .. });
                TrialResult { answered, outcome: self.transport.at_its_url(outcome), remark: None }
            }
        }
    }

    async fn ask(&self, message: &Message, context: &Context) -> Result<HttpResponse, Outcome> {
        let body = request_body(message, context).to_string();
        let headers = self.headers(&context.id, &body);
        let headers = headers.map_err(|reason| Outcome::Fail { reason: reason.to_owned() })?;
        self.transport.post(headers, body).await
    }

    fn outcome(&self, HttpResponse { status, headers, body }: &HttpResponse) -> Outcome {
        self.transport.at_its_url(outcome_of(*status, headers, body))
    }

    fn headers(&self, id: &str, body: &str) -> Result<HeaderMap, &'static str> {
        let mut headers = HeaderMap::new();
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|_| "the message's id can't be a header");
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("webhook-id", value(id)?);
        headers.insert("idempotency-key", value(id)?);
        if let Some(signer) = &self.signer {
            let now = OffsetDateTime::now_utc().unix_timestamp();
            let signature =
                signer.sign(id, now, body.as_bytes()).map_err(|_| "the request can't be signed")?;
            headers.insert("webhook-timestamp", value(&now.to_string())?);
            headers.insert("webhook-signature", value(&signature)?);
        }
        Ok(headers)
    }
}

#[async_trait]
impl Handler for HttpHandler {
    async fn handle(&self, message: &Message, context: &Context) -> Outcome {
        match self.ask(message, context).await {
            Ok(answer) => self.outcome(&answer),
            Err(failed) => self.transport.at_its_url(failed),
        }
    }

    fn takes_at_most(&self) -> Option<Duration> {
        Some(self.transport.timeout)
    }
}

impl std::fmt::Debug for HttpHandler {
    /// Without the parts of the URL that may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpHandler")
            .field("url", &self.transport.url)
            .field("timeout", &self.transport.timeout)
            .finish_non_exhaustive()
    }
}

/// What the service gets: flat, every name always there, `null` where the message has nothing.
fn request_body(message: &Message, context: &Context) -> Value {
    json!({
        "version": 1,
        "id": context.id,
        "route": context.route,
        "account": context.account,
        "user": message.from,
        "type": message.msg_type(),
        "event": message.event(),
        "key": message.event_key(),
        "content": message.content().or_else(|| message.recognition()),
        "created_at": message.created_at,
        "accepted_at": rfc3339(context.accepted_at),
        "reply_until": context.reply_until.map(rfc3339),
        "sends_left": context.sends_left,
        "attempt": context.attempt,
        "captures": context.captures,
        "memory": context.memory,
        "callback_url": context.callback_url.as_ref().map(Url::as_str),
        "typed": message.typed_json(),
        "fields": message.tree.to_json(),
    })
}

fn rfc3339(at: SystemTime) -> Option<String> {
    OffsetDateTime::from(at).format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests;
