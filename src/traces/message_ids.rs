//! The ids of spans.

use std::cell::Cell;

use huixin_queue::MessageId;
use huixin_worker::trace;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

thread_local! {
    /// For the span that begins on this thread next.
    static GIVEN: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Gives random ids, except to the span of a push. A span can't be given an id in another way.
#[derive(Debug, Default)]
pub(super) struct MessageIds(RandomIdGenerator);

impl IdGenerator for MessageIds {
    fn new_trace_id(&self) -> TraceId {
        GIVEN.get().map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        GIVEN.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}

/// Makes a span that has no parent and was never entered the first of a message's trace.
pub(crate) fn begin_trace(span: &Span, id: &MessageId) {
    if span.is_disabled() {
        return;
    }
    GIVEN.set(Some(trace::ids(id)));
    // Asking for it gives the span its ids, on this thread.
    drop(span.context());
    GIVEN.set(None);
}
