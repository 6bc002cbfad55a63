//! One trace for each message, in whatever processes it is handled.
//!
//! **The ids of a trace are derived from the message's id**: the trace's are the first 16 bytes of the id's SHA-256, those of its
//! first span the next 8. So all who know the message know its trace: a receiver, a worker, what drains a spool, what takes an
//! answer by call back, a worker on a second attempt, and a person with an id out of a log. Nothing is stored, and a
//! sample by trace ids is the same in every process.
//!
//! Rejected: storing a `traceparent` beside each message. It would cost every message bytes in the queue and in the spool,
//! whether it is traced or not, and would be another one for each of WeChat's tries.
//!
//! Spans are those of `tracing`, made at `debug` where they are for traces only. They are exported by the layer of
//! `tracing-opentelemetry`, if the program has installed one; without it nothing here does anything.

use std::time::{Duration, SystemTime};

use huixin_queue::{Leased, MessageId};
use huixin_wechat::ApiError;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use reqwest::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The ids of a message's trace and of the first span in it: the push.
#[must_use]
pub fn ids(id: &MessageId) -> (TraceId, SpanId) {
    let hash = Sha256::digest(id.as_str());
    // No id is all zeros, and no hash is either, as far as anybody knows.
    let (trace, span) = hash[..24].split_at(16);
    (TraceId::from_bytes(array(trace)), SpanId::from_bytes(array(span)))
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the parts of a hash have the lengths of ids")
}

/// Puts a span without a parent into the trace of this message, below its push.
pub fn join(span: &Span, id: &MessageId) {
    if span.is_disabled() || !is_on() {
        return;
    }
    let (trace, push) = ids(id);
    // Whether the trace is in the sample is judged by its id, here as elsewhere.
    let push = SpanContext::new(trace, push, TraceFlags::SAMPLED, true, TraceState::default());
    // Without the layer there is nothing to join.
    let _ = span.set_parent(Context::new().with_remote_span_context(push));
}

/// Puts the span of a message that was taken into its trace, with how long it has waited.
pub(crate) fn begin(span: &Span, leased: &Leased) {
    if !is_on() {
        return;
    }
    join(span, &leased.lease.id);
    let arrived = SystemTime::UNIX_EPOCH + Duration::from_micros(leased.arrived_us);
    let waited = SystemTime::now().duration_since(arrived).unwrap_or_default();
    span.set_attribute("since_arrival_ms", i64::try_from(waited.as_millis()).unwrap_or(i64::MAX));
}

/// The span of a part that is sent.
pub(crate) fn send(part: u32) -> Span {
    tracing::debug_span!("send", otel.kind = "client", part, errcode = Empty, otel.status_code = Empty)
}

/// Notes in it what WeChat said: 0 if the part is sent, nothing if the call failed without a code.
pub(crate) fn sent(span: &Span, result: &Result<(), ApiError>) {
    if let Some(code) = result.as_ref().map_or_else(ApiError::code, |()| Some(0)) {
        span.record("errcode", code);
    }
    if result.is_err() {
        span.record("otel.status_code", "error");
    }
}

/// Notes in the current span, which is a message's, how it left this worker.
pub(crate) fn end(end: &'static str) {
    if is_on() {
        Span::current().set_attribute("end", end);
    }
}

/// The header that makes what a service does a part of the trace, below this span; none if there is no trace.
pub(crate) fn traceparent(span: &Span) -> Option<HeaderValue> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    if !context.is_valid() {
        return None;
    }
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags().to_u8());
    HeaderValue::try_from(format!("00-{trace}-{span}-{flags:02x}")).ok()
}

/// Whether anybody wants the spans that are for traces only.
fn is_on() -> bool {
    tracing::span_enabled!(tracing::Level::DEBUG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_trace_are_those_that_anybody_can_compute() {
        let id = MessageId::new("mq0ZcJ2N5dC8sXjT1oV3w7A").unwrap();
        let (trace, span) = ids(&id);
        // printf %s mq0ZcJ2N5dC8sXjT1oV3w7A | sha256sum
        assert_eq!(format!("{trace} {span}"), "6b79d8d2d291fd8b60c4b5dbb906be79 0d1bbce44998bdcf");
    }

    #[test]
    fn without_a_layer_there_is_no_header() {
        let span = tracing::debug_span!("call");
        join(&span, &MessageId::new("m").unwrap());
        assert_eq!(traceparent(&span), None);
    }
}
