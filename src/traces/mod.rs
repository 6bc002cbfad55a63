//! Traces: what happened to a message, and when, for a collector that speaks OTLP over HTTP.
//!
//! What is traced are spans of `tracing`, in this package and in [`huixin_worker`]; [`huixin_worker::trace`] tells how they get
//! into one trace over processes. Here they are exported: [`Traces`] makes spans of OpenTelemetry out of them, [`MessageIds`]
//! gives a push the ids that follow from its message, and [`CollectorClient`] posts them.
//!
//! **A collector never holds up a message.** Spans lie in a buffer of 2,048 until they are posted; while it is full they are
//! dropped, and a stop waits for two seconds at most. A collector that is away is worth one warning now and then.
//!
//! What a span says are names, numbers and ids; of log lines only warnings and errors go with it. So there is no more about a
//! user in a trace than in a log. Whether a message is in the sample follows from its trace id, so all processes agree. A `traceparent`
//! that a push brings along is ignored: WeChat sends none, and one of a proxy would put each of a push's tries into
//! another trace, whose id nobody could compute.

mod collector_client;
mod message_ids;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use huixin_wechat::http_client;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use reqwest::header::CONTENT_TYPE;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{Role, TracesConfig};
use crate::one_line::one_line;
use crate::report::Failure;

use collector_client::CollectorClient;
use message_ids::MessageIds;
pub(crate) use message_ids::begin_trace;

/// How long one post may take, with its repetitions.
const POST_WITHIN: Duration = Duration::from_secs(5);
/// How long a stop waits for what isn't posted yet.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// The export of a process's spans.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Exports the spans of its layer from now on, if the configuration names a collector. Within a runtime.
    ///
    /// # Errors
    /// When the collector's address can't be used.
    pub fn start(config: &TracesConfig, role: Role) -> Result<Option<Self>, Failure> {
        let Some(url) = config.url() else { return Ok(None) };
        let http = http_client().context("the HTTP client for traces can't be made")?;
        let headers = config.header().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(http, url.clone()))
            .with_endpoint(url.as_str())
            .with_protocol(Protocol::HttpBinary)
            .with_headers(HashMap::from_iter(headers))
            .with_timeout(POST_WITHIN)
            .build()
            .context("the collector of traces can't be used")?;
        let role: &str = role.into();
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let resource = Resource::builder()
            .with_service_name(format!("huixin-{role}"))
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("host.name", host),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            // Not by the parent: each process judges by the trace id, and comes to the same result.
            .with_sampler(Sampler::TraceIdRatioBased(config.sample))
            .with_id_generator(MessageIds::default())
            .with_resource(resource)
            .build();
        Ok(Some(Self(provider)))
    }

    /// What makes spans of OpenTelemetry out of those of `tracing`: our own, and those of our log lines that tell of trouble.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let is_ours = |metadata: &Metadata<'_>| {
            let at_most = if metadata.is_span() { Level::DEBUG } else { Level::WARN };
            *metadata.level() <= at_most && metadata.target().starts_with("huixin")
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("huixin"))
            // Parents are found by `tracing`; making each one current at each poll would be for others.
            .with_context_activation(false)
            .with_tracked_inactivity(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(filter_fn(is_ours).with_max_level_hint(Level::DEBUG))
    }

    /// Sees whether the collector takes a post, which has no spans. The error says why not.
    ///
    /// # Errors
    /// When it doesn't.
    pub async fn probe(config: &TracesConfig) -> Result<(), String> {
        let Some(url) = config.url() else { return Ok(()) };
        let http = http_client().map_err(|error| one_line(&error))?;
        let post = http.post(url).timeout(POST_WITHIN).header(CONTENT_TYPE, "application/x-protobuf");
        let post = config.header().into_iter().fold(post, |post, (name, value)| post.header(name, value));
        let answer = post.send().await.map_err(|error| one_line(&error.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the answer is {status}")),
        }
    }

    /// Posts what isn't posted yet, for two seconds at most.
    pub async fn flush(self) {
        // It blocks, and what it waits for needs this runtime.
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH_WITHIN)).await;
        let flushed = flushed.map_err(anyhow::Error::from).and_then(|flushed| Ok(flushed?));
        if let Err(error) = flushed {
            tracing::warn!(%error, "the last spans could not be posted");
        }
    }
}
