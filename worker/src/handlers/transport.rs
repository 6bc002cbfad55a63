//! How a request gets to a service or a model and its answer back, within the route's timeout.
//!
//! Over TLS reqwest does it, and speaks HTTP/2 where the service does: then all requests share a connection. Without TLS
//! each waiting request has its own connection, and reqwest needed 31 KiB of memory for each while the service thinks. So
//! our own code makes these requests ([`plain`]) with 6 KiB, including the message as read. A URL with a password in it
//! stays with reqwest too.

mod idle;
mod plain;

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName};
use tracing::Instrument as _;
use tracing::field::Empty;
use url::Url;

use self::plain::PlainService;
use super::body::{self, BODY_MAX_BYTES};
use super::unreachable;
use crate::handler::Outcome;
use crate::trace;
use crate::witness::WatchedCall;

/// What carries a trace over HTTP, by the standard of the W3C.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The way to one service.
pub(super) struct Transport {
    way: Way,
    /// The URL of who is asked as it may be shown: without what may be secret.
    pub(super) url: String,
    pub(super) timeout: Duration,
    /// Who is asked, and the route's key for the URL, for the texts of failures.
    names: (&'static str, &'static str),
}

enum Way {
    Plain(PlainService),
    Tls(reqwest::Client, Url),
}

/// What came back.
#[derive(Debug)]
pub(super) struct HttpResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why nothing did.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    /// Not in time.
    #[error("there was no answer in time")]
    TimedOut,
    /// It has more than [`BODY_MAX_BYTES`].
    #[error("the answer is too long")]
    TooLong,
    /// The service could not be asked, or its answer not read. Without the URL, which may hold a key.
    #[error(transparent)]
    Broken(Box<dyn Error + Send + Sync>),
}

impl Transport {
    pub(super) fn new(
        url: Url,
        client: reqwest::Client,
        timeout: Duration,
        names: (&'static str, &'static str),
    ) -> Self {
        let shown = unreachable::shown(&url);
        let way = PlainService::to(&url).map_or_else(|| Way::Tls(client, url), Way::Plain);
        Self { way, url: shown, timeout, names }
    }

    /// Posts a body and waits for the whole answer.
    ///
    /// # Errors
    /// When no usable answer comes in time: the outcome of the handler, in words for [`Self::at_its_url`].
    ///
    /// # Cancellation
    /// Dropping the future closes the connection, or its part of it.
    pub(super) async fn post(&self, mut headers: HeaderMap, body: String) -> Result<HttpResponse, Outcome> {
        let span = tracing::debug_span!(
            "call",
            otel.kind = "client",
            url = self.url,
            http.response.status_code = Empty,
            otel.status_code = Empty,
        );
        headers.extend(trace::traceparent(&span).map(|value| (TRACEPARENT, value)));
        let call = WatchedCall::begin("POST", &self.url, || body.clone());
        let answer = self.ask(headers, body).instrument(span.clone()).await;
        match (call, &answer) {
            (Some(call), Ok(answer)) => call.answered(Some(answer.status.as_u16()), answer.text()),
            (Some(call), Err(error)) => call.failed(error.to_string()),
            (None, _) => {}
        }
        match &answer {
            Ok(answer) => span.record("http.response.status_code", answer.status.as_u16()),
            Err(_) => span.record("otel.status_code", "error"),
        };
        answer.map_err(|error| self.failed(&error))
    }

    async fn ask(&self, headers: HeaderMap, body: String) -> Result<HttpResponse, TransportError> {
        let timeout = self.timeout;
        match &self.way {
            Way::Plain(plain) => match tokio::time::timeout(timeout, plain.post(headers, body)).await {
                Ok(answer) => answer,
                Err(_) => Err(TransportError::TimedOut),
            },
            // Boxed: its future has ten times the size of the other.
            Way::Tls(client, url) => Box::pin(over_tls(client, url, headers, body, timeout)).await,
        }
    }

    /// A failure in words, of who was asked, and what to do.
    fn failed(&self, error: &TransportError) -> Outcome {
        let ((asked, key), timeout) = (self.names, self.timeout);
        let reason = match error {
            TransportError::TooLong => {
                let reason =
                    format!("{asked} answered more than {BODY_MAX_BYTES} bytes: make its answer shorter");
                return Outcome::Fail { reason };
            }
            TransportError::TimedOut => format!(
                "{asked} did not answer within {timeout:?}: make it faster, or raise the route's `timeout`"
            ),
            TransportError::Broken(error) => {
                let cause = unreachable::cause_of(&**error);
                format!("{asked} could not be reached: {cause}: start it, or correct `{key}`")
            }
        };
        Outcome::Retry { after: None, reason }
    }

    /// The outcome; if it is a failure, with the URL of who is asked.
    pub(super) fn at_its_url(&self, outcome: Outcome) -> Outcome {
        let with_url = |reason: String| format!("{reason} ({})", self.url);
        match outcome {
            Outcome::Retry { after, reason } => Outcome::Retry { after, reason: with_url(reason) },
            Outcome::Fail { reason } => Outcome::Fail { reason: with_url(reason) },
            other => other,
        }
    }
}

async fn over_tls(
    client: &reqwest::Client,
    url: &Url,
    headers: HeaderMap,
    body: String,
    timeout: Duration,
) -> Result<HttpResponse, TransportError> {
    let mut response = client.post(url.clone()).headers(headers).timeout(timeout).body(body).send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_MAX_BYTES {
            return Err(TransportError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body })
}

impl HttpResponse {
    /// The body as a person would read it, as far as it is text.
    fn text(&self) -> String {
        let plain = body::decompressed(&self.headers, &self.body);
        String::from_utf8_lossy(plain.as_deref().unwrap_or(&self.body)).into_owned()
    }
}

impl TransportError {
    fn broken(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Broken(error.into())
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() && !error.is_connect() {
            Self::TimedOut
        } else {
            Self::broken(error.without_url())
        }
    }
}
