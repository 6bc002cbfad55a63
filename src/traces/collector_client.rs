//! How spans get to their collector.
//!
//! The exporter runs on a thread of its own, outside of the runtime, and so each post is a task of the runtime. Its own log would
//! have a line for each post that fails, every few seconds; it is built without it, and failures are logged here.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use url::Url;

use crate::config::MaskedUrl;
use crate::one_line::one_line;

/// How long one try of a post may take.
const TRY_WITHIN: Duration = Duration::from_secs(3);
/// How long nothing more is said of a collector that is away.
const QUIET_FOR: Duration = Duration::from_secs(300);

/// Posts spans.
#[derive(Debug)]
pub(super) struct CollectorClient {
    http: reqwest::Client,
    runtime: Handle,
    url: MaskedUrl,
    /// When it was last said that posts fail; none: they don't.
    warned: Mutex<Option<Instant>>,
}

impl CollectorClient {
    pub(super) fn new(http: reqwest::Client, url: Url) -> Self {
        Self { http, runtime: Handle::current(), url: MaskedUrl(url), warned: Mutex::default() }
    }

    /// Logs a failure, unless that was done not long ago, and the end of failures.
    fn tell(&self, failure: Option<&str>) {
        let (mut warned, collector) = (self.warned.lock(), &self.url);
        match (failure, *warned) {
            (None, None) => {}
            (None, Some(_)) => {
                *warned = None;
                tracing::info!(?collector, "spans are posted again");
            }
            (Some(_), Some(at)) if at.elapsed() < QUIET_FOR => {}
            (Some(reason), _) => {
                *warned = Some(Instant::now());
                tracing::warn!(
                    ?collector,
                    reason,
                    "spans can't be posted, and are dropped: see whether the collector runs and `traces.endpoint` is right"
                );
            }
        }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(TRY_WITHIN);
        let http = self.http.clone();
        let posted = self.runtime.spawn(async move { http.execute(request).await }).await?;
        let response = posted.map_err(|error| {
            let error = error.without_url();
            self.tell(Some(&one_line(&error)));
            error
        })?;
        let status = response.status();
        let failure = (!status.is_success()).then(|| format!("the answer is {status}"));
        self.tell(failure.as_deref());
        // Nobody needs its body, which may have any length.
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = status;
        Ok(answer)
    }
}
