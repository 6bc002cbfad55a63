//! What makes spans of OpenTelemetry out of those of `tracing`.
//!
//! It is installed with the log, before the configuration is read, and closed until [`open`]: a closed one costs nothing,
//! since no span is made for it. Installing it later was rejected: what can be exchanged at run time
//! (`tracing_subscriber::reload`) hides the layer from those who ask for a span's ids.

use std::sync::OnceLock;

use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, Tracer};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Filter;
use tracing_subscriber::registry::Registry;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The layer, still closed.
pub(crate) fn layer() -> impl Layer<Registry> {
    tracing_opentelemetry::layer()
        .with_tracer(LateTracer)
        // Parents are found by `tracing`; making each one current at each poll would be for others.
        .with_context_activation(false)
        .with_tracked_inactivity(false)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_filter(TraceFilter)
}

/// Opens it: spans go to this tracer from now on.
pub(super) fn open(tracer: SdkTracer) {
    if TRACER.set(tracer).is_err() {
        tracing::error!("traces were started twice: the first tracer stays");
    }
    tracing::callsite::rebuild_interest_cache();
}

/// The tracer, once there is one.
struct LateTracer;

impl Tracer for LateTracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        let tracer = TRACER.get().expect("the filter lets no span through before there is a tracer");
        tracer.build_with_context(builder, parent)
    }
}

/// Lets our own spans through, and those of our log lines that tell of trouble.
struct TraceFilter;

impl TraceFilter {
    fn lets_through(metadata: &Metadata<'_>) -> bool {
        let at_most = if metadata.is_span() { Level::DEBUG } else { Level::WARN };
        TRACER.get().is_some() && *metadata.level() <= at_most && metadata.target().starts_with("huixin")
    }
}

impl<S> Filter<S> for TraceFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &tracing_subscriber::layer::Context<'_, S>) -> bool {
        Self::lets_through(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::lets_through(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if TRACER.get().is_some() { LevelFilter::DEBUG } else { LevelFilter::OFF })
    }
}
